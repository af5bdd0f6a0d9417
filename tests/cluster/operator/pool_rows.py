"""Pools that the API server must refuse, and pools that it must accept: manifests as people write them, in YAML.

A row of REFUSED is a manifest, the field that the answer must name, and the words that tell the way out. The answers of
the API server and of `qwp validate` are held against them, and against each other.
"""

from typing import Any, NamedTuple

import yaml

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails"
MISSING = object()
"""In place of a field's value: leave the field out."""
CALM: dict[str, Any] = {
    "scaleTargetRef": {"name": "thumbnailer"},
    "queues": [{"url": URL}],
    "maxReplicas": 50,
    "target": {"messagesPerPod": 5},
}


class Row(NamedTuple):
    """A manifest that is refused, and why."""

    manifest: str
    field: str
    fix: str


def manifest(spec: Any, metadata: Any = None, **top: Any) -> str:
    """Return a QueueWorkerPool as YAML."""
    head = {"apiVersion": "queueworker.dev/v1alpha1", "kind": "QueueWorkerPool"}
    return yaml.safe_dump(head | {"metadata": {"name": "p"} if metadata is None else metadata, "spec": spec} | top)


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


_SQS_URL = "must be an SQS queue URL such as https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue"
_DEPLOYMENT = "must be the name of a Deployment: lower-case letters, digits, '-' and '.'"
_CRON = "must be five fields such as '0 9 * * 1-5'"
_ZONE = "must be a time zone's name such as Europe/Berlin"
_ONE_TARGET = "exactly one of messagesPerPod and latencySeconds"
_REQUIRED, _UNKNOWN, _TWICE = "Required value", "unknown field", "Duplicate value"
_SCALE_DOWN, _POLICY = "spec.behavior.scaleDown", "spec.behavior.scaleDown.policies[0]"
_NAME, _QUEUE, _SCHEDULE = "spec.scaleTargetRef.name", "spec.queues[0].url", "spec.schedules[0]"

