"""The operator's pod: hardened, probed, and given only settings that the operator knows."""

import json
from dataclasses import fields

import pytest

from queueworkerpool.model import Endpoints
from queueworkerpool.settings import Settings, reject_unknown
from tests.chart.objects import CHART, VISIBLE, Json, Render, container, env_names, nested, of_kind, plain_env, pod

RESTRICTED: Json = {
    "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    },
}


@pytest.mark.parametrize("values", [{}, nested(VISIBLE)], ids=["defaults", "everything visible set"])
def test_the_pod_fits_the_restricted_pod_security_standard(values: Json, render: Render) -> None:
    objects = render(values)
    spec, only = pod(objects)["spec"], container(objects)
    for found, name in ((spec, "podSecurityContext"), (only, "securityContext")):
        assert found["securityContext"] == RESTRICTED[name] | values.get(name, {})
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"}
    assert all(volume.keys() <= {"name", "secret", "configMap"} for volume in spec.get("volumes", ()))
    assert [port for port in only["ports"] if "hostPort" in port] == []
    assert {"requests", "limits"} <= only["resources"].keys()


MERGED: dict[str, tuple[str, Json, Json]] = {
    "a user": ("podSecurityContext", {"runAsUser": 1000}, {"runAsUser": 1000}),
    "a false in place of a true": (
        "securityContext",
        {"readOnlyRootFilesystem": False},
        {"readOnlyRootFilesystem": False},
    ),
    "one more capability": (
        "securityContext",
        {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
        {"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}},
    ),
    "a null, as for OpenShift's first restricted SCC": (
        "podSecurityContext",
        {"seccompProfile": None},
        {"seccompProfile": None},
    ),
    "nulls where other charts have numbers": ("podSecurityContext", {"runAsUser": None, "fsGroup": None}, {}),
}


@pytest.mark.parametrize(("name", "given", "changed"), MERGED.values(), ids=MERGED)
def test_what_is_given_of_a_security_context_leaves_the_rest_safe(
    name: str, given: Json, changed: Json, render: Render
) -> None:
    objects = render({name: given})
    found = {"podSecurityContext": pod(objects)["spec"], "securityContext": container(objects)}[name]["securityContext"]
    assert found == {key: value for key, value in (RESTRICTED[name] | changed).items() if value is not None}


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_an_update_starts_a_pod_before_it_ends_one_which_has_time_to_leave(replicas: int, render: Render) -> None:
    objects = render({"replicaCount": replicas})
    (deployment,) = of_kind(objects, "Deployment")
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (replicas, rolling)
    assert pod(objects)["spec"]["terminationGracePeriodSeconds"] > 10


def test_on_the_nodes_network_a_pod_makes_room_for_the_next_and_finds_services(render: Render) -> None:
    objects = render({"hostNetwork": True})
    (deployment,), spec = of_kind(objects, "Deployment"), pod(objects)["spec"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    assert pod(render({"hostNetwork": True, "dnsPolicy": "Default"}))["spec"]["dnsPolicy"] == "Default"
    assert not pod(render())["spec"].keys() & {"hostNetwork", "dnsPolicy", "dnsConfig"}


@pytest.mark.parametrize("replicas", [1, 2])
def test_operators_elect_by_the_charts_lease_under_their_pods_names(replicas: int, render: Render) -> None:
    objects = render({"replicaCount": replicas})
    [lease] = of_kind(objects, "Lease")
    assert lease.keys() == {"apiVersion", "kind", "metadata"}, "what the operators write there is no business of Helm's"
    assert plain_env(objects)["QWP_LEASE"] == f"system/{lease['metadata']['name']}"
    [identity] = [entry for entry in container(objects)["env"] if entry["name"] == "QWP_IDENTITY"]
    assert identity["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_each_shard_has_a_lease_beside_the_one_of_their_number(render: Render) -> None:
    objects = render({"shards": 3})
    own = "demo-queueworkerpool"
    leases = {lease["metadata"]["name"] for lease in of_kind(objects, "Lease")}
    assert leases == {own, *(f"{own}-shard-{shard}" for shard in range(3))}
    assert (plain_env(objects)["QWP_SHARDS"], plain_env(objects)["QWP_LEASE"]) == ("3", f"system/{own}")
    assert "QWP_SHARDS" not in plain_env(render())


def test_the_operator_knows_its_own_deployment(render: Render) -> None:
    objects = render()
    [deployment] = of_kind(objects, "Deployment")
    assert plain_env(objects)["QWP_OWN_DEPLOYMENT"] == "{namespace}/{name}".format_map(deployment["metadata"])


def test_two_operators_prefer_different_nodes_and_are_not_evicted_together(render: Render) -> None:
    objects = render({"replicaCount": 2})
    labels = of_kind(objects, "Deployment")[0]["spec"]["selector"]
    spread = pod(objects)["spec"]["topologySpreadConstraints"]
    preferred = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["pod-template-hash"]}
    # By host alone: a constraint by zone, where nodes have none, undoes the one by host.
    assert spread == [preferred | {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}]
    [budget] = of_kind(objects, "PodDisruptionBudget")
    assert budget["spec"] == {"maxUnavailable": 1, "selector": labels}


BUDGETS: dict[str, tuple[Json, Json]] = {
    "another bound": ({"minAvailable": "50%"}, {"minAvailable": "50%"}),
    "no disruption at all": ({"maxUnavailable": 0}, {"maxUnavailable": 0}),
    "a policy beside the usual bound": (
        {"unhealthyPodEvictionPolicy": "AlwaysAllow"},
        {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
    ),
}


@pytest.mark.parametrize(("given", "rendered"), BUDGETS.values(), ids=BUDGETS)
def test_the_budget_can_be_chosen(given: Json, rendered: Json, render: Render) -> None:
    [budget] = of_kind(render({"replicaCount": 2, "podDisruptionBudget": given}), "PodDisruptionBudget")
    del budget["spec"]["selector"]
    assert budget["spec"] == rendered


def test_more_volumes_and_variables_stand_beside_the_charts_own(render: Render) -> None:
    mount = {"name": "authority", "mountPath": "/etc/authority", "readOnly": True}
    source = {"secretRef": {"name": "proxy"}}
    values: Json = {
        "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
        "extraVolumeMounts": [mount],
        "extraEnvFrom": [source],
        "metrics": {"tls": {"secretName": "tls"}},
    }
    objects = render(values)
    assert [volume["name"] for volume in pod(objects)["spec"]["volumes"]] == ["tls", "authority"]
    assert [each["name"] for each in container(objects)["volumeMounts"]] == ["tls", "authority"]
    assert container(objects)["volumeMounts"][-1] == mount
    assert container(objects)["envFrom"] == [source]
    alone = render({name: values[name] for name in ("extraVolumes", "extraVolumeMounts")})
    assert [volume["name"] for volume in pod(alone)["spec"]["volumes"]] == ["authority"]


def test_spread_constraints_can_be_chosen_and_are_completed(render: Render) -> None:
    chosen = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    objects = render({"replicaCount": 2, "topologySpreadConstraints": [chosen]})
    labels = of_kind(objects, "Deployment")[0]["spec"]["selector"]
    added = {"maxSkew": 1, "labelSelector": labels, "matchLabelKeys": ["pod-template-hash"]}
    assert pod(objects)["spec"]["topologySpreadConstraints"] == [chosen | added]


def test_one_operator_has_nothing_to_spread_and_may_be_evicted(render: Render) -> None:
    objects = render()
    assert "topologySpreadConstraints" not in pod(objects)["spec"]
    assert of_kind(objects, "PodDisruptionBudget") == []


def test_the_probes_ask_the_operators_own_verdicts(render: Render) -> None:
    only = container(render())
    asked = {kind: only[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    alive = {"path": "/livez", "port": "http", "scheme": "HTTP"}
    assert asked == {"startup": alive, "liveness": alive, "readiness": alive | {"path": "/readyz"}}
    assert only["ports"] == [{"name": "http", "containerPort": Settings().http_port}]


def test_with_a_secret_all_is_served_and_asked_by_https(render: Render) -> None:
    values = {"tls": {"secretName": "tls", "clientCertificates": True}, "serviceMonitor": {"enabled": True}}
    objects = render({"metrics": values})
    only, (monitor,) = container(objects), of_kind(objects, "ServiceMonitor")
    assert {only[f"{kind}Probe"]["httpGet"]["scheme"] for kind in ("startup", "liveness", "readiness")} == {"HTTPS"}
    assert monitor["spec"]["endpoints"][0]["scheme"] == "https"
    (mount,), (volume,) = only["volumeMounts"], pod(objects)["spec"]["volumes"]
    assert (volume["name"], volume["secret"]) == (mount["name"], {"secretName": "tls"})
    env = plain_env(objects)
    files = {env[f"QWP_TLS_{name}"] for name in ("CERT", "KEY", "CLIENT_CA")}
    assert files == {f"{mount['mountPath']}/{name}" for name in ("tls.crt", "tls.key", "ca.crt")}


def test_every_setting_that_is_not_the_pods_own_has_a_value_and_no_other_is_set(render: Render) -> None:
    objects = render(nested(VISIBLE))
    env = plain_env(objects)
    settings = {f"QWP_{setting.name.upper()}" for setting in fields(Settings) if not setting.name.startswith("http_")}
    settings.remove("QWP_TENANTS_FILE")  # long tenants have it instead
    assert {name for name in env_names(objects) if name.startswith("QWP_")} == settings
    reject_unknown(env)
    assert env["QWP_NAMESPACES"] == "team-a,team-b"


def tenants(entries: int) -> list[Json]:
    return [
        {"namespaces": [f"team-{number}"], "queues": [f"arn:aws:sqs:*:123456789012:team-{number}-*"]}
        for number in range(entries)
    ]


def test_tenants_beyond_a_variable_are_mounted_and_a_change_starts_new_pods(render: Render) -> None:
    objects = render({"tenants": tenants(3000)})
    [mapped] = of_kind(objects, "ConfigMap")
    assert json.loads(mapped["data"]["tenants.json"]) == tenants(3000)
    [volume], [mount] = pod(objects)["spec"]["volumes"], container(objects)["volumeMounts"]
    assert volume == {"name": mount["name"], "configMap": {"name": mapped["metadata"]["name"]}}
    assert plain_env(objects)["QWP_TENANTS_FILE"] == f"{mount['mountPath']}/tenants.json"
    assert "QWP_TENANTS" not in env_names(objects)
    checksums = {
        pod(render({"tenants": tenants(n)}))["metadata"]["annotations"]["checksum/tenants"] for n in (3000, 3001)
    }
    assert len(checksums) == 2


def test_few_tenants_are_a_variable(render: Render) -> None:
    objects = render({"tenants": tenants(300)})
    assert json.loads(plain_env(objects)["QWP_TENANTS"]) == tenants(300)
    assert of_kind(objects, "ConfigMap") == []


def test_the_charts_defaults_are_the_operators(render: Render) -> None:
    env = plain_env(render())
    assert env.pop("QWP_LEASE"), "one process started by hand needs no Lease, a Deployment's pods do"
    assert env.pop("QWP_OWN_DEPLOYMENT"), "nor does it belong to a Deployment"
    assert env.pop("MALLOC_ARENA_MAX") == "2", "a setting of the C library's; the benches measure with the same"
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
    ("values", "reference"),
    {
        "the tag defaults to the appVersion": ({}, "queueworkerpool-operator:0.1.0"),
        "a tag": ({"image": {"repository": "r/o", "tag": "2"}}, "r/o:2"),
        "a digest wins over the tag": (
            {"image": {"repository": "r/o", "tag": "2", "digest": "sha256:" + "a" * 64}},
            "r/o@sha256:" + "a" * 64,
        ),
        "a registry": ({"image": {"registry": "ghcr.io/team"}}, "ghcr.io/team/queueworkerpool-operator:0.1.0"),
        "a mirror of all charts wins over the registry": (
            {"global": {"imageRegistry": "mirror:5000"}, "image": {"registry": "ghcr.io/team"}},
            "mirror:5000/queueworkerpool-operator:0.1.0",
        ),
    }.values(),
)
def test_the_image_is_named(values: Json, reference: str, render: Render) -> None:
    assert container(render(values))["image"] == reference


def test_endpoints_are_a_setting_that_the_operator_reads(render: Render) -> None:
    listed = {"elasticmq:9324": "http://elasticmq.queues:9324", "localhost:4566": "http://localstack:4566"}
    env = plain_env(render({"sqsEndpoints": listed}))
    assert Endpoints.parse(env["QWP_SQS_ENDPOINTS"]) == Endpoints(listed)
    assert "QWP_SQS_ENDPOINTS" not in plain_env(render())
