"""What docs/size.md says of its runs is so, and its examples are what the rules make of their numbers."""

import re
from pathlib import Path

import pytest

from docs.rules import page, runs
from docs.rules.engine import Played, play
from docs.rules.pictures import one_window_per_level
from queueworkerpool.decide.last_pod import LEAST_SPELLS, MOST_STARTUPS, UNPROTECTED_STAY_SECONDS
from queueworkerpool.decide.windows import PROTECTED_WINDOW_SECONDS, RECHECK_SECONDS, UNPROTECTED_WINDOW_SECONDS
from queueworkerpool.names import Reason
from queueworkerpool.sizing import AtReading, Latency, WorkerEstimates
from queueworkerpool.sizing.latency import COUNTS_LAG_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "size.md").read_text()
PROSE = " ".join(PAGE.split())
WINDOW = runs.window()
KNOWN = WorkerEstimates(2.0, 4.0, 20.0, 1000.0)


def pod_seconds(sizes: list[int], every: int) -> int:
    return every * sum(sizes)


def test_every_block_of_what_explain_prints_is_known_and_none_is_left_out() -> None:
    names = re.findall(rf"<!-- {page.MARK}(\S+) -->", PAGE)
    assert sorted(names) == sorted(page.BLOCKS)


def test_a_block_is_filled_and_filling_it_again_changes_nothing() -> None:
    filled = page.with_explanations(f"<!-- {page.MARK}load -->\n```text\nof before\n```\n\nThe end.\n")
    assert "500 messages x 2 s / (4 per pod x 25 s) = 10 pods (15 s less:" in filled
    assert "of before" not in filled
    assert filled.endswith("```\n\nThe end.\n")
    assert page.with_explanations(filled) == filled


def test_a_block_that_nobody_knows_is_refused() -> None:
    with pytest.raises(LookupError):
        page.with_explanations(f"<!-- {page.MARK}none -->\n```text\n```\n")


@pytest.mark.parametrize(
    "played", [runs.load(), runs.window(), runs.hold(), runs.last_pod(), runs.slow_start(), runs.limits()]
)
def test_every_message_of_a_run_is_handled_once_and_no_busy_worker_is_stopped(played: Played) -> None:
    """A worker that is stopped loses its messages, here."""
    last = played.seconds[-1]
    assert len(played.took) + last.waiting + last.in_flight == sum(played.run.sent.values())


def test_a_run_is_the_same_each_time() -> None:
    assert play(runs.load().run).ticks == runs.load().ticks


def test_the_load_is_worked_off_in_the_latency() -> None:
    played = runs.load()
    assert max(played.took) <= runs.PROMISED_SECONDS
    assert f"the last message is done {max(played.took)} s after it was sent" in PROSE


def test_whoever_divides_by_the_whole_latency_is_late() -> None:
    assert 20 + seconds_of_work(pods=500 * 2 / (4 * 60)) > runs.PROMISED_SECONDS


def test_messages_that_are_sent_at_once_to_no_pods_are_handled_in_time_however_late_they_are_read() -> None:
    latest = 5 + COUNTS_LAG_SECONDS
    assert f"`pollSeconds`, and {COUNTS_LAG_SECONDS:g} s until SQS's counts show them" in PROSE
    none, half = (Latency(60).recommend(500, KNOWN, AtReading(ready, 5)).replicas for ready in (0, 5))
    assert (none, half) == (10, 7)
    assert latest + 20 + seconds_of_work(none) <= runs.PROMISED_SECONDS < latest + 20 + seconds_of_work(half)


def seconds_of_work(pods: float) -> float:
    return 500 * 2 / (4 * pods)


WINDOWS = {
    "docs/size.md": [
        f"recommended in the last {PROTECTED_WINDOW_SECONDS} s,",
        f"each number is followed {PROTECTED_WINDOW_SECONDS} s after it was first recommended",
    ],
    "docs/sizing.md": [
        f"no reading of the last {PROTECTED_WINDOW_SECONDS} s",
        f"{UNPROTECTED_WINDOW_SECONDS} s where workers",
    ],
    "README.md": [
        f"at most in the last {PROTECTED_WINDOW_SECONDS} seconds where workers report",
        f"in the last {UNPROTECTED_WINDOW_SECONDS} where they do not",
    ],
}


@pytest.mark.parametrize(("name", "sentences"), WINDOWS.items(), ids=WINDOWS)
def test_pages_say_the_default_windows(name: str, sentences: list[str]) -> None:
    text = " ".join((ROOT / name).read_text().split())
    assert [sentence for sentence in sentences if sentence not in text] == []


