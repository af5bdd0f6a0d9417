"""One verdict per object in a file: reads the documents, runs the checks, adds the warnings. Pure.

`validate` here is the package's. It holds no check of its own: those are in `metadata`, `schema`, `rules`, `lint` and
`deployments`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from queueworkerpool.model import DEPLOYMENT, NamespacedName, PoolSpec
from queueworkerpool.names import GROUP, KIND, VERSION
from queueworkerpool.validate import addresses, deployments, lint, metadata, problems, schedules, schema
from queueworkerpool.validate.addresses import AskedQueue
from queueworkerpool.validate.crd import pool_schema
from queueworkerpool.validate.deployments import DeploymentWorkers
from queueworkerpool.validate.documents import Document, DocumentBrokenError, Duplicate, read
from queueworkerpool.validate.lint import LintWarning
from queueworkerpool.validate.problems import NOT_ALL_CHECKED, Problem

API_VERSION = f"{GROUP}/{VERSION}"
NAMELESS = NamespacedName("", "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one object, or for a document that is not an object.

    Args:
        line: The line at which its document begins; None when the error's text names it.
        kind: Its kind; empty for a document that is not an object.
        key: Its namespace and name, as far as it has them.
        skipped: Whether it was not checked, because it is not a QueueWorkerPool.
        errors: What the API server refuses, and addresses of queues and schedules that the operator refuses.
        warnings: What is valid and probably a mistake.
        spec: The spec of a valid pool, else None.
        queues: What a valid pool's queues are asked for.
    """

    line: int | None
    kind: str = ""
    key: NamespacedName = NAMELESS
    skipped: bool = False
    errors: tuple[Problem, ...] = ()
    warnings: tuple[LintWarning, ...] = ()
    spec: PoolSpec | None = None
    queues: tuple[AskedQueue, ...] = ()


def validate(text: str, now: datetime) -> list[Verdict]:
    """Check every object in a file of YAML or JSON; `now` is used only for schedules.

    Raises DocumentBrokenError when there is no object in the file; a broken document in it is a verdict.
    """
    verdicts: list[Verdict] = []
    workers: dict[NamespacedName, DeploymentWorkers] = {}
    for document in read(text):
        if isinstance(document, DocumentBrokenError):
            verdicts.append(Verdict(None, errors=(Problem("", str(document)),)))
            continue
        for path, value in _objects(document.value, ""):
            verdict = _check(value, replace(document, duplicates=_within(document.duplicates, path)), now)
            verdicts.append(verdict)
            if verdict.kind == DEPLOYMENT.kind:
                workers[verdict.key] = DeploymentWorkers.parse(value)
    if not verdicts:
        raise DocumentBrokenError("there is no object in it")
    return _cross_checked(verdicts, workers)


