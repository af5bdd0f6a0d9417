"""Says which queue a dead letter goes back to, or why that is not known. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from queueworker.errors import UsageError
from queueworker.model import StoredMessage
from queueworker.tools.outcome import Left


@dataclass(frozen=True, slots=True)
class Routes:
    """The queues that messages may go to.

    Args:
        target: of all messages; None: each to the queue that it came from.
        sources: the queues whose dead-letter queue is emptied.
    """

    target: str | None
    sources: Sequence[str] = ()

    def target_of(self, stored: StoredMessage) -> str | Left:
        """Return the URL of the queue that a message goes to, or why it stays."""
        if self.target is not None:
            return self.target
        if stored.source_arn is None:
            return self.sources[0] if len(self.sources) == 1 else Left(_unknown_source(self.sources))
        name = stored.source_arn.rpartition(":")[2]
        for url in self.sources:
            if url.rpartition("/")[2] == name:
                return url
        return Left(f"came from {name}, which no longer has this dead-letter queue: give --to URL")


def _unknown_source(sources: Sequence[str]) -> str:
    return f"do not say which of {len(sources)} queues they came from: give --to one of {', '.join(sources)}"


def routes_for(target: str | None, source: str, sources: Sequence[str]) -> Routes:
    """Return the routes out of a queue.

    Args:
        target: `--to`.
        source: `--from`.
        sources: the queues whose dead-letter queue `source` is.

    Raises:
        UsageError: there is nowhere to send a message to.
    """
    if target == source:
        raise UsageError("--to is the queue of --from: its messages would go round in circles")
    if target is None and not sources:
        raise UsageError("no queue names this one as its dead-letter queue in its redrive policy: give --to URL")
    return Routes(target, sources)
