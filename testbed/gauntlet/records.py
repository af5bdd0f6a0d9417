"""What happened in a gauntlet, as values, and the reader of the handlers' journal. `verdicts` judges them. Pure.

Times are seconds of the machine's monotonic clock, which all pid namespaces share.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

NEVER = float("inf")


class Kind(StrEnum):
    """The kinds of queues. In a fair one, messages have groups that order nothing."""

    PLAIN = "plain"
    FAIR = "fair"
    FIFO = "fifo"


class Action(StrEnum):
    """What a request does with a message, or with the worker's credentials."""

    RECEIVE = "receive"
    DELETE = "delete"
    RELEASE = "release"
    EXTEND = "extend"
    SEND = "send"
    CREDENTIALS = "credentials"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent; `number` is its place in its group, `rejects` whether its handler rejects it."""

    message: str
    kind: Kind = Kind.PLAIN
    group: str = ""
    number: int = 0
    rejects: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Handling:
    """One run of a handler; `outcome` is `ok`, `failed`, `rejected`, `cancelled`, or empty when it was cut off."""

    message: str
    worker: str
    begun: float
    ended: float = NEVER
    outcome: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What became of a request about one message.

    Args:
        worker: Who sent it.
        action: What it was to do.
        message: The message; empty for credentials.
        time: When it arrived at the proxy.
        done: When SQS had done it, or when it was clear that SQS never would.
        seconds: For how long the message is hidden by it.
        fault: What was done to it on purpose; empty for nothing.
        applied: Whether SQS has done it.
        receipt: The receipt handle.
    """

    worker: str
    action: Action
    message: str = ""
    time: float
    done: float
    seconds: float = 0.0
    fault: str = ""
    applied: bool = True
    receipt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The life of one worker process.

    Args:
        worker: Its name; each process has another.
        killed: When it got SIGKILL.
        terminated: When it got SIGTERM.
        hurried: When it got another one.
        ended: When it was gone.
        exit_code: Its exit code.
        left_in_flight: How many messages it has said to leave in flight; None when it has said nothing.
        errors: Lines of its log that tell of a fault of its own.
    """

    worker: str
    killed: float = NEVER
    terminated: float = NEVER
    hurried: float = NEVER
    ended: float = NEVER
    exit_code: int | None = None
    left_in_flight: int | None = None
    errors: Sequence[str] = ()

    @property
    def orderly(self) -> bool:
        """Whether it ended by itself after SIGTERM."""
        return self.killed == NEVER and self.terminated < NEVER and self.ended < NEVER


@dataclass(frozen=True, slots=True)
class ChildKill:
    """SIGKILL to a process that a worker has started; `pid` is the one inside its namespace."""

    worker: str
    pid: int
    time: float


@dataclass(frozen=True, slots=True)
class CutOff:
    """A message that a worker has released because its grace period was over, and when; its handler may have run on."""

    worker: str
    message: str
    time: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All that happened."""

    sent: Sequence[Sent] = ()
    handlings: Sequence[Handling] = ()
    requests: Sequence[Request] = ()
    lives: Sequence[Life] = ()
    child_kills: Sequence[ChildKill] = ()
    cut_offs: Sequence[CutOff] = ()
    dead_letters: Sequence[tuple[str, int]] = ()
    """Group and number of each message that was found in a dead-letter queue."""


def parse_journal(lines: Iterable[str]) -> list[Handling]:
    """Return the handlings that the handlers have written down; see `command.record`."""
    running: dict[tuple[str, str, str, str], Handling] = {}
    done = []
    for line in lines:
        event, message, worker, pid, count, time = line.split()
        key = (message, worker, pid, count)
        if event == "begin":
            running[key] = Handling(message, worker, float(time), pid=int(pid))
        else:
            begun = running.pop(key)
            done.append(Handling(message, worker, begun.begun, float(time), event, int(pid)))
    return sorted([*done, *running.values()], key=lambda each: each.begun)
