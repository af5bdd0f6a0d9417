"""The pod that `helm test` runs: it asks the release that it belongs to, and may do nothing else."""

from urllib.parse import urlsplit

import pytest

from tests.chart.objects import CHART, Json, Render, container, of_kind, pod


def hook(objects: list[Json]) -> Json:
    [found] = of_kind(objects, "Pod")
    return found


def test_helm_runs_it_only_when_asked_to_and_removes_it_when_it_succeeds(objects: list[Json]) -> None:
    assert hook(objects)["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }
    assert hook(objects)["spec"]["restartPolicy"] == "Never"


def test_it_asks_the_releases_own_service_and_the_api_server_for_the_definition(objects: list[Json]) -> None:
    [service], [only] = of_kind(objects, "Service"), hook(objects)["spec"]["containers"]
    ready, path = only["args"]
    assert (urlsplit(ready).hostname, urlsplit(ready).path) == (
        "{name}.{namespace}.svc".format_map(service["metadata"]),
        "/readyz",
    )
    assert urlsplit(ready).port == service["spec"]["ports"][0]["port"]
    assert urlsplit(ready).scheme.upper() == container(objects)["readinessProbe"]["httpGet"]["scheme"]
    for definition in of_kind(objects, "CustomResourceDefinition"):
        [version] = definition["spec"]["versions"]
        assert path == f"/apis/{definition['spec']['group']}/{version['name']}"


def test_it_runs_the_charts_program_with_the_operators_image(objects: list[Json]) -> None:
    [only] = hook(objects)["spec"]["containers"]
    *python, program = only["command"]
    assert (python, program.strip()) == (["python", "-c"], (CHART / "files" / "check.py").read_text().strip())
    shared = ("image", "imagePullPolicy", "securityContext")
    assert [only[name] for name in shared] == [container(objects)[name] for name in shared]


@pytest.mark.parametrize("setting", ["securityContext", "imagePullSecrets", "nodeSelector", "tolerations"])
def test_it_runs_where_and_as_the_operator_does(setting: str, objects: list[Json]) -> None:
    assert hook(objects)["spec"].get(setting) == pod(objects)["spec"].get(setting)


def test_it_has_no_rights_but_everybodys(objects: list[Json]) -> None:
    """Its account is the namespace's default one, to which the chart binds nothing."""
    assert not hook(objects)["spec"].keys() & {"serviceAccountName", "serviceAccount", "volumes"}
    bindings = [each for each in objects if each["kind"].endswith("Binding") and "subjects" in each]
    assert all(subject["name"] != "default" for each in bindings for subject in each["subjects"])


def test_nothing_of_the_release_takes_it_for_an_operator(render: Render) -> None:
    objects = render({"replicaCount": 2, "metrics": {"serviceMonitor": {"enabled": True}}})
    labels = hook(objects)["metadata"]["labels"].items()
    [service], [budget], [deployment] = (
        of_kind(objects, kind) for kind in ("Service", "PodDisruptionBudget", "Deployment")
    )
    selectors = [service["spec"]["selector"]]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in (budget, deployment)]
    assert [selector for selector in selectors if selector.items() <= labels] == []
