"""What the chart makes: valid objects, as few rights as possible, a hardened pod, settings the operator knows."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.generate_readme import values
from queueworkerpool.settings import Settings, reject_unknown

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "queueworkerpool"
Json = dict[str, Any]
Render = Callable[..., list[Json]]

DEFAULTS = {value.path: value.default for value in values((CHART / "values.yaml").read_text())}
# One value other than the default for everything that can be set.
OTHERS: dict[tuple[str, ...], Any] = {
    ("image", "repository"): "registry.example/operator",
    ("image", "tag"): "1.2.3",
    ("image", "digest"): "sha256:" + "0" * 64,
    ("image", "pullPolicy"): "Always",
    ("image", "pullSecrets"): [{"name": "registry"}],
    ("logLevel",): "debug",
    ("logFormat",): "text",
    ("watchNamespaces",): ["team-a", "team-b"],
    ("region",): "eu-west-1",
    ("sqsEndpointUrl",): "http://sqs.example:9324",
    ("readWorkers",): 32,
    ("writeWorkers",): 4,
    ("extraEnv",): [
        {"name": "AWS_ACCESS_KEY_ID", "value": "1234"},
        {"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": "aws", "key": "secret"}}},
    ],
    ("serviceAccount", "create"): False,
    ("serviceAccount", "name"): "sizer",
    ("serviceAccount", "annotations"): {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/sizer"},
    ("crds", "install"): False,
    ("crds", "keep"): False,
    ("metrics", "service", "port"): 8080,
    ("metrics", "service", "annotations"): {"prometheus.io/scrape": "true"},
    ("metrics", "serviceMonitor", "enabled"): True,
    ("metrics", "serviceMonitor", "interval"): "15s",
    ("metrics", "serviceMonitor", "labels"): {"release": "prometheus"},
    ("resources",): {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
    ("podAnnotations",): {"example.com/note": "1"},
    ("podLabels",): {"team": "platform"},
    ("nodeSelector",): {"kubernetes.io/os": "linux"},
    ("tolerations",): [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    ("affinity",): {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    ("priorityClassName",): "system-cluster-critical",
}
# Some values hide others: these two sets together show everything.
HIDING = {("image", "digest"), ("serviceAccount", "create"), ("crds", "install")}
VISIBLE = {path: value for path, value in OTHERS.items() if path not in HIDING}


def nested(flat: dict[tuple[str, ...], Any]) -> Json:
    tree: Json = {}
    for path, value in flat.items():
        inner = tree
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return tree


SETS = {"defaults": {}, "everything set": nested(OTHERS), "everything visible set": nested(VISIBLE)}


def of_kind(objects: list[Json], kind: str) -> list[Json]:
    return [found for found in objects if found["kind"] == kind]


def pod(objects: list[Json]) -> Json:
    (deployment,) = of_kind(objects, "Deployment")
    template: Json = deployment["spec"]["template"]
    return template


def container(objects: list[Json]) -> Json:
    (found,) = pod(objects)["spec"]["containers"]
    return dict(found)


def plain_env(objects: list[Json]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(objects)["env"] if "value" in entry}


@pytest.fixture(params=SETS)
def objects(request: pytest.FixtureRequest, render: Render) -> list[Json]:
    return render(SETS[request.param])


def test_the_other_values_are_those_of_values_yaml_and_differ_from_the_defaults() -> None:
    assert OTHERS.keys() == DEFAULTS.keys()
    assert [path for path in OTHERS if OTHERS[path] == DEFAULTS[path]] == []


@pytest.mark.parametrize("path", DEFAULTS, ids=".".join)
def test_every_value_works(path: tuple[str, ...], render: Render) -> None:
    """A value that changes nothing, whether set alone or left out alone, has no business in the chart."""
    alone = nested({path: OTHERS[path]} | ({("serviceAccount", "name"): "x"} if path[-1] == "create" else {}))
    without = nested({other: value for other, value in VISIBLE.items() if other != path})
    named = {"serviceAccount": {"name": "x"}} if path[-1] == "create" else {}
    assert render(alone) != render(named) or render(without) != render(nested(VISIBLE))


def test_the_objects_are_valid_in_the_oldest_and_the_newest_kubernetes(
    objects: list[Json], kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    assert kubeconform(objects, kubernetes_releases[0]) == ""
    assert kubeconform(objects, kubernetes_releases[-1]) == ""


def test_the_validation_sees_a_typo(
    render: Render, kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    objects = deepcopy(render())
    container(objects)["readinessProbe"]["periodSecond"] = 1
    assert "periodSecond" in kubeconform(objects, kubernetes_releases[-1])


GRANTS = {
    ("queueworker.dev", "queueworkerpools"): {"get", "list", "watch"},
    ("queueworker.dev", "queueworkerpools/status"): {"get", "patch"},
    ("apps", "deployments"): {"get", "list", "watch"},
    ("apps", "deployments/scale"): {"get", "patch"},
    ("", "events"): {"create", "patch"},
}
RBAC_KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def grants(role: Json) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert rule.keys() == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


@pytest.mark.parametrize(
    ("watched", "role_kind", "places"),
    [([], "ClusterRole", [None]), (["team-a", "team-b"], "Role", ["team-a", "team-b"])],
)
def test_the_operator_gets_these_rights_and_no_others(
    watched: list[str], role_kind: str, places: list[str | None], render: Render
) -> None:
    objects = render({"watchNamespaces": watched})
    roles, bindings = of_kind(objects, role_kind), of_kind(objects, role_kind + "Binding")
    assert len(roles) + len(bindings) == len([found for found in objects if found["kind"] in RBAC_KINDS])
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


def test_the_pod_fits_the_restricted_pod_security_standard(objects: list[Json]) -> None:
    spec, only = pod(objects)["spec"], container(objects)
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers", "ephemeralContainers"}
    assert [port for port in only["ports"] if "hostPort" in port] == []
    assert {"requests", "limits"} <= only["resources"].keys()


def test_only_the_operators_pod_gets_a_token(render: Render) -> None:
    objects = render()
    (account,) = of_kind(objects, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    assert pod(objects)["spec"]["automountServiceAccountToken"] is True


def test_one_pod_writes_at_a_time_and_has_time_to_leave(render: Render) -> None:
    objects = render()
    (deployment,) = of_kind(objects, "Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert pod(objects)["spec"]["terminationGracePeriodSeconds"] > 10


def test_the_probes_ask_the_operators_own_verdicts(render: Render) -> None:
    only = container(render())
    asked = {kind: only[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    alive = {"path": "/livez", "port": "http"}
    assert asked == {"startup": alive, "liveness": alive, "readiness": {"path": "/readyz", "port": "http"}}
    assert only["ports"] == [{"name": "http", "containerPort": Settings().http_port}]


def test_every_setting_that_is_not_the_pods_own_has_a_value_and_no_other_is_set(render: Render) -> None:
    env = plain_env(render(nested(VISIBLE)))
    settings = {f"QWP_{setting.name.upper()}" for setting in fields(Settings) if not setting.name.startswith("http_")}
    assert {name for name in env if name.startswith("QWP_")} == settings
    reject_unknown(env)
    assert env["QWP_NAMESPACES"] == "team-a,team-b"


def test_the_charts_defaults_are_the_operators(render: Render) -> None:
    env = plain_env(render())
    defaults = {f"QWP_{setting.name.upper()}": str(setting.default) for setting in fields(Settings)}
    assert env == {name: defaults[name] for name in env}


def test_the_schema_knows_the_settings_bounds_and_choices() -> None:
    properties = json.loads((CHART / "values.schema.json").read_text())["properties"]
    hints = {setting.name: setting.metadata for setting in fields(Settings)}
    for value, setting in (("logLevel", "log_level"), ("logFormat", "log_format")):
        assert tuple(properties[value]["enum"]) == hints[setting]["choices"]
    for value, setting in (("readWorkers", "read_workers"), ("writeWorkers", "write_workers")):
        assert (properties[value]["minimum"], properties[value]["maximum"]) == (
            hints[setting]["min"],
            hints[setting]["max"],
        )


def test_services_do_not_leak_variables_that_look_like_settings(render: Render) -> None:
    """A Service called qwp would give each pod of its namespace a QWP_PORT, and an unknown QWP_* stops the start."""
    assert pod(render())["spec"]["enableServiceLinks"] is False


def test_the_process_node_and_the_image_run_the_same_command(render: Render) -> None:
    assert container(render())["command"] == ["qwp", "operator"]


@pytest.mark.parametrize(
    ("image", "reference"),
    {
        "the tag defaults to the appVersion": ({}, "queueworkerpool-operator:0.1.0"),
        "a tag": ({"repository": "r/o", "tag": "2"}, "r/o:2"),
        "a digest wins over the tag": (
            {"repository": "r/o", "tag": "2", "digest": "sha256:" + "a" * 64},
            "r/o@sha256:" + "a" * 64,
        ),
    }.values(),
)
def test_the_image_is_named(image: Json, reference: str, render: Render) -> None:
    assert container(render({"image": image}))["image"] == reference


def test_everything_bears_the_recommended_labels(objects: list[Json]) -> None:
    recommended = {
        f"app.kubernetes.io/{name}" for name in ("name", "instance", "version", "component", "part-of", "managed-by")
    }
    for labelled in (*objects, pod(objects)):
        assert recommended <= labelled["metadata"]["labels"].keys()


def test_the_selectors_find_the_pod_and_do_not_change_with_the_version(objects: list[Json]) -> None:
    (deployment,), (service,) = of_kind(objects, "Deployment"), of_kind(objects, "Service")
    wanted = {
        f"app.kubernetes.io/{name}": value
        for name, value in (("name", "queueworkerpool"), ("instance", "demo"), ("component", "operator"))
    }
    selectors = [deployment["spec"]["selector"]["matchLabels"], service["spec"]["selector"]]
    selectors += [monitor["spec"]["selector"]["matchLabels"] for monitor in of_kind(objects, "ServiceMonitor")]
    assert selectors == [wanted] * len(selectors)
    assert wanted.items() <= pod(objects)["metadata"]["labels"].items()
    assert wanted.items() <= service["metadata"]["labels"].items()


def test_the_metrics_of_an_operator_that_is_not_ready_can_be_scraped(render: Render) -> None:
    objects = render({"metrics": {"service": {"port": 8080}, "serviceMonitor": {"enabled": True, "interval": "15s"}}})
    (service,), (monitor,) = of_kind(objects, "Service"), of_kind(objects, "ServiceMonitor")
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
    assert monitor["spec"]["endpoints"] == [
        {"port": "http", "path": "/metrics", "honorLabels": True, "interval": "15s"}
    ]


def test_names_fit_even_the_longest_release(render: Render) -> None:
    assert max(len(found["metadata"]["name"]) for found in render(release="r" * 53)) <= 63


def test_the_custom_resource_definition_is_the_repositorys_and_is_kept(render: Render) -> None:
    (rendered,) = of_kind(render(), "CustomResourceDefinition")
    ours = yaml.safe_load((ROOT / "crds" / "queueworkerpools.yaml").read_text())
    assert rendered["spec"] == ours["spec"]
    assert rendered["metadata"]["name"] == ours["metadata"]["name"]
    assert rendered["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_custom_resource_definition_can_go_with_the_release(render: Render) -> None:
    (rendered,) = of_kind(render({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert "annotations" not in rendered["metadata"]


def test_the_custom_resource_definition_can_be_somebody_elses(render: Render) -> None:
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []
