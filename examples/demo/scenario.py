"""What happens in the demo, and when: an empty pool, a burst, a trickle, and silence."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from examples.demo.programs import Programs

BURST = 500
TRICKLE = 20
SAMPLE_INTERVAL_SECONDS = 0.5
IDLE_TIMEOUT_SECONDS = 60.0
DRAIN_TIMEOUT_SECONDS = 90.0
ZERO_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """What was observed at one moment; `time` in seconds since the burst began."""

    time: float
    visible: int
    in_flight: int
    replicas: int
    ready: int
    reason: str


@dataclass
class Report:
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


class Display(Protocol):
    """Shows the demo."""

    def say(self, text: str) -> None:
        """Show one line."""

    def sample(self, sample: Sample) -> None:
        """Show one row of the table, when it differs from the last one or a while has passed."""


def play(programs: Programs, display: Display) -> Report:
    """Run the whole scenario; return what was measured."""
    display.say("waiting for the idle pool to go to zero")
    programs.wait_for_zero(IDLE_TIMEOUT_SECONDS)
    display.say(f"{BURST} messages of a second's work each, at once; when half are handled, {TRICKLE} more, one by one")
    run = _Run(programs, display, begin=time.monotonic())
    with ThreadPoolExecutor(1) as sender:
        burst = sender.submit(run.send, BURST)
        drained = run.until(lambda: run.trickled() and run.drained, DRAIN_TIMEOUT_SECONDS)
        burst.result()
    if drained:
        run.report.drained = run.last.time
        display.say("every message is handled; the pool goes back to zero")
        if run.until(lambda: run.last.replicas == 0, ZERO_TIMEOUT_SECONDS):
            run.report.back_at_zero = run.last.time
    handled = programs.handled()
    run.report.handled = len(handled)
    run.report.handled_twice = sum(times > 1 for times in handled.values())
    run.report.scale_writes = programs.scale_writes()
    return run.report


class _Run:
    """Samples the programs twice a second, and writes the report."""

    def __init__(self, programs: Programs, display: Display, begin: float) -> None:
        self.report = Report()
        self._programs = programs
        self._display = display
        self._begin = begin

    @property
    def last(self) -> Sample:
        return self.report.samples[-1]

    @property
    def drained(self) -> bool:
        return self.last.visible == 0 and self.last.in_flight == 0

    def send(self, count: int) -> None:
        self._programs.send(range(self.report.sent, self.report.sent + count))
        self.report.sent += count

    def trickled(self) -> bool:
        """Return whether all was sent before the last sample; else send the next message once half are handled."""
        if self.report.sent == BURST + TRICKLE:
            return True
        if self.report.sent > BURST or (self.report.sent == BURST and self.last.visible <= BURST // 2):
            self.send(1)
        return False

    def until(self, done: Callable[[], bool], timeout: float) -> bool:
        """Sample and show until done; return False when the timeout (seconds) passes first."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self._sample()
            if done():
                return True
            time.sleep(SAMPLE_INTERVAL_SECONDS)
        return False

    def _sample(self) -> None:
        visible, in_flight = self._programs.counts()
        deployment, pool = self._programs.objects()
        sample = Sample(
            time=time.monotonic() - self._begin,
            visible=visible,
            in_flight=in_flight,
            replicas=deployment["spec"]["replicas"],
            ready=deployment.get("status", {}).get("readyReplicas", 0),
            reason=pool.get("status", {}).get("lastDecision", {}).get("reason", ""),
        )
        self.report.samples.append(sample)
        if self.report.first_raise is None and sample.replicas > 0:
            self.report.first_raise = sample.time
        self._display.sample(sample)
