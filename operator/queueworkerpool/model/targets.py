"""What is scaled, as the watch shows it. `Target.parse` is the only reader of the raw object, whatever its kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from queueworkerpool.model.environment import PodEnvironment
from queueworkerpool.model.workloads import DEPLOYMENT, ROLLOUT, Removal, Workload

ROLLOUT_HASH = "rollouts-pod-template-hash"
"""The label by which Argo Rollouts tells the pods of its ReplicaSets, in place of `pod-template-hash`."""

UNKNOWN_WRITER = "an unknown writer"
"""How a writer of the replicas is called that the API server does not name."""


_NOTHING_TOLD = PodEnvironment()


@dataclass(frozen=True, slots=True)
class Scale:
    """The `/scale` of an object: pods asked for, pods there are, and their label selector."""

    replicas: int
    current_replicas: int
    selector: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Parse a raw Scale."""
        status = body.get("status") or {}
        return cls((body.get("spec") or {}).get("replicas", 0), status.get("replicas", 0), status.get("selector", ""))


@dataclass(frozen=True, slots=True)
class Target:
    """What a pool scales: pods asked for, pods ready, and the resourceVersion that these numbers are of.

    `rolling_out`: pods of an older template are being replaced, and which pods go at a scale-in is not known meanwhile:
    the target is neither paused nor has it said that it does not get on. `settled`: there are as many pods as are asked
    for, so the last scale-in has taken its pods. `selector`: the label selector of its pods. `writer`: the field
    manager that last wrote the replicas, and when; None when that is not known, as after a scale to zero: then the API
    server keeps no record of writes of the scale subresource any more. `uid`: the object's; another one that gets its
    name has another. `generation`: it grows with each change of the spec, and stays when the status changes.
    `paused`: no pod of a new template is started. `removal`: which pods go at a scale-in. `first_ordinal`: the lowest
    of the ordinals, where pods have one. `environment`: what its pods are told of queues.
    """

    replicas: int
    ready_replicas: int
    resource_version: int
    rolling_out: bool = False
    settled: bool = False
    selector: str = ""
    writer: tuple[str, datetime | None] | None = None
    uid: str = ""
    generation: int = 0
    paused: bool = False
    removal: Removal = Removal.MARKED
    first_ordinal: int = 0
    environment: PodEnvironment = _NOTHING_TOLD

    @property
    def spares_workers(self) -> bool:
        """Whether it is known which pods go at a scale-in, so that busy workers can be spared."""
        return self.removal is not Removal.UNKNOWN

    @property
    def heeds_marks(self) -> bool:
        """Whether marks choose the pods that go; otherwise those of its pods are none of ours."""
        return self.removal is Removal.MARKED

    @property
    def needs_scale(self) -> bool:
        """Whether only its `/scale` says how many pods it asks for, and which they are."""
        return self.removal is Removal.UNKNOWN

    def with_scale(self, scale: Scale) -> Self:
        """Return it with what its `/scale` says, which alone knows where a kind keeps these."""
        ready = self.ready_replicas or scale.current_replicas
        settled = scale.current_replicas == scale.replicas
        return replace(self, replicas=scale.replicas, ready_replicas=ready, settled=settled, selector=scale.selector)

    def differs_in_status_only(self, other: "Target") -> bool:
        """Return whether both are the same object with the same spec, in the same state of a rollout."""
        mine, others = ((each.uid, each.generation, each.replicas, each.rolling_out) for each in (self, other))
        return mine == others

    @classmethod
    def parse(cls, body: Mapping[str, Any], workload: Workload = DEPLOYMENT) -> Self:
        """Parse a raw object of a kind. What only its `/scale` knows is missing, where the kind is not built in."""
        status, metadata, spec = body.get("status") or {}, body["metadata"], body.get("spec") or {}
        replicas = spec.get("replicas", 1) if workload.built_in else 0
        rolling_out, paused = _rollout_state(body, workload)
        return cls(
            replicas=replicas,
            ready_replicas=_number(status.get("readyReplicas")),
            resource_version=int(metadata["resourceVersion"]),
            rolling_out=rolling_out,
            settled=_is_current(body) and _number(status.get("replicas")) == replicas,
            selector=_pods_of(body, workload),
            writer=_writer(metadata.get("managedFields", ())),
            uid=metadata.get("uid", ""),
            generation=metadata.get("generation", 0),
            paused=paused,
            removal=workload.removal,
            first_ordinal=_first_ordinal(spec, workload),
            environment=PodEnvironment.parse(spec.get("template")),
        )


