"""What people read: the notes after an install, the README, and files that are copies of others."""

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts import generate_readme

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "queueworkerpool"
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


def notes(helm: Helm, **values: Any) -> str:
    answer = helm("install", "demo", str(CHART), "--dry-run=client", values=values)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.partition("\nNOTES:\n")[2]


def test_the_notes_name_the_next_commands(helm: Helm) -> None:
    text = notes(helm, watchNamespaces=["team-a", "team-b"], metrics={"service": {"port": 8080}})
    commands = [line for line in text.splitlines() if line.startswith(("kubectl", "curl"))]
    assert commands == [
        "kubectl apply --namespace team-a -f - <<POOL",
        "kubectl get qwp --namespace team-a -o wide",
        "kubectl describe qwp my-workers --namespace team-a",
        "kubectl logs deployment/demo-queueworkerpool --namespace system",
        "kubectl port-forward service/demo-queueworkerpool-metrics 9090:8080 --namespace system",
        "curl http://127.0.0.1:9090/metrics",
    ]
    assert "serves team-a, team-b." in text


def test_the_notes_name_the_operators_namespace_where_it_is_not_the_releases(helm: Helm) -> None:
    text = notes(helm, namespaceOverride="elsewhere", fullnameOverride="sizer")
    assert "runs in namespace elsewhere" in text
    assert "kubectl logs deployment/sizer --namespace elsewhere" in text
    assert "system" not in text.replace("queueworkerpool-system", "")


@pytest.mark.parametrize(
    ("shards", "replicas", "mentioned"), [(1, 1, False), (3, 3, False), (3, 4, False), (3, 2, True)]
)
def test_the_notes_tell_of_operators_that_scale_several_shards(
    shards: int, replicas: int, mentioned: bool, helm: Helm
) -> None:
    text = notes(helm, shards=shards, replicaCount=replicas)
    assert ("There are fewer operators (2) than shards (3)" in text) is mentioned


def test_the_notes_mention_kept_pools_only_where_they_are_kept(helm: Helm) -> None:
    assert "helm uninstall" in notes(helm)
    assert "helm uninstall" not in notes(helm, crds={"keep": False})


def test_the_pool_in_the_notes_is_valid(
    helm: Helm, kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    found = re.search(r"<<POOL\n(.*?)\nPOOL\n", notes(helm), re.DOTALL)
    assert found is not None
    pool = yaml.safe_load(found[1])
    assert kubeconform([pool], kubernetes_releases[-1]) == ""
    pool["spec"]["maxReplica"] = 1
    assert "maxReplica" in kubeconform([pool], kubernetes_releases[-1])


def test_what_registries_show_of_the_definition_is_true_and_the_example_valid(
    kubeconform: Callable[..., str], kubernetes_releases: list[str]
) -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    shown = {name.removeprefix("artifacthub.io/"): text for name, text in annotations.items()}
    [crd] = yaml.safe_load(shown["crds"])
    ours = yaml.safe_load((ROOT / "crds" / "queueworkerpools.yaml").read_text())
    [version] = ours["spec"]["versions"]
    named = (ours["spec"]["names"]["kind"], version["name"], ours["metadata"]["name"])
    assert (crd["kind"], crd["version"], crd["name"]) == named
    assert kubeconform(yaml.safe_load(shown["crdsExamples"]), kubernetes_releases[-1]) == ""
    assert shown["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]


def test_the_generated_files_are_fresh() -> None:
    """Else run `make generate`."""
    assert (CHART / "README.md").read_text() == generate_readme.readme()
    assert (CHART / "values.schema.json").read_text() == generate_readme.schema()
    ours = ROOT / "crds" / "queueworkerpools.yaml"
    assert (CHART / "files" / "queueworkerpools.yaml").read_text() == ours.read_text()


def test_a_description_belongs_to_the_value_below_it() -> None:
    text = "# a remark\n\na:\n  # -- First,\n  # in two lines.\n  b: 1\n# -- A whole.\nc: {d: [2]}\n"
    assert [(value.path, value.default, value.description) for value in generate_readme.values(text)] == [
        (("a", "b"), 1, "First, in two lines."),
        (("c",), {"d": [2]}, "A whole."),
    ]


def test_a_value_without_a_description_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`a\.b` has no `# --` comment"):
        list(generate_readme.values("a:\n  # plain\n  b: 1\n"))


def test_chart_image_and_package_have_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    images = re.findall(r"^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert (chart["appVersion"], images) == (version, [version, version])
