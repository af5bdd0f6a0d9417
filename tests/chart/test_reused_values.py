"""`helm upgrade --reuse-values`: the chart gets the values of the release before in place of its own defaults."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed import previous
from tests.chart.objects import CHART

Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def reusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our chart, with the defaults of the previous release in place of its own."""
    folder = tmp_path_factory.mktemp("reusing")
    old = previous.unpack(folder / "previous")
    chart = shutil.copytree(CHART, folder / "queueworkerpool")
    shutil.copy(old / "charts" / "queueworkerpool" / "values.yaml", chart)
    return chart


@pytest.mark.parametrize(
    "given",
    [
        "replicaCount=1",
        "replicaCount=2",
        "networkPolicy.enabled=true",
        "grafanaDashboards.enabled=true",
        "metrics.prometheusRule.enabled=true",
        "metrics.serviceMonitor.enabled=true",
    ],
)
def test_a_value_that_the_previous_release_did_not_have_has_its_default(given: str, reusing: Path, helm: Helm) -> None:
    asked = ("--kube-version=1.36.0", f"--set={given}")
    ours, reused = (helm("template", "demo", str(chart), *asked) for chart in (CHART, reusing))
    assert (reused.returncode, reused.stderr) == (0, "")
    assert reused.stdout == ours.stdout
