"""What was recorded of one run, and how it is kept: gzipped JSON, in columns.

Times are seconds from the first decision.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "planner" / "recordings"
AGAIN = FOLDER / "again"
"""Where a second recording of the same scenarios is: it shows by how much the real operator differs from itself."""


@dataclass(frozen=True, slots=True)
class Messages:
    """Columns over messages, in the order in which they were sent; None: it did not happen.

    Args:
        sent: When the queue had accepted it.
        begun: When its handling began for the first time.
        done: When it was handled.
        seconds: How long its handler takes.
        attempts: How often it was begun.
    """

    sent: Sequence[float]
    begun: Sequence[float | None]
    done: Sequence[float | None]
    seconds: Sequence[float]
    attempts: Sequence[int]


@dataclass(frozen=True, slots=True)
class PodLife:
    """The life of a pod: when it was created, could receive, was ready by its status, was told to end, and was gone."""

    created: float
    loaded: float | None = None
    ready: float | None = None
    told: float | None = None
    gone: float | None = None

    def cut(self, end: float) -> "PodLife":
        """Return it without what happened after the end."""
        moments = (self.loaded, self.ready, self.told, self.gone)
        return PodLife(self.created, *(each if each is not None and each <= end else None for each in moments))


@dataclass(frozen=True, slots=True)
class Rescale:
    """A size that the operator wrote."""

    time: float
    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One run.

    Args:
        name: Its scenario.
        spec: Of the pool, as the API server stored it.
        began: The time of day of the first decision.
        seconds: How long it was watched.
        concurrency: Messages that a worker handles at the same time.
        grace_seconds: How long a worker may go on after it was told to end.
        visibility_seconds: How long a message stays hidden.
        failing: Share of attempts that fail.
        retry_seconds: How long a message that failed stays hidden at first.
        ticks: When the operator decided.
        messages: What became of each of them.
        pods: In the order of their creation.
        asked: Times and sizes asked for.
        ready: Times and numbers of pods that the Deployment reports as ready.
        rescales: What the operator wrote.
    """

    name: str
    spec: Mapping[str, Any]
    began: datetime
    seconds: float
    concurrency: int
    grace_seconds: int
    visibility_seconds: int
    failing: float
    retry_seconds: int
    ticks: Sequence[float]
    messages: Messages
    pods: Sequence[PodLife]
    asked: Sequence[tuple[float, int]]
    ready: Sequence[tuple[float, int]]
    rescales: Sequence[Rescale]

    def cut(self) -> "Recording":
        """Return it without what happened after its end: other scenarios were still recorded then."""

        def within(time: float | None) -> bool:
            return time is not None and time <= self.seconds

        return replace(
            self,
            ticks=[each for each in self.ticks if within(each)],
            pods=[each.cut(self.seconds) for each in self.pods if within(each.created)],
            asked=[each for each in self.asked if within(each[0])],
            ready=[each for each in self.ready if within(each[0])],
            rescales=[each for each in self.rescales if within(each.time)],
        )

    def write(self, folder: Path = FOLDER) -> None:
        """Write its file; the same recording gives the same bytes."""
        columns = asdict(self) | {"began": self.began.isoformat()}
        text = json.dumps(_rounded(columns), separators=(",", ":"))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read(name: str, folder: Path = FOLDER) -> Recording:
    """Read the recording of a scenario."""
    raw = json.loads(gzip.decompress((folder / f"{name}.json.gz").read_bytes()))
    raw["began"] = datetime.fromisoformat(raw["began"])
    raw["messages"] = Messages(**raw["messages"])
    raw["pods"] = [PodLife(**each) for each in raw["pods"]]
    raw["rescales"] = [Rescale(**each) for each in raw["rescales"]]
    return Recording(**raw)


def _rounded(value: Any) -> Any:
    """Round times to milliseconds."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
