"""What the operator may do in the cluster: exactly what it needs."""

import json

import pytest

from queueworkerpool.leader.shards import MOST_SHARDS
from queueworkerpool.model import parse_workloads
from tests.chart.objects import Json, Render, of_kind, pod

GRANTS = {
    ("queueworker.dev", "queueworkerpools"): {"get", "list", "watch"},
    ("queueworker.dev", "queueworkerpools/status"): {"patch"},
    ("apps", "deployments"): {"get", "list", "watch"},
    ("apps", "deployments/scale"): {"patch"},
    ("apps", "statefulsets"): {"get", "list", "watch"},
    ("apps", "statefulsets/scale"): {"patch"},
    ("", "pods"): {"list", "patch"},
    ("", "events"): {"create"},
}
OF_LEASE = "-lease"
OF_PEOPLE = ("-view", "-edit")
RBAC_KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def grants(role: Json) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert rule.keys() == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def aggregated_to(role: Json) -> list[str]:
    """The ClusterRoles that take in this one's rules."""
    mark = "rbac.authorization.k8s.io/aggregate-to-"
    labels = role["metadata"]["labels"].items()
    return [name.removeprefix(mark) for name, value in labels if name.startswith(mark) and value == "true"]


@pytest.mark.parametrize(
    ("watched", "role_kind", "places"),
    [([], "ClusterRole", [None]), (["team-a", "team-b"], "Role", ["team-a", "team-b"])],
)
def test_the_operator_gets_these_rights_and_no_others(
    watched: list[str], role_kind: str, places: list[str | None], render: Render
) -> None:
    objects = render({"watchNamespaces": watched})
    of_pools = [found for found in objects if not found["metadata"]["name"].endswith((OF_LEASE, *OF_PEOPLE))]
    roles, bindings = of_kind(of_pools, role_kind), of_kind(of_pools, role_kind + "Binding")
    assert len(roles) + len(bindings) == len([found for found in of_pools if found["kind"] in RBAC_KINDS])
    assert [role["metadata"].get("namespace") for role in roles] == places
    assert [grants(role) for role in roles] == [GRANTS] * len(places)
    assert [binding["metadata"].get("namespace") for binding in bindings] == places
    account = {"kind": "ServiceAccount", "name": pod(objects)["spec"]["serviceAccountName"], "namespace": "system"}
    for role, binding in zip(roles, bindings, strict=True):
        assert binding["subjects"] == [account]
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role_kind,
            "name": role["metadata"]["name"],
        }


OF_ALL_POOLS = {right: verbs for right, verbs in GRANTS.items() if right[0] != "apps"}
LISTED: dict[str, tuple[list[dict[str, str]], dict[tuple[str, str], set[str]]]] = {
    "Deployments alone": (
        [{"apiVersion": "apps/v1", "kind": "Deployment"}],
        {("apps", "deployments"): {"get", "list", "watch"}, ("apps", "deployments/scale"): {"patch"}},
    ),
    "Argo Rollouts": (
        [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}],
        {("argoproj.io", "rollouts"): {"get", "list", "watch"}, ("argoproj.io", "rollouts/scale"): {"patch"}},
    ),
    "a kind that only its scale explains": (
        [{"apiVersion": "example.com/v1", "kind": "Index", "resource": "indices"}],
        {("example.com", "indices"): {"get", "list", "watch"}, ("example.com", "indices/scale"): {"get", "patch"}},
    ),
    "a kind of the core group": (
        [{"apiVersion": "v1", "kind": "ReplicationController"}],
        {
            ("", "replicationcontrollers"): {"get", "list", "watch"},
            ("", "replicationcontrollers/scale"): {"get", "patch"},
        },
    ),
}


@pytest.mark.parametrize(("listed", "expected"), LISTED.values(), ids=LISTED)
@pytest.mark.parametrize("watched", [[], ["team-a"]])
def test_the_rights_grow_by_exactly_the_kinds_that_are_listed_and_the_operator_scales_no_others(
    watched: list[str], listed: list[Json], expected: Json, render: Render
) -> None:
    objects = render({"scaleTargets": listed, "watchNamespaces": watched})
    [role] = [
        each
        for each in of_kind(objects, "Role" if watched else "ClusterRole")
        if not each["metadata"]["name"].endswith((OF_LEASE, *OF_PEOPLE))
    ]
    assert grants(role) == OF_ALL_POOLS | expected
    [setting] = [each["value"] for each in pod(objects)["spec"]["containers"][0]["env"] if "SCALE_T" in each["name"]]
    assert json.loads(setting) == listed
    assert {(each.group, each.plural) for each in parse_workloads(setting)} < expected.keys()


