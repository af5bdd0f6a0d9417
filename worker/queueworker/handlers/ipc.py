"""What a worker and its child processes say to each other. Not in `child`, whose own name is `__main__` over there."""

from enum import Enum, auto


class Word(Enum):
    """What the two ends say to each other; the first of each tuple."""

    READY = auto()
    UNUSABLE = auto()  # why
    HANDLE = auto()  # message
    ENDED = auto()  # whether this was the child's last message, and one of the following
    DONE = auto()
    RETRY = auto()  # seconds
    REJECT = auto()  # reason
    FAILED = auto()  # sentence, traceback
    EXTEND = auto()  # seconds
    REMAINING = auto()
    ANSWER = auto()  # number, or None when the message is lost
