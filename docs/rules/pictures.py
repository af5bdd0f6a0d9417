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
        "size-last-pod.svg": last_pod(),
        "size-learned.svg": learned(),
        "size-slow-start.svg": slow_start(),
        "size-limits.svg": limits(),
    }


def load() -> str:
    """Draw 500 messages, and the pods that handle them in time."""
    played = runs.load()
    sent, ready = _first_sent(played), _first_ready(played)
    promised, done = sent + runs.PROMISED_SECONDS, sent + max(played.took)
    messages, pods = _plots(played, 500, 12)
    parts = [
        *_messages(messages, played, (0, 250, 500)),
        *(plot.at(promised) for plot in (messages, pods)),
        text(round(messages.x(promised)) + 6, messages.top + 12, "60 s after they were sent", "limit"),
        *_pods(pods, played, (0, 6, 12)),
        pods.say((sent + ready) / 2, 0.6, f"{ready - sent} s: pods start", "small", "middle"),
        pods.say((ready + done) / 2, 0.6, f"{done - ready} s: they work", "small", "middle"),
        *pods.times(20),
    ]
    return _drawn(pods, "500 messages, worked off in the time that is left", parts)


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


def last_pod() -> str:
    """Draw a pool that goes to zero now and then, its last eight quiet spells, and what each stay would have cost."""
    played = runs.last_pod()
    memory = played.ticks[-1].decision.memory
    spells, startup, chosen = memory.quiet_spells, memory.workers.startup_seconds or 0.0, runs.chosen_stay(played)
    messages, pods = Plot(36, 36, 40, played.run.seconds), Plot(106, 36, 1, played.run.seconds)
    parts = [
        *_messages(messages, played, (0, 40)),
        *_pods(pods, played, (0, 1)),
        *pods.times(240),
        *_spells(Plot(206, 120, 2 * startup, len(spells), width=240), spells, startup, chosen),
        *_costs(Plot(206, 120, 800, 180, left=LEFT + 330, width=WIDTH - 330), spells, startup, chosen),
    ]
    return svg(
        RIGHT, 368, "The last pod stays as long as would have cost least in the last eight quiet spells", parts, STYLE
    )


def _spells(plot: Plot, spells: Sequence[float], startup: float, chosen: float) -> Iterator[str]:
    """Yield a bar for each quiet spell, with what the chosen stay costs in it: waiting, and starting anew."""
    yield from plot.frame(f"the last {len(spells)} quiet spells, s", (0, round(startup), round(2 * startup)))
    for number, length in enumerate(spells):
        stayed = min(length, chosen)
        yield plot.bar(number, 0, min(length, plot.most), "gone")
        yield plot.bar(number, 0, stayed, "ours")
        if length > chosen:
            yield plot.bar(number, stayed, startup, "theirs")
        yield text(round(plot.x(number + 0.5)), plot.bottom + 14, f"{length:g}", "small", "middle")
    yield plot.level(chosen)
    yield text(round(plot.x(plot.seconds)) + 4, round(plot.y(chosen)) + 4, f"{chosen:g} s", "limit")
    yield text(LEFT, plot.bottom + 32, "blue: the pod waits; brown: it starts anew", "small")


def _costs(plot: Plot, spells: Sequence[float], startup: float, chosen: float) -> Iterator[str]:
    """Yield what each stay would have cost in these spells."""
    costs = [runs.cost(spells, stay, startup) for stay in range(plot.seconds + 1)]
    least = runs.cost(spells, chosen, startup)
    yield from plot.frame("what each stay would have cost, pod-seconds", (0, 400, 800))
    yield plot.line(costs, "asked")
    yield plot.at(chosen)
    yield plot.say(chosen + 3, least - 110, f"{chosen:g} s: {least:g}", "limit")
    yield plot.say(3, costs[0] - 130, f"{costs[0]:g}", "small")
    yield plot.say(plot.seconds, costs[-1] + 40, f"{costs[-1]:g}", "small", "end")
    for stay in range(0, plot.seconds + 1, 60):
        yield text(round(plot.x(stay)), plot.bottom + 14, f"{stay}", "small", "middle")
    yield text(round(plot.x(0)), plot.bottom + 32, "stay, s: none to three start-ups", "small")


def learned() -> str:
    """Draw what is measured, start-ups and service times, and what is reckoned with after each."""
    services = [tick.decision.memory.workers.service_seconds or 0.0 for tick in runs.learned_services()]
    half = (WIDTH - 54) // 2
    startups = Plot(36, 110, 60, len(runs.STARTUPS), width=half)
    means = Plot(36, 110, 9, len(runs.SERVICES), left=LEFT + half + 54, width=half)
    parts = [
        *startups.frame("start-ups, s (dots); reckoned with (line)", (0, 20, 40, 60)),
        *_measured(startups, runs.STARTUPS, runs.learned_startups()),
        *(startups.below(number, f"{number}") for number in range(1, startups.seconds + 1, 3)),
        *means.frame(f"service time, s (dots: means of {runs.BATCH})", (0, 3, 6, 9)),
        *_measured(means, runs.SERVICES, services),
        *(means.below(number, f"{number * runs.BATCH}") for number in range(1, means.seconds + 1, 3)),
        text(means.left + means.width, means.bottom + 32, "messages handled", "small", "end"),
    ]
    return svg(
        RIGHT,
        means.bottom + 48,
        "A slow start moves nothing, a long message little; a lasting change is followed",
        parts,
        STYLE,
    )


def _measured(plot: Plot, measured: Sequence[float], reckoned: Sequence[float]) -> Iterator[str]:
    yield plot.at(runs.CHANGED_AT)
    yield text(round(plot.x(runs.CHANGED_AT)) - 5, plot.bottom - 6, "a new image", "limit", "end")
    yield from (plot.dot(number, value) for number, value in enumerate(measured))
    # A number holds once the measurement is there, which is drawn in the middle of its place.
    yield plot.line([None, *(value for each in reckoned for value in (each, each))], "asked", 0.5)


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
