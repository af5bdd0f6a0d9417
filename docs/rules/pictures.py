"""The pictures of docs/size.md, drawn from the runs. `docs.diagrams` calls it."""

from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from docs.rules import runs
from docs.rules.engine import Played
from docs.rules.plot import LEFT, STYLE, WIDTH, Plot
from docs.svg import svg, text
from queueworkerpool.decide.windows import scale_down_window

RIGHT = LEFT + WIDTH + 36
KEY = (
    (0, "pods:", "small"),
    (36, "asked for", "asked"),
    (98, "recommended", "wanted"),
    (180, "ready (filled)", "small"),
)
ROW, COLUMNS = 18, 3
"""Of the reasons below a plot: how high a row is, and how many are in one."""


def pictures() -> dict[str, str]:
    """Return each picture by its file's name."""
    return {
        "size-load.svg": load(),
        "size-window.svg": window(),
        "size-hold.svg": hold(),
        "size-slow-start.svg": slow_start(),
        "size-limits.svg": limits(),
    }


def load() -> str:
    """Draw 500 messages, and the pods that handle them in time."""
    played = runs.load()
    sent, ready = _first_sent(played), _first_ready(played)
    promised = sent + runs.PROMISED_SECONDS
    messages, pods = _plots(played, 500, 8)
    parts = [
        *_messages(messages, played, (0, 250, 500)),
        *(plot.at(promised) for plot in (messages, pods)),
        text(round(messages.x(promised)) + 6, messages.top + 12, "60 s after they were sent", "limit"),
        *_pods(pods, played, (0, 4, 8)),
        pods.say((sent + ready) / 2, 0.6, f"{ready - sent} s: pods start", "small", "middle"),
        pods.say((ready + promised) / 2, 0.6, f"{promised - ready} s: they work", "small", "middle"),
        *pods.times(20),
    ]
    return _drawn(pods, "500 messages, worked off in the latency less a start-up", parts)


