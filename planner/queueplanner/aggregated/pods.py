"""The pods of the aggregated mode: created, stopped and lost as in `simulation`. `engine` says how many."""

import math
from array import array
from collections.abc import Sequence
from heapq import heappop, heappush
from random import Random

from queueplanner.aggregated.workers import Workers
from queueplanner.simulation import Move, PodState, SimulatedPod, Sizes, leaving
from queueplanner.work import Work

SECONDS_PER_HOUR = 3600.0


class GroupedPod(SimulatedPod):
    """A pod whose messages are in the workers' arrays; they are looked up when somebody asks."""

    def __init__(self, number: int, created: float, place: int, workers: Workers) -> None:
        self.number, self.created, self.place, self._workers = number, created, place, workers
        self.state, self.ready_at = PodState.STARTING, math.nan

    @property
    def in_hand(self) -> dict[int, float]:  # type: ignore[override] # nobody may write it
        """When each message that it handles was begun, by number."""
        return self._workers.report(self.place).in_hand

    @property
    def finished(self) -> int:  # type: ignore[override] # the same
        """How many it has handled."""
        return self._workers.report(self.place).finished

    @property
    def busy_seconds(self) -> float:  # type: ignore[override] # the same
        """How long that took."""
        return self._workers.report(self.place).busy_seconds


class Pods:
    """The pods that exist.

    Args:
        work: What workers are like, and how pods die.
        workers: What runs in them.
        random: Draws start-up times and lives, and what is chosen by chance.

    `asked` is how many there should be, `serving` those that have not been told to end.
    """

    def __init__(self, work: Work, workers: Workers, random: Random) -> None:
        self._work, self._workers, self._random = work, workers, random
        self.asked = self.writes = self._created = self._ready = self._places = 0
        self.serving: dict[int, GroupedPod] = {}
        self._starting: list[tuple[float, int]] = []
        self._ending: list[tuple[float, int]] = []
        self._free: list[int] = []
        self._deaths: list[tuple[float, int]] = []
        self._nodes_lost = sorted(work.deaths.nodes_lost_at, reverse=True)
        self._seconds = 0.0
        self.sizes = Sizes(array("d"), array("l"), array("l"))

    def begin(self, count: int) -> None:
        """Let pods be ready at the start."""
        self.asked = count
        for _ in range(count):
            self._create(0.0)
        self.advance(0.0)

    @property
    def next_death(self) -> float:
        """When the next pod or node is lost."""
        lost = self._nodes_lost[-1] if self._nodes_lost else math.inf
        return min(lost, self._deaths[0][0] if self._deaths else math.inf)

    def advance(self, now: float) -> None:
        """Let pods start and end that do so by a time, and lose those that are lost at it."""
        while self._starting and self._starting[0][0] <= now:
            ready_at, number = heappop(self._starting)
            if (pod := self.serving.get(number)) is not None:
                pod.state, pod.ready_at = PodState.READY, ready_at
                self._ready += 1
                self._record(ready_at)
        while self._ending and self._ending[0][0] <= now:
            self._free.append(heappop(self._ending)[1])
        while self._deaths and self._deaths[0][0] <= now:
            self._die([pod for pod in (self.serving.get(heappop(self._deaths)[1]),) if pod])
        while self._nodes_lost and self._nodes_lost[-1] <= now:
            self._nodes_lost.pop()
            self._lose_node()

    def resize(self, move: Move) -> None:
        """Ask for as many pods as a policy wants, and let those go that are too many."""
        if move.replicas != self.asked:
            self.asked = move.replicas
            self.writes += 1
        for pod in leaving(self.serving.values(), move, self._workers.now, self._random):
            self._stop(pod)
        self._fill()

    def seconds(self, end: float) -> float:
        """Return the seconds of all pods until the end."""
        over = sum(max(time - end, 0.0) for time, _ in self._ending)
        return self._seconds - over + sum(end - pod.created for pod in self.serving.values())

    def _fill(self) -> None:
        for _ in range(self.asked - len(self.serving)):
            self._create(self._workers.now + self._work.startup(self._random))
        self._record(self._workers.now)

    def _create(self, ready_at: float) -> None:
        self._created += 1
        place = self._free.pop() if self._free else self._places
        self._places = max(self._places, place + 1)
        self.serving[self._created] = GroupedPod(self._created, self._workers.now, place, self._workers)
        self._workers.open(place, ready_at)
        heappush(self._starting, (ready_at, self._created))
        if (hours := self._work.deaths.pod_hours) is not None:
            life = self._random.expovariate(1 / (hours * SECONDS_PER_HOUR))
            heappush(self._deaths, (self._workers.now + life, self._created))

    def _stop(self, pod: GroupedPod) -> None:
        """Tell a pod to end: it finishes what it has in hand, within its grace, and the poll under way."""
        now = self._workers.now
        polls_until = self._workers.polls_until(pod.place) if pod.state is PodState.READY else now
        hidden_seconds = 0.0 if self._work.releases else self._work.visibility_seconds
        self._end(pod, now + self._work.grace_seconds, hidden_seconds, polls_until)

    def _end(self, pod: GroupedPod, deadline: float, hidden_seconds: float, not_before: float = 0.0) -> None:
        if pod.state is PodState.READY:
            self._ready -= 1
        pod.state = PodState.ENDING
        del self.serving[pod.number]
        self._workers.close(pod.place)
        time = max(self._workers.end_by(pod.place, deadline), not_before)
        self._workers.cut_off(pod.place, deadline, hidden_seconds)
        heappush(self._ending, (time, pod.place))
        self._seconds += time - pod.created

    def _die(self, pods: Sequence[GroupedPod]) -> None:
        """Lose pods that nobody told to end, and create others in their place."""
        for pod in pods:
            self._end(pod, self._workers.now, self._work.visibility_seconds)
        self._fill()

    def _lose_node(self) -> None:
        """Lose one of the nodes, whichever, with its pods; those that are about to end anyway are left alone."""
        pods, size = list(self.serving.values()), self._work.deaths.pods_per_node
        first = size * int(self._random.random() * math.ceil(len(pods) / size))
        self._die(pods[first : first + size])

    def _record(self, time: float) -> None:
        """Add a row of sizes where one of them changed; of one moment the last counts."""
        times, asked, ready = self.sizes.times, self.sizes.asked, self.sizes.ready
        if ((asked[-1], ready[-1]) if times else (0, 0)) == (self.asked, self._ready):
            return
        if times and times[-1] == time:
            asked[-1], ready[-1] = self.asked, self._ready
        else:
            times.append(time)
            asked.append(self.asked)
            ready.append(self._ready)
