"""The worker's settings: one frozen dataclass with an explanation of each field.

`commands.run` builds it from flags and variables; nothing else reads the environment for settings. An unknown
QUEUEWORKER_* variable stops the start. AWS's own settings (region, credentials, AWS_ENDPOINT_URL_SQS) are read by
botocore and do not appear here.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any

from queueaddress import AddressError, parse
from queueworker.envelopes.opening import NAMES as ENVELOPES
from queueworker.envelopes.s3_pointers import NAME as S3_POINTER
from queueworker.errors import UsageError
from queueworker.model import MAX_VISIBILITY_SECONDS

ENV_PREFIX = "QUEUEWORKER_"

MESSAGES_OF_THREE_REQUESTS = 30
"""With fast handlers, receiving this many pays even at a low concurrency: three requests under way, each with ten."""

BATCH_SIZE = 10
"""The most messages that SQS gives at a time, and that a handler gets."""
_WEIGHT = re.compile("[1-9][0-9]{0,2}|1000")

# Kubernetes sets such variables in every pod for each Service of its namespace; one may be named queueworker.
_SERVICE_LINK = re.compile(r"\w+_SERVICE_(HOST|PORT(_\w+)?)|\w+_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?")


@dataclass(frozen=True, slots=True)
class QueueShare:
    """A queue to consume, and its weight: what its share of the concurrency is compared with those of others."""

    url: str
    weight: int = 1

    @classmethod
    def parse(cls, text: str) -> "QueueShare":
        """Parse URL or URL,WEIGHT.

        Raises:
            UsageError: the weight is no whole number from 1 to 1000.
        """
        url, comma, weight = text.rpartition(",")
        if not comma:
            return cls(text)
        if _WEIGHT.fullmatch(weight) is None:
            raise UsageError(f"--queue {text!r}: its weight must be a whole number from 1 to 1000, as in URL,3")
        return cls(url, int(weight))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a worker process."""

    queues: tuple[QueueShare, ...] = field(
        metadata={
            "flag": "queue",
            "multiple": True,
            "help": "URL of the queue to consume. Given again (in the variable: separated by spaces), queues share the"
            " concurrency, by weight where it is written URL,WEIGHT, such as URL,3. The weight is 1 by default.",
        }
    )
    handler: str | None = field(
        default=None,
        metadata={
            "help": "MODULE:FUNCTION to call with each message: a plain function (run in threads) or `async def`."
        },
    )
    exec: str | None = field(
        default=None,
        metadata={
            "help": "Command to run for each message: body on standard input, attributes in SQS_ATTRIBUTE_* variables,"
            " exit code 0 for success. No shell is involved."
        },
    )
    serve: str | None = field(
        default=None,
        metadata={
            "help": "Command of a program that stays and takes messages one by one, as lines of JSON on standard"
            " input and output; as many run as are needed at the same time. No shell is involved."
        },
    )
    isolate: bool = field(
        default=False,
        metadata={
            "help": "Run the handler in child processes, one message at a time in each: a crash or a leak costs one"
            " message, not the worker."
        },
    )
    dead_letter_queue: str | None = field(
        default=None,
        metadata={
            "help": "URL of the queue that rejected messages are sent to. Without one they fail like others, and the"
            " queue's redrive policy decides."
        },
    )
    envelope: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "What is around the bodies, to be taken off before the handler sees them: a notification of SNS or"
            " S3, an event of EventBridge, or a pointer to S3 of the SQS Extended Client. Give it again for an envelope"
            " within another, the outermost first.",
            "choices": ENVELOPES,
            "multiple": True,
        },
    )
    payload_limit_mib: int = field(
        default=64,
        metadata={
            "help": "The largest payload in MiB that is read from S3 with --envelope s3-pointer; as many as the"
            " concurrency are in memory at a time. Messages with larger ones are rejected.",
            "min": 1,
            "max": 2048,
        },
    )
    keep_payloads: bool = field(
        default=False,
        metadata={
            "help": "Leave payloads in S3 when their messages are done, because others read them, too; without it they"
            " are deleted."
        },
    )
    concurrency: int = field(
        default=10, metadata={"help": "How many messages are handled at the same time.", "min": 1, "max": 1000}
    )
    batch_size: int = field(
        default=BATCH_SIZE,
        metadata={
            "help": "How many messages a handler that takes list[Message] gets at a time, at most. Each counts for the"
            " concurrency.",
            "min": 1,
            "max": BATCH_SIZE,
        },
    )
    prefetch: int = field(
        default=0,
        metadata={
            "help": "How many messages may be received ahead, besides those being handled. At most the concurrency,"
            " or as many as make 30 with it: three full requests.",
            "min": 0,
            "max": 1000,
        },
    )
    wait_seconds: int = field(
        default=20,
        metadata={
            "help": "How many seconds a receive request on an idle queue waits for messages. An idle worker may take as"
            " long to end: SQS would still serve a request that is cut off, and hide a message from everybody.",
            "min": 0,
            "max": 20,
        },
    )
    visibility_seconds: int = field(
        default=30,
        metadata={
            "help": "How many seconds a message stays hidden after its worker was killed. While a handler works, the"
            " worker extends this, up to SQS's limit of 12 hours.",
            "min": 1,
            "max": MAX_VISIBILITY_SECONDS,
        },
    )
    retry_seconds: int = field(
        default=5,
        metadata={
            "help": "Seconds until a failed message is shown again, less up to half at random. Doubles with each"
            " receive of the message, up to 15 minutes.",
            "min": 0,
            "max": MAX_VISIBILITY_SECONDS,
        },
    )
    grace_seconds: int = field(
        default=25,
        metadata={
            "help": "How many seconds running handlers may continue after SIGTERM; then their messages are released to"
            " the queue. Keep it 5 s below the pod's terminationGracePeriodSeconds (30 by default).",
            "min": 0,
            "max": MAX_VISIBILITY_SECONDS,
        },
    )
    state_host: str = field(
        default="",
        metadata={
            "help": "Address on which /state, /livez, /readyz and /metrics are served, IPv4 or IPv6. Empty: all of both"
            " kinds; all of IPv4 on a machine without IPv6. '::' also serves IPv4."
        },
    )
    state_port: int = field(
        default=8081,
        metadata={"help": "Port of the same; 0 picks a free one and logs it.", "min": 0, "max": 65535},
    )
    log_level: str = field(
        default="info",
        metadata={"help": "The lowest level that is logged.", "choices": ("debug", "info", "warning", "error")},
    )
    log_format: str = field(
        default="json",
        metadata={"help": "json: a JSON object per line. text: for people.", "choices": ("json", "text")},
    )

    def __post_init__(self) -> None:
        """Check the settings against each other.

        Raises:
            UsageError: they do not fit together, or a URL is none.
        """
        for share in self.queues:
            _check_address("--queue", share.url)
        if self.dead_letter_queue is not None:
            _check_address("--dead-letter-queue", self.dead_letter_queue)
        self._check_queues()
        _check_handlers({"--handler": self.handler, "--exec": self.exec, "--serve": self.serve}, isolate=self.isolate)
        _check_envelopes(self.envelope, keep_payloads=self.keep_payloads)
        if self.prefetch > (limit := max(self.concurrency, MESSAGES_OF_THREE_REQUESTS - self.concurrency)):
            raise UsageError(
                f"--prefetch {self.prefetch} is too much with --concurrency {self.concurrency}: at most {limit}"
            )

    def check_batch_size(self, *, for_batches: bool) -> None:
        """Check that the handler, as it was loaded, takes batches if their size is set.

        Raises:
            UsageError: it does not.
        """
        if self.batch_size != BATCH_SIZE and not for_batches:
            raise UsageError("--batch-size is for a --handler whose parameter is annotated list[Message]")

    def _check_queues(self) -> None:
        """Check that several queues can share the capacity."""
        urls = [share.url for share in self.queues]
        if repeated := next((url for url in urls if urls.count(url) > 1), None):
            raise UsageError(f"--queue {repeated!r} is given twice: leave one out; for a larger share write URL,3")
        if len(urls) > self.concurrency:
            raise UsageError(
                f"{len(urls)} queues are too many for --concurrency {self.concurrency}: each needs a handler of its own"
            )
        if len(urls) > 1 and self.prefetch:
            raise UsageError(
                "--prefetch is for one queue: with several, what is received ahead of one would wait in front of others"
            )

    def queue_labels(self) -> list[str]:
        """Return what metrics and states call each queue: its name, or its URL where two share the name."""
        names = [share.url.rpartition("/")[2] for share in self.queues]
        return [name if names.count(name) == 1 else share.url for name, share in zip(names, self.queues, strict=True)]


