"""What can be chosen of all objects at once: names, namespace, labels; and objects of the user's own."""

import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import yaml

from tests.chart.objects import CHART, Json, Render, container, nested, of_kind, plain_env, pod

Helm = Callable[..., "subprocess.CompletedProcess[str]"]
EVERYTHING: Json = {
    "replicaCount": 2,
    "networkPolicy": {"enabled": True},
    "metrics": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
    "grafanaDashboards": {"enabled": True},
}
# Those of the first release: a Deployment's selector can never change.
SELECTOR = {
    "app.kubernetes.io/name": "queueworkerpool",
    "app.kubernetes.io/instance": "demo",
    "app.kubernetes.io/component": "operator",
}
NAMES: dict[str, tuple[Json, str, str]] = {
    "the release and the chart": ({}, "demo", "demo-queueworkerpool"),
    "a release that says what it is": ({}, "my-queueworkerpool", "my-queueworkerpool"),
    "a release with a dot, which no Service may have": ({}, "demo.eu", "demo-eu-queueworkerpool"),
    "another word for the chart": ({"nameOverride": "sizer"}, "demo", "demo-sizer"),
    "another word, which the release contains": ({"nameOverride": "sizer"}, "sizers", "sizers"),
    "a whole name": ({"fullnameOverride": "sizer"}, "demo", "sizer"),
    "both": ({"nameOverride": "a", "fullnameOverride": "sizer"}, "demo", "sizer"),
}


@pytest.mark.parametrize(("values", "release", "name"), NAMES.values(), ids=NAMES)
def test_objects_are_named_after(values: Json, release: str, name: str, render: Render) -> None:
    objects = render(EVERYTHING | values, release=release)
    (deployment,) = of_kind(objects, "Deployment")
    assert deployment["metadata"]["name"] == name
    of_others = {"CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert [
        each for each in objects if not each["metadata"]["name"].startswith(name) and each["kind"] not in of_others
    ] == []
    assert plain_env(objects)["QWP_LEASE"] == plain_env(objects)["QWP_OWN_DEPLOYMENT"] == f"system/{name}"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"nameOverride": "sizer"},
        {"fullnameOverride": "sizer"},
        {"namespaceOverride": "elsewhere"},
        {"commonLabels": {"team": "a"}},
        {"podLabels": {"team": "a"}},
    ],
)
def test_no_value_changes_a_selector(values: Json, render: Render) -> None:
    objects = render(EVERYTHING | values)
    selectors = [of_kind(objects, "Service")[0]["spec"]["selector"]]
    selectors += [of_kind(objects, "NetworkPolicy")[0]["spec"]["podSelector"]["matchLabels"]]
    for kind in ("Deployment", "PodDisruptionBudget", "ServiceMonitor"):
        selectors += [of_kind(objects, kind)[0]["spec"]["selector"]["matchLabels"]]
    spread = pod(objects)["spec"]["topologySpreadConstraints"]
    selectors += [constraint["labelSelector"]["matchLabels"] for constraint in spread]
    assert selectors == [SELECTOR] * 6
    assert SELECTOR.items() <= pod(objects)["metadata"]["labels"].items()


def test_common_labels_are_on_everything_and_closer_ones_win(render: Render) -> None:
    values = {
        "commonLabels": {"team": "platform", "tier": "1"},
        "podLabels": {"team": "queues"},
        "metrics": {
            "serviceMonitor": {"enabled": True, "labels": {"team": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"team": "prometheus"}},
        },
        "grafanaDashboards": {"enabled": True, "labels": {"team": "prometheus"}},
    }
    objects = render(EVERYTHING | values)
    of_prometheus = {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    teams = {each["kind"]: each["metadata"]["labels"].get("team") for each in objects}
    assert teams == {kind: "prometheus" if kind in of_prometheus else "platform" for kind in teams}
    assert pod(objects)["metadata"]["labels"]["team"] == "queues"
    assert all(each["metadata"]["labels"]["tier"] == "1" for each in (*objects, pod(objects)))


def test_no_key_is_there_twice(helm: Helm) -> None:
    """PyYAML takes the last one of two; Flux and kubectl refuse both."""
    dashboards = {"enabled": True, "labels": {"team": "a"}, "annotations": {"grafana_folder": "a"}, "folder": "b"}
    values = EVERYTHING | {"commonLabels": {"team": "b"}, "podLabels": {"team": "c"}, "grafanaDashboards": dashboards}
    answer = helm("template", "demo", str(CHART), values=values)
    assert repeated_keys(answer.stdout) == []


def repeated_keys(text: str) -> list[str]:
    """Every key that a mapping of these YAML documents has more than once."""

    def of(node: yaml.Node | None) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            yield from (key for key in set(keys) if keys.count(key) > 1)
            for _, value in node.value:
                yield from of(value)
        elif isinstance(node, yaml.SequenceNode):
            for child in node.value:
                yield from of(child)

    return [key for document in yaml.compose_all(text, yaml.SafeLoader) for key in of(document)]


def test_words_that_yaml_takes_for_numbers_stay_texts(
    render: Render, kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    values = {
        "watchNamespaces": ["123"],
        "namespaceOverride": "456",
        "serviceAccount": {"name": "789"},
        "grafanaDashboards": {"enabled": True, "namespace": "12"},
    }
    objects = render(EVERYTHING | values, release="123")
    assert kubeconform(objects, kubernetes_releases[-1]) == ""


def namespaces(node: object) -> list[str]:
    """Every namespace that is named anywhere in an object."""
    if isinstance(node, list):
        return [found for child in node for found in namespaces(child)]
    if not isinstance(node, dict):
        return []
    own = [value for key, value in node.items() if key == "namespace" and isinstance(value, str)]
    return own + [found for value in node.values() for found in namespaces(value)]


def test_another_namespace_is_everywhere_where_the_releases_was(render: Render) -> None:
    """With subjects of bindings, the Lease, the policy's user, and what `helm test` asks."""
    objects = render(EVERYTHING | {"namespaceOverride": "elsewhere"})
    assert set(namespaces(objects)) == {"elsewhere"}
    assert plain_env(objects)["QWP_LEASE"] == "elsewhere/demo-queueworkerpool"
    [policy], [test] = of_kind(objects, "ValidatingAdmissionPolicy"), of_kind(objects, "Pod")
    [condition] = policy["spec"]["matchConditions"]
    assert policy["metadata"]["name"] == "elsewhere.demo-queueworkerpool"
    assert "'system:serviceaccount:elsewhere:demo-queueworkerpool'" in condition["expression"]
    assert urlsplit(test["spec"]["containers"][0]["args"][0]).hostname == "demo-queueworkerpool-metrics.elsewhere.svc"
    kept = render(EVERYTHING | {"namespaceOverride": "elsewhere", "watchNamespaces": ["team-a"]})
    assert set(namespaces(kept)) == {"elsewhere", "team-a"}


def test_a_service_monitor_finds_the_operator_from_another_namespace(render: Render) -> None:
    monitor_values = {"enabled": True, "namespace": "monitoring", "scrapeTimeout": "5s"}
    relabelings = [{"targetLabel": "cluster", "replacement": "blue"}]
    dropped = [{"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"}]
    more = {"relabelings": relabelings, "metricRelabelings": dropped}
    [monitor] = of_kind(render({"metrics": {"serviceMonitor": monitor_values | more}}), "ServiceMonitor")
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["system"]}
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint["scrapeTimeout"] == "5s"
    assert (endpoint["relabelings"], endpoint["metricRelabelings"]) == (relabelings, dropped)


def test_more_objects_may_use_the_charts_helpers_and_the_release(render: Render) -> None:
    of_text = "{kind: ConfigMap, apiVersion: v1, metadata: {name: '{{ include \"queueworkerpool.fullname\" . }}-a'}}"
    of_object = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "b", "labels": {"of": "{{ .Release.Name }}"}},
    }
    objects = render({"extraObjects": [of_text, of_object]})
    assert [each["metadata"]["name"] for each in of_kind(objects, "ConfigMap")] == ["demo-queueworkerpool-a"]
    assert [each["metadata"]["labels"] for each in of_kind(objects, "Secret")] == [{"of": "demo"}]


