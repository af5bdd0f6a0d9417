"""The span of a message: its names, whose trace it continues, and how it says that the handler ended."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators import textmap
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import aws_attributes, messaging_attributes
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from queueworker import Message, Reject, Retry, otel
from queueworker.handlers.batch_middleware import wrap_batch
from queueworker.handlers.handler import BatchHandler
from queueworker.handlers.middleware import wrap
from queueworker.handlers.returned import finish
from queueworker.model import NullMessageHandle

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
X_RAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class CancelledHandle(NullMessageHandle):
    def remaining_seconds(self) -> float:
        return 0.0


MESSAGE = Message("m-1", "body", "receipt", queue_url=URL)
FROM_A_SENDER = replace(MESSAGE, attributes={"traceparent": TRACEPARENT, "baggage": "tenant=acme"})
CANCELLED = replace(MESSAGE, handle=CancelledHandle())


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """The spans that have ended."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(otel, "_tracer", provider.get_tracer("queueworker"))
    yield exporter
    provider.shutdown()


def handled(finished: InMemorySpanExporter, message: Message, handler: Callable[[Message], object]) -> ReadableSpan:
    """The span of a message whose handler ends as it may."""
    with suppress(BaseException):  # the rows say which
        finish(wrap(handler, [otel.spans])(message))
    (span,) = finished.get_finished_spans()
    assert not trace.get_current_span().get_span_context().is_valid, "the context of the message stays with its handler"
    return span


def raising(error: BaseException) -> Callable[[Message], None]:
    def handle(_: Message) -> None:
        raise error

    return handle


def test_a_span_is_named_and_attributed_by_the_conventions(finished: InMemorySpanExporter) -> None:
    span = handled(finished, MESSAGE, lambda _: None)
    assert (span.name, span.kind) == ("process orders", SpanKind.CONSUMER)
    assert span.attributes == {
        messaging_attributes.MESSAGING_SYSTEM: messaging_attributes.MessagingSystemValues.AWS_SQS.value,
        messaging_attributes.MESSAGING_OPERATION_NAME: "process",
        messaging_attributes.MESSAGING_OPERATION_TYPE: messaging_attributes.MessagingOperationTypeValues.PROCESS.value,
        messaging_attributes.MESSAGING_DESTINATION_NAME: "orders",
        messaging_attributes.MESSAGING_MESSAGE_ID: "m-1",
        aws_attributes.AWS_SQS_QUEUE_URL: URL,
        "queueworker.outcome": "succeeded",
    }
    assert span.status.status_code is StatusCode.UNSET


def test_without_a_sender_s_trace_a_span_begins_one(finished: InMemorySpanExporter) -> None:
    span = handled(finished, MESSAGE, lambda _: None)
    assert (span.parent, list(span.links)) == (None, [])


def test_each_message_of_a_batch_has_a_span_of_its_own_trace(finished: InMemorySpanExporter) -> None:
    batch = [MESSAGE, replace(FROM_A_SENDER, id="m-2"), replace(MESSAGE, id="m-3")]
    wrap_batch(BatchHandler(lambda _: None), [otel.spans]).function(batch)
    spans = {span.attributes["messaging.message.id"]: span for span in finished.get_finished_spans() if span.attributes}
    assert [spans[message.id].parent is None for message in batch] == [True, False, True]
    assert len({span.context.trace_id for span in spans.values() if span.context}) == 3


@pytest.mark.parametrize("as_coroutine", [False, True])
def test_a_span_continues_the_sender_s_trace_and_links_to_it(
    finished: InMemorySpanExporter, as_coroutine: bool
) -> None:
    seen: list[object] = []

    def handle(_: Message) -> None:
        seen.append((trace.get_current_span().get_span_context().trace_id, baggage.get_baggage("tenant")))

    async def handle_async(message: Message) -> None:
        await asyncio.sleep(0)
        handle(message)

    span = handled(finished, FROM_A_SENDER, handle_async if as_coroutine else handle)
    assert span.parent
    assert (span.parent.trace_id, span.parent.span_id) == (int(TRACE, 16), int(PARENT, 16))
    (link,) = span.links
    assert link.context == span.parent
    assert seen == [(int(TRACE, 16), "acme")], "what the handler starts is part of the trace"


