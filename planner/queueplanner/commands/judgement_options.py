"""The options that say how something is played and judged, as far as the commands share them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from queueplanner.commands.parameters import PRICE, Span, Whole
from queueplanner.commands.sections import Section, grouped


@dataclass(frozen=True, slots=True)
class JudgementOptions:
    """What was given of each option; times are in seconds.

    Args:
        pod_price: What a pod costs in an hour.
        counts_age: How old the queue's counts may be.
        seed: Of the first run, or of the part that is chosen on.
        processes: How many runs go on at the same time; None: one for each processor.
    """

    pod_price: float
    counts_age: float
    seed: int
    processes: int | None

    @property
    def at_once(self) -> int:
        """How many runs go on at the same time."""
        return self.processes or os.cpu_count() or 1


def judgement_options(section: Section, processes: int | None = None) -> Callable[[Any], Any]:
    """Give a command the options in a section of its help; it gets them as `judgement`.

    Args:
        section: Where its help shows them.
        processes: How many go on at the same time if nobody says; None: one for each processor.
    """
    options = (
        section.option("--pod-price", type=PRICE, default=0.05, help="What a pod costs in an hour. Default: 0.05."),
        section.option("--counts-age", type=Span(), default=0.0, help="How old the queue's counts may be."),
        section.option("--seed", type=Whole(0, 2**31), default=1, help="The same seed, the same answer."),
        section.option(
            "--processes",
            type=Whole(1, 256),
            default=processes,
            help=f"Runs that go on at the same time. Default: {processes or 'one for each processor'}.",
        ),
    )
    return grouped("judgement", JudgementOptions, options)
