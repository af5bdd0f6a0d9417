"""The chart of the definition alone: the same definition, in a release of its own."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.chart.objects import ROOT, Json, Render, of_kind

CHART = ROOT / "charts" / "queueworkerpool-crds"
OPERATORS = ROOT / "charts" / "queueworkerpool"
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


def definition(helm: Helm, values: Json) -> Json:
    answer = helm("template", "demo", str(CHART), values=values)
    assert answer.returncode == 0, answer.stderr
    [found] = [each for each in yaml.safe_load_all(answer.stdout) if each]
    return dict(found)


def test_it_renders_the_definition_that_the_operators_chart_renders(helm: Helm, render: Render) -> None:
    [of_operator] = of_kind(render(), "CustomResourceDefinition")
    ours = definition(helm, {})
    assert ours["spec"] == of_operator["spec"]
    assert ours["metadata"]["annotations"] == of_operator["metadata"]["annotations"]
    assert ours["metadata"]["labels"]["app.kubernetes.io/name"] == "queueworkerpool-crds"


VALUES: dict[str, tuple[Json, Json]] = {
    "gone with the release": ({"keep": False}, {}),
    "what Helm passes to a dependency": ({"enabled": True, "tags": {"a": True}, "global": {"b": 1}}, {}),
    "labels": ({"commonLabels": {"team": "a"}}, {"team": "a"}),
    "nulls, which are no order to lose every pool": ({"commonLabels": None, "keep": None}, {}),
}


@pytest.mark.parametrize(("values", "labels"), VALUES.values(), ids=VALUES)
def test_it_takes(values: Json, labels: Json, helm: Helm) -> None:
    metadata = definition(helm, values)["metadata"]
    assert labels.items() <= metadata["labels"].items()
    assert ("helm.sh/resource-policy" in metadata["annotations"]) is (values.get("keep") is not False)


def test_it_refuses_a_typo_and_lint_has_nothing_to_say(helm: Helm) -> None:
    refused = helm("template", "demo", str(CHART), values={"kept": True})
    assert "additional properties 'kept' not allowed" in refused.stderr
    refused = helm("template", "demo", str(CHART), values={"commonLabels": {"team": "a b"}})
    assert "'/commonLabels/team': 'a b' does not match" in refused.stderr
    answer = helm("lint", str(CHART), "--strict")
    assert (answer.returncode, "[" in answer.stdout) == (0, False), answer.stdout


def test_it_goes_with_the_operators_chart() -> None:
    mine: Any = yaml.safe_load((CHART / "Chart.yaml").read_text())
    theirs: Any = yaml.safe_load((OPERATORS / "Chart.yaml").read_text())
    for name in ("version", "appVersion", "kubeVersion", "icon", "maintainers"):
        assert mine[name] == theirs[name]
    described = {
        name: value["description"]
        for name, value in yaml.safe_load((CHART / "values.schema.json").read_text())["properties"].items()
    }
    assert described["keep"] in (CHART / "values.yaml").read_text()
    assert (CHART / "files" / "queueworkerpools.yaml").read_text() == (
        ROOT / "crds" / "queueworkerpools.yaml"
    ).read_text()
