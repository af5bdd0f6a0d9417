"""Makes pools of what other autoscalers follow: from texts and objects to manifests, notes and refusals. Pure.

The command `qwp import` calls `convert`. It reads nothing and prints nothing. Each pool is validated as `qwp validate`
does it, so that what comes out is never refused later; what is not valid is a refusal that names the source's field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from queueworkerpool.importing import hpa, keda, manifests, worker_pod_autoscaler
from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.files import Unread, read_file
from queueworkerpool.importing.keda_identity import KINDS as AUTHENTICATIONS
from queueworkerpool.importing.manifests import Beside
from queueworkerpool.importing.source import Path, Place, RefusedError, SourceObject, dotted
from queueworkerpool.names import GROUP, KIND, VERSION
from queueworkerpool.validate import validate
from queueworkerpool.validate.crd import pool_schema
from queueworkerpool.validate.documents import Comment, comments_of

_LINE_BREAKS = str.maketrans("\r\n", "  ")


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may choose.

    Args:
        mode: The mode of every pool; empty to take over what the source says.
        queues_at: The URL below which queues are of which a source says only the name; empty without one.
    """

    mode: str = ""
    queues_at: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence about a place in a source: a note, or a refusal.

    Args:
        place: File and line.
        title: Kind and name of the object; empty where there is none.
        field: The field's path; empty when it is about the whole.
        text: The sentence.
        is_refusal: Whether the object did not become a pool.
    """

    place: Place
    title: str
    field: str
    text: str
    is_refusal: bool = False

    def __str__(self) -> str:
        where = f"{self.place}: {self.title}" if self.place.line is None and self.title else str(self.place)
        return ": ".join(part for part in (where, self.field, self.text) if part).translate(_LINE_BREAKS)


@dataclass(frozen=True, slots=True)
class Imported:
    """The result: the pools' manifests in order, what is to be said, and the objects that were passed over."""

    manifests: tuple[str, ...]
    notes: tuple[Remark, ...]
    refusals: tuple[Remark, ...]
    passed_over: int


def convert(
    files: Sequence[tuple[str, str]], objects: Sequence[SourceObject], options: Options, now: datetime
) -> Imported:
    """Make a pool of each object that is an autoscaler of SQS.

    Args:
        files: Name and text of each file.
        objects: Objects of a cluster.
        options: What the caller chose.
        now: The time, for the validation of schedules.
    """
    read = [(file, text, list(read_file(file, text))) for file, text in files]
    every = [each for _, _, found in read for each in found if isinstance(each, SourceObject)] + list(objects)
    work = _Work(Context(tuple(every), options.queues_at), options.mode, now)
    for file, text, found in read:
        if not found:
            work.refuse(Place(file), "", "", "there is no object in it")
        comments = list(comments_of(text))
        begins = {each.line for each in found if isinstance(each, SourceObject)}
        for each in found:
            if isinstance(each, Unread):
                work.refuse(each.place, "", each.field, each.problem)
            else:
                work.convert(each, _within(comments, each, begins))
    for each in objects:
        work.convert(each, [])
    return work.result()


def _within(comments: list[Comment], source: SourceObject, begins: set[int | None]) -> list[Comment]:
    """Return the comments of an object: from those right before it to those right after its last field.

    Comments between two objects are those of the second one; `begins` has the first line of each.
    """
    first, last = source.line or 1, max(source.lines.values(), default=source.line or 1)
    inside = [each for each in comments if first <= each.line <= last]
    alone = {each.line: each for each in comments if not each.follows_value}
    above, below = first - 1, last + 1
    while above in alone:
        inside.insert(0, alone[above])
        above -= 1
    while below in alone:
        below += 1
    after = [] if below in begins else [alone[line] for line in range(last + 1, below)]
    return inside + after


