"""The only adapter to S3: reads and deletes payloads. Raises our errors; decides nothing.

`process` makes one where messages may be pointers (`--envelope s3-pointer`), and loads it then: it needs botocore's
client, which the worker does without for SQS. Requests are signed with the worker's own credentials.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from awsaccess import codes
from queueworker.errors import (
    BucketAnswerError,
    BucketDeniedError,
    BucketKeyUnusableError,
    BucketThrottledError,
    BucketUnreachableError,
    ClockSkewedError,
    ObjectNotFoundError,
    ObjectTooLargeError,
    QueueWorkerError,
)
from queueworker.sqs import WorkerCredentials
from queueworker.sqs.failures import is_plain
from queueworker.sqs.queues import region_for, usable_settings

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 20.0
"""How long S3 may be silent, at the start of an answer or within."""
ATTEMPTS = 3

_MIB: Final = 1024 * 1024
NOBODY: Final = "nobody"
"""Given to the client as credentials, so that it looks for none; each request is signed with the worker's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row: the answers that mean the same.

    Args:
        error: our error for them.
        codes: S3's error codes.
        statuses: HTTP statuses, for answers whose code is in no row.
    """

    error: type[QueueWorkerError]
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()


FAILURES: Final = (
    Failure(error=ObjectNotFoundError, codes=frozenset({"NoSuchKey", "NoSuchBucket"}), statuses=frozenset({404})),
    Failure(error=BucketThrottledError, codes=codes.THROTTLED, statuses=codes.TOO_MANY_REQUESTS),
    Failure(error=BucketKeyUnusableError, codes=codes.KEY_UNUSABLE),
    Failure(error=ClockSkewedError, codes=codes.CLOCK_SKEWED),
    Failure(
        error=BucketDeniedError, codes=codes.FORBIDDEN | codes.CREDENTIALS_REFUSED, statuses=codes.FORBIDDEN_STATUSES
    ),
    Failure(error=BucketUnreachableError, statuses=codes.SERVER_ERRORS),
    Failure(error=BucketAnswerError, statuses=frozenset(range(1000))),
)
"""Every error answer; the first row that has the code counts, else the first that has the status."""

BY_CODE: Final[Mapping[str, Failure]] = {code: failure for failure in reversed(FAILURES) for code in failure.codes}
BY_STATUS: Final[Mapping[int, Failure]] = {
    status: failure for failure in reversed(FAILURES) for status in failure.statuses
}


class S3Payloads:
    """The payloads of messages, in any bucket that they point to. Safe to share between threads."""

    def __init__(self, credentials: WorkerCredentials, queue_url: str, *, limit_mib: int, connections: int) -> None:
        """Prepare requests; sends nothing.

        Args:
            credentials: the worker's; they sign.
            queue_url: in whose region requests go to S3 first; S3 says where a bucket is that is elsewhere.
            limit_mib: the largest payload that is read.
            connections: how many are kept open.

        Raises:
            UsageError: no region is set, or AWS's settings cannot be used.
        """
        self._credentials = credentials
        self._limit = limit_mib * _MIB
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=connections,
        )
        with usable_settings():
            self._client: Any = credentials.session.create_client(
                "s3",
                region_name=region_for(queue_url, credentials.session),
                config=config,
                aws_access_key_id=NOBODY,
                aws_secret_access_key=NOBODY,
            )
        self._client.meta.events.register("before-sign.s3", self._sign)

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's content.

        Raises:
            ObjectNotFoundError: there is no such object.
            ObjectTooLargeError: it is larger than the limit.
            AwsError: S3 did not send it.
        """
        with _our_errors():
            answer = self._client.get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:  # entered itself, it is urllib3's, whose errors are not botocore's
                if (size := answer["ContentLength"]) > self._limit:
                    raise ObjectTooLargeError(f"{size} bytes, and at most {self._limit} are read")
                content: bytes = body.read()
                return content

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is gone is no failure.

        Raises:
            AwsError: S3 did not confirm it.
        """
        with suppress(ObjectNotFoundError), _our_errors():
            self._client.delete_object(Bucket=bucket, Key=key)

    def _sign(self, request: AWSRequest, **_: object) -> None:
        chosen = {"request_credentials": Credentials(*self._credentials.get()[:3])}  # type: ignore[arg-type]  # the stubs say that they may be None
        request.context["signing"] = {**request.context.get("signing", {}), **chosen}


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise error_for(error) from error
    except (BotoCoreError, OSError) as error:
        raise BucketUnreachableError(f"S3 did not answer ({type(error).__name__})") from error


def error_for(error: ClientError) -> QueueWorkerError:
    """Return our error for an error answer of S3."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    failure = BY_CODE.get(code) or BY_STATUS[status]
    return failure.error(f"S3 answered {code if is_plain(code) else f'with status {status}'}")
