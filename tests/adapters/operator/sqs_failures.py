"""What the tests of failing readings share: how a reading fails, and answers of SQS to fail it with."""

from collections.abc import Callable
from typing import Any

import pytest

from queueworkerpool.errors import QueueUnreadableError
from queueworkerpool.model import QueueRef
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import SECRET, Faulty, Script

Serve = Callable[[Script], Faulty]

QUEUE = QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails")
LONGEST_MESSAGE = 250


async def failure(connect: Connect, endpoint: str) -> QueueUnreadableError:
    """Return how the reading fails; the test fails when it does not, or when the text is not fit for tenants."""
    with pytest.raises(QueueUnreadableError) as caught:
        await connect(endpoint).read(QUEUE)
    assert_fit_for_tenants(caught.value)
    return caught.value


def assert_fit_for_tenants(error: QueueUnreadableError) -> None:
    """Check that the text names the queue, what is wrong and the fix, and nothing that is not for tenants."""
    message = str(error)
    name, what, fix = message.split(": ", 2)
    assert name == "queue thumbnails"
    assert what
    assert fix
    assert len(message) <= LONGEST_MESSAGE
    assert message.isprintable()
    assert SECRET not in message
    assert "127.0.0.1" not in message, "where the operator's requests go is not the tenants' business"


def refusing(status: int, code: str, **headers: str) -> Script:
    """Answer as SQS does when it refuses a request."""
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": SECRET}
    return faults.answering(status, body, headers)


COUNTS: dict[str, Any] = {
    "ApproximateNumberOfMessages": "1",
    "ApproximateNumberOfMessagesNotVisible": "2",
    "ApproximateNumberOfMessagesDelayed": "3",
}


def counting(**differs: Any) -> Script:
    """Answer as SQS does, with one count replaced, or left out."""
    visible = {"ApproximateNumberOfMessages": differs["visible"]} if "visible" in differs else {}
    counts = {name: value for name, value in (COUNTS | visible).items() if value is not None}
    return faults.answering(200, {"Attributes": counts})
