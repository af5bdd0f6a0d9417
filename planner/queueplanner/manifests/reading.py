"""Reads files of manifests, object by object: candidates, what a workload says of its workers, and errors. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from queueplanner.manifests import hpa, keda, pools, worker_pod_autoscaler
from queueplanner.play import Candidate
from queueworkerpool.importing.files import Unread, read_file
from queueworkerpool.importing.source import RefusedError, SourceObject, dotted
from queueworkerpool.names import GROUP
from queueworkerpool.validate import Verdict, validate
from queueworkerpool.validate.workloads import TemplateWorkers

File = tuple[str, str]
"""A file's name and its text."""


class ManifestError(ValueError):
    """Manifests cannot be played; the text has a line for each reason: file, line, object, field and fix."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """What files say.

    Args:
        candidates: The policies, in order.
        workers: What the workloads say of their workers.
        passed_over: Objects that are neither, in words.
    """

    candidates: tuple[Candidate, ...]
    workers: tuple[TemplateWorkers, ...]
    passed_over: tuple[str, ...]


def read_manifests(files: Sequence[File], now: datetime) -> Manifests:
    """Read all objects of some files; `now` is for the validation of schedules. Raises ManifestError."""
    reading = _Reading(now)
    for name, text in files:
        reading.read(name, text)
    return reading.result()


class _Reading:
    def __init__(self, now: datetime) -> None:
        self._now = now
        self._candidates: dict[str, tuple[Candidate, SourceObject]] = {}
        self._workers: list[TemplateWorkers] = []
        self._passed_over: list[str] = []
        self._errors: list[str] = []

    def result(self) -> Manifests:
        if self._errors:
            raise ManifestError("\n".join(self._errors))
        candidates = tuple(candidate for candidate, _ in self._candidates.values())
        return Manifests(candidates, tuple(self._workers), tuple(self._passed_over))

    def read(self, file: str, text: str) -> None:
        found = list(read_file(file, text))
        if not found:
            self._errors.append(f"{file}: there is no object in it")
            return
        for each, verdict in zip(found, validate(text, self._now), strict=True):
            if isinstance(each, Unread):
                self._errors.append(_joined(each.place, each.field, each.problem))
            else:
                self._take(each, verdict)

    def _take(self, source: SourceObject, verdict: Verdict) -> None:
        try:
            candidate = _pool(source, verdict) if source.group == GROUP else _other(source)
        except RefusedError as error:
            self._errors += _refusals(source, error, verdict)
            return
        if candidate:
            self._add(candidate, source)
        elif isinstance(source.find(("spec", "template", "spec")), dict):
            self._workers.append(TemplateWorkers.parse(source.value))
        else:
            self._passed_over.append(f"{source.place()}: {source.title}")

    def _add(self, candidate: Candidate, source: SourceObject) -> None:
        _, first = self._candidates.setdefault(candidate.name, (candidate, source))
        if first is not source:
            problem = f"{candidate.name} is there already ({first.place()}): give one of them another name"
            self._errors.append(_joined(source.place(("metadata", "name")), "metadata.name", problem))


def _pool(source: SourceObject, verdict: Verdict) -> Candidate:
    """Return the candidate of a pool. Raises RefusedError for one that is not valid."""
    if verdict.spec is None:
        raise RefusedError((), "the pool is not valid")
    return pools.candidate(f"{pools.SHORT_NAME}/{source.name}", verdict.spec)


_Reader = tuple[str, Callable[[str, SourceObject], Candidate]]
_READERS: Mapping[tuple[str, str], _Reader] = {
    **dict.fromkeys(keda.KINDS, (keda.SHORT_NAME, keda.candidate)),
    **dict.fromkeys(hpa.KINDS, (hpa.SHORT_NAME, hpa.candidate)),
    **dict.fromkeys(worker_pod_autoscaler.KINDS, (worker_pod_autoscaler.SHORT_NAME, worker_pod_autoscaler.candidate)),
}
"""By group and kind: how kubectl calls it for short, and who makes a candidate of it."""


def _other(source: SourceObject) -> Candidate | None:
    """Return the candidate of another autoscaler; None for what is none. Raises RefusedError."""
    reader = _READERS.get((source.group, source.kind.lower()))
    if reader is None:
        return None
    if not source.name:
        raise RefusedError(("metadata", "name"), "it is missing: write a name such as orders")
    short, candidate = reader
    return candidate(f"{short}/{source.name}", source)


def _refusals(source: SourceObject, error: RefusedError, verdict: Verdict) -> Iterator[str]:
    """Yield why an object is not played: all errors of a pool, the first of another."""
    if verdict.errors and not verdict.skipped:
        for problem in verdict.errors:
            yield _joined(source.place(), source.title, problem.field, problem.message)
    else:
        yield _joined(source.place(error.path), source.title, dotted(error.path), str(error))


def _joined(*parts: object) -> str:
    return ": ".join(text for text in map(str, parts) if text)