def window() -> str:
    """Draw how the size follows a load that falls, and how it would with a window that begins anew at each level."""
    played = runs.window()
    spec, last = played.run.spec, played.ticks[-1].facts
    window_seconds = scale_down_window(last, last.memory)
    pods = Plot(36, 130, 16, played.run.seconds)
    recommended = [tick.decision.recommended or 0 for tick in played.ticks]
    levels = one_window_per_level(recommended, played.run.replicas, window_seconds // spec.poll_seconds)
    parts = [
        *_pods(pods, played, (0, 8, 16)),
        text(LEFT + WIDTH, pods.top - 8, "with a window that begins anew at each level", "before", "end"),
        pods.line(levels, "before", spec.poll_seconds),
        *pods.times(20),
    ]
    return _drawn(pods, "The size follows a load that falls, a window later", parts)


def one_window_per_level(recommended: Sequence[int], size: int, ticks: int) -> list[int]:
    """Return the sizes of another rule: each time after so many ticks the most that was recommended in them."""
    sizes, since = [], list[int]()
    for each in recommended:
        since = [*since, each] if each < size else []
        if each > size:
            size = each
        elif len(since) > ticks:
            size, since = max(since), []
        sizes.append(size)
    return sizes


def hold() -> str:
    """Draw how pods go: not while many messages wait, then those that are idle."""
    played = runs.hold()
    messages, pods = _plots(played, 40, 12)
    parts = [
        *_messages(messages, played, (0, 20, 40)),
        *_pods(pods, played, (0, 6, 12)),
        *_reasons(pods, played),
        *pods.times(40),
    ]
    return _drawn(pods, "Pods stay while many messages wait; then idle ones go", parts, rows=2)


def slow_start() -> str:
    """Draw the same 500 messages with pods that start too slowly for the promise."""
    played = runs.slow_start()
    promised = _first_sent(played) + runs.PROMISED_SECONDS
    messages, pods = _plots(played, 500, 4)
    parts = [
        *_messages(messages, played, (0, 250, 500)),
        *(plot.at(promised) for plot in (messages, pods)),
        text(round(messages.x(promised)) + 6, messages.bottom - 6, "60 s after they were sent", "limit"),
        *_pods(pods, played, (0, 2, 4)),
        *pods.times(60),
    ]
    return _drawn(pods, "Pods that start in 120 s cannot keep 60 s, however many there are", parts)


def limits() -> str:
    """Draw bounds, a schedule and a queue that cannot be read."""
    played = runs.limits()
    every, unread = played.run.spec.poll_seconds, played.run.unread
    messages, pods = _plots(played, 1000, 14)
    bounds = [tick.facts.bounds for tick in played.ticks]
    parts = [
        *(plot.span(unread.start, unread.stop, "unknown") for plot in (messages, pods)),
        *_messages(messages, played, (0, 500, 1000)),
        messages.say(unread.start + 2, 880, "cannot be read", "limit"),
        *_pods(pods, played, (0, 7, 14)),
        pods.line([each.max_replicas for each in bounds], "limit", every),
        pods.line([each.min_replicas for each in bounds], "limit", every),
        pods.say(played.run.seconds, 10.7, "maxReplicas 10", "limit", "end"),
        pods.say(played.run.seconds, 4.9, "4 by schedule", "limit", "end"),
        pods.say(150, 2.9, "minReplicas 2", "limit"),
        *_reasons(pods, played),
        *pods.times(60),
    ]
    return _drawn(pods, "Bounds, a schedule, and a queue that cannot be read", parts, rows=2)


def _first_sent(played: Played) -> int:
    return next(number for number, each in enumerate(played.seconds) if each.waiting)


def _first_ready(played: Played) -> int:
    return next(number for number, each in enumerate(played.seconds) if each.ready)


def _plots(played: Played, messages: int, pods: int) -> tuple[Plot, Plot]:
    return Plot(36, 70, messages, played.run.seconds), Plot(150, 100, pods, played.run.seconds)


def _drawn(lowest: Plot, title: str, parts: list[str], rows: int = 0) -> str:
    """Return the picture, with room for so many rows below the axis."""
    return svg(RIGHT, lowest.bottom + 34 + ROW * rows, title, parts, STYLE)


def _messages(plot: Plot, played: Played, values: tuple[int, ...]) -> Iterator[str]:
    yield from plot.frame("messages that wait or are worked on", values)
    yield plot.area([each.waiting + each.in_flight for each in played.seconds], "messages")


def _pods(plot: Plot, played: Played, values: tuple[int, ...]) -> Iterator[str]:
    """Yield the pods that are ready, recommended and asked for."""
    every = played.run.spec.poll_seconds
    yield from plot.frame("", values)
    for left, words, kind in KEY:
        yield text(LEFT + left, plot.top - 8, words, kind)
    yield plot.area([each.ready for each in played.seconds], "ready")
    yield plot.line([tick.decision.recommended for tick in played.ticks], "wanted", every)
    yield plot.line([each.asked for each in played.seconds], "asked")


def _reasons(plot: Plot, played: Played) -> Iterator[str]:
    """Yield a letter wherever the reason of the size changes, and the reasons below."""
    letters: dict[str, str] = {}
    before = None
    for tick in played.ticks:
        if tick.reason != before:
            letters.setdefault(tick.reason, ascii_lowercase[len(letters)])
            yield plot.at(tick.second, "axis")
            yield plot.say(tick.second + 1, plot.most * 0.92, letters[tick.reason], "letter")
        before = tick.reason
    for number, (reason, letter) in enumerate(letters.items()):
        x, y = LEFT + WIDTH // COLUMNS * (number % COLUMNS), plot.bottom + 40 + ROW * (number // COLUMNS)
        yield text(x, y, letter, "letter")
        yield text(x + 14, y, reason, "small")
