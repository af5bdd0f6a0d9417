"""A hostile tenant, who does in its namespace what it likes, and what it gets: nothing of the victim's, nobody's size.

The tenants' settings are those of TENANTS in conftest.py. Redirects and lies from /state are in test_scale_in.py.
"""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster import Cluster, CommandFailedError
from devcluster.processes import wait_until
from devcluster.sqs import REGION, MotoSqs
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.faulty import Faulty
from tests.cluster.operator.conftest import ACCOUNT, CANARIES, Operator, Shop
from tests.cluster.operator.conftest import NAMESPACE as OPERATOR_NAMESPACE

LOAD = 777
"""A number that no time of day shows."""
AWS = f"https://sqs.{REGION}.amazonaws.com"
QWP = str(Path(sys.executable).with_name("qwp"))
RAW = "\x1b[2Jinjected\nReady: True %s%n{0}\u202e"


def namespace_of(cluster: Cluster, tenant: str) -> str:
    name = f"{tenant}-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    account = ("get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o", "name")
    wait_until(lambda: cluster.kubectl(*account) != "", 30, f"namespace {name} got no default service account")
    return name


@pytest.fixture(scope="module")
def victim(cluster: Cluster, moto_sqs: MotoSqs, operator: Operator) -> Iterator[Shop]:
    """A tenant with a queue that the attacker wants to know of, and a pool that must stay right."""
    assert operator.failures("/livez") == ""
    shop = Shop(cluster, moto_sqs, namespace_of(cluster, "victim"))
    shop.send(shop.queue("till"), LOAD)
    shop.deployment("till")
    shop.pool("till", f"{shop.namespace}-till", target={"messagesPerPod": 200})
    shop.eventually(lambda: shop.replicas("till") == 4, 30, "the victim's pool did not get its size")
    yield shop
    assert (shop.replicas("till"), shop.generation("till")) == (4, 2)  # one write, the operator's first
    assert shop.condition("till", "Ready") == ("True", "Ready")
    cluster.kubectl("delete", "namespace", shop.namespace, "--wait=false")


@pytest.fixture(scope="module")
def attacker(cluster: Cluster, moto_sqs: MotoSqs, victim: Shop, operator: Operator) -> Iterator[Shop]:
    """A tenant beside the victim, whose pool is looked at again when the attacks are over."""
    assert victim.replicas("till") == 4
    restarts = operator.restarts()
    shop = Shop(cluster, moto_sqs, namespace_of(cluster, "attacker"))
    yield shop
    shop.kubectl("delete", "qwp,deployments", "--all", "--wait=false")
    assert operator.restarts() == restarts
    cluster.kubectl("delete", "namespace", shop.namespace, "--wait=false")


def series(operator: Operator, shop: Shop, pool: str = "") -> list[str]:
    """What /metrics shows of a namespace, or of one of its pools."""
    chosen = f'namespace="{shop.namespace}",pool="{pool}'
    return [line for line in operator.get("/metrics").splitlines() if chosen in line]


def told_of(shop: Shop, pool: str) -> str:
    """All that is told of a pool where its tenant can see it."""
    return json.dumps(shop.status(pool)) + "\n".join(shop.events(pool))


THEIRS: dict[str, list[dict[str, str]]] = {
    "by-its-url": [{"url": AWS + "/{account}/{theirs}"}],
    "beside-an-own-one": [{"url": AWS + "/{account}/{mine}"}, {"url": AWS + "/{account}/{theirs}"}],
    "by-another-host": [{"url": "http://127.0.0.1:1/{account}/{theirs}", "region": REGION}],
    "by-the-region-field": [{"url": AWS + "/{account}/{theirs}", "region": "us-east-1"}],
    "by-the-region-of-the-host": [{"url": "https://sqs.us-east-1.amazonaws.com/{account}/{theirs}"}],
    "own-name-in-another-region": [{"url": AWS + "/{account}/{mine}", "region": "us-east-1"}],
    "own-name-in-another-account": [{"url": AWS + "/999999999999/{mine}"}],
    "in-capitals": [{"url": AWS + "/{account}/ATTACKER-x"}],
    "by-the-api-servers-address": [{"url": "https://kubernetes.default.svc:443/{account}/{theirs}", "region": REGION}],
    "by-the-metadata-address": [{"url": "http://169.254.169.254/{account}/{theirs}", "region": REGION}],
}


