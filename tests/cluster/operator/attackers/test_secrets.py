"""No secret of the operator is shown to its tenants."""

import subprocess
import sys
from pathlib import Path

from tests.cluster.operator.conftest import CANARIES, Operator, Shop

QWP = str(Path(sys.executable).with_name("qwp"))


def test_no_secret_of_the_operator_is_shown_anywhere(attacker: Shop, intruders: Shop, operator: Operator) -> None:
    """After errors of all kinds, at the log level debug."""
    attacker.deployment("canary")
    attacker.pool("canary", "attacker-missing")
    lost = ("False", "QueueNotFound")
    attacker.eventually(lambda: attacker.condition("canary", "QueueReachable") == lost, 60, "it was not read")
    attacker.sqs.cut_off()
    try:
        out = ("False", "QueueUnreachable")
        attacker.eventually(
            lambda: attacker.condition("canary", "QueueReachable") == out, 60, "the outage was not reported"
        )
    finally:
        attacker.sqs.bring_back()
    everywhere = {
        "logs": operator.logs(),
        "pools": attacker.cluster.kubectl("get", "qwp", "--all-namespaces", "-o", "json"),
        "events": attacker.cluster.kubectl("get", "events", "--all-namespaces", "-o", "json"),
        "metrics": operator.get("/metrics"),
        "explain": explained(attacker, "canary") + explained(intruders, "by-its-url"),
    }
    secrets = {**CANARIES, "token": operator.token()}
    found = [(place, name) for place, text in everywhere.items() for name, secret in secrets.items() if secret in text]
    assert found == []
    assert '"level": "DEBUG"' in everywhere["logs"]


def explained(shop: Shop, pool: str) -> str:
    env = {"KUBECONFIG": str(shop.cluster.kubeconfig), "PATH": "/usr/bin:/bin", **CANARIES}
    argv = [QWP, "explain", f"{shop.namespace}/{pool}"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout
    return done.stdout + done.stderr
