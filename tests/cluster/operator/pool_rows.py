"""Pools that the API server must refuse, and pools that it must accept.

A row of REFUSED is a manifest, the field that the error must name, and the words that it must contain. The errors of
the API server and of `qwp validate` are compared with them, and with each other.
"""

from tests.cluster.operator.pool_manifests import (
    CALM,
    URL,
    VARIABLE,
    manifest,
    policy,
    pool,
    queue,
    schedule,
    target,
    up,
    written,
)
from tests.cluster.operator.refused import Row
from tests.cluster.operator.refused_rules import REFUSED_RULES
from tests.cluster.operator.refused_targets import REFUSED_TARGETS

REFUSED: dict[str, Row] = REFUSED_TARGETS | REFUSED_RULES

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
    "a queue by a variable": pool(queues=[{"urlFromEnv": VARIABLE}]),
    "queues by variables and by URL": pool(
        queues=[{"urlFromEnv": VARIABLE | {"name": "OTHER_URL"}}, {"urlFromEnv": VARIABLE}, {"url": URL}]
    ),
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
    "an active minimum": pool(activeMinReplicas=3),
    "an active minimum above a minimum": pool(activeMinReplicas=3, minReplicas=2, maxReplicas=3),
    "an idle interval": pool(idlePollSeconds=3600),
    "an idle interval that is just the usual one": pool(pollSeconds=60, idlePollSeconds=60),
    "a pause until a time": pool(pausedUntil="2128-02-29T18:00:00.5+01:00"),
    "a schedule": schedule(timeZone="Europe/Berlin"),
    "a fallback": pool(fallback={"afterSeconds": 300, "replicas": 3}),
    "a status, which is not its creator's to set": manifest(CALM, status={"replicas": "many"}),
    "a name that the API server makes": manifest(CALM, metadata={"generateName": "p-"}),
}
