"""What raw objects of each kind say: how many pods they ask for, which are theirs, and whether a rollout gets on."""

from typing import Any

import pytest

from queueworkerpool.cluster.objects import belongs, parse_pod
from queueworkerpool.errors import SettingsInvalidError
from queueworkerpool.model import (
    DEFAULT_WORKLOADS,
    DEPLOYMENT,
    ROLLOUT,
    STATEFUL_SET,
    Removal,
    Scale,
    ScaleTarget,
    ScaleTargetRef,
    Target,
    Workload,
    parse_workloads,
    workload_of,
)

INDEX = Workload(kind="Index", group="example.com", version="v1", plural="indices")


def raw(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"uid": "uid-1", "resourceVersion": "5", "generation": 2},
        "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "jobs"}}} | (spec or {}),
        "status": {"replicas": 4, "readyReplicas": 3} | status,
    }


def test_a_stateful_set() -> None:
    moving = {"updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b", "observedGeneration": 2}
    found = Target.parse(raw({"ordinals": {"start": 3}}, **moving), STATEFUL_SET)
    assert (found.replicas, found.ready_replicas, found.selector, found.settled) == (4, 3, "app=jobs", True)
    assert (found.removal, found.first_ordinal, found.spares_workers) == (Removal.HIGHEST_ORDINAL, 3, True)
    assert not found.rolling_out


def test_fields_of_another_kind_mean_nothing_here() -> None:
    odd = {"ordinals": [1, 2], "selector": "app=jobs", "template": "small", "replicas": "all", "paused": 7}
    found = Target.parse(raw(odd, readyReplicas="all"), INDEX).with_scale(Scale(3, 2, "app=jobs"))
    assert (found.replicas, found.ready_replicas, found.selector, found.settled) == (3, 2, "app=jobs", False)
    assert (found.first_ordinal, found.paused, found.rolling_out) == (0, False, False)


ROLLOUTS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "every pod is of the stable ReplicaSet": ({}, {"currentPodHash": "a", "stableRS": "a"}, False),
    "pods move to another ReplicaSet": ({}, {"currentPodHash": "b", "stableRS": "a"}, True),
    "a canary waits at a step": ({}, {"currentPodHash": "b", "stableRS": "a", "pauseConditions": [{}]}, False),
    "it was aborted": ({}, {"currentPodHash": "b", "stableRS": "a", "abort": True}, False),
    "it is paused": ({"paused": True}, {"currentPodHash": "b", "stableRS": "a"}, False),
    "it does not get on": (
        {},
        {"currentPodHash": "b", "stableRS": "a", "conditions": [{"type": "Progressing", "status": "False"}]},
        False,
    ),
}


@pytest.mark.parametrize(("spec", "status", "rolling_out"), ROLLOUTS.values(), ids=ROLLOUTS)
def test_whether_an_argo_rollout_gets_on(spec: dict[str, Any], status: dict[str, Any], rolling_out: bool) -> None:
    """Argo writes the generation that it has seen as a text."""
    found = Target.parse(raw(spec, observedGeneration="2", **status), ROLLOUT)
    assert (found.rolling_out, found.paused, found.removal) == (rolling_out, bool(spec), Removal.MARKED)
    assert found.settled


def test_an_argo_rollout_of_a_deployments_template_has_its_selector_in_the_status() -> None:
    """In a blue-green rollout that selects one of the two ReplicaSets; the pods of both are the Rollout's."""
    spec = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "jobs"}, "selector": None}
    status = {"selector": "app=jobs,rollouts-pod-template-hash=abc,tier in (a,b)"}
    assert Target.parse(raw(spec, **status), ROLLOUT).selector == "app=jobs,tier in (a,b)"


def test_another_kind_is_explained_by_its_scale_alone() -> None:
    """Where a kind keeps these numbers, only its definition knows; what looks like them may be something else."""
    bare = Target.parse(raw({"replicas": "many", "selector": "odd"}), INDEX)
    assert (bare.needs_scale, bare.spares_workers, bare.replicas, bare.selector) == (True, False, 0, "")
    found = bare.with_scale(Scale.parse({"spec": {"replicas": 7}, "status": {"replicas": 7, "selector": "app=index"}}))
    assert (found.replicas, found.ready_replicas, found.selector, found.settled) == (7, 3, "app=index", True)
    assert Scale.parse({"spec": {}}) == Scale(0, 0, "")


def owned(kind: str, name: str, pod: str = "jobs-3", **labels: str) -> dict[str, Any]:
    labels = {name.replace("_", "-"): value for name, value in labels.items()}
    owner = {"kind": kind, "name": name, "controller": True}
    created = {"creationTimestamp": "2026-11-23T11:00:00Z"}
    return {"metadata": {"name": pod, "uid": "u", "labels": labels, "ownerReferences": [owner]} | created, "spec": {}}


