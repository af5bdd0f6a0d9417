"""How times are written in a pool's status, and read from it."""

from datetime import UTC, datetime

# Whoever may write a pool's status may write any time into it. Near the ends of the calendar, sums of times overflow.
_YEARS = range(2000, 9000)


def parse_time(raw: object) -> datetime:
    """Parse a time of the status. Raises ValueError or TypeError for what is none, even if the API server takes it."""
    if not isinstance(raw, str):
        raise TypeError(raw)
    time = datetime.fromisoformat(raw)
    if time.tzinfo is None or time.year not in _YEARS:
        raise ValueError(raw)
    return time


def format_time(time: datetime) -> str:
    """Write a time as Kubernetes does, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_exact_time(time: datetime) -> str:
    """Write a time with microseconds, as in Lease objects."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