REFUSED: dict[str, Row] = {
    # Whom to scale.
    "no target": Row(pool(scaleTargetRef=MISSING), "spec.scaleTargetRef", _REQUIRED),
    "a null target": Row(pool(scaleTargetRef=None), "spec.scaleTargetRef", _REQUIRED),
    "a target without a name": Row(pool(scaleTargetRef={}), _NAME, _REQUIRED),
    "a target that is its name": Row(pool(scaleTargetRef="t"), "spec.scaleTargetRef", "must be of type object"),
    "an empty target name": Row(name(""), _NAME, "at least 1 chars long"),
    "a target name in capitals": Row(name("Thumbnailer"), _NAME, _DEPLOYMENT),
    "a target name with a slash": Row(name("other/thumbnailer"), _NAME, _DEPLOYMENT),
    "a target name with a look-alike letter": Row(name("thumbn\u0430iler"), _NAME, _DEPLOYMENT),
    "a target name in full-width letters": Row(name("\uff54humbnailer"), _NAME, _DEPLOYMENT),
    "a target name with a space of no width": Row(name("thumb\u200bnailer"), _NAME, _DEPLOYMENT),
    "a target name with a line break": Row(name("thumbnailer\n"), _NAME, _DEPLOYMENT),
    "a target name with an emoji": Row(name("thumbnailer-\U0001f5bc"), _NAME, _DEPLOYMENT),
    "a target name with quotes and controls": Row(name('"t\x07\x7f\\<&>\u2028\x85"'), _NAME, _DEPLOYMENT),
    "a target name beyond 253 letters": Row(name("t" * 254), _NAME, "may not be more than 253"),
    "a target name of a megabyte": Row(name("t" * 1_000_000), _NAME, "may not be more than 253"),
    "a target in another namespace": Row(
        pool(scaleTargetRef={"name": "t", "namespace": "other"}), "spec.scaleTargetRef.namespace", _UNKNOWN
    ),
    # Which queues.
    "no queues": Row(pool(queues=MISSING), "spec.queues", _REQUIRED),
    "null queues": Row(pool(queues=None), "spec.queues", _REQUIRED),
    "an empty list of queues": Row(pool(queues=[]), "spec.queues", "at least 1 items"),
    "eleven queues": Row(pool(queues=[{"url": f"{URL}{i}"} for i in range(11)]), "spec.queues", "at most 10 items"),
    "a megabyte of queues": Row(
        pool(queues=[{"url": f"{URL}{i}"} for i in range(12_000)]), "spec.queues", "at most 10 items"
    ),
    "the same queue twice": Row(pool(queues=[{"url": URL}, {"url": URL}]), "spec.queues[1]", _TWICE),
    "the same queue three times": Row(pool(queues=[{"url": URL}] * 3), "spec.queues[1]", _TWICE),
    "the same odd queue twice": Row(pool(queues=[{"url": "<\u00e9&>"}] * 2), "spec.queues[1]", _TWICE),
    "a queue without URL": Row(pool(queues=[{"region": "eu-west-1"}]), _QUEUE, _REQUIRED),
    "a null queue": Row(pool(queues=[None]), "spec.queues[0]", "must be of type object"),
    "two null queues": Row(pool(queues=[None, None]), "spec.queues[1]", f"{_TWICE}: {{}}"),
    "a queue that is its URL": Row(pool(queues=[URL]), "spec.queues[0]", "must be of type object"),
    "queues that are a mapping": Row(pool(queues={"url": URL}), "spec.queues.url", _UNKNOWN),
    "a queue by its name": Row(queue("thumbnails"), _QUEUE, _SQS_URL),
    "a queue by its ARN": Row(queue("arn:aws:sqs:eu-west-1:123456789012:thumbnails"), _QUEUE, _SQS_URL),
    "a queue URL without account": Row(queue("https://sqs.eu-west-1.amazonaws.com/thumbnails"), _QUEUE, _SQS_URL),
    "a queue URL of AWS with a longer path": Row(
        queue("https://sqs.eu-west-1.amazonaws.com/queue/eu-west-1/123456789012/q"), _QUEUE, _SQS_URL
    ),
    "a queue URL of AWS in capitals without account": Row(
        queue("https://SQS.EU-WEST-1.API.AWS:443/queue/thumbnails"), _QUEUE, _SQS_URL
    ),
    "a queue URL with a short account": Row(queue("https://sqs.eu-west-1.amazonaws.com/12345/q"), _QUEUE, _SQS_URL),
    "a queue URL with Arabic digits": Row(queue(f"https://sqs.amazonaws.com/{'٣' * 12}/q"), _QUEUE, _SQS_URL),
    "a queue URL with a query": Row(queue(f"{URL}?Action=DeleteQueue"), _QUEUE, _SQS_URL),
    "a queue URL with a user": Row(queue("https://me@sqs.amazonaws.com/123456789012/q"), _QUEUE, _SQS_URL),
    "a queue URL of another scheme": Row(queue("file:///123456789012/q"), _QUEUE, _SQS_URL),
    "a queue URL with a line break": Row(queue(f"{URL}\nx"), _QUEUE, _SQS_URL),
    "a queue URL that ends in a line break": Row(queue(f"{URL}\n"), _QUEUE, _SQS_URL),
    "a queue name that is too long": Row(queue(f"https://sqs.amazonaws.com/123456789012/{'q' * 81}"), _QUEUE, _SQS_URL),
    "a queue URL beyond 512 letters": Row(queue(f"{URL}{'q' * 512}"), _QUEUE, "may not be more than 512"),
    "a queue URL that is no text": Row(queue(7), _QUEUE, "must be of type string"),
    "a region that is none": Row(
        queue(URL, region="Ireland"), "spec.queues[0].region", "must be an AWS region such as eu-west-1"
    ),
    "an endpoint": Row(queue(URL, endpoint="http://10.0.0.1"), "spec.queues[0].endpoint", _UNKNOWN),
    # The bounds.
    "no maximum": Row(pool(maxReplicas=MISSING), "spec.maxReplicas", _REQUIRED),
    "a null maximum": Row(pool(maxReplicas=None), "spec.maxReplicas", _REQUIRED),
    "a maximum of zero": Row(pool(maxReplicas=0), "spec.maxReplicas", "greater than or equal to 1"),
    "a maximum of negative zero": Row(written("maxReplicas: -0"), "spec.maxReplicas", "greater than or equal to 1"),
    "a maximum of negative 0.0": Row(written("maxReplicas: -0.0"), "spec.maxReplicas", "greater than or equal to 1"),
    "a maximum as text": Row(pool(maxReplicas="50"), "spec.maxReplicas", "must be of type integer"),
    "a maximum that is a truth": Row(written("maxReplicas: yes"), "spec.maxReplicas", "must be of type int32"),
    "a maximum that is a list": Row(pool(maxReplicas=[50]), "spec.maxReplicas", "must be of type integer"),
    "a maximum that is a time": Row(written("maxReplicas: 1:30"), "spec.maxReplicas", "must be of type integer"),
    "half a pod too many": Row(pool(maxReplicas=50.5), "spec.maxReplicas", "must be of type int32"),
    "a maximum beyond reason": Row(pool(maxReplicas=100001), "spec.maxReplicas", "less than or equal to 100000"),
    "a maximum of 2^31": Row(pool(maxReplicas=2**31), "spec.maxReplicas", "less than or equal to 100000"),
    "a maximum of 2^63 - 1": Row(pool(maxReplicas=2**63 - 1), "spec.maxReplicas", "less than or equal to 100000"),
    "a maximum of 2^63": Row(pool(maxReplicas=2**63), "spec.maxReplicas", "less than or equal to 100000"),
    "a maximum of -2^63 - 1": Row(pool(maxReplicas=-(2**63) - 1), "spec.maxReplicas", "greater than or equal to 1"),
    "a maximum of 2^64": Row(pool(maxReplicas=2**64), "spec.maxReplicas", "less than or equal to 100000"),
    "a maximum of 1e21": Row(written("maxReplicas: 1e21"), "spec.maxReplicas", "less than or equal to 100000"),
    "a maximum of 1e400": Row(written("maxReplicas: 1e400"), "spec.maxReplicas", "must be of type integer"),
    "a maximum of next to nothing": Row(written("maxReplicas: 1e-7"), "spec.maxReplicas", "greater than or equal to 1"),
    "a negative minimum": Row(pool(minReplicas=-1), "spec.minReplicas", "greater than or equal to 0"),
    "a minimum above the maximum": Row(
        pool(minReplicas=51), "spec.minReplicas", "lower minReplicas or raise maxReplicas"
    ),
    # What to size for.
    "no target size": Row(pool(target=MISSING), "spec.target", _REQUIRED),
    "an empty target size": Row(target(), "spec.target", _ONE_TARGET),
    "a null target size": Row(target(messagesPerPod=None), "spec.target", _ONE_TARGET),
    "both targets": Row(target(messagesPerPod=5, latencySeconds=60), "spec.target", _ONE_TARGET),
    "a target size of zero": Row(target(messagesPerPod=0), "spec.target.messagesPerPod", "greater than or equal to 1"),
    "a target size of half a message": Row(
        target(messagesPerPod=0.5), "spec.target.messagesPerPod", "must be of type int32"
    ),
    "a latency of zero": Row(target(latencySeconds=0), "spec.target.latencySeconds", "greater than or equal to 1"),
    "a latency of two days": Row(target(latencySeconds=172800), "spec.target.latencySeconds", "equal to 86400"),
    "a latency with a unit": Row(target(latencySeconds="60s"), "spec.target.latencySeconds", "must be of type integer"),
    "a service time without a latency": Row(
        target(messagesPerPod=5, serviceSeconds=1), "spec.target", "belong to latencySeconds"
    ),
    "a start-up time without a latency": Row(
        target(messagesPerPod=5, startupSeconds=1), "spec.target", "belong to latencySeconds"
    ),
    "a service time of zero": Row(
        target(latencySeconds=60, serviceSeconds=0), "spec.target.serviceSeconds", "must be 0.001 or more"
    ),
    "a service time next to nothing": Row(
        target(latencySeconds=60, serviceSeconds=0.0001), "spec.target.serviceSeconds", "must be 0.001 or more"
    ),
    "a negative start-up time": Row(
        target(latencySeconds=60, startupSeconds=-0.5), "spec.target.startupSeconds", "greater than or equal to 0"
    ),
    "a start-up time of a million seconds": Row(
        target(latencySeconds=60, startupSeconds=1234567.5), "spec.target.startupSeconds", "less than or equal to 3600"
    ),
    # What counts, and when.
    "a way to count that there is not": Row(
        pool(count={"inFlight": "Maybe"}), "spec.count.inFlight", 'supported values: "Count", "Hold", "Ignore"'
    ),
    "a way to count in small letters": Row(
        pool(count={"delayed": "count"}), "spec.count.delayed", 'supported values: "Count", "Ignore"'
    ),
    "a way to count that is a truth": Row(
        pool(count={"inFlight": True}), "spec.count.inFlight", "must be of type string"
    ),
    "a negative activation": Row(pool(activationMessages=-1), "spec.activationMessages", "greater than or equal to 0"),
    "a poll without pause": Row(pool(pollSeconds=0), "spec.pollSeconds", "greater than or equal to 1"),
    "a poll an hour": Row(pool(pollSeconds=3600), "spec.pollSeconds", "less than or equal to 300"),
    "a duration with a unit": Row(pool(pollSeconds="5s"), "spec.pollSeconds", "must be of type integer"),
    "a zero rule beyond a day": Row(
        pool(scaleToZeroAfterSeconds=86401), "spec.scaleToZeroAfterSeconds", "less than or equal to 86400"
    ),
    # How fast.
    "a behavior that is a list": Row(pool(behavior=[]), "spec.behavior", "must be of type object"),
    "a window beyond an hour": Row(
        down(stabilizationWindowSeconds=3601), f"{_SCALE_DOWN}.stabilizationWindowSeconds", "equal to 3600"
    ),
    "a negative window": Row(
        up(stabilizationWindowSeconds=-1), "spec.behavior.scaleUp.stabilizationWindowSeconds", "equal to 0"
    ),
    "a tolerance of 110 percent": Row(down(tolerance=1.1), f"{_SCALE_DOWN}.tolerance", "less than or equal to 1"),
    "a tolerance as text": Row(up(tolerance="10%"), "spec.behavior.scaleUp.tolerance", "must be of type number"),
    "a choice of policies that there is not": Row(
        up(selectPolicy="max"), "spec.behavior.scaleUp.selectPolicy", 'supported values: "Max", "Min", "Disabled"'
    ),
    "no policies at all": Row(down(policies=[]), f"{_SCALE_DOWN}.policies", "at least 1 items"),
    "eleven policies": Row(
        down(policies=[{"type": "Pods", "value": 1, "periodSeconds": 60}] * 11), f"{_SCALE_DOWN}.policies", "at most 10"
    ),
    "a policy without a period": Row(
        down(policies=[{"type": "Pods", "value": 1}]), f"{_POLICY}.periodSeconds", _REQUIRED
    ),
    "a policy of a kind that there is not": Row(policy(type="Pct"), f"{_POLICY}.type", 'values: "Pods", "Percent"'),
    "a policy that changes nothing": Row(policy(value=0), f"{_POLICY}.value", "greater than or equal to 1"),
    "a policy over a day": Row(policy(periodSeconds=86400), f"{_POLICY}.periodSeconds", "less than or equal to 1800"),
    "going by more than all pods": Row(policy(type="Percent", value=101), f"{_POLICY}.value", "at most 100"),
    # When blind.
    "a fallback without a size": Row(pool(fallback={"afterSeconds": 60}), "spec.fallback.replicas", _REQUIRED),
    "a fallback without a time": Row(pool(fallback={"replicas": 3}), "spec.fallback.afterSeconds", _REQUIRED),
    "a fallback at once": Row(
        pool(fallback={"afterSeconds": 0, "replicas": 3}), "spec.fallback.afterSeconds", "greater than or equal to 1"
    ),
    "a fallback of fewer than no pods": Row(
        pool(fallback={"afterSeconds": 60, "replicas": -3}), "spec.fallback.replicas", "greater than or equal to 0"
    ),
    "a fallback when there is none": Row(
        pool(fallback={"afterSeconds": 60, "replicas": 3, "when": "Never"}),
        "spec.fallback.when",
        '"Always", "IfHigher"',
    ),
    # By the clock.
    "the same schedule twice": Row(pool(schedules=[MORNING, MORNING]), "spec.schedules[1]", _TWICE),
    "twenty-one schedules": Row(
        pool(schedules=[MORNING | {"name": f"s{i}"} for i in range(21)]), "spec.schedules", "at most 20 items"
    ),
    "a schedule without a name": Row(schedule(name=MISSING), f"{_SCHEDULE}.name", _REQUIRED),
    "a schedule's name in capitals": Row(schedule(name="Morning"), f"{_SCHEDULE}.name", "lower-case letters"),
    "a schedule without a time": Row(schedule(cron=MISSING), f"{_SCHEDULE}.cron", _REQUIRED),
    "a schedule by a word": Row(schedule(cron="@daily @daily"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule in six fields": Row(schedule(cron="0 0 9 * * 1-5"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule with two spaces": Row(schedule(cron="0  9 * * 1-5"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule with a dash of another kind": Row(schedule(cron="0 9 * * 1–5"), f"{_SCHEDULE}.cron", _CRON),
    "a schedule that is too short to say anything": Row(schedule(cron="0 9"), f"{_SCHEDULE}.cron", "at least 9 chars"),
    "a schedule of a second": Row(schedule(durationSeconds=1), f"{_SCHEDULE}.durationSeconds", "or equal to 60"),
    "a schedule of a year": Row(schedule(durationSeconds=31536000), f"{_SCHEDULE}.durationSeconds", "to 2678400"),
    "a schedule that changes nothing": Row(
        schedule(minReplicas=MISSING), _SCHEDULE, "needs minReplicas or maxReplicas"
    ),
    "a schedule of crossed bounds": Row(
        schedule(maxReplicas=4), f"{_SCHEDULE}.minReplicas", "lower minReplicas or raise maxReplicas"
    ),
    "a time zone with a space": Row(schedule(timeZone="Europe/ Berlin"), f"{_SCHEDULE}.timeZone", _ZONE),
    "a time zone that climbs": Row(schedule(timeZone="../../etc/passwd"), f"{_SCHEDULE}.timeZone", _ZONE),
    "an empty time zone": Row(schedule(timeZone=""), f"{_SCHEDULE}.timeZone", "at least 1 chars long"),
    # The rest.
    "a mode that there is not": Row(pool(mode="Auto"), "spec.mode", 'supported values: "Active", "DryRun", "Paused"'),
    "a mode that is a number": Row(pool(mode=5), "spec.mode", 'supported values: "Active", "DryRun", "Paused"'),
    "a state port beyond the last": Row(pool(scaleIn={"statePort": 65536}), "spec.scaleIn.statePort", "equal to 65535"),
    "a misspelt field": Row(pool(maxReplica=5), "spec.maxReplica", _UNKNOWN),
    "misspelt fields deep inside": Row(down(window=5, policy=[{"a": 1}]), f"{_SCALE_DOWN}.window", _UNKNOWN),
    "a field that is given twice": Row(
        written("maxReplicas: 5\n  maxReplicas: 6"), "maxReplicas", "already set in map"
    ),
    "a megabyte in a field that there is not": Row(pool(note="x" * 1_000_000), "spec.note", _UNKNOWN),
    "no spec": Row(manifest(None), "spec", _REQUIRED),
    "a spec that is a list": Row(manifest([]), "spec", "must be of type object"),
    "a status that there is not": Row(manifest(CALM, status={"phase": "Ready"}), "status.phase", _UNKNOWN),
    "a field beside the spec": Row(manifest(CALM, data={"a": "b"}), "data", _UNKNOWN),
    "no name": Row(manifest(CALM, metadata={}), "metadata.name", "name or generateName is required"),
    "a name in capitals": Row(manifest(CALM, metadata={"name": "P"}), "metadata.name", "lower case alphanumeric"),
    "a name beyond 253 letters": Row(manifest(CALM, metadata={"name": "p" * 254}), "metadata.name", "no more than 253"),
    "a name that is a number": Row(manifest(CALM, metadata={"name": 5}), "ObjectMeta.name", "of type string"),
    "a label that is a truth": Row(
        manifest(CALM, metadata={"name": "p", "labels": {"a": True}}), "ObjectMeta.labels", "of type string"
    ),
    "labels that are a list": Row(
        manifest(CALM, metadata={"name": "p", "labels": ["a"]}), "ObjectMeta.labels", "of type map[string]string"
    ),
    "metadata that is a list": Row(manifest(CALM, metadata=["p"]), "v1.ObjectMeta", "cannot unmarshal array"),
    "a misspelt field of the metadata": Row(
        manifest(CALM, metadata={"name": "p", "label": {}}), "metadata.label", _UNKNOWN
    ),
    "an annotation of a megabyte": Row(
        manifest(CALM, metadata={"name": "p", "annotations": {"a": "x" * 1_000_000}}), "metadata.annotations", "262144"
    ),
    "several faults at once": Row(
        pool(minReplicas=51, pollSeconds=301, activationMessages=-1), "spec.pollSeconds", "less than or equal to 300"
    ),
    "a required field and a crossed bound": Row(pool(minReplicas=51, target=MISSING), "spec.target", _REQUIRED),
}

ACCEPTED: dict[str, str] = {
    "the least": pool(),
    "a FIFO queue": queue("https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo"),
    "a local queue": queue("http://127.0.0.1:9324/000000000000/local", region="eu-west-1"),
    "a queue of LocalStack by its path": queue("http://localhost:4566/queue/us-east-1/000000000000/jobs"),
    "a queue of an older ElasticMQ": queue("http://elastic_mq:9324/queue/jobs"),
    "a queue of Yandex": queue("https://message-queue.api.cloud.yandex.net/b1gex/dj6ex/jobs", region="ru-central1"),
    "a queue of Scaleway": queue("https://sqs.mnq.fr-par.scaleway.com/project-00000000-0000/jobs", region="fr-par"),
    "a queue at an IPv6 address": queue("http://[::1]:9324/000000000000/jobs"),
    "a URL in capitals, with port and dot": queue("HTTPS://SQS.EU-WEST-1.AmazonAWS.com.:443/123456789012/jobs"),
    "a legacy URL": queue("https://eu-west-1.queue.amazonaws.com/123456789012/legacy"),
    "a fixed size": pool(minReplicas=50),
    "the largest numbers": pool(maxReplicas=100000, minReplicas=99999, pollSeconds=300, scaleToZeroAfterSeconds=86400),
    "the smallest numbers": pool(maxReplicas=1, minReplicas=0, pollSeconds=1, scaleToZeroAfterSeconds=0),
    "the longest names": manifest(CALM | {"scaleTargetRef": {"name": "t" * 253}}, metadata={"name": "p" * 253}),
    "ten queues": pool(queues=[{"url": f"{URL}{i}"} for i in range(10)]),
    "whole numbers with a point": written("maxReplicas: 50.0"),
    "whole numbers with an exponent": written("maxReplicas: 5e1"),
    "whole numbers in octal, as YAML 1.1 has them": written("maxReplicas: 062"),
    "nulls where there are defaults": pool(minReplicas=None, count=None, mode=None, behavior={"scaleUp": None}),
    "nulls where there are none": pool(fallback=None, schedules=None),
    "a latency": target(latencySeconds=60, serviceSeconds=1, startupSeconds=0),
    "policies": policy(type="Percent", value=100),
    "growing by more than all pods": up(policies=[{"type": "Percent", "value": 900, "periodSeconds": 15}]),
    "a schedule": schedule(timeZone="Europe/Berlin"),
    "a fallback": pool(fallback={"afterSeconds": 300, "replicas": 3}),
    "a status, which is not its creator's to set": manifest(CALM, status={"replicas": "many"}),
    "a name that the API server makes": manifest(CALM, metadata={"generateName": "p-"}),
}
