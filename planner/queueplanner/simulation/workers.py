"""The workers in the pods: who handles which message, and how that ends. `pods` starts and stops them.

A message takes as long at each attempt. Which of the waiting workers gets a message is chance, as SQS promises nothing.
"""

from collections.abc import Callable, Sequence
from random import Random

from queueplanner.simulation.events import Events
from queueplanner.simulation.messages import Queue
from queueplanner.simulation.values import PodState, SimulatedPod
from queueplanner.work import Failures, Work

POLL_SECONDS = 20.0
"""The longest that a receive waits for a message (SQS long polling). So long wait the polls of most consumers."""

FIRST_POLL_SECONDS = 1.0
"""How long queueworker's first poll after a message waits; each that brings nothing doubles it."""


class EndlessError(ValueError):
    """A message would fail again and again at the same moment."""

    def __init__(self) -> None:
        super().__init__("a message that takes no time fails and is tried again at once, for ever: set retry_seconds")


class Workers:
    """Receives messages for the pods that are ready, and handles them.

    Args:
        work: What messages and workers are like.
        queue: Where messages come from.
        events: The time, and when messages are done.
        seconds: How long each message takes.
        random: Draws who gets a message, and which attempts fail.
    """

    def __init__(self, work: Work, queue: Queue, events: Events, seconds: Sequence[float], random: Random) -> None:
        self._work, self._queue, self._events = work, queue, events
        self._seconds, self._random = seconds, random
        self._fails = None if work.failures == Failures() else _Fails(work.failures, len(seconds), random)
        self._waiting: list[SimulatedPod] = []
        self._slots = 0
        self._draining: dict[SimulatedPod, Callable[[SimulatedPod], None]] = {}
        self._last_polls: list[SimulatedPod] = []
        self._interrupted: set[int] = set()
        self._poll_seconds = poll_seconds(work)
        self.wasted_seconds = 0.0
        self.repeated = self.failed = self.empty_receives = 0

    def start(self, pod: SimulatedPod) -> None:
        """Let a pod that is ready receive messages."""
        pod.polls_since = self._events.now
        self._waiting += [pod] * self._work.concurrency
        self._slots += self._work.concurrency
        self.offer()

    def stop(self, pod: SimulatedPod) -> None:
        """Let a pod that was ready receive nothing more."""
        self.end_poll(pod)
        self._slots -= self._work.concurrency - len(pod.in_hand)

    def end_poll(self, pod: SimulatedPod) -> None:
        """Count the receives that returned nothing since a pod began to wait. It waits while it has room."""
        if len(pod.in_hand) < self._work.concurrency:
            self.empty_receives += polls(self._events.now - pod.polls_since, *self._poll_seconds)[0]

    def poll_left(self, pod: SimulatedPod) -> float:
        """Return how long the poll of a pod goes on; 0 where it has none, because it is not ready or has no room."""
        full = len(pod.in_hand) == self._work.concurrency
        if not self._work.longest_poll_seconds or pod.state is not PodState.READY or full:
            return 0.0
        return polls(self._events.now - pod.polls_since, *self._poll_seconds)[1]

    def drain(self, pod: SimulatedPod, poll_seconds: float, then: Callable[[SimulatedPod], None]) -> None:
        """Do something once a stopped pod has handled what it has in hand, and its last poll has ended."""
        self._draining[pod] = then
        if poll_seconds:
            self._last_polls.append(pod)
            self._events.plan(self._events.now + poll_seconds, self._end_last_poll, pod)
        self._end_drained(pod)

    def cut_off(self, pod: SimulatedPod, hidden_seconds: float) -> None:
        """Take what a pod has in hand from it: others see it again after some seconds."""
        for message, begun in pod.in_hand.items():
            self.wasted_seconds += self._events.now - begun
            self._interrupted.add(message)
            self._events.plan(self._events.now + hidden_seconds, self._show, message)
        pod.in_hand.clear()
        self._draining.pop(pod, None)
        if pod in self._last_polls:
            self._last_polls.remove(pod)

    def offer(self) -> None:
        """Give messages to workers that wait. What answers the last poll of a stopped one is released at once."""
        while (self._slots or self._last_polls) and self._queue.visible and self._queue.offers():
            if self._last_polls and self._random.random() * (self._slots + len(self._last_polls)) >= self._slots:
                self._end_last_poll(self._last_polls[int(self._random.random() * len(self._last_polls))])
            else:
                self._begin(self._any_waiting(), self._queue.receive())

    def _end_last_poll(self, pod: SimulatedPod) -> None:
        if pod in self._last_polls:
            self._last_polls.remove(pod)
            self._end_drained(pod)

    def _end_drained(self, pod: SimulatedPod) -> None:
        if not pod.in_hand and pod not in self._last_polls:
            self._draining.pop(pod)(pod)

    def _any_waiting(self) -> SimulatedPod:
        """Return a pod that waits, and take one of its places; those of pods that were stopped are still listed."""
        waiting = self._waiting
        while True:
            chosen = int(self._random.random() * len(waiting))
            pod, waiting[chosen] = waiting[chosen], waiting[-1]
            waiting.pop()
            if pod.state is PodState.READY:
                return pod

    def _begin(self, pod: SimulatedPod, message: int) -> None:
        now = self._events.now
        if now - pod.polls_since >= self._poll_seconds[0]:
            self.end_poll(pod)
        if message in self._interrupted:
            self._interrupted.remove(message)
            self.repeated += 1
        self._slots -= 1
        pod.polls_since = pod.in_hand[message] = now
        self._events.plan(now + self._seconds[message], self._finish, pod, message)

    def _finish(self, pod: SimulatedPod, message: int) -> None:
        begun = pod.in_hand.pop(message, None)
        if begun is None:  # it was cut off
            return
        now = self._events.now
        pod.finished += 1
        pod.busy_seconds += now - begun
        if self._fails is not None and self._fails(message, now):
            self._fail(message)
        elif self._work.deletion_seconds:
            self._events.plan(now + self._work.deletion_seconds, self._queue.delete, message)
        else:
            self._queue.delete(message)
        if pod.state is PodState.READY:
            if len(pod.in_hand) + 1 == self._work.concurrency:
                pod.polls_since = now
            self._waiting.append(pod)
            self._slots += 1
            self.offer()
        else:
            self._end_drained(pod)

    def _fail(self, message: int) -> None:
        """Show a message again later that its handler gave up."""
        failures = self._work.failures
        if not (failures.attempts or failures.retry_seconds or self._seconds[message]):
            raise EndlessError
        self.failed += 1
        self._events.plan(self._events.now + failures.retry_seconds, self._show, message)

    def _show(self, message: int) -> None:
        self._queue.show(message)
        self.offer()


