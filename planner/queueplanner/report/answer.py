"""Says in a sentence which policy to take, by the outcomes. Pure."""

from collections.abc import Sequence

from queueplanner.figures import amount, seconds, share
from queueplanner.outcome import Outcome

KEPT = 0.99
"""Of the messages, so many must wait no longer than the SLO."""


def answer(outcomes: Sequence[Outcome], slo_seconds: float | None) -> str:
    """Return which policy costs least, of those that keep the SLO if there is one."""
    if not outcomes:
        return "Nothing was played."
    whole = [each for each in outcomes if not each.lost and not each.unhandled]
    if not whole:
        return "No policy handled all messages by the end."
    if slo_seconds is None:
        return _cheapest_and_quickest(whole)
    kept = [each for each in whole if each.above_slo is not None and each.above_slo <= 1 - KEPT]
    goal = f"{KEPT * 100:g} % of the messages within {seconds(slo_seconds)}"
    return _cheapest(kept, goal) if kept else _closest(outcomes, goal)


def _cheapest(kept: Sequence[Outcome], goal: str) -> str:
    first, *others = sorted(kept, key=lambda each: each.cost)
    begin = f"{first.policy} keeps {goal} at the lowest cost, {amount(first.cost)}"
    if not others:
        return f"{first.policy} alone keeps {goal}, at a cost of {amount(first.cost)}."
    saved = 1 - first.cost / others[0].cost if others[0].cost else 0.0
    return f"{begin}: {saved * 100:.0f} % less than the next, {others[0].policy} ({amount(others[0].cost)})."


def _closest(outcomes: Sequence[Outcome], goal: str) -> str:
    closest = min(outcomes, key=lambda each: (1.0 if each.above_slo is None else each.above_slo, each.cost))
    above = "all" if closest.above_slo is None else share(closest.above_slo)
    return f"No policy keeps {goal}. {closest.policy} comes closest: {above} wait longer, at {amount(closest.cost)}."


def _cheapest_and_quickest(whole: Sequence[Outcome]) -> str:
    cheapest = min(whole, key=lambda each: each.cost)
    quickest = min(whole, key=_p99)
    if cheapest is quickest:
        return (
            f"{cheapest.policy} costs least, {amount(cheapest.cost)}, and 99 % wait at most {seconds(_p99(cheapest))}."
        )
    return (
        f"{cheapest.policy} costs least: {amount(cheapest.cost)}, and 99 % wait at most {seconds(_p99(cheapest))}."
        f" With {quickest.policy} they wait least, {seconds(_p99(quickest))}, at {amount(quickest.cost)}."
    )


def _p99(outcome: Outcome) -> float:
    return outcome.wait.p99 if outcome.wait else 0.0
