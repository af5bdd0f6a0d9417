"""Makes queues and sends to them, on a developer's machine alone: `run --local` calls it."""

from collections.abc import Mapping
from typing import Any

from queueworker.errors import AnswerInvalidError, QueueNotFoundError
from queueworker.sqs.credentials import WorkerCredentials
from queueworker.sqs.queues import SEND_TIMEOUT_SECONDS, usable_settings
from queueworker.sqs.requests import Requests
from sqsrequest import find_endpoint


class SqsAccount:
    """The queues of one region."""

    def __init__(self, region: str, credentials: WorkerCredentials) -> None:
        """Prepare requests; sends nothing. Raises UsageError where AWS's settings cannot be used."""
        with usable_settings():
            endpoint = find_endpoint(region, credentials.session)
            self._requests = Requests(credentials, endpoint, read_timeout=SEND_TIMEOUT_SECONDS, connections=1)

    def find_or_create(self, name: str, attributes: Mapping[str, str]) -> str:
        """Return the URL of the queue of a name; make it, with these attributes, where there is none.

        Raises:
            SqsError: SQS did neither.
        """
        try:
            answer = self._requests.send("GetQueueUrl", {"QueueName": name})
        except QueueNotFoundError:
            answer = self._requests.send("CreateQueue", {"QueueName": name, "Attributes": attributes})
        return _text(answer, "QueueUrl")

    def arn(self, url: str) -> str:
        """Return a queue's ARN. Raises SqsError where SQS does not say it."""
        answer = self._requests.send("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["QueueArn"]})
        return _text(answer.get("Attributes") or {}, "QueueArn")

    def send(self, url: str, message: Mapping[str, Any]) -> None:
        """Send a message. Raises SqsError where SQS does not confirm it."""
        self._requests.send("SendMessage", {"QueueUrl": url, **message})


def _text(answer: Mapping[str, Any], name: str) -> str:
    if not isinstance(value := answer.get(name), str):
        raise AnswerInvalidError(f"the answer has no {name}")
    return value