class _Work:
    """The conversion of some objects under way."""

    def __init__(self, context: Context, mode: str, now: datetime) -> None:
        self._context = context
        self._mode = mode
        self._now = now
        self._manifests: list[str] = []
        self._sources: dict[tuple[str, str], SourceObject] = {}
        self._notes: list[Remark] = []
        self._refusals: list[Remark] = []
        self._passed_over = 0

    def result(self) -> Imported:
        return Imported(tuple(self._manifests), tuple(self._notes), tuple(self._refusals), self._passed_over)

    def refuse(self, place: Place, title: str, field: str, text: str) -> None:
        self._refusals.append(Remark(place, title, field, text, is_refusal=True))

    def convert(self, source: SourceObject, comments: list[Comment]) -> None:
        """Convert one object; what is no autoscaler of SQS is passed over."""
        try:
            draft = self._draft(source)
            if draft is None:
                self._passed_over += 1
                return
            if self._mode:
                draft.fields["spec"]["mode"] = self._mode
            notes = [
                Remark(source.place(note.path), source.title, dotted(note.path), note.text) for note in draft.notes
            ]
            notes.sort(key=lambda note: note.place.line or 0)
            text = _manifest(draft, notes, comments)
            self._check(draft, text)
            self._take_name(source)
        except RefusedError as error:
            self.refuse(source.place(error.path), source.title, dotted(error.path), str(error))
        else:
            self._manifests.append(text)
            self._notes += notes

    def _take_name(self, source: SourceObject) -> None:
        """Raise RefusedError when an earlier object has become the pool of this name, which would be overwritten."""
        other = self._sources.setdefault((source.namespace, source.name), source)
        if other is not source:
            text = f"{other.title} ({other.place()}) is the pool of this name already: leave one out, or rename it"
            raise RefusedError(("metadata", "name"), text)

    def _draft(self, source: SourceObject) -> Draft | None:
        if source.group in (keda.GROUP, keda.OLD_GROUP) and source.kind not in AUTHENTICATIONS:
            keda.refuse_other_kinds(source)
            if source.kind == keda.KIND:
                return keda.convert(source, self._context)
        if (source.group, source.kind.lower()) == (worker_pod_autoscaler.GROUP, worker_pod_autoscaler.KIND.lower()):
            return worker_pod_autoscaler.convert(source, self._context)
        if (source.group, source.kind) == (hpa.GROUP, hpa.KIND):
            if hpa.is_on_sqs(source, self._context):
                return hpa.convert(source, self._context)
            hpa.refuse_unknown_metrics(source)
        return None

    def _check(self, draft: Draft, text: str) -> None:
        """Raise RefusedError when a pool is not valid, with the field of the source that makes it so."""
        for verdict in validate(text, self._now):
            for problem in verdict.errors:
                origin = _origin(draft, problem.field)
                raise RefusedError(
                    origin, f"the pool's {problem.field or 'manifest'} would not be valid: {problem.message}"
                )


def _origin(draft: Draft, field: str) -> Path:
    """Return where in the source a field of the pool came from, or the nearest field around it."""
    known = {dotted(where): origin for where, origin in draft.origins.items()}
    for index, schedule in enumerate(draft.fields["spec"].get("schedules", ())):
        field = field.replace(f"schedules[name={schedule['name']}]", f"schedules[{index}]")
    while field:
        if field in known:
            return known[field]
        field = field.rpartition(".")[0] if "." in field else ""
    return ()


def _manifest(draft: Draft, notes: list[Remark], comments: list[Comment]) -> str:
    beside, left = _placed(draft, comments)
    head = [f"From {draft.source.title} ({draft.source.place()}), by qwp import."]
    if notes:
        head += ["Not carried over as it was:", *(f"- {note.field}: {note.text}" for note in notes)]
    return manifests.write(_pool(draft), [*head, *left], beside)


def _pool(draft: Draft) -> dict[str, Any]:
    """Return the object, with its fields in the order of the schema."""
    head = {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": draft.fields["metadata"]}
    return head | {"spec": _ordered(draft.fields["spec"], pool_schema()["properties"]["spec"])}


def _ordered(value: Any, schema: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    names = [name for name in known if name in value] + [name for name in value if name not in known]
    return {name: _ordered(value[name], known.get(name, {})) for name in names}


def _placed(draft: Draft, comments: list[Comment]) -> tuple[dict[Path, Beside], list[str]]:
    """Return the source's comments beside the fields that became of theirs, and those of fields that became nothing."""
    source = draft.source
    goals: dict[int, Path] = {}
    for where, origin in draft.origins.items():
        if (line := source.lines.get(dotted(origin))) is not None:
            goals.setdefault(line, where)
    starts = sorted(set(source.lines.values()))
    beside: dict[Path, Beside] = {}
    left: list[str] = []
    for comment in comments:
        line = comment.line if comment.line in starts else next((each for each in starts if each > comment.line), None)
        goal = goals.get(line) if line is not None else None
        if goal is None or comment.line < (source.line or 0):
            left.append(comment.text)
            continue
        found = beside.get(goal, Beside())
        beside[goal] = (
            found._replace(end=f"{found.end} {comment.text}".strip())
            if comment.line == line and _is_scalar(draft, goal)
            else found._replace(before=(*found.before, comment.text))
        )
    return beside, left


def _is_scalar(draft: Draft, where: Path) -> bool:
    found: Any = draft.fields
    for part in where:
        found = found[part]
    return not isinstance(found, (dict, list))
