"""Probes: their timing, the counting of answers (PURE), and the loop that asks.

Only `asking.py` talks to the container; here is when to ask and what an answer means.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

# Asks the container once; whether it answered well.
Ask = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Timing:
    """When to ask, in seconds, and how many equal answers in a row it takes to believe them."""

    initial_delay: float
    period: float
    timeout: float
    success: int
    failure: int

    @classmethod
    def parse(cls, probe: Mapping[str, Any]) -> "Timing":
        """Return the timing of a probe as the API server has defaulted it."""
        return cls(
            initial_delay=probe.get("initialDelaySeconds", 0),
            period=probe.get("periodSeconds", 10),
            timeout=probe.get("timeoutSeconds", 1),
            success=probe.get("successThreshold", 1),
            failure=probe.get("failureThreshold", 3),
        )


@dataclass(frozen=True)
class Tally:
    """Equal answers in a row."""

    good: bool = False
    streak: int = 0

    def counted(self, *, good: bool) -> "Tally":
        """Return the tally after one more answer."""
        return replace(self, streak=self.streak + 1) if good == self.good else Tally(good, 1)

    def verdict(self, timing: Timing) -> bool | None:
        """Return what the answers so far prove; None while they prove nothing."""
        needed = timing.success if self.good else timing.failure
        return self.good if self.streak >= needed else None


class Prober:
    """Asks at the pace of TIMING; remembers the answers between verdicts."""

    def __init__(self, timing: Timing, ask: Ask) -> None:
        self._timing = timing
        self._ask = ask
        self._tally = Tally()
        self._next = asyncio.get_running_loop().time() + timing.initial_delay

    async def verdict(self) -> bool:
        """Ask, period by period, until the answers in a row prove the container good or bad."""
        while True:
            clock = asyncio.get_running_loop().time
            await asyncio.sleep(self._next - clock())
            self._next = clock() + self._timing.period
            self._tally = self._tally.counted(good=await self._answer())
            verdict = self._tally.verdict(self._timing)
            if verdict is not None:
                return verdict

    async def _answer(self) -> bool:
        try:
            async with asyncio.timeout(self._timing.timeout):
                return await self._ask()
        except TimeoutError:
            return False
