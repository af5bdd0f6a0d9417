"""`qwp explain` shows what the operator decided, and why."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cluster.operator.conftest import Shop
from tests.cluster.operator.decisions import decided


def qwp(shop: Shop, *arguments: str) -> list[str]:
    env = {"KUBECONFIG": str(shop.cluster.kubeconfig), "PATH": "/usr/bin:/bin"}
    program = Path(sys.executable).with_name("qwp")
    return [*(f"{name}={value}" for name, value in env.items()), str(program), *arguments]


def test_explain_shows_what_limits_a_pool_and_until_when(shop: Shop) -> None:
    shop.deployment("explained", replicas=3)
    window = {"scaleDown": {"stabilizationWindowSeconds": 600}}
    shop.pool("explained", shop.queue("explained"), behavior=window)
    shop.eventually(lambda: decided(shop, "explained") == (3, "ScaleDownStabilized"), 60, "the window does not hold")
    command = ["env", "-i", *qwp(shop, "explain", f"{shop.namespace}/explained")]
    explanation = json.loads(
        subprocess.run([*command, "-o", "json"], capture_output=True, check=True, timeout=60).stdout
    )
    decision = shop.status("explained")["lastDecision"]
    assert explanation["desiredReplicas"] == 3
    assert explanation["reason"] == decision["reason"] == "ScaleDownStabilized"
    assert f"may scale in at {explanation['until'][11:]}" in decision["message"]
    steps = [{name: value for name, value in step.items() if value is not None} for step in explanation["steps"]]
    assert steps == decision["trail"]
    with subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        accounts = [line for line in (watching.stdout.readline() for _ in range(30)) if line.startswith("so: ")]
        watching.kill()
    assert len(accounts) >= 2
    assert all(line.startswith("so: 3 pods, by ScaleDownStabilized until ") for line in accounts)
