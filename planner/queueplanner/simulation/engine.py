"""Lets everything happen in its order, and asks the policy when it wants to be asked."""

from array import array
from collections.abc import Callable, Sequence
from itertools import chain
from random import Random

from queueplanner.simulation.asking import Asked
from queueplanner.simulation.counts import PastCounts
from queueplanner.simulation.events import NEVER, Events
from queueplanner.simulation.messages import Queue
from queueplanner.simulation.pods import Pods
from queueplanner.simulation.primary import PrimaryServer
from queueplanner.simulation.values import Counts, PodState, Policy, Run, System, View
from queueplanner.simulation.workers import Workers
from queueplanner.work import Draw

Services = Callable[[Draw, int, int], Sequence[float]]
"""Given how long messages take, a seed and a number of messages, returns how long each of them takes."""


def drawn(service: Draw, seed: int, messages: int) -> Sequence[float]:
    """Draw how long each message takes."""
    random = Random(seed)  # noqa: S311 -- chance in a simulation
    return array("d", (service(random) for _ in range(messages)))


def simulate(
    policy: Policy, arrivals: Sequence[float], system: System, random: Random, services: Services = drawn
) -> Run:
    """Let a policy size the pods for a load, until the time is over or, after it, until nothing is left to do.

    What is drawn for a message is the same whatever the policy does, if it began with the same random.

    Args:
        policy: It decides, beginning at time 0.
        arrivals: When messages are sent, in order.
        system: What it sizes.
        random: Draws service times, start-up times and what is chosen by chance.
        services: Returns what `drawn` does. It may remember it for the next run.

    Raises:
        PolicyError: The policy's answer makes no sense.
    """
    return Simulation(policy, arrivals, system, random, services).run()


class Simulation:
    """One run, from its start to its end."""

    def __init__(
        self, policy: Policy, arrivals: Sequence[float], system: System, random: Random, services: Services = drawn
    ) -> None:
        self._policy, self._arrivals, self._system = Asked(policy), arrivals, system
        messages, work = len(arrivals), system.work
        seconds = services(work.service, random.getrandbits(64), messages)
        handling, pods, ages = (Random(random.getrandbits(64)) for _ in range(3))  # noqa: S311 -- simulated chance
        self._events = Events()
        self.queue = self._queue_or_primary(messages)
        self.workers = Workers(work, self.queue, self._events, seconds, handling)
        hidden_seconds = system.primary.heartbeat_seconds if system.primary else work.visibility_seconds
        self.pods = Pods(work, self.workers, self._events, hidden_seconds, pods)
        self._past = PastCounts(system.counts_age_seconds, ages) if system.counts_age_seconds else None
        self._sent = 0

    def _queue_or_primary(self, messages: int) -> Queue:
        attempts, primary = self._system.work.failures.attempts, self._system.primary
        if primary is None:
            return Queue(messages, attempts, self._events)
        return PrimaryServer(messages, attempts, primary, self._events, self._offer)

    def _offer(self) -> None:
        self.workers.offer()

    def run(self) -> Run:
        """Return what happened."""
        self.pods.begin(self._system.replicas)
        self._events.plan(0.0, self._decide)
        self._play()
        self._events.now = max(self._events.now, self._system.seconds)
        for pod in self.pods.serving.values():
            if pod.state is PodState.READY:
                self.workers.end_poll(pod)
        polls = self._system.primary is None
        return Run(
            arrivals=self._arrivals,
            begun=self.queue.begun,
            done=self.queue.done,
            pod_seconds=self.pods.seconds,
            wasted_seconds=self.workers.wasted_seconds,
            repeated=self.workers.repeated,
            failed=self.workers.failed,
            dead_lettered=self.queue.dead_lettered,
            lost=self.queue.lost,
            receives=self.queue.received if polls else 0,
            empty_receives=self.workers.empty_receives if polls else 0,
            scale_writes=self.pods.writes,
            reads=self._policy.reads,
            seconds=self._events.now,
            sizes=self.pods.sizes,
        )

    def _play(self) -> None:
        """Let everything happen; at one time, what is sent comes first."""
        events, queue, workers, seconds = self._events, self.queue, self.workers, self._system.seconds
        for message, sent in enumerate(chain(self._arrivals, (NEVER,))):
            while (time := events.next_time) < sent:
                if time > seconds and self._is_over(time):
                    return
                events.happen()
                self._remember()
            if sent > seconds and self._is_over(sent):
                return
            events.now, self._sent = sent, message + 1
            queue.send(message)
            workers.offer()
            self._remember()

    def _is_over(self, time: float) -> bool:
        """Return whether nothing is left to do at a time after the last one that is watched in any case."""
        return not self.queue.left or time > 2 * self._system.seconds

    def _remember(self) -> None:
        if self._past is not None:
            self._past.record(self._events.now, len(self.queue.visible), self.queue.in_flight)

    def _decide(self) -> None:
        now = self._events.now
        pods = tuple(self.pods.serving.values())
        view = View(now, self._counts(), self.pods.asked, pods, self._sent, self.queue.received, self._system.began)
        move = self._policy.decide(view)
        self.pods.resize(move)
        self._events.plan(now + move.next_seconds, self._decide)

    def _counts(self) -> Counts:
        return self.queue.counts() if self._past is None else self._past.read(self._events.now)
