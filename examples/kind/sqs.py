#!/opt/venv/bin/python
"""Make queues, send messages and count them in the stand-in that runs in this container."""

import argparse

import boto3

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
    if options.command == "send":
        for first in range(0, options.count, BATCH):
            numbers = range(first, min(first + BATCH, options.count))
            client.send_message_batch(
                QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": f"message {number}"} for number in numbers]
            )
        print(f"sent {options.count}")
    else:
        counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        print(
            f"visible {counts['ApproximateNumberOfMessages']}, "
            f"in flight {counts['ApproximateNumberOfMessagesNotVisible']}, "
            f"delayed {counts['ApproximateNumberOfMessagesDelayed']}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sqs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("create", help="make a queue").add_argument("queue")
    sending = commands.add_parser("send", help="send messages")
    sending.add_argument("queue")
    sending.add_argument("count", type=int)
    commands.add_parser("counts", help="how many messages a queue has").add_argument("queue")
    return parser


if __name__ == "__main__":
    main()