def _objects(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the objects of a document, those of a list one by one, each with its path in the document."""
    if (
        isinstance(value, dict)
        and isinstance(items := value.get("items"), list)
        and _text(value, "kind")[-4:] == "List"
    ):
        for index, item in enumerate(items):
            yield from _objects(item, f"{path}items[{index}].")
    else:
        yield path, value


def _within(duplicates: tuple[Duplicate, ...], path: str) -> tuple[Duplicate, ...]:
    inside = (duplicate for duplicate in duplicates if duplicate.path.startswith(path))
    return tuple(duplicate._replace(path=duplicate.path.removeprefix(path)) for duplicate in inside)


def _text(value: dict[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _check(value: Any, document: Document, now: datetime) -> Verdict:
    if not isinstance(value, dict):
        return Verdict(document.line, errors=(Problem("", f"line {document.line}: an object is needed, with a kind"),))
    kind, group = _text(value, "kind"), _text(value, "apiVersion").rpartition("/")[0]
    if not kind or not _text(value, "apiVersion"):
        missing = "apiVersion" if kind else "kind"
        return Verdict(document.line, kind, _key(value), errors=(problems.required(missing),))
    verdict = Verdict(document.line, kind, _key(value))
    if group != GROUP:
        return replace(verdict, skipped=True)
    errors = (*_wrong_kind(value), *_repeated_keys(document))
    errors = (*errors, *_faults(value)) if not _wrong_kind(value) else errors
    if errors:
        return replace(verdict, errors=tuple(dict.fromkeys(errors)))
    spec = PoolSpec.parse(schema.completed(value, pool_schema())["spec"])
    if refused := (*addresses.problems(spec), *schedules.problems(spec, now)):
        return replace(verdict, errors=refused)
    queues = tuple(addresses.asked(spec))
    return replace(verdict, spec=spec, queues=queues, warnings=tuple(lint.warnings(spec, now)))


def _key(value: dict[str, Any]) -> NamespacedName:
    meta = value.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    return NamespacedName(_text(meta, "namespace"), _text(meta, "name") or _text(meta, "generateName"))


def _wrong_kind(value: dict[str, Any]) -> list[Problem]:
    wanted = {"apiVersion": API_VERSION, "kind": KIND}
    return [problems.not_supported(name, value[name], [word]) for name, word in wanted.items() if value[name] != word]


def _repeated_keys(document: Document) -> Iterator[Problem]:
    for duplicate in document.duplicates:
        yield Problem(duplicate.path, f'line {duplicate.line}: key "{duplicate.key}" already set in map')


def _faults(value: dict[str, Any]) -> list[Problem]:
    """Return what the API server refuses, in its order; it stops after unknown fields, this reports the rest too."""
    whole = pool_schema()
    body = {name: part for name, part in value.items() if name != "metadata"}
    unreadable = [*metadata.unreadable(value.get("metadata")), *schema.unknown_fields(body, whole)]
    # The API server drops the status of an object that is created or applied, before it checks.
    stored = schema.completed({name: part for name, part in body.items() if name != "status"}, whole)
    found = list(metadata.faults(value.get("metadata") or {})) if not any(p.blocking for p in unreadable) else []
    found += [*schema.faults(stored, whole), *schema.repeated_keys(stored, whole)]
    if any(problem.blocking for problem in found):
        return [*unreadable, *found, NOT_ALL_CHECKED]
    # Imported here, so that nothing but `qwp validate` loads the CEL library.
    from queueworkerpool.validate.rules import broken_rules  # noqa: PLC0415

    return [*unreadable, *found, *broken_rules(stored, whole)]


def _cross_checked(verdicts: list[Verdict], workers: dict[NamespacedName, DeploymentWorkers]) -> list[Verdict]:
    """Add the warnings that need more than one object of the file."""
    scaled: dict[NamespacedName, str] = {}
    checked = []
    for verdict in verdicts:
        spec, target = verdict.spec, _target(verdict)
        if spec is None or target is None:
            checked.append(verdict)
            continue
        more: list[LintWarning] = []
        found = workers.get(target)
        if found:
            more += deployments.warnings(spec, found)
        elif deployments.has_variables(spec):
            problem = f"it could not be checked: the Deployment {target.name} is not in this file"
            more.append(LintWarning("spec.queues", f"{problem}: check them together"))
        if target in scaled:
            problem = f"the pool {scaled[target]} in this file scales the Deployment {target.name} too"
            more.append(LintWarning("spec.scaleTargetRef.name", f"{problem}: one pool per Deployment"))
        scaled.setdefault(target, verdict.key.name)
        whole = replace(verdict, warnings=(*verdict.warnings, *more))
        checked.append(_resolved(whole, spec, found) if found else whole)
    return checked


def _target(verdict: Verdict) -> NamespacedName | None:
    """Return the Deployment that a valid pool scales."""
    return NamespacedName(verdict.key.namespace, verdict.spec.deployment) if verdict.spec else None


def _resolved(verdict: Verdict, spec: PoolSpec, workers: DeploymentWorkers) -> Verdict:
    """Return the verdict on a pool whose queues the Deployment's environment names, if there are such."""
    if refused := tuple(deployments.queue_problems(spec, workers.environment)):
        return replace(verdict, errors=refused, warnings=(), queues=(), spec=None)
    queues = tuple(addresses.asked(replace(spec, queues=workers.environment.resolved(spec.queues))))
    return replace(verdict, queues=queues)