class XRayPropagator(textmap.TextMapPropagator):
    """Reads X-Ray's header beside the W3C's, as a list of propagators with `xray` in it does."""

    def extract(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        getter: textmap.Getter[textmap.CarrierT] = textmap.default_getter,
    ) -> Context:
        found = TraceContextTextMapPropagator().extract(carrier, context, getter)
        if not (header := getter.get(carrier, "X-Amzn-Trace-Id")) or not header[0]:
            return found
        parts = dict(part.split("=") for part in header[0].split(";"))
        span = trace.SpanContext(
            int(parts["Root"][2:].replace("-", ""), 16),
            int(parts["Parent"], 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(span), found)

    def inject(self, carrier: object, context: Context | None = None, setter: object = None) -> None:
        """Do nothing."""

    @property
    def fields(self) -> set[str]:
        return set()


@pytest.fixture
def x_ray() -> Iterator[None]:
    """X-Ray's propagator is configured."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(XRayPropagator())
    yield
    propagate.set_global_textmap(before)


@pytest.mark.parametrize(
    ("attributes", "parent", "links"),
    [
        ({}, "53995c3f42cd8ad8", ["53995c3f42cd8ad8"]),
        ({"traceparent": TRACEPARENT}, PARENT, [PARENT, "53995c3f42cd8ad8"]),
    ],
    ids=["alone", "beside the sender's trace"],
)
@pytest.mark.usefixtures("x_ray")
def test_x_ray_s_trace_is_linked_where_its_propagator_is_configured(
    finished: InMemorySpanExporter, attributes: Mapping[str, str], parent: str, links: list[str]
) -> None:
    span = handled(finished, replace(MESSAGE, attributes=attributes, trace_header=X_RAY), lambda _: None)
    assert span.parent
    assert span.parent.span_id == int(parent, 16)
    assert [link.context.span_id for link in span.links] == [int(each, 16) for each in links]


def test_without_x_ray_s_propagator_its_header_means_nothing(finished: InMemorySpanExporter) -> None:
    span = handled(finished, replace(FROM_A_SENDER, trace_header=X_RAY), lambda _: None)
    assert len(span.links) == 1


@pytest.mark.parametrize(
    ("message", "error", "attributes", "status"),
    [
        pytest.param(
            MESSAGE,
            RuntimeError("out of paper"),
            {"queueworker.outcome": "failed", "error.type": "RuntimeError"},
            (StatusCode.ERROR, "RuntimeError: out of paper"),
            id="a failure",
        ),
        pytest.param(
            MESSAGE,
            concurrent.futures.TimeoutError(),
            {"queueworker.outcome": "failed", "error.type": "TimeoutError"},
            (StatusCode.ERROR, "TimeoutError: "),
            id="a failure without a text",
        ),
        pytest.param(
            MESSAGE,
            Reject("no such order"),
            {"queueworker.outcome": "rejected", "error.type": "queueworker.model.Reject"},
            (StatusCode.ERROR, "no such order"),
            id="a rejection",
        ),
        pytest.param(
            MESSAGE,
            Retry(60),
            {"queueworker.outcome": "retry", "queueworker.retry.after_seconds": 60},
            (StatusCode.UNSET, None),
            id="a retry",
        ),
        pytest.param(
            CANCELLED,
            asyncio.CancelledError(),
            {"queueworker.outcome": "cancelled"},
            (StatusCode.UNSET, None),
            id="a cancelled handler",
        ),
        pytest.param(
            MESSAGE,
            asyncio.CancelledError(),
            {"queueworker.outcome": "failed", "error.type": "asyncio.exceptions.CancelledError"},
            (StatusCode.ERROR, "CancelledError: "),
            id="a handler that cancels itself",
        ),
    ],
)
def test_a_span_says_how_the_handler_ended(
    finished: InMemorySpanExporter,
    message: Message,
    error: BaseException,
    attributes: dict[str, object],
    status: tuple[StatusCode, str | None],
) -> None:
    span = handled(finished, message, raising(error))
    assert span.attributes
    assert {name: span.attributes[name] for name in span.attributes if name.startswith(("queueworker.", "error"))} == (
        attributes
    )
    assert error_attributes.ERROR_TYPE == "error.type"
    assert (span.status.status_code, span.status.description) == status
    assert [event.name for event in span.events] == ["exception"] * (attributes["queueworker.outcome"] == "failed")


def test_at_the_end_the_provider_is_asked_to_send_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Provider(TracerProvider):
        def force_flush(self, timeout_millis: int = 30000) -> bool:
            asked.append(f"within {timeout_millis} ms")
            return True

    monkeypatch.setattr(trace, "get_tracer_provider", lambda: Provider(shutdown_on_exit=False))
    otel.send_remaining_spans()
    assert asked == ["within 30000 ms"]
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    otel.send_remaining_spans()