def _number(raw: object) -> int:
    return raw if type(raw) is int else 0


def _first_ordinal(spec: Mapping[str, Any], workload: Workload) -> int:
    has_ordinals = workload.removal is Removal.HIGHEST_ORDINAL
    return _number((spec.get("ordinals") or {}).get("start")) if has_ordinals else 0


def _is_current(body: Mapping[str, Any]) -> bool:
    """Return whether the status is about the spec as it is. Argo Rollouts writes the generation as a text."""
    observed = str((body.get("status") or {}).get("observedGeneration", 0))
    return observed.isdecimal() and int(observed) >= body["metadata"].get("generation", 0)


def _pods_of(body: Mapping[str, Any], workload: Workload) -> str:
    """Return the label selector of an object's pods, as a query; empty where only the `/scale` knows it."""
    if not workload.built_in:
        return ""
    if workload.identity == ROLLOUT.identity and not body["spec"].get("selector"):
        # With `workloadRef` only the status has it; in a blue-green rollout it selects one of the two ReplicaSets.
        terms = str((body.get("status") or {}).get("selector", "")).split(",")
        return ",".join(term for term in terms if not term.startswith(f"{ROLLOUT_HASH}="))
    return _selector(body["spec"].get("selector") or {})


def _selector(raw: Mapping[str, Any]) -> str:
    """Return a label selector, of labels and expressions, in the form of a query."""
    labels = [f"{name}={value}" for name, value in sorted(raw.get("matchLabels", {}).items())]
    return ",".join([*labels, *(_expression(each) for each in raw.get("matchExpressions", ()))])


def _expression(raw: Mapping[str, Any]) -> str:
    key, values = str(raw["key"]), ",".join(raw.get("values") or ())
    forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}"}
    return forms[raw["operator"]]


def _rollout_state(body: Mapping[str, Any], workload: Workload) -> tuple[bool, bool]:
    """Return whether an object is rolling out, and whether it is paused.

    A StatefulSet's highest ordinals go, whatever their template: a rollout changes nothing about which.
    """
    if workload.removal is not Removal.MARKED:
        return False, False
    status, paused = body.get("status") or {}, bool(body["spec"].get("paused"))
    if workload.identity == ROLLOUT.identity:
        moving = status.get("currentPodHash") != status.get("stableRS")
        waits = bool(status.get("pauseConditions") or status.get("controllerPause") or status.get("abort"))
    else:
        moving, waits = status.get("updatedReplicas", 0) < status.get("replicas", 0), False
    if paused or waits or not moving:
        return False, paused
    stuck = any(each["type"] == "Progressing" and each["status"] == "False" for each in status.get("conditions", ()))
    # The verdict on an older template says nothing of this one.
    return not (_is_current(body) and stuck), paused


def _writer(managed: Iterable[Mapping[str, Any]]) -> tuple[str, datetime | None] | None:
    """Return who last wrote spec.replicas, and when, by the API server's own records."""
    owners = [entry for entry in managed if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})]
    last = max(owners, key=lambda entry: str(entry.get("time", "")), default=None)
    if last is None:
        return None
    return last.get("manager") or UNKNOWN_WRITER, datetime.fromisoformat(last["time"]) if "time" in last else None
