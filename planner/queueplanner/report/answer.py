"""Says in a sentence which policy to take, by the outcomes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

from queueplanner.figures import amount, seconds, share
from queueplanner.results import Result

KEPT = 0.99
"""Of the messages, so many must wait no longer than the SLO."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a policy is judged by: means of its runs."""

    name: str
    messages: int
    cost: float
    p99: float
    above: float
    is_behind: bool

    @classmethod
    def of(cls, result: Result) -> Self:
        runs = result.outcomes
        return cls(
            result.name,
            max(run.messages for run in runs),
            fmean(run.cost for run in runs),
            fmean(run.wait.p99 if run.wait else 0.0 for run in runs),
            fmean(run.above_slo or 0.0 for run in runs),
            result.is_behind,
        )


def answer(results: Sequence[Result], slo_seconds: float | None) -> str:
    """Return which policy costs least, of those that keep the SLO if there is one."""
    policies = [_Judged.of(result) for result in results]
    whole = [each for each in policies if not each.is_behind]
    if not whole:
        return "No policy handled its messages by the end."
    if not any(each.messages for each in whole):
        return _cheapest_without_messages(whole)
    if slo_seconds is None:
        return _cheapest_and_quickest(whole)
    kept = [each for each in whole if each.above <= 1 - KEPT]
    goal = f"{KEPT * 100:g} % of the messages within {seconds(slo_seconds)}"
    return _cheapest(kept, goal) if kept else _closest(policies, goal)


def _cheapest(kept: Sequence[_Judged], goal: str) -> str:
    first, *others = sorted(kept, key=lambda each: each.cost)
    if not others:
        return f"{first.name} alone keeps {goal}, at a cost of {amount(first.cost)}."
    saved = 1 - first.cost / others[0].cost if others[0].cost else 0.0
    return (
        f"{first.name} keeps {goal} at the lowest cost, {amount(first.cost)}:"
        f" {saved * 100:.0f} % less than the next, {others[0].name} ({amount(others[0].cost)})."
    )


def _cheapest_without_messages(whole: Sequence[_Judged]) -> str:
    cheapest = min(whole, key=lambda each: each.cost)
    costs = "costs least," if len(whole) > 1 else "costs"
    return f"No message was sent, so nothing waited: {cheapest.name} {costs} {amount(cheapest.cost)}."


def _closest(policies: Sequence[_Judged], goal: str) -> str:
    closest = min(policies, key=lambda each: (each.above, each.cost))
    return (
        f"No policy keeps {goal}. {closest.name} comes closest:"
        f" {share(closest.above)} wait longer, at {amount(closest.cost)}."
    )


def _cheapest_and_quickest(whole: Sequence[_Judged]) -> str:
    cheapest, quickest = min(whole, key=lambda each: each.cost), min(whole, key=lambda each: each.p99)
    if cheapest is quickest:
        return f"{cheapest.name} costs least, {amount(cheapest.cost)}, and 99 % wait at most {seconds(cheapest.p99)}."
    return (
        f"{cheapest.name} costs least: {amount(cheapest.cost)}, and 99 % wait at most {seconds(cheapest.p99)}."
        f" With {quickest.name} they wait least, {seconds(quickest.p99)}, at {amount(quickest.cost)}."
    )
