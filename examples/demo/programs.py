"""The demo's programs: cluster, queue, operator, workers. Starts them, reads from them, ends them."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devcluster import Cluster
from devcluster.processes import wait_until
from devcluster.sqs import MotoSqs

OPERATOR_NAMESPACE = "queueworkerpool-system"
QUEUE = "thumbnails"
BATCH = 10
_DONE = re.compile(r"\bdone (message-[0-9]+)\b")


class Programs:
    """Everything that runs; a context manager."""

    def __init__(self, root: Path, folder: Path, say: Callable[[str], None]) -> None:
        """Start nothing yet.

        Args:
            root: The repository.
            folder: Where the programs write.
            say: Shows one line of progress.
        """
        self._root = root
        self._say = say
        self._sqs = MotoSqs()
        self._cluster = Cluster(folder / "cluster")
        self._queue_url = ""

    def __enter__(self) -> Self:
        self._say("starting a Kubernetes control plane, a node of processes, and an SQS server")
        self._sqs.__enter__()
        self._client = self._sqs.client()
        try:
            self._cluster.__enter__()
            self._install()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cluster.__exit__(kind, error, trace)
        self._sqs.__exit__(kind, error, trace)

    def _install(self) -> None:
        self._queue_url = self._client.create_queue(QueueName=QUEUE)["QueueUrl"]
        self._say("helm install queueworkerpool charts/queueworkerpool")
        values = {"sqsEndpointUrl": self._sqs.endpoint, "extraEnv": [{"name": k, "value": v} for k, v in self._aws()]}
        self._cluster.helm(
            *("install", "queueworkerpool", str(self._root / "charts" / "queueworkerpool")),
            *("--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--wait", "--timeout", "60s"),
            *(f"--set-json={name}={json.dumps(value)}" for name, value in values.items()),
        )
        self._say("kubectl apply -f examples/quickstart.yaml")
        secret = {"AWS_ENDPOINT_URL_SQS": self._sqs.endpoint} | dict(self._aws())
        self._cluster.kubectl(
            "create", "secret", "generic", "aws", *(f"--from-literal={name}={value}" for name, value in secret.items())
        )
        self._cluster.kubectl("apply", "-f", str(self._root / "examples" / "quickstart.yaml"))

    def _aws(self) -> Iterable[tuple[str, str]]:
        return [(name, value) for name, value in self._sqs.env.items() if name != "AWS_ENDPOINT_URL_SQS"]

    def send(self, numbers: range) -> None:
        """Send messages with these numbers."""
        for start in range(numbers.start, numbers.stop, BATCH):
            batch = range(start, min(start + BATCH, numbers.stop))
            entries: list[Any] = [{"Id": str(number), "MessageBody": f"message-{number}"} for number in batch]
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"the queue refused messages: {answer['Failed']}")

    def counts(self) -> tuple[int, int]:
        """Return the messages visible and in flight, as SQS counts them."""
        attributes = self._client.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["All"])["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])

    def objects(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the Deployment and the pool as the API server shows them."""
        shown = json.loads(self._cluster.kubectl("get", "deployment/thumbnailer", "qwp/thumbnails", "-o", "json"))
        deployment, pool = shown["items"]
        return deployment, pool

    def scale_writes(self) -> list[str]:
        """Return the message of the operator's Event on each change of size, oldest first."""
        chosen = ("--field-selector", "reason=SuccessfulRescale", "--sort-by=.metadata.creationTimestamp", "-o", "json")
        return [event["message"] for event in json.loads(self._cluster.kubectl("get", "events", *chosen))["items"]]

    def handled(self) -> Counter[str]:
        """Return how often each message was handled, by the workers' logs."""
        logs = (self._cluster.node.folder / "pods" / "default").glob("*/worker.log")
        return Counter(name for log in logs for name in _DONE.findall(log.read_text(errors="replace")))

    def wait_for_zero(self, seconds: float) -> None:
        """Wait until the idle pool is at zero; raises StartFailedError when it does not get there."""

        def at_zero() -> bool:
            deployment, pool = self.objects()
            return bool(deployment["spec"]["replicas"] == 0 and pool.get("status", {}).get("replicas") == 0)

        wait_until(at_zero, seconds, "the idle pool did not go to zero: is the operator running?")
