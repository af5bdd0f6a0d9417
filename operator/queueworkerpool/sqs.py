"""The only door to SQS. Returns readings, raises our errors; decides nothing, remembers nothing.

The scheduler calls `read` for each distinct queue. boto3 blocks, so the calls run in a bounded pool of threads. Every
request carries explicit time-outs. The pool's URL names account and queue; where requests go is the operator's
own setting (AWS_ENDPOINT_URL_SQS), for botocore does not follow the host of a QueueUrl.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from queueworkerpool.errors import (
    QueueAccessDeniedError,
    QueueAnswerInvalidError,
    QueueNotFoundError,
    QueueThrottledError,
    QueueUnreachableError,
    QueueUnreadableError,
)
from queueworkerpool.model import QueueReading, QueueRef

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
ATTEMPTS = 2

_VISIBLE: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_DELAYED: Final = "ApproximateNumberOfMessagesDelayed"
_ATTRIBUTES: Final = (_VISIBLE, _IN_FLIGHT, _DELAYED)

_REGION_IN_HOST = re.compile(r"^https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?/")
_COUNT = re.compile(r"[0-9]{1,12}")
_PLAIN_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")

_NOT_FOUND = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently"})
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "RequestThrottled", "TooManyRequestsException", "SlowDown"}
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SERVER_ERROR = 500


class SqsQueues:
    """Reads the message counts of queues in any region. Close it to end its threads."""

    def __init__(self, default_region: str | None, workers: int, clock: Callable[[], datetime]) -> None:
        """Take the region of queues that name none (None: AWS's own setting), and how many reads may run at once."""
        self._default_region = default_region
        self._clock = clock
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="sqs")
        self._config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=workers,
            # Tells AWS who asks. boto3's own text is put together anew for each call: a tenth of the call's cost.
            user_agent=f"queueworkerpool/{version('queueworkerpool')}",
            parameter_validation=False,  # the URL was validated by the CRD; saves a tenth of each call
        )
        self._clients: dict[str | None, SQSClient] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the threads and connections; calls under way end by their time-outs."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    async def read(self, queue: QueueRef) -> QueueReading:
        """Read the counts of one queue. Raises a QueueUnreadableError that tells what is wrong."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, queue)

    def _read(self, queue: QueueRef) -> QueueReading:
        time = self._clock()
        try:
            answer = self._client(queue).get_queue_attributes(QueueUrl=queue.url, AttributeNames=_ATTRIBUTES)
        except ClientError as error:
            raise _translated(queue.name, error) from error
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            raise QueueAccessDeniedError(f"queue {queue.name}: the operator has no AWS credentials") from error
        except ResponseParserError as error:
            raise QueueAnswerInvalidError(f"queue {queue.name}: the answer is not SQS's") from error
        except (HTTPClientError, OSError) as error:
            raise QueueUnreachableError(f"queue {queue.name}: no answer ({type(error).__name__})") from error
        except BotoCoreError as error:
            raise QueueUnreachableError(f"queue {queue.name}: not asked ({type(error).__name__})") from error
        return _reading(queue.name, answer, time)

    def _client(self, queue: QueueRef) -> "SQSClient":
        region = queue.region or region_of(queue.url) or self._default_region
        with self._lock:  # boto3's sessions are not safe to share between threads, its clients are
            if region not in self._clients:
                self._clients[region] = boto3.session.Session().client("sqs", region_name=region, config=self._config)
            return self._clients[region]


def region_of(url: str) -> str | None:
    """The region that the host of an AWS queue URL names, if it does."""
    found = _REGION_IN_HOST.match(url)
    return found and (found[1] or found[2])


def _reading(name: str, answer: object, time: datetime) -> QueueReading:
    attributes = answer.get("Attributes") if isinstance(answer, Mapping) else None
    if not isinstance(attributes, Mapping):
        raise QueueAnswerInvalidError(f"queue {name}: the answer holds no attributes")
    return QueueReading(
        _count(name, attributes, _VISIBLE),
        _count(name, attributes, _IN_FLIGHT),
        _count(name, attributes, _DELAYED),
        time,
    )


def _count(name: str, attributes: Mapping[str, object], attribute: str) -> int:
    value = attributes.get(attribute)
    # Never int(): it takes '-1', '1_0' and digits of other scripts. And the answer itself is not echoed.
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        raise QueueAnswerInvalidError(f"queue {name}: {attribute} is missing or not a count")
    return int(value)


def _translated(name: str, error: ClientError) -> QueueUnreadableError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    shown = code if _PLAIN_CODE.fullmatch(code) else f"status {status}"
    if code in _NOT_FOUND:
        return QueueNotFoundError(f"queue {name}: there is no such queue, or it belongs to another account")
    if code in _THROTTLED:
        return QueueThrottledError(f"queue {name}: too many requests ({shown})")
    if code in _DENIED:
        return QueueAccessDeniedError(f"queue {name}: the operator may not read it ({shown})")
    if status >= _SERVER_ERROR:
        return QueueUnreachableError(f"queue {name}: SQS failed ({shown})")
    return QueueAnswerInvalidError(f"queue {name}: SQS refused the request ({shown})")
