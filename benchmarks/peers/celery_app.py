"""Celery on its SQS transport, in threads. Late acknowledgement, without which every crash loses messages."""

import base64
import json
import math
import os
import uuid
from urllib.parse import urlsplit

from celery import Celery  # type: ignore[import-not-found]  # lives in the peers' own environment

from benchmarks.peers.work import BATCH, CONCURRENCY, QUEUE, QUEUE_URL, VISIBILITY_SECONDS, work

_server = urlsplit(os.environ.get("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1"))

app = Celery("bench", broker=f"sqs://test:test@{_server.netloc}")
app.conf.update(
    broker_transport_options={
        "is_secure": False,
        "region": os.environ.get("AWS_DEFAULT_REGION"),
        "wait_time_seconds": 20,
        "polling_interval": 0,  # its documentation: "to rely entirely on long polling"
        "visibility_timeout": VISIBILITY_SECONDS,
        "predefined_queues": {QUEUE: {"url": QUEUE_URL}},
    },
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_ignore_result=True,
    worker_enable_remote_control=False,  # SQS has none
    # At least ten more than are worked on, as for the others; the setting is per thread.
    worker_prefetch_multiplier=math.ceil((CONCURRENCY + BATCH) / CONCURRENCY),
)
handle = app.task(name="handle")(work)


def body(number: int) -> str:
    """What `handle.delay()` would send."""
    identity = str(uuid.UUID(int=number))
    message = app.amqp.as_task_v2(identity, "handle", (), {})
    content = base64.b64encode(json.dumps(message.body).encode()).decode()
    envelope = {
        "body": content,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": message.headers,
        "properties": {
            **message.properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": identity,
        },
    }
    return base64.b64encode(json.dumps(envelope).encode()).decode()
