"""Pools that the API server must refuse for their targets, queues and bounds."""

from tests.cluster.operator.pool_manifests import MISSING, URL, VARIABLE, name, pool, queue, written
from tests.cluster.operator.refused import Row

_SQS_URL = "must be an SQS queue URL such as https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue"
_DEPLOYMENT = "must be the name of a Deployment: lower-case letters, digits, '-' and '.'"
_REQUIRED, _UNKNOWN, _TWICE = "Required value", "unknown field", "Duplicate value"
_ONE_SOURCE = "must hold exactly one of url and urlFromEnv: set one, and remove the other"
_QUEUE_TWICE = "must not name a queue twice: remove one of the two"
_NAME, _QUEUE = "spec.scaleTargetRef.name", "spec.queues[0].url"

REFUSED_TARGETS: dict[str, Row] = {
    # What to scale.
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
    "the same queue twice": Row(pool(queues=[{"url": URL}, {"url": URL}]), "spec.queues", _QUEUE_TWICE),
    "the same queue three times": Row(pool(queues=[{"url": URL}] * 3), "spec.queues", _QUEUE_TWICE),
    "the same odd queue twice": Row(pool(queues=[{"url": "<\u00e9&>"}] * 2), "spec.queues", _QUEUE_TWICE),
    "a queue without URL": Row(pool(queues=[{"region": "eu-west-1"}]), "spec.queues[0]", _ONE_SOURCE),
    "a null queue": Row(pool(queues=[None]), "spec.queues[0]", "must be of type object"),
    "two null queues": Row(pool(queues=[None, None]), "spec.queues[1]", "must be of type object"),
    "a queue by URL and by variable": Row(queue(URL, urlFromEnv=VARIABLE), "spec.queues[0]", _ONE_SOURCE),
    "one variable twice": Row(pool(queues=[{"urlFromEnv": VARIABLE}] * 2), "spec.queues", _QUEUE_TWICE),
    "a variable without its container": Row(
        pool(queues=[{"urlFromEnv": {"name": "QUEUE_URL"}}]), "spec.queues[0].urlFromEnv.containerName", _REQUIRED
    ),
    "a variable without name": Row(
        pool(queues=[{"urlFromEnv": {"containerName": "worker"}}]), "spec.queues[0].urlFromEnv.name", _REQUIRED
    ),
    "a variable of another Deployment": Row(
        pool(queues=[{"urlFromEnv": VARIABLE | {"deployment": "other"}}]),
        "spec.queues[0].urlFromEnv.deployment",
        _UNKNOWN,
    ),
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
}
