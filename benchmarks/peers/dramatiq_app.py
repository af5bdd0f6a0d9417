"""Dramatiq with dramatiq_sqs. It fetches up to twice as many as its threads ahead, ten at most, by itself."""

import base64

import dramatiq  # type: ignore[import-not-found]  # lives in the peers' own environment
from dramatiq.middleware import (  # type: ignore[import-not-found]  # the same
    AgeLimit,
    Callbacks,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)
from dramatiq_sqs import SQSBroker  # type: ignore[import-not-found]  # the same

from benchmarks.peers.work import QUEUE, VISIBILITY_SECONDS, work

# The list that the documentation of dramatiq_sqs shows.
middleware = [AgeLimit(), TimeLimit(), Callbacks(), Retries(), ShutdownNotifications()]
broker = SQSBroker(middleware=middleware, visibility_timeout=VISIBILITY_SECONDS)
dramatiq.set_broker(broker)
handle = dramatiq.actor(work, actor_name="handle", queue_name=QUEUE)


def body(_number: int) -> str:
    """What `handle.send()` would send."""
    return base64.b64encode(handle.message().encode()).decode()
