"""What happens in the demo, and when: an empty pool, a burst, a trickle, and silence."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from examples.demo.world import World

BURST = 500
TRICKLE = 20
SAMPLE_INTERVAL = 0.5
QUIET_LIMIT = 60.0
DRAIN_LIMIT = 90.0
ZERO_LIMIT = 60.0


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment; `time` in seconds since the burst began."""

    time: float
    visible: int
    in_flight: int
    replicas: int
    ready: int
    reason: str


@dataclass
class Story:
    """What the demo measured."""

    samples: list[Sample] = field(default_factory=list)
    sent: int = 0
    handled: int = 0
    handled_twice: int = 0
    first_raise: float | None = None
    drained: float | None = None
    back_at_zero: float | None = None
    scale_writes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every message was handled and the pool came back to zero."""
        return self.handled == self.sent and self.back_at_zero is not None

    @property
    def pod_seconds(self) -> float:
        """Pods asked for, summed over time."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return sum(before.replicas * (after.time - before.time) for before, after in pairs)


class Show(Protocol):
    """Who shows it."""

    def say(self, text: str) -> None:
        """One line."""

    def sample(self, sample: Sample) -> None:
        """One row of the table, when it differs from the last or a while has passed."""


def play(world: World, show: Show) -> Story:
    """Run the whole scenario; returns what was measured."""
    show.say("waiting for the idle pool to go to zero")
    world.wait_for_zero(QUIET_LIMIT)
    show.say(f"{BURST} messages of a second's work each, at once; when half are handled, {TRICKLE} more, one by one")
    watch = _Watch(world, show, begin=time.monotonic())
    with ThreadPoolExecutor(1) as sender:
        burst = sender.submit(watch.send, BURST)
        drained = watch.until(lambda: watch.trickled() and watch.drained, DRAIN_LIMIT)
        burst.result()
    if drained:
        watch.story.drained = watch.last.time
        show.say("every message is handled; the pool goes back to zero")
        if watch.until(lambda: watch.last.replicas == 0, ZERO_LIMIT):
            watch.story.back_at_zero = watch.last.time
    handled = world.handled()
    watch.story.handled = len(handled)
    watch.story.handled_twice = sum(times > 1 for times in handled.values())
    watch.story.scale_writes = world.scale_writes()
    return watch.story


class _Watch:
    """Looks at the world twice a second, and writes the story."""

    def __init__(self, world: World, show: Show, begin: float) -> None:
        self.story = Story()
        self._world = world
        self._show = show
        self._begin = begin

    @property
    def last(self) -> Sample:
        return self.story.samples[-1]

    @property
    def drained(self) -> bool:
        return self.last.visible == 0 and self.last.in_flight == 0

    def send(self, count: int) -> None:
        self._world.send(range(self.story.sent, self.story.sent + count))
        self.story.sent += count

    def trickled(self) -> bool:
        """Whether all was sent before the last look; else sends the next message once the burst is half handled."""
        if self.story.sent == BURST + TRICKLE:
            return True
        if self.story.sent > BURST or (self.story.sent == BURST and self.last.visible <= BURST // 2):
            self.send(1)
        return False

    def until(self, done: Callable[[], bool], limit: float) -> bool:
        """Look and show until done; False when the limit (seconds) has passed before."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            self._look()
            if done():
                return True
            time.sleep(SAMPLE_INTERVAL)
        return False

    def _look(self) -> None:
        visible, in_flight = self._world.counts()
        deployment, pool = self._world.look()
        sample = Sample(
            time=time.monotonic() - self._begin,
            visible=visible,
            in_flight=in_flight,
            replicas=deployment["spec"]["replicas"],
            ready=deployment.get("status", {}).get("readyReplicas", 0),
            reason=pool.get("status", {}).get("lastDecision", {}).get("reason", ""),
        )
        self.story.samples.append(sample)
        if self.story.first_raise is None and sample.replicas > 0:
            self.story.first_raise = sample.time
        self._show.sample(sample)
