#!/opt/venv/bin/python
"""Make queues, send messages and count them in the stand-in that runs in this container."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10


def main() -> None:
    """Run one command; print what people want to see."""
    options = _parser().parse_args()
    client = boto3.client(
        "sqs",
        endpoint_url="http://127.0.0.1:5000",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the stand-in checks none
    )
    if options.command == "create":
        print(client.create_queue(QueueName=options.queue, Attributes={"VisibilityTimeout": "30"})["QueueUrl"])
        return
    url = client.get_queue_url(QueueName=options.queue)["QueueUrl"]
    if options.command == "delete":
        client.delete_queue(QueueUrl=url)
    elif options.command == "send":
        send(client, url, options.body or [f"message {number}" for number in range(options.count)])
    else:
        print(counts(client, url))


def send(client: "SQSClient", url: str, bodies: Sequence[str]) -> None:
    """Send a message with each of the bodies."""
    for first in range(0, len(bodies), BATCH):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + BATCH])]
        client.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type] # TypedDicts
    print(f"sent {len(bodies)}")


def counts(client: "SQSClient", url: str) -> str:
    """Return how many messages a queue has."""
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return (
        f"visible {found['ApproximateNumberOfMessages']}, "
        f"in flight {found['ApproximateNumberOfMessagesNotVisible']}, "
        f"delayed {found['ApproximateNumberOfMessagesDelayed']}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sqs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("create", help="make a queue").add_argument("queue")
    commands.add_parser("delete", help="delete a queue with its messages").add_argument("queue")
    sending = commands.add_parser("send", help="send messages")
    sending.add_argument("queue")
    sending.add_argument("count", type=int, nargs="?", default=1, help="how many")
    sending.add_argument("--body", action="append", help="what one message holds; once for each message")
    commands.add_parser("counts", help="how many messages a queue has").add_argument("queue")
    return parser


if __name__ == "__main__":
    main()
