"""What moto as a stand-in for SQS has for tests that SQS itself has not."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from devcluster.sqs import MotoSqs


def test_what_is_sent_at_once_is_counted_as_a_whole_or_not_at_all(moto_sqs: MotoSqs) -> None:
    client = moto_sqs.client()
    url = client.create_queue(QueueName=f"at-once-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    entries: list[Any] = [{"Id": str(number), "MessageBody": "x"} for number in range(10)]

    def count() -> str:
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return found["Attributes"]["ApproximateNumberOfMessages"]

    with ThreadPoolExecutor() as others:
        before = count()
        with moto_sqs.at_once():
            client.send_message_batch(QueueUrl=url, Entries=entries)
            counted = others.submit(count)
            client.send_message_batch(QueueUrl=url, Entries=entries)
            assert not counted.done()
        assert (before, counted.result(60)) == ("0", "20")
