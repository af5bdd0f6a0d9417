"""What the API server refuses: each bad pool with a message that names the field, and the fix if the rule is ours."""

from typing import Any

import pytest
import yaml

from devcluster import Cluster, CommandFailedError
from tests.cluster.operator.conftest import Operator

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"
SQS_URL = "must be an SQS queue URL such as https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue"
MISSING = object()


def queue(url: object, **more: object) -> dict[str, Any]:
    return {"queues": [{"url": url} | more]}


ROWS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no target": ({"scaleTargetRef": MISSING}, "spec.scaleTargetRef", "Required value"),
    "a target without a name": ({"scaleTargetRef": {}}, "spec.scaleTargetRef.name", "Required value"),
    "an empty target name": ({"scaleTargetRef": {"name": ""}}, "spec.scaleTargetRef.name", "at least 1 chars long"),
    "a target name in capitals": (
        {"scaleTargetRef": {"name": "Thumbnailer"}},
        "spec.scaleTargetRef.name",
        "must be the name of a Deployment",
    ),
    "a target name with a slash": (
        {"scaleTargetRef": {"name": "other/thumbnailer"}},
        "spec.scaleTargetRef.name",
        "must be the name of a Deployment",
    ),
    "a target in another namespace": (
        {"scaleTargetRef": {"name": "thumbnailer", "namespace": "other"}},
        "spec.scaleTargetRef.namespace",
        "unknown field",
    ),
    "no queues": ({"queues": MISSING}, "spec.queues", "Required value"),
    "an empty list of queues": ({"queues": []}, "spec.queues", "at least 1 items"),
    "eleven queues": ({"queues": [{"url": f"{URL}{i}"} for i in range(11)]}, "spec.queues", "at most 10 items"),
    "the same queue twice": ({"queues": [{"url": URL}, {"url": URL}]}, "spec.queues[1]", "Duplicate value"),
    "a queue without URL": ({"queues": [{"region": "eu-west-1"}]}, "spec.queues[0].url", "Required value"),
    "a queue by its name": (queue("thumbnails"), "spec.queues[0].url", SQS_URL),
    "a queue by its ARN": (queue("arn:aws:sqs:eu-west-1:123456789012:thumbnails"), "spec.queues[0].url", SQS_URL),
    "a queue URL without account": (
        queue("https://sqs.eu-west-1.amazonaws.com/thumbnails"),
        "spec.queues[0].url",
        SQS_URL,
    ),
    "a queue URL with a short account": (
        queue("https://sqs.eu-west-1.amazonaws.com/12345/q"),
        "spec.queues[0].url",
        SQS_URL,
    ),
    "a queue URL with a query": (queue(f"{URL}?Action=DeleteQueue"), "spec.queues[0].url", SQS_URL),
    "a queue URL with a user": (queue("https://me@sqs.amazonaws.com/123456789012/q"), "spec.queues[0].url", SQS_URL),
    "a queue URL of another scheme": (queue("file:///123456789012/q"), "spec.queues[0].url", SQS_URL),
    "a queue URL with a line break": (queue(f"{URL}\nx"), "spec.queues[0].url", SQS_URL),
    "a queue name that is too long": (
        queue(f"https://sqs.amazonaws.com/123456789012/{'q' * 81}"),
        "spec.queues[0].url",
        SQS_URL,
    ),
    "a queue URL that is no text": (queue(7), "spec.queues[0].url", "must be of type string"),
    "a region that is none": (
        queue(URL, region="Ireland"),
        "spec.queues[0].region",
        "must be an AWS region such as eu-west-1",
    ),
    "an endpoint": (queue(URL, endpoint="http://10.0.0.1"), "spec.queues[0].endpoint", "unknown field"),
    "no maximum": ({"maxReplicas": MISSING}, "spec.maxReplicas", "Required value"),
    "a maximum of zero": ({"maxReplicas": 0}, "spec.maxReplicas", "greater than or equal to 1"),
    "a maximum as text": ({"maxReplicas": "50"}, "spec.maxReplicas", "must be of type integer"),
    "a maximum beyond reason": ({"maxReplicas": 100001}, "spec.maxReplicas", "less than or equal to 100000"),
    "a negative minimum": ({"minReplicas": -1}, "spec.minReplicas", "greater than or equal to 0"),
    "a minimum above the maximum": (
        {"minReplicas": 51},
        "spec.minReplicas",
        "lower minReplicas or raise maxReplicas",
    ),
    "no target size": ({"target": MISSING}, "spec.target", "Required value"),
    "an empty target size": ({"target": {}}, "spec.target.messagesPerPod", "Required value"),
    "a target size of zero": (
        {"target": {"messagesPerPod": 0}},
        "spec.target.messagesPerPod",
        "greater than or equal to 1",
    ),
    "a target size of half a message": (
        {"target": {"messagesPerPod": 0.5}},
        "spec.target.messagesPerPod",
        "must be of type integer",
    ),
    "a way to count that there is not": (
        {"count": {"inFlight": "Maybe"}},
        "spec.count.inFlight",
        'supported values: "Count", "Ignore"',
    ),
    "a negative activation": ({"activationMessages": -1}, "spec.activationMessages", "greater than or equal to 0"),
    "a poll without pause": ({"pollSeconds": 0}, "spec.pollSeconds", "greater than or equal to 1"),
    "a poll an hour": ({"pollSeconds": 3600}, "spec.pollSeconds", "less than or equal to 300"),
    "a duration with a unit": ({"pollSeconds": "5s"}, "spec.pollSeconds", "must be of type integer"),
    "a zero rule beyond a day": (
        {"scaleToZeroAfterSeconds": 86401},
        "spec.scaleToZeroAfterSeconds",
        "less than or equal to 86400",
    ),
    "a window beyond an hour": (
        {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601}}},
        "spec.behavior.scaleDown.stabilizationWindowSeconds",
        "less than or equal to 3600",
    ),
    "a mode that there is not": ({"mode": "Auto"}, "spec.mode", 'supported values: "Active", "DryRun", "Paused"'),
    "a misspelt field": ({"maxReplica": 5}, "spec.maxReplica", "unknown field"),
}