def test_deployment_annotations_are_not_the_pods(render: Render) -> None:
    objects = render({"deploymentAnnotations": {"a": "1"}})
    assert of_kind(objects, "Deployment")[0]["metadata"]["annotations"] == {"a": "1"}
    assert "annotations" not in pod(objects)["metadata"]
    assert pod(render({"podAnnotations": {"b": "2"}}))["metadata"]["annotations"] == {"b": "2"}


PORTS: dict[str, tuple[Json, set[int]]] = {
    "the API server and AWS": ({}, {443, 6443}),
    "a stand-in's port": ({"sqsEndpointUrl": "http://sqs.example:9324"}, {443, 6443, 9324}),
    "a stand-in without a port": ({"sqsEndpointUrl": "http://sqs.example/path"}, {443, 6443, 80}),
    "servers beside AWS": (
        {"sqsEndpoints": {"elasticmq:9324": "http://elasticmq.queues:9324", "sqs.example": "https://[fd00::1]"}},
        {443, 6443, 9324},
    ),
    "a VPC endpoint": ({"sqsEndpointUrl": "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"}, {443, 6443}),
    "an API server elsewhere": ({"networkPolicy": {"apiServerPorts": [16443]}}, {443, 16443}),
}


@pytest.mark.parametrize(("values", "ports"), PORTS.values(), ids=PORTS)
def test_the_network_policy_lets_out_to(values: Json, ports: set[int], render: Render) -> None:
    policy = nested({("networkPolicy", "enabled"): True})["networkPolicy"] | values.get("networkPolicy", {})
    [found] = of_kind(render(values | {"networkPolicy": policy}), "NetworkPolicy")
    dns, servers, workers = found["spec"]["egress"]
    assert [port["port"] for port in dns["ports"]] == [53, 53]
    assert {port["port"] for port in servers["ports"]} == ports
    assert workers == {"ports": [{"port": 8081, "protocol": "TCP"}], "to": [{"namespaceSelector": {}}]}


def test_the_network_policy_lets_in_who_reads_metrics_and_helm_test(render: Render) -> None:
    prometheus = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
    values: Json = {"enabled": True, "metricsFrom": [prometheus], "extraEgress": [{"ports": [{"port": 3128}]}]}
    objects = render({"networkPolicy": values, "watchNamespaces": ["team-a"]})
    [found], [test] = of_kind(objects, "NetworkPolicy"), of_kind(objects, "Pod")
    [rule] = found["spec"]["ingress"]
    [name] = [port["name"] for port in container(objects)["ports"]]
    assert rule["ports"] == [{"port": name, "protocol": "TCP"}]
    peer, of_test = rule["from"]
    assert peer == prometheus
    assert of_test["podSelector"]["matchLabels"].items() <= test["metadata"]["labels"].items()
    *_, workers, extra = found["spec"]["egress"]
    [served] = workers["to"]
    assert served["namespaceSelector"]["matchExpressions"][0]["values"] == ["team-a"]
    assert extra == values["extraEgress"][0]
    [open_to_all] = of_kind(render({"networkPolicy": {"enabled": True}}), "NetworkPolicy")
    assert "from" not in open_to_all["spec"]["ingress"][0]
