"""SQS refuses a reading, or botocore raises: which of our errors it is, with a text that is fit for tenants."""

import inspect
from datetime import UTC, datetime

import pytest
from botocore import exceptions as botocore_errors
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from queueworkerpool.errors import (
    ClockSkewedError,
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueKeyUnusableError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.queues.sqs.failures import error_for
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import SECRET
from tests.adapters.operator.sqs_failures import QUEUE, Serve, assert_fit_for_tenants, failure, refusing

Kind = type[QueueUnreadableError]
NotFound, Denied, Throttled = QueueNotFoundError, QueueAccessDeniedError, QueueThrottledError
Unreachable, Invalid = QueueUnreachableError, QueueAnswerInvalidError


NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEARS_AGO = "Thu, 01 Jan 2015 00:00:00 GMT"

CODES: dict[tuple[int, str], Kind] = {
    (400, "QueueDoesNotExist"): NotFound,
    (400, "AWS.SimpleQueueService.NonExistentQueue"): NotFound,
    (400, "QueueDeletedRecently"): NotFound,
    (400, "InvalidAddress"): NotFound,
    (403, "AccessDenied"): Denied,
    (400, "AccessDeniedException"): Denied,
    (403, "AuthFailure"): Denied,
    (403, "ExpiredToken"): Denied,
    (400, "ExpiredTokenException"): Denied,
    (400, "IncompleteSignature"): Denied,
    (403, "InvalidAccessKeyId"): Denied,
    (403, "InvalidClientTokenId"): Denied,
    (403, "InvalidSecurity"): Denied,
    (400, "InvalidSignatureException"): Denied,
    (403, "MissingAuthenticationToken"): Denied,
    (400, "NotAuthorized"): Denied,
    (403, "OptInRequired"): Denied,
    (400, "RequestExpired"): ClockSkewedError,
    (403, "RequestTimeTooSkewed"): ClockSkewedError,
    (400, "KmsAccessDenied"): QueueKeyUnusableError,
    (400, "KMS.DisabledException"): QueueKeyUnusableError,
    (400, "KmsThrottled"): Throttled,
    (403, "SignatureDoesNotMatch"): Denied,
    (400, "UnrecognizedClientException"): Denied,
    (403, "NeverHeardOf"): Denied,
    (401, "NeverHeardOf"): Denied,
    (400, "RequestThrottled"): Throttled,
    (403, "RequestThrottled"): Throttled,
    (400, "Throttling"): Throttled,
    (400, "ThrottlingException"): Throttled,
    (429, "TooManyRequestsException"): Throttled,
    (429, "NeverHeardOf"): Throttled,
    (503, "SlowDown"): Throttled,
    (500, "InternalFailure"): Unreachable,
    (500, "InternalError"): Unreachable,
    (503, "ServiceUnavailable"): Unreachable,
    (504, "RequestTimeout"): Unreachable,
    (400, "InvalidAttributeName"): Invalid,
    (400, "UnsupportedOperation"): Invalid,
    (404, "UnknownOperationException"): Invalid,
    (400, "ValidationError"): Invalid,
}


@pytest.mark.parametrize(("status", "code", "kind"), [(*row, kind) for row, kind in CODES.items()])
async def test_refused(faulty: Serve, connect: Connect, status: int, code: str, kind: Kind) -> None:
    assert type(await failure(connect, faulty(refusing(status, code)).endpoint)) is kind


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
async def test_a_wrong_signature_is_the_clocks_fault_where_the_answer_is_of_another_time(
    faulty: Serve, connect: Connect, code: str
) -> None:
    error = await failure(connect, faulty(refusing(403, code, Date=YEARS_AGO)).endpoint)
    assert type(error) is ClockSkewedError
    assert "set the clock of its node" in str(error)


async def test_the_code_that_the_older_protocol_would_send_is_known_as_well(faulty: Serve, connect: Connect) -> None:
    header = {"x-amzn-query-error": "AWS.SimpleQueueService.QueueDeletedRecently;Sender"}
    assert type(await failure(connect, faulty(refusing(400, "Other", **header)).endpoint)) is NotFound


@pytest.mark.parametrize("code", [SECRET, "<script>", "x" * 5000, "a b", "", "naïve", "new\nline", "%00"])
async def test_a_code_that_is_none_is_not_repeated(faulty: Serve, connect: Connect, code: str) -> None:
    error = await failure(connect, faulty(refusing(400, code)).endpoint)
    assert type(error) is Invalid
    assert len(code) < 2 or code not in str(error)


# Everything that botocore can raise


def every_error() -> list[Exception]:
    """Return one of each of botocore's exceptions, with our secret wherever it takes a text."""
    made: list[Exception] = [ResponseParserError(SECRET), ClientError({"Error": {"Code": SECRET}}, SECRET)]
    for _, kind in inspect.getmembers(botocore_errors, inspect.isclass):
        if issubclass(kind, botocore_errors.BotoCoreError):
            made.append(kind.__new__(kind))
            made[-1].args = (SECRET,)
    return [*made, OSError(SECRET), TimeoutError(SECRET), ConnectionResetError(SECRET), ValueError(SECRET)]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: type(error).__name__)
def test_whatever_botocore_raises_becomes_one_of_ours(error: Exception) -> None:
    ours = error_for(QUEUE, error, NOW)
    assert_fit_for_tenants(ours)
    assert type(ours) is not QueueUnreadableError
