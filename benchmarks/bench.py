"""What a benchmark registers: its name, what it needs, its options, and how to measure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Needs(Enum):
    """What the runner has to prepare for a benchmark."""

    NOTHING = auto()  # it starts whatever it uses
    ENVIRONMENT = auto()  # a control plane with an operator
    PEERS = auto()  # the interpreter with the other SQS consumers


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One benchmark.

    Args:
        name: Its name on the command line, and the name of its JSON file.
        measure: Returns a `Result`. It takes `options` by name; with Needs.ENVIRONMENT it is a coroutine function that
            takes the environment as well, first.
        needs: What the runner has to prepare.
        options: The options of the command line that it takes: `rounds`, `pools`, `workers`, `seconds`, `seed`,
            `seeds`, `startups`, `ages`.
        by_default: Whether it runs when no benchmark is named.
    """

    name: str
    measure: Callable[..., Any]
    needs: Needs = Needs.NOTHING
    options: tuple[str, ...] = ()
    by_default: bool = True
