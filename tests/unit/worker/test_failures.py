"""Which error each answer of SQS becomes: by its code, else by its status."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from queueworker.errors import (
    REASONS,
    AccessDeniedError,
    AnswerInvalidError,
    ClockSkewedError,
    KeyUnusableError,
    QueueNotFoundError,
    SqsError,
    ThrottledError,
    UnreachableError,
)
from queueworker.sqs.failures import BY_CODE, BY_STATUS, FAILURES, error_for
from queueworker.sqs.queues import entry_failures

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(minutes: float) -> str:
    """Return the Date header of an answer that comes so much later than the request was signed."""
    return format_datetime(NOW + timedelta(minutes=minutes), usegmt=True)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        pytest.param("AWS.SimpleQueueService.NonExistentQueue", 400, QueueNotFoundError, id="no such queue"),
        pytest.param("QueueDoesNotExist", 400, QueueNotFoundError, id="no such queue, in the JSON protocol"),
        pytest.param("AWS.SimpleQueueService.QueueDeletedRecently", 400, QueueNotFoundError, id="deleted just now"),
        pytest.param("InvalidAddress", 404, QueueNotFoundError, id="no address of a queue"),
        pytest.param("RequestThrottled", 403, ThrottledError, id="throttled, although its status says denied"),
        pytest.param("OverLimit", 403, ThrottledError, id="too many messages in flight"),
        pytest.param("AccessDenied", 403, AccessDeniedError, id="denied"),
        pytest.param("InvalidSignatureException", 400, AccessDeniedError, id="a wrong signature"),
        pytest.param("IDPRejectedClaim", 403, AccessDeniedError, id="a token that was refused"),
        pytest.param("InvalidIdentityToken", 400, AccessDeniedError, id="a token that is none"),
        pytest.param("RequestExpired", 400, ClockSkewedError, id="a signature from the past"),
        pytest.param("RequestTimeTooSkewed", 403, ClockSkewedError, id="a signature from another time"),
        pytest.param("KmsAccessDenied", 400, KeyUnusableError, id="a key that the role may not use"),
        pytest.param("KMS.AccessDeniedException", 400, KeyUnusableError, id="the same, in the query protocol"),
        pytest.param("KmsDisabled", 400, KeyUnusableError, id="a key that is disabled"),
        pytest.param("KmsThrottled", 400, ThrottledError, id="too many requests to KMS"),
        pytest.param("", 401, AccessDeniedError, id="a bare 401"),
        pytest.param("", 403, AccessDeniedError, id="a bare 403"),
        pytest.param("SomethingNew", 403, AccessDeniedError, id="an unknown code with 403"),
        pytest.param("", 429, ThrottledError, id="a bare 429"),
        pytest.param("", 500, UnreachableError, id="SQS itself failed"),
        pytest.param("ServiceUnavailable", 503, UnreachableError, id="SQS is not available"),
        pytest.param("InvalidParameterValue", 400, AnswerInvalidError, id="a malformed request"),
        pytest.param("", 302, AnswerInvalidError, id="a redirect"),
    ],
)
def test_an_answer_becomes_the_error_of_its_code_else_of_its_status(
    code: str, status: int, kind: type[SqsError]
) -> None:
    assert type(error_for(code, status, None, NOW)) is kind


@pytest.mark.parametrize(
    ("code", "date", "kind"),
    [
        pytest.param("SignatureDoesNotMatch", at(minutes=-5), ClockSkewedError, id="a clock that is fast"),
        pytest.param("InvalidSignatureException", at(minutes=5), ClockSkewedError, id="a clock that is slow"),
        pytest.param("AuthFailure", at(minutes=5), ClockSkewedError, id="the same, said otherwise"),
        pytest.param("SignatureDoesNotMatch", at(minutes=3), AccessDeniedError, id="a clock that is good enough"),
        pytest.param("SignatureDoesNotMatch", None, AccessDeniedError, id="no date in the answer"),
        pytest.param("SignatureDoesNotMatch", "yesterday", AccessDeniedError, id="a date that is none"),
        pytest.param("SignatureDoesNotMatch", "1 Jan 99999 00:00:00", AccessDeniedError, id="a date out of range"),
        pytest.param("AccessDenied", at(minutes=5), AccessDeniedError, id="a right that is missing"),
    ],
)
def test_a_wrong_signature_is_the_clocks_fault_where_the_answer_is_of_another_time(
    code: str, date: str | None, kind: type[SqsError]
) -> None:
    assert type(error_for(code, 403, date, NOW)) is kind


@pytest.mark.parametrize("kind", SqsError.__subclasses__())
def test_every_error_has_a_reason_of_its_own_and_a_remedy_in_one_line(kind: type[SqsError]) -> None:
    assert REASONS.count(kind.reason) == 1
    assert kind.remedy
    assert "\n" not in kind.remedy


def test_no_code_and_no_status_is_in_two_rows() -> None:
    assert len(BY_CODE) == sum(len(failure.codes) for failure in FAILURES)
    assert len(BY_STATUS) == sum(len(failure.statuses) for failure in FAILURES)


@pytest.mark.parametrize("code", ["<script>", "a b", "x" * 81, "é"])
def test_a_code_that_is_not_plain_is_not_repeated(code: str) -> None:
    assert str(error_for(code, 400, None, NOW)) == "SQS refused the request (status 400)"


@pytest.mark.parametrize(
    ("entry", "retryable"),
    [
        pytest.param({"SenderFault": True, "Code": "InvalidParameterValue"}, False, id="a message that was purged"),
        pytest.param({"SenderFault": True, "Code": "ReceiptHandleIsInvalid"}, False, id="a handle that has expired"),
        pytest.param({"SenderFault": False, "Code": "ReceiptHandleIsInvalid"}, False, id="the same, said otherwise"),
        pytest.param({"SenderFault": True, "Code": "AccessDenied"}, True, id="a right that may be given back"),
        pytest.param({"SenderFault": True, "Code": "KmsDisabled"}, True, id="a key that may be enabled again"),
        pytest.param({"SenderFault": True, "Code": "RequestThrottled"}, True, id="throttled"),
        pytest.param({"SenderFault": False, "Code": "InternalError"}, True, id="a fault of SQS"),
        pytest.param(None, True, id="no word about it"),
    ],
)
def test_a_message_of_a_batch_is_asked_for_again_only_where_that_may_help(
    entry: dict[str, object] | None, retryable: bool
) -> None:
    answer = {"Failed": [{"Id": "0", **entry}]} if entry else {}
    assert entry_failures(answer, 1)[0].retryable is retryable