def test_the_size_is_the_most_that_was_recommended_in_the_window_before() -> None:
    spec = WINDOW.run.spec
    ticks = PROTECTED_WINDOW_SECONDS // spec.poll_seconds
    wanted = [tick.decision.recommended or 0 for tick in WINDOW.ticks]
    for number, tick in enumerate(WINDOW.ticks[ticks:], start=ticks):
        assert tick.decision.replicas == max(wanted[number - ticks : number + 1])


def test_a_window_for_each_level_keeps_pods_for_longer() -> None:
    spec = WINDOW.run.spec
    wanted = [tick.decision.recommended or 0 for tick in WINDOW.ticks]
    levels = one_window_per_level(wanted, WINDOW.run.replicas, PROTECTED_WINDOW_SECONDS // spec.poll_seconds)
    ours = [tick.decision.replicas for tick in WINDOW.ticks]
    assert all(level >= size for level, size in zip(levels, ours, strict=True))
    assert pod_seconds(levels, spec.poll_seconds) > pod_seconds(ours, spec.poll_seconds)


def test_pods_stay_while_messages_wait_and_then_only_busy_ones_stay() -> None:
    ticks = runs.hold().ticks
    waiting = [tick for tick in ticks if tick.reason == Reason.MESSAGES_WAITING]
    busy = [tick for tick in ticks if tick.reason == Reason.WAITING_FOR_IDLE_WORKERS]
    [size] = {tick.decision.replicas for tick in waiting}
    assert f"{size} pods stay while messages wait" in PROSE
    for tick in busy:
        assert tick.facts.pods is not None
        assert tick.decision.replicas == sum(not each.idle for each in tick.facts.pods)


def test_a_start_above_the_latency_is_said_and_more_pods_are_not_asked_for() -> None:
    played = runs.slow_start()
    tick = played.first(Reason.SIZED_BY_LATENCY, after=10)
    assert tick.decision.replicas < runs.load().first(Reason.SIZED_BY_LATENCY, after=10).decision.replicas
    assert tick.facts.spec.target.shortfall(tick.facts.memory.workers) is not None
    assert f"done {max(played.took)} s after they were sent" in PROSE


def test_bounds_hold_whatever_is_recommended_and_an_unread_queue_changes_nothing() -> None:
    played = runs.limits()
    for tick in played.ticks:
        assert tick.facts.bounds.min_replicas <= tick.decision.replicas <= tick.facts.bounds.max_replicas
        if tick.second in played.run.unread:
            assert tick.decision.replicas == tick.facts.replicas


def test_the_last_pod_stays_as_long_as_would_have_cost_least() -> None:
    played = runs.last_pod()
    memory = played.ticks[-1].decision.memory
    spells, startup, chosen = memory.quiet_spells, memory.workers.startup_seconds, runs.chosen_stay(played)
    assert startup is not None
    costs = {stay: runs.cost(spells, stay, startup) for stay in (0, chosen, MOST_STARTUPS * startup)}
    assert costs[chosen] == min(runs.cost(spells, stay, startup) for stay in range(int(MOST_STARTUPS * startup) + 1))
    none, least, most = (f"{cost:g}" for cost in costs.values())
    assert (
        f"{none} pod-seconds; to stay for {MOST_STARTUPS * startup:g} s {most}; to stay for {chosen:g} s {least}."
        in PROSE
    )


def test_the_stay_of_a_pool_that_has_learned_nothing_is_said() -> None:
    assert (LEAST_SPELLS, MOST_STARTUPS) == (3, 3)
    assert f"It is {UNPROTECTED_STAY_SECONDS:g} s where workers do not report" in PROSE
    assert f"when the stay is over, {RECHECK_SECONDS} s after the one before at the soonest" in PROSE


def test_a_slow_start_moves_nothing_and_a_lasting_change_is_followed_after_three() -> None:
    learned = dict(zip(runs.STARTUPS, runs.learned_startups(), strict=True))
    assert learned[60] == learned[26]
    changed = runs.learned_startups()[runs.CHANGED_AT :]
    assert changed[:2] == (runs.learned_startups()[runs.CHANGED_AT - 1],) * 2
    assert changed[2] == runs.STARTUPS[runs.CHANGED_AT + 2]


def test_a_changed_service_time_is_followed_after_two_hundred_messages_and_said_with_the_one_before() -> None:
    before, *changed = runs.learned_services()[runs.CHANGED_AT - 1 :]
    seconds = [tick.decision.memory.workers.service_seconds or 0.0 for tick in changed]
    assert 200 / runs.BATCH == 4
    assert seconds[2] < 4 < seconds[3] == 8
    assert before.decision.memory.workers.service_before is None
    assert "s until lately)" in changed[3].decision.message
