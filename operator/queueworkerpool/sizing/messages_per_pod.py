"""Sizing by `spec.target.messagesPerPod`: the load divided by the messages per pod, rounded up. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from queueworkerpool.names import Reason
from queueworkerpool.sizing.rule import AtReading, Recommendation, SizingRule, WorkerEstimates


@dataclass(frozen=True, slots=True)
class MessagesPerPod(SizingRule):
    """`spec.target.messagesPerPod`, as the HPA's AverageValue."""

    messages: int

    field = "messagesPerPod"
    gauges: ClassVar[Mapping[str, str]] = {"target_messages_per_pod": "spec.target.messagesPerPod."}
    sample_interval_seconds = 300.0  # only the concurrency is of interest, and it hardly ever changes

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse the raw `spec.target`."""
        return cls(int(raw["messagesPerPod"]))

    def recommend(self, load: int, workers: WorkerEstimates, at: AtReading) -> Recommendation:  # noqa: ARG002 -- the interface's
        """Divide the load by the messages per pod."""
        pods = -(-load // self.messages)
        message = f"{load} messages / {self.messages} per pod = {pods} pods"
        return Recommendation(pods, Reason.SIZED_BY_BACKLOG, message)

    def ratio(self, load: int, replicas: int, workers: WorkerEstimates, at: AtReading) -> float:  # noqa: ARG002 -- as above
        """Divide the load by what the pods there are should have."""
        return load / (self.messages * replicas)

    def gauge_values(self) -> Mapping[str, float]:
        """Show the target."""
        return {"target_messages_per_pod": self.messages}

    def worker_warnings(self, concurrency: int, workload: str) -> Iterator[tuple[str, str]]:
        """Warn of workers that can never be full."""
        if self.messages < concurrency:
            problem = f"{self.messages} is below the concurrency of the workers in {workload}, {concurrency}"
            message = f"{problem}, so they are never full: raise it to {concurrency} or more"
            yield "spec.target.messagesPerPod", message
