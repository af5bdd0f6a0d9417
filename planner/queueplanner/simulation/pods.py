"""The pods: created, stopped and lost, so that there are always as many as asked for. `engine` says how many.

Which go at a scale-in follows the ReplicaSet controller's ranking (Kubernetes 1.36) unless the policy names them. A pod
that died is replaced at once, as when its node is gone for good. Nodes are full but for the last: pods fill them in the
order of their creation.
"""

import math
from array import array
from random import Random

from queueplanner.simulation.events import Events
from queueplanner.simulation.ranking import leaving
from queueplanner.simulation.values import Move, PodState, SimulatedPod, Sizes
from queueplanner.simulation.workers import Workers
from queueplanner.work import Work

SECONDS_PER_HOUR = 3600.0


class Pods:
    """The pods that exist.

    Args:
        work: What workers are like, and how pods die.
        workers: What runs in them.
        events: The time, and when pods start and end.
        hidden_seconds: How long what a lost worker had in hand stays hidden.
        random: Draws start-up times and lives, and what is chosen by chance.

    `asked` is how many there should be, `serving` those that have not been told to end.
    """

    def __init__(self, work: Work, workers: Workers, events: Events, hidden_seconds: float, random: Random) -> None:
        self._work, self._workers, self._events, self._random = work, workers, events, random
        self._hidden_seconds = hidden_seconds
        self._created = self._ready = 0
        self._existing: dict[int, SimulatedPod] = {}
        self._ended_seconds = 0.0
        self.asked = self.writes = 0
        self.serving: dict[int, SimulatedPod] = {}
        self.sizes = Sizes(array("d"), array("l"), array("l"))
        for time in work.deaths.nodes_lost_at:
            events.plan(time, self._lose_node)

    @property
    def seconds(self) -> float:
        """Return the seconds of all pods until now."""
        return self._ended_seconds + sum(self._events.now - pod.created for pod in self._existing.values())

    def begin(self, count: int) -> None:
        """Let pods be ready at the start."""
        self.asked = count
        for _ in range(count):
            self._start(self._new())

    def resize(self, move: Move) -> None:
        """Ask for as many pods as a policy wants, and let those go that are too many."""
        if move.replicas == self.asked == len(self.serving):
            return  # as at most decisions
        if move.replicas != self.asked:
            self.asked = move.replicas
            self.writes += 1
        for pod in leaving(self.serving.values(), move, self._events.now, self._random):
            self._stop(pod)
        self._fill()

    def _fill(self) -> None:
        """Create the pods that are missing."""
        for _ in range(self.asked - len(self.serving)):
            pod = self._new()
            self._events.plan(self._events.now + self._work.startup(self._random), self._start, pod)
        self._record()

    def _new(self) -> SimulatedPod:
        self._created += 1
        pod = SimulatedPod(self._created, self._events.now)
        self._existing[pod.number] = self.serving[pod.number] = pod
        if (hours := self._work.deaths.pod_hours) is not None:
            life = self._random.expovariate(1 / (hours * SECONDS_PER_HOUR))
            self._events.plan(self._events.now + life, self._die, pod)
        return pod

    def _start(self, pod: SimulatedPod) -> None:
        if pod.state is not PodState.STARTING:  # it has ended before
            return
        pod.state, pod.ready_at = PodState.READY, self._events.now
        self._ready += 1
        self._record()
        self._workers.start(pod)

    def _stop(self, pod: SimulatedPod) -> None:
        """Tell a pod to end: it finishes what it has in hand, within its grace, and the poll under way."""
        poll_seconds = self._workers.poll_left(pod)
        self._leave(pod)
        if pod.in_hand:
            self._events.plan(self._events.now + self._work.grace_seconds, self._kill, pod)
        self._workers.drain(pod, poll_seconds, self._end)

    def _kill(self, pod: SimulatedPod) -> None:
        if pod.state is PodState.GONE:
            return
        self._workers.cut_off(pod, 0.0 if self._work.releases else self._hidden_seconds)
        self._end(pod)

    def _die(self, *pods: SimulatedPod) -> None:
        """Lose pods that nobody told to end, or that were about to, and create others in their place."""
        for pod in pods:
            if pod.state is not PodState.GONE:
                self._leave(pod)
                self._workers.cut_off(pod, self._hidden_seconds)
                self._end(pod)
        self._fill()

    def _lose_node(self) -> None:
        """Lose one of the nodes, whichever, with its pods."""
        pods, size = list(self._existing.values()), self._work.deaths.pods_per_node
        first = size * int(self._random.random() * math.ceil(len(pods) / size))
        self._die(*pods[first : first + size])

    def _leave(self, pod: SimulatedPod) -> None:
        """Let a pod serve no more: it is about to end."""
        if pod.state is PodState.READY:
            self._ready -= 1
            self._workers.stop(pod)
        pod.state = PodState.ENDING
        self.serving.pop(pod.number, None)

    def _end(self, pod: SimulatedPod) -> None:
        pod.state = PodState.GONE
        del self._existing[pod.number]
        self._ended_seconds += self._events.now - pod.created

    def _record(self) -> None:
        """Add a row of sizes where one of them changed; of one moment the last counts."""
        times, asked, ready = self.sizes.times, self.sizes.asked, self.sizes.ready
        before = (asked[-1], ready[-1]) if times else (0, 0)
        if before == (self.asked, self._ready):
            return
        if times and times[-1] == self._events.now:
            asked[-1], ready[-1] = self.asked, self._ready
        else:
            times.append(self._events.now)
            asked.append(self.asked)
            ready.append(self._ready)