def poll_seconds(work: Work) -> tuple[float, float]:
    """Return how long a worker's first poll after a message waits, and its longest."""
    longest = min(work.longest_poll_seconds, max(work.grace_seconds, FIRST_POLL_SECONDS))
    return (min(FIRST_POLL_SECONDS, longest), longest) if longest else (POLL_SECONDS, POLL_SECONDS)


def polls(idle: float, first: float, longest: float) -> tuple[int, float]:
    """Return how many polls brought nothing to a worker that was idle so long, and how long the one under way goes on.

    The first one waits for `first` seconds, and each twice as long as the one before, up to `longest`.
    """
    ended, wait = 0, first
    while wait < longest and wait <= idle:
        idle -= wait
        ended += 1
        wait = min(2 * wait, longest)
    return ended + int(idle / wait), wait - idle % wait


class _Fails:
    """Whether an attempt fails: by chance, of a poison message always, and what ends in an outage."""

    def __init__(self, failures: Failures, messages: int, random: Random) -> None:
        self._failures, self._random = failures, random
        share = failures.poison_share
        self._poison = {each for each in range(messages) if random.random() < share} if share else frozenset[int]()

    def __call__(self, message: int, now: float) -> bool:
        """Return whether an attempt that ends now fails."""
        if message in self._poison or any(start <= now < end for start, end in self._failures.outages):
            return True
        return bool(self._failures.share) and self._random.random() < self._failures.share
