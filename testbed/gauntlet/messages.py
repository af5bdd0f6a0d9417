"""The messages of the gauntlet: what each handler is to do, chosen by dice. Pure, but for `Sender`."""

import json
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from testbed.gauntlet.records import Kind, Sent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SHORTEST, LONGEST = 0.05, 3.0
"""How long handlers take, in visibility timeouts: evenly spread by their logarithms."""

GROUPS = 8
WAYS = ("raise", "raise", "leave", "value", "generator", "again", "die", "cancel")
FAILING = 0.12
REJECTED = 0.02
EXTENDING = 0.1
DEAF = 0.3
ORPHANS = 0.3


def plan(dice: random.Random, visibility_seconds: float, **given: Any) -> dict[str, Any]:
    """Choose what the handler of a message is to do.

    `extend`: whether it makes sure that the message is still its own before it ends; `fails`: at how many of its first
    receives it fails, in the way `way`; `deaf`: a command that does not read its input; `orphan`: for how many seconds
    a process lives on that it leaves, 0 for none.
    """
    chosen = {
        "seconds": round(visibility_seconds * SHORTEST * (LONGEST / SHORTEST) ** dice.random(), 3),
        "fails": dice.randint(1, 2) if dice.random() < FAILING else 0,
        "way": dice.choice(WAYS),
        "reject": dice.random() < REJECTED,
        "extend": dice.random() < EXTENDING,
        "deaf": dice.random() < DEAF,
        "orphan": round(dice.uniform(0.5, 3), 2) if dice.random() < ORPHANS else 0,
        "group": str(dice.randrange(GROUPS)),
    }
    return chosen | given


class Sender:
    """Sends messages to one queue, past the faults, and remembers them."""

    def __init__(self, client: "SQSClient", url: str, kind: Kind) -> None:
        self._client = client
        self._url = url
        self._kind = kind
        self._numbers: dict[str, int] = defaultdict(int)
        self.sent: list[Sent] = []

    def send(self, plans: list[dict[str, Any]]) -> None:
        """Send up to ten messages."""
        numbered = [self._numbered(each) for each in plans]
        entries: Any = [self._entry(str(index), each) for index, each in enumerate(numbered)]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        if answer.get("Failed"):
            raise ValueError(f"messages could not be sent: {answer['Failed']}")
        ids = {entry["Id"]: entry["MessageId"] for entry in answer["Successful"]}
        self.sent += [
            Sent(ids[str(index)], self._kind, each["group"], each["number"], rejects=each["reject"])
            for index, each in enumerate(numbered)
        ]

    def _numbered(self, plan: dict[str, Any]) -> dict[str, Any]:
        group = f"{self._kind}-{plan['group']}"
        self._numbers[group] += 1
        return plan | {"group": group, "number": self._numbers[group]}

    def _entry(self, name: str, plan: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(plan)
        entry = {
            "Id": name,
            "MessageBody": body,
            "MessageAttributes": {"plan": {"DataType": "String", "StringValue": body}},
        }
        if self._kind is Kind.FIFO:
            unique = f"{plan['group']}-{plan['number']}"
            entry |= {"MessageGroupId": plan["group"], "MessageDeduplicationId": unique}
        return entry

    def left(self) -> tuple[int, int]:
        """Return the numbers of messages that are visible and in flight."""
        visible, hidden = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        answer: Any = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
        return int(answer["Attributes"][visible]), int(answer["Attributes"][hidden])
