"""What a worker and its child processes send to each other, pickled. Both ends import it; it sends nothing itself.

Not in `child`, whose own name is `__main__` in the child process.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class MessageKind(Enum):
    """What a message is, and what its content is."""

    LOADED = auto()  # child: the handler is loaded; whether it takes several messages at once
    READY = auto()  # child: its start-up hooks have succeeded; no content
    UNUSABLE = auto()  # child: the handler cannot be loaded; why
    HANDLE = auto()  # parent: the SQS messages to handle, one unless the handler takes several
    END = auto()  # parent: cancel the work on the SQS message, if there is one, and end; no content
    FINISHED = auto()  # child: HandlerResults
    EXTEND = auto()  # child: the position of an SQS message among those, and seconds
    REMAINING = auto()  # child: the position
    RESPONSE = auto()  # parent, to the last two: a number, or None when the SQS message is lost


@dataclass(frozen=True, slots=True)
class IpcMessage:
    """One message between the two processes."""

    kind: MessageKind
    content: Any = None


class ResultKind(Enum):
    """How a handler ended, and what the detail of its result is."""

    SUCCEEDED = auto()  # no detail
    RETRY = auto()  # seconds
    REJECTED = auto()  # reason
    INTERRUPTED = auto()  # no detail
    FAILED = auto()  # the error in one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerResult:
    """How a handler ended in a child process."""

    kind: ResultKind
    detail: Any = None
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class HandlerResults:
    """How the handler ended for each SQS message, in their order."""

    results: tuple[HandlerResult, ...]
    child_exits: bool
    """Whether the child takes no further message."""
