"""Whether this process works, as two verdicts: alive (else restart it) and ready (else do not count on it). Pure.

`process` and `handlers` report signs of life, `server` asks for the verdicts. An outage of the API server or of SQS
alone never makes the process dead: a restart would not help.
"""

from dataclasses import dataclass, field

LOOP_SECONDS = 30.0
"""The event loop reports every second; one that was silent for this long is frozen."""

WATCH_TRIES_SECONDS = 55.0
"""A watch is begun anew every 40 s, or after 45 s of silence, or more often while the API server is away: one that was
not for this long is dead."""

WATCH_HEARD_SECONDS = 90.0
"""A watch that got no answer for this long, although it asks every 40 s, cannot be trusted."""


@dataclass(slots=True)
class Vitals:
    """Signs of life, in seconds of one monotonic clock."""

    loop: float
    watch_tried: dict[str, float] = field(default_factory=dict)
    watch_heard: dict[str, float] = field(default_factory=dict)

    def trouble(self, now: float) -> list[str]:
        """Why the process should be restarted; empty when it is alive."""
        found = [] if now - self.loop < LOOP_SECONDS else [f"the event loop is frozen for {now - self.loop:.0f} s"]
        for kind, tried in dict(self.watch_tried).items():
            last = max(tried, self.watch_heard.get(kind, tried))
            if now - last >= WATCH_TRIES_SECONDS:
                found.append(f"the watch of {kind} is dead for {now - last:.0f} s")
        return found

    def blindness(self, now: float, kinds: tuple[str, ...]) -> list[str]:
        """Why the process cannot be counted on; empty when it is ready."""
        found = self.trouble(now)
        for kind in kinds:
            heard = self.watch_heard.get(kind)
            if heard is None:
                found.append(f"{kind} are not listed yet")
            elif now - heard >= WATCH_HEARD_SECONDS:
                found.append(f"nothing was heard of {kind} for {now - heard:.0f} s")
        return found
