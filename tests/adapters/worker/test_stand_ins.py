"""What the SQS stand-ins have to keep to before any other test can be believed."""

from concurrent.futures import ThreadPoolExecutor

from tests.adapters.worker.conftest import Queue, side_by_side

MESSAGES = 400


@side_by_side
def test_each_message_is_received_once_and_deleted_whoever_asks_at_the_same_time(queue: Queue) -> None:
    queue.send(*(str(index) for index in range(MESSAGES)))

    def receive_and_delete(_: int) -> list[str]:
        bodies: list[str] = []
        while got := queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get("Messages"):
            queue.client.delete_message_batch(
                QueueUrl=queue.url,
                Entries=[{"Id": each["MessageId"], "ReceiptHandle": each["ReceiptHandle"]} for each in got],
            )
            bodies.extend(each["Body"] for each in got)
        return bodies

    with ThreadPoolExecutor(8) as pool:
        bodies = [body for received in pool.map(receive_and_delete, range(8)) for body in received]
    assert sorted(bodies, key=int) == [str(index) for index in range(MESSAGES)]
    assert queue.depth() == (0, 0)
