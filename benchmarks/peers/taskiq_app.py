"""TaskIQ with taskiq-aio-sqs: asyncio, blocking handlers in a pool of threads; its heartbeat, off by default, is on."""

import os

from taskiq_aio_sqs import SQSBroker  # type: ignore[import-not-found]  # lives in the peers' own environment

from benchmarks.peers.work import BATCH, QUEUE, VISIBILITY_SECONDS, work

broker = SQSBroker(
    QUEUE,
    endpoint_url=os.environ.get("AWS_ENDPOINT_URL_SQS"),
    region_name=os.environ.get("AWS_DEFAULT_REGION", "eu-west-1"),
    wait_time_seconds=20,
    max_number_of_messages=BATCH,
    visibility_timeout=VISIBILITY_SECONDS,
    enable_heartbeat=True,
)
handle = broker.task(task_name="handle")(work)


def body(_number: int) -> str:
    """What `handle.kiq()` would send."""
    message = handle.kicker()._prepare_message()  # noqa: SLF001 -- what `kiq` calls; nothing public makes a message without sending it
    return str(broker.formatter.dumps(message).message.decode())
