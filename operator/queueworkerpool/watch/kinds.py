"""What is watched, and how long a watch may be silent. Every part of `watch` uses it."""

from collections.abc import Sequence

from queueworkerpool.model import DEPLOYMENT, Workload
from queueworkerpool.names import PLURAL


def watched_kinds(workloads: Sequence[Workload]) -> tuple[str, ...]:
    """Return the kinds that are watched from the start, without which the operator is not ready."""
    return (PLURAL, DEPLOYMENT.resource) if DEPLOYMENT in workloads else (PLURAL,)


SERVER_TIMEOUT_SECONDS = 10
"""The API server ends a watch after this long, and it goes on where it ended, without a list: so even the watch of a
cluster in which nothing happens shows a sign of life this often."""

SILENCE_TIMEOUT_SECONDS = 12.0
"""A watch that was not even ended in time has a half-open connection; a page of a list that takes this long has one
too. Short, because nothing else shows that the API server is back behind a connection that is not."""
