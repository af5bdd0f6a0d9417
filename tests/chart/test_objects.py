"""The chart's objects: each value shows, all are valid, they find each other, and the CRD is ours."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.chart.objects import DEFAULTS, OTHERS, ROOT, SETS, VISIBLE, Json, Render, container, nested, of_kind, pod

NEEDED: dict[tuple[str, ...], dict[tuple[str, ...], Any]] = {
    ("extraVolumeMounts",): {("extraVolumes",): OTHERS["extraVolumes",]},
    ("serviceAccount", "create"): {("serviceAccount", "name"): "x"},
    ("metrics", "tls", "clientCertificates"): {("metrics", "tls", "secretName"): "x"},
}


def test_the_other_values_are_those_of_values_yaml_and_differ_from_the_defaults() -> None:
    assert OTHERS.keys() == DEFAULTS.keys()
    assert [path for path in OTHERS if OTHERS[path] == DEFAULTS[path]] == []


@pytest.mark.parametrize("path", DEFAULTS, ids=".".join)
def test_every_value_works(path: tuple[str, ...], render: Render) -> None:
    """A value that changes nothing, whether set alone or left out alone, has no business in the chart."""
    needed = NEEDED.get(path, {})
    alone = nested({path: OTHERS[path]} | needed)
    without = nested({other: value for other, value in VISIBLE.items() if other != path})
    assert render(alone) != render(nested(needed)) or render(without) != render(nested(VISIBLE))


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_the_objects_are_valid_in_the_oldest_and_the_newest_kubernetes(
    values: Json, render: Render, kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    for kubernetes in (kubernetes_releases[0], kubernetes_releases[-1]):
        assert kubeconform(render(values, kubernetes=kubernetes), kubernetes) == ""


def test_the_validation_sees_a_typo(
    render: Render, kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    objects = deepcopy(render())
    container(objects)["readinessProbe"]["periodSecond"] = 1
    assert "periodSecond" in kubeconform(objects, kubernetes_releases[-1])


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


@pytest.mark.parametrize("values", [{}, {"crds": {"keep": None}}], ids=["by default", "after a null"])
def test_the_custom_resource_definition_is_the_repositorys_and_is_kept(values: Json, render: Render) -> None:
    (rendered,) = of_kind(render(values), "CustomResourceDefinition")
    ours = yaml.safe_load((ROOT / "crds" / "queueworkerpools.yaml").read_text())
    assert rendered["spec"] == ours["spec"]
    assert rendered["metadata"]["name"] == ours["metadata"]["name"]
    assert rendered["metadata"]["annotations"] == ours["metadata"]["annotations"] | {"helm.sh/resource-policy": "keep"}


def test_the_custom_resource_definition_can_go_with_the_release(render: Render) -> None:
    (rendered,) = of_kind(render({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert list(rendered["metadata"]["annotations"]) == ["queueworker.dev/version"]


def test_the_custom_resource_definition_can_be_somebody_elses(render: Render) -> None:
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []
