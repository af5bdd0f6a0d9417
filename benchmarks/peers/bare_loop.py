"""What people write first: threads that receive ten, handle them, delete them. It promises nothing."""

import threading

import boto3
from botocore.config import Config

from benchmarks.peers.work import BATCH, CONCURRENCY, QUEUE_URL, VISIBILITY_SECONDS, work


def loop(client: "object") -> None:
    """Consume forever."""
    receive, delete = client.receive_message, client.delete_message_batch  # type: ignore[attr-defined]  # boto3's are made at run time
    while True:
        answer = receive(
            QueueUrl=QUEUE_URL, MaxNumberOfMessages=BATCH, WaitTimeSeconds=20, VisibilityTimeout=VISIBILITY_SECONDS
        )
        messages = answer.get("Messages", ())
        for _ in messages:
            work()
        if messages:
            entries = [{"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(messages)]
            delete(QueueUrl=QUEUE_URL, Entries=entries)


if __name__ == "__main__":
    shared = boto3.client("sqs", config=Config(max_pool_connections=2 * CONCURRENCY))
    for _ in range(CONCURRENCY):
        threading.Thread(target=loop, args=(shared,)).start()
