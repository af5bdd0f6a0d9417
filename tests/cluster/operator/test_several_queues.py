"""A pool of several queues whose workers consume all of them in one container, as the example has it."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.operator.conftest import Shop

ROOT = Path(__file__).parents[3]
DEPLOYMENT, POOL = "notifier", "notifications"
QUEUES = {"MAILS_QUEUE": "mails", "REPORTS_QUEUE": "reports"}
MESSAGES = 40


def apply_example(shop: Shop, journal: Path) -> dict[str, str]:
    """Apply the example with the worker of this environment and our queues; return these, by the example's names."""
    deployment, pool = yaml.safe_load_all((ROOT / "examples" / "several-queues.yaml").read_text())
    assert (deployment["metadata"]["name"], pool["metadata"]["name"]) == (DEPLOYMENT, POOL)
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    queues = {name: shop.queue(name) for name in QUEUES.values()}
    urls = {
        variable: shop.client.get_queue_url(QueueName=queues[name])["QueueUrl"] for variable, name in QUEUES.items()
    }
    environment: dict[str, Any] = {"PYTHONPATH": f"{ROOT / 'worker'}:{ROOT / 'common'}", **shop.sqs.env}
    container["env"] = [
        each | {"value": urls[each["name"]]} if each["name"] in urls else each for each in container["env"]
    ] + [{"name": name, "value": value} for name, value in environment.items()]
    container["command"] = [sys.executable, "-m", "queueworker"]
    exec_at = next(i for i, argument in enumerate(container["args"]) if argument.startswith("--exec="))
    # A message lasts as long as in the example: one pod alone must not be done before the other one has started.
    script = f'echo "$QUEUEWORKER_STATE_HOST $SQS_QUEUE_URL" >>{journal}; sleep 1'
    container["args"][exec_at] = f"--exec=sh -c '{script}'"
    container["args"] += ["--wait-seconds=1", "--grace-seconds=5"]
    spec["terminationGracePeriodSeconds"] = 10
    pool["spec"] |= {
        "pollSeconds": 1,
        "maxReplicas": 2,
        "scaleToZeroAfterSeconds": 2,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}},
    }
    shop.apply(deployment)
    shop.apply(pool)
    return {urls[variable]: queues[name] for variable, name in QUEUES.items()}


def depth(shop: Shop, url: str) -> int:
    """Return how many messages of a queue are not deleted."""
    found = shop.client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


def test_each_container_serves_every_queue_of_its_pool_and_the_pool_sizes_for_their_sum(
    shop: Shop, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    queues = apply_example(shop, journal)
    shop.eventually(lambda: shop.condition(POOL, "QueueReachable")[0] == "True", 60, "the queues were not read")
    for name in queues.values():
        shop.send(name, MESSAGES)
    shop.eventually(lambda: shop.replicas(DEPLOYMENT) == 2, 60, "the pool did not grow by the sum of its queues")
    shop.eventually(lambda: shop.ready(DEPLOYMENT) == 2, 60, "the workers did not become ready")
    shop.eventually(lambda: not sum(depth(shop, url) for url in queues), 120, "the queues were not emptied")
    shop.eventually(lambda: shop.replicas(DEPLOYMENT) == 0, 60, "the pool did not shrink")
    assert shop.condition(POOL, "WorkersProtected") == ("True", "WorkersAnswer")
    handled = Counter(tuple(line.split()) for line in journal.read_text().splitlines())
    pods = {pod for pod, _ in handled}
    assert len(pods) == 2
    assert all(handled[pod, url] for pod in pods for url in queues), f"a pod served one queue only: {handled}"
    assert all(sum(handled[pod, url] for pod in pods) >= MESSAGES for url in queues)