OWNED: dict[str, tuple[dict[str, Any], tuple[str, str], bool]] = {
    "a Deployment's, by its ReplicaSet": (
        owned("ReplicaSet", "jobs-a", pod_template_hash="a"),
        DEPLOYMENT.identity,
        True,
    ),
    "a ReplicaSet's of another name": (owned("ReplicaSet", "x-a", pod_template_hash="a"), DEPLOYMENT.identity, False),
    "a Rollout's, by its ReplicaSet": (
        owned("ReplicaSet", "jobs-a", rollouts_pod_template_hash="a"),
        ROLLOUT.identity,
        True,
    ),
    "a Deployment's is no Rollout's": (owned("ReplicaSet", "jobs-a", pod_template_hash="a"), ROLLOUT.identity, False),
    "a StatefulSet's": (owned("StatefulSet", "jobs"), STATEFUL_SET.identity, True),
    "another StatefulSet's": (owned("StatefulSet", "other"), STATEFUL_SET.identity, False),
    "a StatefulSet's is no Deployment's": (owned("StatefulSet", "jobs"), DEPLOYMENT.identity, False),
    "of another kind, whoever owns it": (owned("Worker", "jobs-1"), INDEX.identity, True),
}


@pytest.mark.parametrize(("item", "kind", "expected"), OWNED.values(), ids=OWNED)
def test_whose_pod_it_is(item: dict[str, Any], kind: tuple[str, str], expected: bool) -> None:
    group, name = kind
    assert belongs(item, ScaleTarget("shop", "jobs", name, group)) is expected
    assert not belongs(item | {"status": {"phase": "Failed"}}, ScaleTarget("shop", "jobs", name, group))


def test_a_pods_ordinal_and_its_replica_set() -> None:
    pods = [parse_pod(owned("x", "y", pod, rollouts_pod_template_hash="a")) for pod in ("jobs-3", "jobs-a1", "jobs")]
    assert [(pod.ordinal, pod.replica_set) for pod in pods] == [(3, "a"), (None, "a"), (None, "a")]


def test_the_kinds_that_may_be_scaled_are_a_setting() -> None:
    assert parse_workloads("") == DEFAULT_WORKLOADS == (DEPLOYMENT, STATEFUL_SET)
    rollouts = '{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}'
    indices = '{"apiVersion": "example.com/v1", "kind": "Index", "resource": "indices"}'
    assert parse_workloads(f"[{rollouts}, {indices}]") == (ROLLOUT, INDEX)
    assert parse_workloads('[{"apiVersion": "v1", "kind": "ReplicationController"}]')[0].root == "/api/v1"


WRONG: dict[str, tuple[str, str]] = {
    "no JSON": ("Deployment", "no JSON"),
    "no list": ('{"kind": "Deployment"}', "a JSON list"),
    "an empty list": ("[]", "one kind or more"),
    "a text": ('["Deployment"]', "scale_targets[0]: apiVersion, kind"),
    "no kind": ('[{"apiVersion": "apps/v1"}]', "scale_targets[0]: apiVersion, kind"),
    "an unknown field": ('[{"apiVersion": "apps/v1", "kind": "A", "plural": "as"}]', "nothing else"),
    "a path in the version": ('[{"apiVersion": "apps/../v1", "kind": "A"}]', "scale_targets[0].apiVersion"),
    "a path in the resource": ('[{"apiVersion": "apps/v1", "kind": "A", "resource": "../x"}]', "[0].resource"),
    "a kind in small letters": ('[{"apiVersion": "apps/v1", "kind": "deployment"}]', "[0].kind"),
    "one kind twice, in two versions": (
        '[{"apiVersion": "a.io/v1", "kind": "A"}, {"apiVersion": "a.io/v2", "kind": "A"}]',
        "[1]: A is listed twice",
    ),
}


@pytest.mark.parametrize(("text", "problem"), WRONG.values(), ids=WRONG)
def test_a_setting_that_makes_no_sense_stops_the_start(text: str, problem: str) -> None:
    with pytest.raises(SettingsInvalidError, match=problem.replace("[", r"\[").replace("]", r"\]")):
        parse_workloads(text)


def test_paths_and_names() -> None:
    target = ScaleTargetRef("jobs", "Rollout", "argoproj.io/v1alpha1").within("shop")
    assert (target, target.label) == (ScaleTarget("shop", "jobs", "Rollout", "argoproj.io"), "Rollout jobs")
    assert ROLLOUT.path(target) == "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/jobs"
    assert (ROLLOUT.resource, DEPLOYMENT.resource) == ("rollouts.argoproj.io", "deployments")
    assert workload_of("v1", "ReplicationController").resource == "replicationcontrollers"
    assert workload_of("argoproj.io/v1alpha1", "Rollout") == ROLLOUT
    assert (ROLLOUT.api_version, workload_of("v1", "Pod").api_version) == ("argoproj.io/v1alpha1", "v1")


def test_a_pool_of_before_there_were_kinds_scales_a_deployment() -> None:
    assert ScaleTargetRef.parse({"name": "jobs"}) == ScaleTargetRef("jobs", "Deployment", "apps/v1")