def flag_of(setting: Field[Any]) -> str:
    """Return the name of a setting's flag and variable."""
    return str(setting.metadata.get("flag", setting.name))


def _check_address(flag: str, url: str) -> None:
    try:
        parse(url)
    except AddressError as error:
        raise UsageError(f"{flag} {url!r} is not a queue URL: {error}") from error


def _check_handlers(by_flag: Mapping[str, str | None], *, isolate: bool) -> None:
    given = [flag for flag, value in by_flag.items() if value is not None]
    if len(given) != 1:
        found = f", not {' and '.join(given)}" if given else ""
        raise UsageError(f"give exactly one of --handler MODULE:FUNCTION, --exec COMMAND and --serve COMMAND{found}")
    if isolate and "--exec" in given:
        raise UsageError("--exec has a process of its own for each message: leave out --isolate")
    if isolate and "--serve" in given:
        raise UsageError("--serve has processes of its own, one message at a time in each: leave out --isolate")


def _check_envelopes(envelopes: Sequence[str], *, keep_payloads: bool) -> None:
    if given_twice := [name for name in ENVELOPES if envelopes.count(name) > 1]:
        raise UsageError(f"--envelope {given_twice[0]} is given twice")
    if keep_payloads and S3_POINTER not in envelopes:
        raise UsageError(f"--keep-payloads is for --envelope {S3_POINTER}")


def reject_unknown(environment: Mapping[str, str]) -> None:
    """Check that each QUEUEWORKER_* variable is a setting, so that a typo is noticed.

    Raises:
        UsageError: a variable is not a setting.
    """
    valid = [ENV_PREFIX + flag_of(setting).upper() for setting in fields(Settings)]
    for name in sorted(environment):
        if name.startswith(ENV_PREFIX) and name not in valid and not _SERVICE_LINK.fullmatch(name):
            closest = difflib.get_close_matches(name, valid, n=1, cutoff=0)
            raise UsageError(f"{name} is not a setting; did you mean {closest[0]}? All: {', '.join(valid)}")
