"""A victim and a hostile tenant, who does anything in its namespace, and gets nothing of the victim's.

The tenants' settings are those of TENANTS in the conftest.py above. Redirects and false answers of /state are in
test_scale_in.py.
"""

import json
import uuid
from collections.abc import Iterator

import pytest

from devcluster import Cluster
from devcluster.processes import wait_until
from devcluster.sqs import REGION, MotoSqs
from tests.cluster.operator.conftest import ACCOUNT, Operator, Shop

LOAD = 777
"""A number that no time of day contains."""

AWS = f"https://sqs.{REGION}.amazonaws.com"


def namespace_of(cluster: Cluster, tenant: str) -> str:
    name = f"{tenant}-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    account = ("get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o", "name")
    wait_until(lambda: cluster.kubectl(*account) != "", 60, f"namespace {name} got no default service account")
    return name


@pytest.fixture(scope="module")
def victim(cluster: Cluster, moto_sqs: MotoSqs, operator: Operator) -> Iterator[Shop]:
    """A tenant with a queue that the attacker wants to read, and a pool that must stay right."""
    assert operator.failures("/livez") == ""
    shop = Shop(cluster, moto_sqs, namespace_of(cluster, "victim"))
    shop.send(shop.queue("till"), LOAD)
    shop.deployment("till")
    shop.pool("till", f"{shop.namespace}-till", target={"messagesPerPod": 200})
    shop.eventually(lambda: shop.replicas("till") == 4, 60, "the victim's pool did not get its size")
    yield shop
    assert (shop.replicas("till"), shop.generation("till")) == (4, 2)  # one write, the operator's first
    # A test before may have cut off SQS.
    shop.eventually(lambda: shop.condition("till", "Ready") == ("True", "Ready"), 60, "the victim's pool is not ready")
    cluster.kubectl("delete", "namespace", shop.namespace, "--wait=false")


@pytest.fixture(scope="module")
def attacker(cluster: Cluster, moto_sqs: MotoSqs, victim: Shop, operator: Operator) -> Iterator[Shop]:
    """A tenant beside the victim, whose pool is checked again after the attacks."""
    assert victim.replicas("till") == 4
    restarts = operator.restarts()
    shop = Shop(cluster, moto_sqs, namespace_of(cluster, "attacker"))
    yield shop
    shop.kubectl("delete", "qwp,deployments", "--all", "--wait=false")
    assert operator.restarts() == restarts
    cluster.kubectl("delete", "namespace", shop.namespace, "--wait=false")


def series(operator: Operator, shop: Shop, pool: str = "") -> list[str]:
    """Return the series of a namespace, or of one of its pools."""
    chosen = f'namespace="{shop.namespace}",pool="{pool}'
    return [line for line in operator.get("/metrics").splitlines() if chosen in line]


def shown_of(shop: Shop, pool: str) -> str:
    """Return the status and the Events of a pool: what its tenant can see."""
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
