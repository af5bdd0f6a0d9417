"""The workload that is scaled. Pure. The modules of the kinds call it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.source import Path, SourceObject

_DEFAULTS = {"apiVersion": "apps/v1", "kind": "Deployment"}


def put_target(draft: Draft, at: Path) -> None:
    """Take over the reference to a workload; what is a pool's default is not written."""
    source = draft.source
    source.mapping(at)
    name = source.required_text((*at, "name"), "orders-worker")
    for field, default in _DEFAULTS.items():
        if (found := source.text((*at, field))) not in ("", default):
            draft.put(("spec", "scaleTargetRef", field), found, (*at, field))
    draft.put(("spec", "scaleTargetRef", "name"), name, (*at, "name"))


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod template."""

    name: str
    raw: Mapping[str, Any]

    def has_literal(self, variable: str) -> bool:
        """Return whether an environment variable has its value in the template itself."""
        listed = self.raw.get("env")
        entries = listed if isinstance(listed, list) else []
        found = [each for each in entries if isinstance(each, dict) and each.get("name") == variable]
        return bool(found) and isinstance(found[-1].get("value"), str)


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """The containers of a workload's pods."""

    containers: tuple[Container, ...]

    def container(self, name: str) -> Container | None:
        """Return the container of this name, the first one for no name; None when there is none."""
        return next((each for each in self.containers if name in ("", each.name)), None)


def pod_template(source: SourceObject, at: Path, context: Context) -> PodTemplate | None:
    """Return the pod template of the workload that is referred to; None when the workload is not imported too."""
    reference = {name: source.text((*at, name)) or default for name, default in _DEFAULTS.items()}
    group = reference["apiVersion"].rpartition("/")[0]
    workload = context.find(group, reference["kind"], source.namespace, source.text((*at, "name")))
    if workload is None:
        return None
    listed = workload.find(("spec", "template", "spec", "containers"))
    raw = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return PodTemplate(tuple(Container(str(each.get("name", "")), each) for each in raw))
