"""Reads files of manifests, object by object: candidates, what a workload says of its workers, and errors. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from queueplanner.manifests import hpa, keda, pools, worker_pod_autoscaler
from queueplanner.manifests.naming import Named, names_of
from queueplanner.play import Candidate
from queueworkerpool.importing.files import Unread, read_file
from queueworkerpool.importing.source import RefusedError, SourceObject, dotted
from queueworkerpool.model import NamespacedName
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
        pools: The first pool of each namespace (empty: none is written) and name.
    """

    candidates: tuple[Candidate, ...]
    workers: tuple[TemplateWorkers, ...]
    passed_over: tuple[str, ...]
    pools: Mapping[NamespacedName, Candidate]

    def pool(self, name: NamespacedName) -> Candidate | None:
        """Return the first pool of a namespace and name; without one, the first of that name in no namespace."""
        return self.pools.get(name) or self.pools.get(NamespacedName("", name.name))


def read_manifests(files: Sequence[File], now: datetime) -> Manifests:
    """Read all objects of some files; `now` is for the validation of schedules. Raises ManifestError."""
    reading = _Reading(now)
    for name, text in files:
        reading.read(name, text)
    return reading.result()


class _Reading:
    def __init__(self, now: datetime) -> None:
        self._now = now
        self._policies: list[_Policy] = []
        self._workers: list[TemplateWorkers] = []
        self._passed_over: list[str] = []
        self._errors: list[str] = []

    def result(self) -> Manifests:
        if self._errors:
            raise ManifestError("\n".join(self._errors))
        names = names_of([each.named for each in self._policies])
        candidates = [each.candidate(name) for each, name in zip(self._policies, names, strict=True)]
        made: dict[NamespacedName, Candidate] = {}
        for (named, _), candidate in zip(self._policies, candidates, strict=True):
            if named.kind == pools.SHORT_NAME:
                made.setdefault(NamespacedName(named.namespace, named.name), candidate)
        return Manifests(tuple(candidates), tuple(self._workers), tuple(self._passed_over), made)

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
            policy = _pool(source, verdict) if source.group == GROUP else _other(source)
            if policy:
                policy.candidate(source.name)  # whatever cannot be played is refused
        except RefusedError as error:
            self._errors += _refusals(source, error, verdict)
            return
        if policy:
            self._policies.append(policy)
        elif isinstance(source.find(("spec", "template", "spec")), dict):
            self._workers.append(TemplateWorkers.parse(source.value))
        else:
            self._passed_over.append(f"{source.place()}: {source.title}")


class _Policy(NamedTuple):
    """What a manifest is called, and who makes a candidate of it, by the name that it gets."""

    named: Named
    candidate: Callable[[str], Candidate]


def _named(short: str, source: SourceObject) -> Named:
    return Named(short, source.namespace, source.name, source.file)


def _pool(source: SourceObject, verdict: Verdict) -> _Policy:
    """Return the policy of a pool. Raises RefusedError for one that is not valid."""
    spec = verdict.spec
    if spec is None:
        raise RefusedError((), "the pool is not valid")
    return _Policy(_named(pools.SHORT_NAME, source), lambda name: pools.candidate(name, spec))


_Reader = tuple[str, Callable[[str, SourceObject], Candidate]]
_READERS: Mapping[tuple[str, str], _Reader] = {
    **dict.fromkeys(keda.KINDS, (keda.SHORT_NAME, keda.candidate)),
    **dict.fromkeys(hpa.KINDS, (hpa.SHORT_NAME, hpa.candidate)),
    **dict.fromkeys(worker_pod_autoscaler.KINDS, (worker_pod_autoscaler.SHORT_NAME, worker_pod_autoscaler.candidate)),
}
"""By group and kind: how kubectl calls it for short, and who makes a candidate of it."""


def _other(source: SourceObject) -> _Policy | None:
    """Return the policy of another autoscaler; None for what is none. Raises RefusedError."""
    reader = _READERS.get((source.group, source.kind.lower()))
    if reader is None:
        return None
    if not source.name:
        raise RefusedError(("metadata", "name"), "it is missing: write a name such as orders")
    short, candidate = reader
    return _Policy(_named(short, source), lambda name: candidate(name, source))


def _refusals(source: SourceObject, error: RefusedError, verdict: Verdict) -> Iterator[str]:
    """Yield why an object is not played: all errors of a pool, the first of another."""
    if verdict.errors and not verdict.skipped:
        for problem in verdict.errors:
            yield _joined(source.place(), source.title, problem.field, problem.message)
    else:
        yield _joined(source.place(error.path), source.title, dotted(error.path), str(error))


def _joined(*parts: object) -> str:
    return ": ".join(text for text in map(str, parts) if text)
