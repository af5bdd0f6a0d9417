"""What S3's error answers mean."""

import pytest
from botocore.exceptions import ClientError

from queueworker.errors import (
    AwsError,
    BucketAnswerError,
    BucketDeniedError,
    BucketKeyUnusableError,
    BucketThrottledError,
    BucketUnreachableError,
    ClockSkewedError,
    ObjectNotFoundError,
    S3Error,
)
from queueworker.s3 import error_for


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("NoSuchKey", 404, ObjectNotFoundError),
        ("NoSuchBucket", 404, ObjectNotFoundError),
        ("404", 404, ObjectNotFoundError),
        ("AccessDenied", 403, BucketDeniedError),
        ("ExpiredToken", 400, BucketDeniedError),
        ("InvalidObjectState", 403, BucketDeniedError),
        ("RequestTimeTooSkewed", 403, ClockSkewedError),
        ("KMS.DisabledException", 400, BucketKeyUnusableError),
        ("SlowDown", 503, BucketThrottledError),
        ("ServiceUnavailable", 503, BucketUnreachableError),
        ("InternalError", 500, BucketUnreachableError),
        ("PermanentRedirect", 301, BucketAnswerError),
        ("", 0, BucketAnswerError),
    ],
)
def test_an_error_answer_has_a_meaning(code: str, status: int, expected: type[Exception]) -> None:
    answer = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = error_for(ClientError(answer, "GetObject"))  # type: ignore[arg-type]  # the stubs want all of its fields
    assert type(error) is expected
    assert str(error) == (f"S3 answered {code}" if code else "S3 answered with status 0")


def test_a_code_that_is_none_is_not_repeated() -> None:
    answer = {"Error": {"Code": "<b>secret</b>"}, "ResponseMetadata": {"HTTPStatusCode": 502}}
    error = error_for(ClientError(answer, "GetObject"))  # type: ignore[arg-type]  # as above
    assert (type(error), str(error)) == (BucketUnreachableError, "S3 answered with status 502")


@pytest.mark.parametrize("kind", S3Error.__subclasses__())
def test_each_failure_of_s3_says_what_to_do(kind: type[AwsError]) -> None:
    assert kind.reason
    assert kind.remedy
