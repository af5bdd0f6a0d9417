"""When a request is sent again: by botocore's own rules, its `standard` mode, which its client follows.

`clients` asks it. A failure that may pass is tried once more, after a pause of a random length; while many requests to
a region fail, none is (botocore's retry quota). botocore says of these parts that they may change: tests fail then. It
sends nothing.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import (  # type: ignore[attr-defined] # one is newer than the stubs
    ExponentialBackoff,
    OrRetryChecker,
    RetryContext,
    RetryEventAdapter,
    RetryQuotaChecker,
    ThrottledRetryableChecker,
    ThrottlingErrorDetector,
    ThrottlingStatusCodeChecker,
    TransientRetryableChecker,
)

from sqsrequest import Answer

_OPERATION: Final = "GetQueueAttributes"


class _Response(NamedTuple):
    """As much of a response as botocore's rules look at."""

    status_code: int
    headers: Mapping[str, str]


class Attempts:
    """The attempts of the requests to one region."""

    def __init__(self, most: int) -> None:
        """Allow so many tries per request."""
        throttled = ThrottlingErrorDetector(RetryEventAdapter())
        self._most = most
        # The rest of its rules are about other services, or need the client's model.
        checks = TransientRetryableChecker(), ThrottledRetryableChecker(), ThrottlingStatusCodeChecker()
        self._may_pass = OrRetryChecker(checks)
        self._backoff = ExponentialBackoff(throttling_detector=throttled)
        self._quota = RetryQuotaChecker(RetryQuota(), throttled)

    def pause(self, number: int, failure: Exception, answer: Answer | None, context: dict[str, Any]) -> float | None:
        """Return the seconds before the next try; None when there is none.

        Args:
            number: Tries so far.
            failure: How the last one ended.
            answer: Its answer, if one came.
            context: What botocore keeps of this request.
        """
        seen = RetryContext(
            attempt_number=number,
            parsed_response=failure.response if isinstance(failure, ClientError) else None,
            http_response=_response(answer),
            caught_exception=None if answer else failure,
            request_context=context,
        )
        again = number < self._most and self._may_pass.is_retryable(seen)
        if not again or not self._quota.acquire_retry_quota(seen):
            return None
        pause: float = self._backoff.delay_amount(seen)
        return pause

    def succeeded(self, answer: Answer, context: dict[str, Any]) -> None:
        """Record an answer without an error."""
        self._quota.release_retry_quota(context, _response(answer))  # type: ignore[arg-type] # as above


def refusal(answer: Answer) -> ClientError:
    """Return what botocore's client raises for an answer with an error."""
    typed = answer.content and "__type" in answer.content
    metadata: Any = {"HTTPStatusCode": answer.status, "HTTPHeaders": {"date": answer.date}}
    code = answer.code if typed or answer.code else str(answer.status)
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, _OPERATION)


def _response(answer: Answer | None) -> _Response | None:
    return answer and _Response(answer.status, answer.headers)