@pytest.fixture(scope="module")
def intruders(attacker: Shop, victim: Shop) -> Shop:
    """The attacker's pools that name queues which are not its own, each with a Deployment."""
    mine = attacker.queue("own")
    for name, queues in THEIRS.items():
        names = {"account": ACCOUNT, "mine": mine, "theirs": f"{victim.namespace}-till"}
        attacker.deployment(name)
        urls = [{field: value.format(**names) for field, value in queue.items()} for queue in queues]
        attacker.pool(name, mine, queues=urls, target={"messagesPerPod": 1})
    return attacker


@pytest.mark.parametrize("name", THEIRS)
def test_anothers_queue_is_not_read(name: str, intruders: Shop, operator: Operator) -> None:
    refused = ("False", "QueueNotAllowed")
    intruders.eventually(lambda: intruders.condition(name, "QueueReachable") == refused, 30, "it was not refused")
    told = told_of(intruders, name)
    assert "QueueNotAllowed: queue " in told
    assert "backlog" not in intruders.status(name)
    assert intruders.generation(name) == 1
    shown = series(operator, intruders, name)
    assert [line for line in shown if "queue_messages" in line and "victim" in line] == []
    assert str(LOAD) not in re.findall(r"\b\d+\b", told)


REFUSED = {
    "a user before the host": f"https://sqs.{REGION}.amazonaws.com@evil.example/{ACCOUNT}/q",
    "a longer path": f"{AWS}/x/{ACCOUNT}/q",
    "two slashes": f"{AWS}//{ACCOUNT}/q",
    "two dots": f"{AWS}/{ACCOUNT}/../{ACCOUNT}/q",
    "dots that are encoded": f"{AWS}/{ACCOUNT}/%2e%2e/q",
    "a query": f"{AWS}/{ACCOUNT}/q?Action=DeleteQueue",
    "a fragment": f"{AWS}/{ACCOUNT}/q#/{ACCOUNT}/p",
    "a newline": f"{AWS}/{ACCOUNT}/q\n",
    "a Cyrillic letter": f"{AWS}/{ACCOUNT}/vi\u0441tim",
    "a space of no width": f"{AWS}/{ACCOUNT}/q\u200b",
    "a host of another script": f"https://sqs.{REGION}.\u0430mazonaws.com/{ACCOUNT}/q",
    "a file": f"file:///{ACCOUNT}/q",
    "a huge one": f"{AWS}/{ACCOUNT}/{'q' * 100_000}",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_a_url_with(url: str, attacker: Shop) -> None:
    with pytest.raises(CommandFailedError, match=r"spec\.queues"):
        attacker.pool("refused", "q", queues=[{"url": url}])


def test_an_endpoint_in_the_url_gets_no_request(attacker: Shop) -> None:
    """The operator's signature must not leave for wherever a tenant points to."""
    mine = attacker.queue("endpoint")
    attacker.send(mine, 3)
    attacker.deployment("endpoint")
    with Faulty(faults.answering(200, {"Attributes": {"ApproximateNumberOfMessages": "99"}})) as trap:
        attacker.pool("endpoint", mine, queues=[{"url": f"{trap.endpoint}/{ACCOUNT}/{mine}", "region": REGION}])
        attacker.eventually(lambda: attacker.replicas("endpoint") == 1, 30, "the queue was not read from SQS")
        assert trap.requests == []


TARGETS = {
    "another namespace in the name": {"name": "victim/till"},
    "another namespace in a field": {"name": "till", "namespace": "victim"},
    "another kind": {"name": "till", "kind": "StatefulSet", "apiVersion": "apps/v1"},
    "a path": {"name": "../../victim/deployments/till"},
    "an encoded path": {"name": "..%2f..%2fvictim"},
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_cannot_be(target: dict[str, str], attacker: Shop) -> None:
    with pytest.raises(CommandFailedError, match="scaleTargetRef"):
        attacker.pool("aimed", "q", scaleTargetRef=target)


@pytest.mark.parametrize("name", ["till", "queueworkerpool"])
def test_the_name_of_anothers_deployment_means_one_in_the_own_namespace(name: str, attacker: Shop) -> None:
    """The victim's, and the operator's own."""
    attacker.pool(f"aimed-{name}", attacker.queue("aimed"), deployment=name)
    missing = ("False", "TargetNotFound")
    attacker.eventually(lambda: attacker.condition(f"aimed-{name}", "TargetFound") == missing, 30, "it was found")


def test_a_pool_beside_the_operator_does_not_scale_it(cluster: Cluster, moto_sqs: MotoSqs, operator: Operator) -> None:
    """Its queue is not allowed either: a guard that fails must fail this test and not end the operator of all tests."""
    system = Shop(cluster, moto_sqs, OPERATOR_NAMESPACE)
    size = system.generation("queueworkerpool")
    system.pool("aimed", "aimed", deployment="queueworkerpool")
    refused = ("False", "TargetNotAllowed")
    system.eventually(lambda: system.condition("aimed", "TargetFound") == refused, 30, "it was not refused")
    system.kubectl("delete", "qwp", "aimed")
    assert (system.generation("queueworkerpool"), operator.failures("/livez")) == (size, "")


def test_what_is_injected_is_told_nowhere(attacker: Shop, operator: Operator) -> None:
    """By an annotation, a label of a pod, a forged status; each with terminal codes, new lines and formats in it."""
    mine = attacker.queue("injected")
    attacker.deployment("injected")
    attacker.pool("injected", mine)
    attacker.eventually(lambda: attacker.condition("injected", "Ready")[0] == "True", 30, "the pool is not ready")
    attacker.kubectl("annotate", "qwp", "injected", f"note={RAW}{'x' * 100_000}")
    competing_writer = {"manager": RAW, "rounds": 2**31 - 1, "last": "9999-12-31T23:59:59Z"}
    forge(
        attacker, "injected", {"memory": {"competingWriter": competing_writer}, "lastScaleTime": "0000-01-01T00:00:00Z"}
    )
    attacker.kubectl("patch", "qwp", "injected", "--type=merge", "-p", '{"spec": {"maxReplicas": 7}}')
    attacker.send(mine, 10)
    attacker.eventually(lambda: attacker.replicas("injected") == 2, 30, "the pool did not get its size")
    attacker.eventually(
        lambda: "competingWriter" not in attacker.status("injected").get("memory", {}), 30, "the forged rival is kept"
    )
    told = [told_of(attacker, "injected"), operator.logs(), *series(operator, attacker)]
    assert [
        text for text in told if "injected\n" in text or "%s%n" in text or "\x1b" in text or "\\u001b" in text
    ] == []
    assert len(json.dumps(attacker.status("injected"))) < 10_000


def forge(shop: Shop, pool: str, status: dict[str, Any]) -> None:
    shop.kubectl("patch", "qwp", pool, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


FORGED: dict[str, dict[str, Any]] = {
    "a lull with a huge peak": {
        "memory": {"scaleDownStabilization": {"since": "0001-01-01T00:00:00Z", "highest": 2**31 - 1}}
    },
    "a surge": {"memory": {"scaleUpStabilization": {"since": "9999-12-31T23:59:59Z", "lowest": -(2**31)}}},
    "workers that take for ever": {"memory": {"workers": {"serviceSeconds": 1e308, "concurrency": -1}}},
    "thousands of changes": {"memory": {"changes": [{"time": "2026-11-23T12:00:00Z", "by": -(2**31)}] * 2000}},
    "a backlog of another time": {"backlog": {"visible": 2**31 - 1, "time": "0000-01-01T00:00:00Z"}},
    "a long blindness": {"memory": {"unreadableSince": "2020-01-01T00:00:00Z"}},
}


def test_a_forged_status_moves_no_pool_out_of_its_bounds(attacker: Shop) -> None:
    mine = attacker.queue("forged")
    attacker.deployment("forged")
    attacker.pool("forged", mine, minReplicas=1, maxReplicas=3)
    for number, status in enumerate(FORGED.values()):
        forge(attacker, "forged", status)
        attacker.send(mine, 1)
        # The operator goes on: it tells of the new message, and not of what was forged.
        attacker.eventually(
            lambda seen=number + 1: attacker.status("forged").get("backlog", {}).get("visible") == seen,  # type: ignore[misc] # binds the number of this round
            30,
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
    attacker.eventually(lambda: attacker.condition("bomb", "QueueReachable") == lost, 30, "the pool was not read")
    queues = {found for line in series(operator, attacker, "bomb") for found in re.findall('queue="([^"]*)"', line)}
    assert queues <= {mine}
    assert len(series(operator, attacker, "bomb")) < 120
    attacker.kubectl("delete", "qwp", "bomb")
    attacker.eventually(lambda: series(operator, attacker, "bomb") == [], 30, "series stay behind")


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


def test_no_secret_of_the_operator_is_told_anywhere(attacker: Shop, intruders: Shop, operator: Operator) -> None:
    """After errors of all kinds, at the log level debug."""
    attacker.deployment("canary")
    attacker.pool("canary", "attacker-missing")
    lost = ("False", "QueueNotFound")
    attacker.eventually(lambda: attacker.condition("canary", "QueueReachable") == lost, 30, "it was not read")
    attacker.sqs.cut_off()
    try:
        out = ("False", "QueueUnreachable")
        attacker.eventually(lambda: attacker.condition("canary", "QueueReachable") == out, 40, "blindness was not told")
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
    told = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout
    return told.stdout + told.stderr
