"""What a hostile tenant writes is shown nowhere, moves no pool out of its bounds, and fills no memory."""

import json
import re
from typing import Any

from tests.cluster.operator.attackers.conftest import AWS, series, shown_of
from tests.cluster.operator.conftest import ACCOUNT, Operator, Shop

RAW = "\x1b[2Jinjected\nReady: True %s%n{0}\u202e"


def test_what_is_injected_is_shown_nowhere(attacker: Shop, operator: Operator) -> None:
    """By an annotation, a label of a pod, a forged status; each with terminal codes, new lines and formats in it."""
    mine = attacker.queue("injected")
    attacker.deployment("injected")
    attacker.pool("injected", mine)
    attacker.eventually(lambda: attacker.condition("injected", "Ready")[0] == "True", 60, "the pool is not ready")
    attacker.kubectl("annotate", "qwp", "injected", f"note={RAW}{'x' * 100_000}")
    competing_writer = {"manager": RAW, "writes": 2**31 - 1, "lastTime": "9999-12-31T23:59:59Z"}
    forge(
        attacker, "injected", {"memory": {"competingWriter": competing_writer}, "lastScaleTime": "0000-01-01T00:00:00Z"}
    )
    attacker.kubectl("patch", "qwp", "injected", "--type=merge", "-p", '{"spec": {"maxReplicas": 7}}')
    attacker.send(mine, 10)
    attacker.eventually(lambda: attacker.replicas("injected") == 2, 60, "the pool did not get its size")
    attacker.eventually(
        lambda: "competingWriter" not in attacker.status("injected").get("memory", {}), 60, "the forged writer is kept"
    )
    shown = [shown_of(attacker, "injected"), operator.logs(), *series(operator, attacker)]
    assert [
        text for text in shown if "injected\n" in text or "%s%n" in text or "\x1b" in text or "\\u001b" in text
    ] == []
    assert len(json.dumps(attacker.status("injected"))) < 10_000


def forge(shop: Shop, pool: str, status: dict[str, Any]) -> None:
    shop.kubectl("patch", "qwp", pool, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


FORGED: dict[str, dict[str, Any]] = {
    "a scale-down window with a huge size": {
        "memory": {"scaleDownStabilization": {"since": "0001-01-01T00:00:00Z", "highest": 2**31 - 1}}
    },
    "a scale-up window": {"memory": {"scaleUpStabilization": {"since": "9999-12-31T23:59:59Z", "lowest": -(2**31)}}},
    "workers that never finish": {"memory": {"workers": {"serviceSeconds": 1e308, "concurrency": -1}}},
    "thousands of changes": {"memory": {"changes": [{"time": "2026-11-23T12:00:00Z", "by": -(2**31)}] * 2000}},
    "a backlog of another time": {"backlog": {"visible": 2**31 - 1, "time": "0000-01-01T00:00:00Z"}},
    "a long outage of the queue": {"memory": {"unreadableSince": "2020-01-01T00:00:00Z"}},
}


def test_a_forged_status_moves_no_pool_out_of_its_bounds(attacker: Shop) -> None:
    mine = attacker.queue("forged")
    attacker.deployment("forged")
    attacker.pool("forged", mine, minReplicas=1, maxReplicas=3)
    for number, status in enumerate(FORGED.values()):
        forge(attacker, "forged", status)
        attacker.send(mine, 1)
        # The operator goes on: it reports the new message, and not what was forged.
        attacker.eventually(
            lambda seen=number + 1: attacker.status("forged").get("backlog", {}).get("visible") == seen,  # type: ignore[misc] # binds the number of this round
            60,
            f"the operator did not get over {status}",
        )
        assert attacker.replicas("forged") in {1, 2, 3}


def test_pools_that_change_their_queues_leave_no_series(attacker: Shop, operator: Operator) -> None:
    attacker.deployment("bomb")
    mine = attacker.queue("bomb")
    for turn in range(10):
        urls = [{"url": f"{AWS}/{ACCOUNT}/{mine}"}]
        urls += [{"url": f"{AWS}/{ACCOUNT}/attacker-bomb-{turn}-{number}"} for number in range(9)]
        attacker.pool("bomb", mine, queues=urls)
    lost = ("False", "QueueNotFound")
    attacker.eventually(lambda: attacker.condition("bomb", "QueueReachable") == lost, 60, "the pool was not read")
    queues = {found for line in series(operator, attacker, "bomb") for found in re.findall('queue="([^"]*)"', line)}
    assert queues <= {mine}
    assert len(series(operator, attacker, "bomb")) < 120
    attacker.kubectl("delete", "qwp", "bomb")
    attacker.eventually(lambda: series(operator, attacker, "bomb") == [], 60, "series stay behind")


def test_huge_fields_reach_neither_status_nor_memory(attacker: Shop, operator: Operator) -> None:
    """As much as the API server takes in annotations, in one pool after the other."""
    before = resident(operator)
    for number in range(10):
        name = f"huge-{number}"
        attacker.pool(name, "attacker-huge", deployment="none")
        attacker.kubectl("annotate", "qwp", name, f"a={'x' * 120_000}")
        attacker.kubectl("annotate", "qwp", name, f"b={'y' * 120_000}")
        assert len(json.dumps(attacker.status(name))) < 10_000
    assert resident(operator) - before < 20e6


def resident(operator: Operator) -> float:
    [line] = [
        line for line in operator.get("/metrics").splitlines() if line.startswith("process_resident_memory_bytes")
    ]
    return float(line.split()[1])
