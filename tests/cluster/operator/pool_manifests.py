"""QueueWorkerPools in YAML, as people write them: a calm one, and ones that differ from it in some fields."""

from typing import Any

import yaml

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"
VARIABLE = {"containerName": "worker", "name": "QUEUE_URL"}
MISSING = object()
"""In place of a field's value: leave the field out."""
CALM: dict[str, Any] = {
    "scaleTargetRef": {"name": "thumbnailer"},
    "queues": [{"url": URL}],
    "maxReplicas": 50,
    "target": {"messagesPerPod": 5},
}


def manifest(spec: Any, metadata: Any = None, **top: Any) -> str:
    """Return a QueueWorkerPool as YAML."""
    head = {"apiVersion": "queueworker.dev/v1alpha1", "kind": "QueueWorkerPool"}
    document = head | {"metadata": {"name": "p"} if metadata is None else metadata, "spec": spec} | top
    return yaml.dump(document, Dumper=yaml.CSafeDumper)  # hundreds of rows are written when tests are collected


def pool(**differs: Any) -> str:
    """Return a calm pool with other values of some fields."""
    return manifest({name: value for name, value in (CALM | differs).items() if value is not MISSING})


def written(line: str) -> str:
    """Return a calm pool in which the field of LINE stands as it is written there; `under.field` is not possible."""
    rest = {name: value for name, value in CALM.items() if name != line.partition(":")[0]}
    return manifest(rest) + f"  {line}\n"


def queue(url: object, **more: Any) -> str:
    return pool(queues=[{"url": url} | more])


def target(**fields: Any) -> str:
    return pool(target=fields)


def name(text: str) -> str:
    return pool(scaleTargetRef={"name": text})


def down(**fields: Any) -> str:
    return pool(behavior={"scaleDown": fields})


def up(**fields: Any) -> str:
    return pool(behavior={"scaleUp": fields})


def policy(**fields: Any) -> str:
    return down(policies=[{"type": "Pods", "value": 1, "periodSeconds": 60} | fields])


MORNING = {"name": "morning", "cron": "0 9 * * 1-5", "durationSeconds": 3600, "minReplicas": 5}


def schedule(**fields: Any) -> str:
    whole = {key: value for key, value in (MORNING | fields).items() if value is not MISSING}
    return pool(schedules=[whole])
