"""What an injection is: a fault, how it begins, shows, goes on and ends, and the one alert that it fires."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster.alerts.site import Site


def nothing(_: Site) -> None:
    """Do nothing."""


def at_once(_: Site) -> bool:
    """Return that there is nothing to wait for."""
    return True


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One fault.

    Args:
        fault: What goes wrong, as docs/reliability.md names it.
        alert: The alert that fires, without its prefix; None when the user asked for this state.
        job: The operator that it happens to.
        pool: The pool that the alert is about; empty for one about the operator.
        begin: Makes it go wrong.
        shows: Whether it shows in the operator's metrics.
        goes_on: Called before each scrape while it lasts.
        end: Heals it.
        is_over: Whether the metrics show no fault any more.
    """

    fault: str
    alert: str | None
    job: str
    pool: str = ""
    begin: Callable[[Site], object]
    shows: Callable[[Site], bool]
    goes_on: Callable[[Site], object] = nothing
    end: Callable[[Site], object] = nothing
    is_over: Callable[[Site], bool] = at_once
