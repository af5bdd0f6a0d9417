"""Sizing by `spec.target.latencySeconds`: as many pods as handle the load in the time that is left. Pure.

The law is Little's: slots = load x service time / time left. What the workers report goes before what the target
declares; start-up time is taken off the latency, because a pod that starts helps nobody until it is ready. So is the
time until messages are read, where most of the pods that they need have yet to start.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from queueworkerpool.names import Reason
from queueworkerpool.sizing.rule import AtReading, Recommendation, Shortfall, SizedPool, SizingRule, WorkerEstimates

COUNTS_LAG_SECONDS = 10.0
"""How long it takes until SQS's counts show a message, for all that is reckoned with. SQS itself promises a minute."""

_DIGITS = 9  # behind the point of a number of pods: what is smaller is an error of floating point, and no pod's work


@dataclass(frozen=True, slots=True)
class Latency(SizingRule):
    """`spec.target.latencySeconds`: the seconds from sent to handled.

    `service_seconds` and `startup_seconds` are first estimates, used until the workers have reported theirs.
    """

    latency_seconds: float
    service_seconds: float | None = None
    startup_seconds: float | None = None

    field = "latencySeconds"
    sample_interval_seconds = 15.0  # the size depends on the service time
    learns_service_time = True

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Parse the raw `spec.target`."""
        return cls(raw["latencySeconds"], raw.get("serviceSeconds"), raw.get("startupSeconds"))

    def recommend(self, load: int, workers: WorkerEstimates, at: AtReading) -> Recommendation:
        """Size for the latency: never more slots than messages, and a pod while there is any load."""
        workers = self._estimates(workers)
        slots = workers.concurrency or 1.0
        in_time, most = math.ceil(round(self._exact(load, workers, at), _DIGITS)), math.ceil(load / slots)
        pods = max(1, min(in_time, most)) if load else 0
        if workers.service_seconds is None:
            message = (
                f"{load} messages, {slots:g} at a time per pod, service time not known yet: a slot each = {pods} pods"
            )
        else:
            left, unread = self._time_left(workers), self._unread(load, workers, at)
            less = f" ({unread:g} s less: few are ready)" if unread else ""
            capped = ", and no more than a slot each" if in_time > most else ""
            message = (
                f"{load} messages x {workers.service_seconds:g} s{_before(workers)} /"
                f" ({slots:g} per pod x {left - unread:g} s){capped} = {pods} pods{less}"
            )
        return Recommendation(pods, Reason.SIZED_BY_LATENCY, message)

    def ratio(self, load: int, replicas: int, workers: WorkerEstimates, at: AtReading) -> float:
        """Divide the pods that the latency needs by the pods there are."""
        return self._exact(load, self._estimates(workers), at) / replicas

    def shortfall(self, workers: WorkerEstimates) -> Shortfall | None:
        """Report a latency that is not above the start-up time: starting pods cannot keep it."""
        startup = self._estimates(workers).startup_seconds
        if not startup or self.latency_seconds > startup:
            return None
        message = (
            f"pods take {startup:g} s to start, so the least latency that can be promised is more than {startup:g} s"
        )
        return Shortfall(Reason.LATENCY_BELOW_STARTUP, message)

    @property
    def declared_service_seconds(self) -> float | None:
        """`spec.target.serviceSeconds`."""
        return self.service_seconds

    @property
    def declared_startup_seconds(self) -> float | None:
        """`spec.target.startupSeconds`."""
        return self.startup_seconds

    def warnings(self, pool: SizedPool) -> Iterator[tuple[str, str]]:
        """Warn of a promise that the pool's other settings break."""
        latency, startup = self.latency_seconds, self.startup_seconds or 0
        if latency <= startup:
            problem = (
                f"{latency:g} s is not above startupSeconds, {startup:g} s, so pods that start cannot keep the promise"
            )
            yield "spec.target.latencySeconds", f"{problem}: raise it, or keep enough pods with minReplicas"
        if pool.poll_seconds >= latency:
            problem = (
                f"a message may wait {pool.poll_seconds} s before it is counted, and latencySeconds is {latency:g}"
            )
            yield "spec.pollSeconds", f"{problem}: lower it, to a quarter of the latency or less"
        if (window := pool.scale_up_window_seconds) >= latency:
            problem = f"scaling out waits {window} s, and latencySeconds is {latency:g}"
            yield "spec.behavior.scaleUp.stabilizationWindowSeconds", f"{problem}: lower it, or leave it out"
        if pool.min_replicas:
            return
        if (idle := pool.idle_poll_seconds or 0) >= latency > pool.poll_seconds:
            problem = f"the first message of an idle pool may wait {idle} s before it is counted"
            problem = f"{problem}, and latencySeconds is {latency:g}"
            yield "spec.idlePollSeconds", f"{problem}: lower it, or set minReplicas to 1"
        if pool.activation_messages:
            problem = (
                f"at zero, up to {pool.activation_messages} messages wait without end, whatever latencySeconds says"
            )
            yield "spec.activationMessages", f"{problem}: leave it out, or set minReplicas to 1"
        if (after := pool.scale_to_zero_after_seconds) is not None and after < startup:
            problem = (
                f"{after} s is shorter than startupSeconds, {startup:g} s, so the last pod may go sooner than it came"
            )
            yield "spec.scaleToZeroAfterSeconds", f"{problem}: leave it out, or raise it to {startup:g}"

    def _estimates(self, measured: WorkerEstimates) -> WorkerEstimates:
        """Fill in what the target declares where nothing was measured."""
        service, startup = measured.service_seconds, measured.startup_seconds
        if service is not None and startup is not None:
            return measured
        return replace(
            measured,
            service_seconds=self.service_seconds if service is None else service,
            startup_seconds=self.startup_seconds if startup is None else startup,
        )

    def _exact(self, load: int, workers: WorkerEstimates, at: AtReading) -> float:
        slots = workers.concurrency or 1.0
        # The safe rule while no service time is known: a slot for each message keeps any promise that can be kept.
        if workers.service_seconds is None:
            return load / slots
        left = self._time_left(workers) - self._unread(load, workers, at)
        return load * workers.service_seconds / (slots * left)

    def _time_left(self, workers: WorkerEstimates) -> float:
        """Return the seconds in which the backlog must be worked off, the start-up of new pods taken off.

        Below the start-up time the law would ask for ever more pods that come too late (it overshoots in simulation).
        """
        startup = workers.startup_seconds or 0.0
        return max(self.latency_seconds - startup, startup)

    def _unread(self, load: int, workers: WorkerEstimates, at: AtReading) -> float:
        """Return by how many seconds less time is left, because the messages may have waited before they were read.

        Only while less than half of the pods that the load needs are ready. With more, messages are handled while they
        are still unread, and none waits for a start-up, which leaves the time of one to spare. The time left is never
        below the interval of readings, nor below the start-up time: the size could not follow the load any more.
        """
        left = self._time_left(workers)
        needed = load * (workers.service_seconds or 0.0) / ((workers.concurrency or 1.0) * left)
        if 2 * at.ready >= needed:
            return 0.0
        shortest = max(workers.startup_seconds or 0.0, at.poll_seconds)
        return max(0.0, min(at.poll_seconds + COUNTS_LAG_SECONDS, left - shortest))


def _before(workers: WorkerEstimates) -> str:
    return f" ({workers.service_before:g} s until lately)" if workers.service_before else ""
