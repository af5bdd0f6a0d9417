"""Goes from step to step, and asks the policy when it wants to be asked."""

from array import array
from collections.abc import Sequence
from random import Random

import numpy as np

from queueplanner.aggregated.messages import Messages
from queueplanner.aggregated.pods import Pods
from queueplanner.aggregated.workers import Workers
from queueplanner.simulation import Asked, Counts, PastCounts, Policy, Run, System, View

SHORTEST_STEP_SECONDS, LONGEST_STEP_SECONDS = 1.0, 5.0
STEPS_PER_SERVICE = 4
"""A step lasts no longer than this part of a service time, if that is not too short."""


class AggregatedError(ValueError):
    """A system is not one that the aggregated mode can calculate; the text says why, and what can."""


def simulate(policy: Policy, counts: Sequence[int], system: System, random: Random) -> Run:
    """Let a policy size the pods for a load, until the time is over or, after it, until nothing is left to do.

    Args:
        policy: It decides, beginning at time 0.
        counts: How many messages are sent in each step of `STEP_SECONDS`.
        system: What it sizes.
        random: Draws service times, start-up times and what is chosen by chance.

    Raises:
        AggregatedError: The system has a primary server, or it takes time to delete messages.
        PolicyError: The policy's answer makes no sense.
    """
    if system.primary is not None:
        raise AggregatedError("the aggregated mode has no primary server: only the exact mode can calculate this")
    if system.work.deletion_seconds:
        raise AggregatedError("the aggregated mode deletes at once: only the exact mode can calculate deletion_seconds")
    return _Simulation(policy, counts, system, random).run()


class _Simulation:
    def __init__(self, policy: Policy, counts: Sequence[int], system: System, random: Random) -> None:
        services, handling, pods, ages = (Random(random.getrandbits(64)) for _ in range(4))  # noqa: S311 -- simulated chance
        generator = np.random.default_rng(handling.getrandbits(64))
        self._policy, self._system = Asked(policy), system
        self._messages = Messages(np.asarray(counts, np.int64), system.work.failures.attempts, generator)
        self._workers = Workers(system.work, self._messages, services, generator)
        self._pods = Pods(system.work, self._workers, pods)
        part = system.work.service.mean_seconds / STEPS_PER_SERVICE
        self._step_seconds = min(max(part, SHORTEST_STEP_SECONDS), LONGEST_STEP_SECONDS)
        self._past = PastCounts(system.counts_age_seconds, ages) if system.counts_age_seconds else None
        self._next_decision = 0.0

    def run(self) -> Run:
        self._pods.begin(self._system.replicas)
        self._play()
        messages, workers = self._messages, self._workers
        end = max(self._system.seconds, min(workers.done_at, 2 * self._system.seconds))
        workers.stop(end)
        return Run(
            arrivals=array("d", messages.sent.tobytes()),
            begun=array("d", messages.begun.tobytes()),
            done=array("d", messages.done.tobytes()),
            pod_seconds=self._pods.seconds(end),
            wasted_seconds=workers.wasted_seconds,
            repeated=workers.repeated,
            failed=workers.failed,
            dead_lettered=messages.dead_lettered,
            lost=0,
            receives=workers.received,
            empty_receives=workers.empty_receives,
            scale_writes=self._pods.writes,
            reads=self._policy.reads,
            seconds=end,
            sizes=self._pods.sizes,
            sample=messages.sample,
        )

    def _play(self) -> None:
        workers, pods = self._workers, self._pods
        while not self._is_over():
            if workers.now >= self._next_decision:
                self._decide()
            until = min(workers.now + self._step_seconds, self._next_decision, pods.next_death)
            self._messages.show_until(until)
            workers.handle(until)
            workers.now = until
            pods.advance(until)
            self._remember()

    def _is_over(self) -> bool:
        now, seconds = self._workers.now, self._system.seconds
        return now >= seconds and (now >= 2 * seconds or (not self._messages.left and self._workers.done_at <= now))

    def _decide(self) -> None:
        workers, now = self._workers, self._workers.now
        counts = self._counts() if self._past is None else self._past.read(now)
        pods = tuple(self._pods.serving.values())
        sent, received = self._messages.number_sent, workers.received
        move = self._policy.decide(View(now, counts, self._pods.asked, pods, sent, received, self._system.began))
        self._pods.resize(move)
        self._next_decision = now + move.next_seconds

    def _counts(self) -> Counts:
        return Counts(self._messages.visible, self._workers.in_hand + self._messages.hidden(self._workers.now))

    def _remember(self) -> None:
        if self._past is not None:
            counts = self._counts()
            self._past.record(self._workers.now, counts.visible, counts.in_flight)
