"""OpenTelemetry spans, for handlers whose module registers `spans`. Needs the extra `otel`, OpenTelemetry's API.

    import queueworker.otel

    queueworker.middleware(queueworker.otel.spans)

Which provider, exporter and propagators there are is the application's. Importing this module registers one hook: at
the end of the process the provider is asked to send what it has, because processes of the worker end without what
Python does at exit. Nothing of the worker imports it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode

from queueworker.handlers.cancellation import as_interruption
from queueworker.hooks import on_shutdown
from queueworker.model import InterruptedWorkError, Message, Reject, Retry

OUTCOME: Final = "queueworker.outcome"
"""The attribute that says how the handler ended: succeeded, failed, rejected, retry or cancelled."""

RETRY_SECONDS: Final = "queueworker.retry.after_seconds"

_X_RAY_HEADER = "X-Amzn-Trace-Id"
_PROCESS = "process"

_tracer = trace.get_tracer("queueworker")


def spans(message: Message) -> Iterator[None]:
    """Open a span of kind CONSUMER around a handler; its parent is the sender's span, which it also links to.

    Names are those of OpenTelemetry's conventions for messaging. An exception is recorded and makes the span an error;
    a Reject makes it one, too; a Retry and a cancelled handler do not.
    """
    origins = _origins(message)
    token = context.attach(origins[0])
    try:
        with _tracer.start_as_current_span(
            f"{_PROCESS} {_queue_name(message)}",
            kind=SpanKind.CONSUMER,
            attributes=_attributes(message),
            links=_links(origins),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                _record_failure(span, as_interruption(error, message))
                raise
            span.set_attribute(OUTCOME, "succeeded")
    finally:
        context.detach(token)


@on_shutdown
def send_remaining_spans() -> None:
    """Ask the provider to send what it has."""
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)  # the API's own has none
    if flush is not None:
        flush()


def _attributes(message: Message) -> dict[str, str]:
    # Not from opentelemetry-semantic-conventions: what is still in development there may go with any release. A test
    # compares them.
    return {
        "messaging.system": "aws_sqs",
        "messaging.operation.name": _PROCESS,
        "messaging.operation.type": _PROCESS,
        "messaging.destination.name": _queue_name(message),
        "messaging.message.id": message.id,
        "aws.sqs.queue.url": message.queue_url,
    }


def _queue_name(message: Message) -> str:
    return message.queue_url.rpartition("/")[2]


def _origins(message: Message) -> list[context.Context]:
    """Return the sender's context, and X-Ray's, which counts where the sender's has no span.

    X-Ray's header is read where its propagator is configured.
    """
    carrier = message.trace_context
    x_ray = {_X_RAY_HEADER: carrier.pop(_X_RAY_HEADER, "")}
    # Not within the current context: in a batch that is the one of the message before.
    origins = [propagate.extract(each, context.Context()) for each in (carrier, x_ray)]
    return sorted(origins, key=lambda each: not _span_of(each).is_valid)


def _links(origins: Sequence[context.Context]) -> list[Link]:
    return [Link(span) for each in origins if (span := _span_of(each)).is_valid]


def _span_of(origin: context.Context) -> SpanContext:
    return trace.get_current_span(origin).get_span_context()


def _record_failure(span: Span, error: BaseException) -> None:
    if isinstance(error, Retry):
        span.set_attributes({OUTCOME: "retry", RETRY_SECONDS: error.after_seconds})
        return
    if isinstance(error, InterruptedWorkError):
        span.set_attribute(OUTCOME, "cancelled")
        return
    if isinstance(error, Reject):
        span.set_attributes({OUTCOME: "rejected", "error.type": _type_name(error)})
        span.set_status(Status(StatusCode.ERROR, error.reason))
        return
    span.set_attributes({OUTCOME: "failed", "error.type": _type_name(error)})
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
    span.record_exception(error)


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