@pytest.mark.parametrize("watched", [[], ["team-a", "system"]])
def test_of_all_leases_the_operator_may_touch_its_own_and_create_it(watched: list[str], render: Render) -> None:
    objects = render({"watchNamespaces": watched})
    election = [found for found in objects if found["metadata"]["name"].endswith(OF_LEASE)]
    assert [found["kind"] for found in election] == ["Role", "RoleBinding"]
    role, binding = election
    [lease] = of_kind(objects, "Lease")
    own = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [lease["metadata"]["name"]]}
    create = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]}
    assert role["rules"] == [own | {"verbs": ["get", "patch"]}, create]
    assert {found["metadata"]["namespace"] for found in (role, binding, lease)} == {"system"}
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    [subject] = binding["subjects"]
    assert (subject["name"], subject["namespace"]) == (pod(objects)["spec"]["serviceAccountName"], "system")


def test_with_shards_the_operator_may_touch_the_leases_of_every_number_of_them(render: Render) -> None:
    """Operators of before an upgrade hold Leases that the new ones do not have."""
    names = ["demo-queueworkerpool", *(f"demo-queueworkerpool-shard-{shard}" for shard in range(MOST_SHARDS))]
    for shards in (2, 3, MOST_SHARDS):
        [role] = [
            found for found in of_kind(render({"shards": shards}), "Role") if "lease" in found["metadata"]["name"]
        ]
        assert role["rules"][0]["resourceNames"] == names


POOLS, STATUS = ("queueworker.dev", "queueworkerpools"), ("queueworker.dev", "queueworkerpools/status")
AGGREGATED = {
    "demo-queueworkerpool-view": (["view", "edit", "admin"], {POOLS: {"get", "list", "watch"}, STATUS: {"get"}}),
    "demo-queueworkerpool-edit": (
        ["edit", "admin"],
        {POOLS: {"create", "update", "patch", "delete", "deletecollection"}},
    ),
}


def test_people_who_view_or_edit_a_namespace_may_do_so_with_its_pools_and_not_with_their_status(render: Render) -> None:
    found = [role for role in of_kind(render(), "ClusterRole") if role["metadata"]["name"].endswith(OF_PEOPLE)]
    assert {role["metadata"]["name"]: (aggregated_to(role), grants(role)) for role in found} == AGGREGATED


@pytest.mark.parametrize("values", [{"aggregatedRoles": {"create": False}}, {"watchNamespaces": ["team-a"]}])
def test_people_get_no_rights_where_they_are_not_wanted_or_the_operator_has_only_roles(
    values: Json, render: Render
) -> None:
    assert [found for found in render(values) if found["metadata"]["name"].endswith(OF_PEOPLE)] == []


def test_only_the_operators_pod_gets_a_token(render: Render) -> None:
    objects = render()
    (account,) = of_kind(objects, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert pod(objects)["spec"]["automountServiceAccountToken"] is True


@pytest.mark.parametrize(
    ("values", "kubernetes", "created"),
    {
        "where the API has policies": ({}, "1.30.0", True),
        "also of a cloud vendor": ({}, "v1.31.4-eks-1", True),
        "not where it has none": ({}, "1.29.0", False),
        "not when it is switched off": ({"podPatchPolicy": {"enabled": False}}, "1.30.0", False),
    }.values(),
)
def test_a_policy_limits_what_the_operator_may_patch(
    values: Json, kubernetes: str, *, created: bool, render: Render
) -> None:
    objects = render(values, kubernetes=kubernetes)
    policies = of_kind(objects, "ValidatingAdmissionPolicy")
    bindings = of_kind(objects, "ValidatingAdmissionPolicyBinding")
    assert (len(policies), len(bindings)) == (created, created)
    for policy, binding in zip(policies, bindings, strict=True):
        account = f"system:serviceaccount:system:{pod(objects)['spec']['serviceAccountName']}"
        [condition] = policy["spec"]["matchConditions"]
        assert condition["expression"] == f"request.userInfo.username == '{account}'"
        assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}


CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def test_it_can_be_installed_without_rights_in_the_whole_cluster(render: Render) -> None:
    """The values are those that the chart's README names; each of them is needed."""
    values: Json = {"watchNamespaces": ["a"], "crds": {"install": False}, "podPatchPolicy": {"enabled": False}}
    assert CLUSTER_WIDE & {found["kind"] for found in render(values)} == set()
    assert all("namespace" in found["metadata"] for found in render(values))
    for name in values:
        others = {key: value for key, value in values.items() if key != name}
        assert CLUSTER_WIDE & {found["kind"] for found in render(others)}, name