def pool(differs: dict[str, Any]) -> str:
    calm = {
        "scaleTargetRef": {"name": "thumbnailer"},
        "queues": [{"url": URL}],
        "maxReplicas": 50,
        "target": {"messagesPerPod": 5},
    }
    spec = {name: value for name, value in (calm | differs).items() if value is not MISSING}
    return yaml.safe_dump(
        {"apiVersion": "queueworker.dev/v1alpha1", "kind": "QueueWorkerPool", "metadata": {"name": "p"}, "spec": spec}
    )


@pytest.mark.usefixtures("operator")  # which brings the CRD
@pytest.mark.parametrize(("differs", "field", "fix"), ROWS.values(), ids=ROWS.keys())
def test_refused(cluster: Cluster, differs: dict[str, Any], field: str, fix: str) -> None:
    with pytest.raises(CommandFailedError) as refused:
        cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=pool(differs))
    assert field in str(refused.value)
    assert fix in str(refused.value)


@pytest.mark.parametrize(
    "differs",
    [
        {},
        queue("https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo"),
        queue("http://127.0.0.1:9324/000000000000/local", region="eu-west-1"),
        queue("https://eu-west-1.queue.amazonaws.com/123456789012/legacy"),
        {"minReplicas": 50},
        {"queues": [{"url": f"{URL}{i}"} for i in range(10)]},
    ],
    ids=["the least", "a FIFO queue", "a local queue", "a legacy URL", "a fixed size", "ten queues"],
)
def test_accepted(cluster: Cluster, operator: Operator, differs: dict[str, Any]) -> None:
    assert operator.pod()
    cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", input=pool(differs))
