"""The cheapest settings that keep a promise are found, judged on what they were not chosen on, and doubted aloud."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueplanner.loads import Burst, Daily, Load, Steady
from queueplanner.outcome import Outcome, Spread
from queueplanner.play import Candidate, Scenario, beginning, play
from queueplanner.recommend import Answer, Manifest, ManifestError, Question, Slo, recommend
from queueplanner.recommend import manifest as fields
from queueplanner.recommend.manifest import get, is_valid, key, new, put, verdict
from queueplanner.recommend.needs import Needs, learned, needs
from queueplanner.recommend.obstacles import possible
from queueplanner.recommend.parts import Days, Multiplied, at_its_time, divided
from queueplanner.recommend.screening import different, promising
from queueplanner.recommend.search import Search, every, ladder
from queueplanner.recommend.sensitivity import SAMPLES, Effect, Scaled, assumptions, effect, worst
from queueplanner.recommend.space import EMPTY, WINDOWS, Space
from queueplanner.recorded import Interval, Recorded
from queueplanner.work import Constant, Exponential, Failures, Lognormal, Work
from tests.unit.planner.builders import Fixed, work

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
POOL = new("orders", QUEUE, 50, {"messagesPerPod": 5})
TUNING = frozenset({fields.WINDOW, fields.ZERO_AFTER, fields.ACTIVE_MIN, fields.POLL})
"""What most rows leave alone, for a search over less is quicker."""
TARGET_ALONE = frozenset(fields.SEARCHED) - {fields.TARGET}
HOUR, DAY = 3_600.0, 86_400.0


def players(candidates: Sequence[Candidate], scenarios: Sequence[Scenario]) -> list[Outcome]:
    return [play(candidate, scenario).outcome for candidate in candidates for scenario in scenarios]


def asked(load: Load, seconds: float, startup: float = 20.0, **fields_of_question: object) -> Answer:
    scenario = Scenario(load, work(4.0, startup, concurrency=2), slo_seconds=seconds)
    question = Question(Slo(seconds), scenario, POOL, is_new=True, kept=TUNING)
    return recommend(replace(question, **fields_of_question), players)  # type: ignore[arg-type]


def no_pods(_: Work) -> Fixed:
    return Fixed((0, 0))


NOTHING = play(Candidate("", no_pods), Scenario(Burst(0, 0.0, 1.0), work())).outcome


def outcome(wait: float = 1.0, cost: float = 1.0, messages: int = 100, unhandled: int = 0) -> Outcome:
    waits = Spread(wait / 4, wait / 2, wait, wait * 2)
    return replace(NOTHING, wait=waits, cost=cost, messages=messages, unhandled=unhandled)


# Whole answers


def test_a_steady_load_gets_no_more_pods_than_its_service_time_needs() -> None:
    """1 message/s of 4 s, two at a time, needs two pods that are always busy; the promise leaves room for that."""
    answer = asked(Steady(1.0, HOUR / 6), 60.0)
    assert answer.is_kept
    assert answer.expected.chosen_on.pod_hours == pytest.approx(2.0 / 6, rel=0.2)
    assert answer.expected.judged_on.messages != answer.expected.chosen_on.messages, "of another draw of the load"
    target = get(answer.manifest, fields.TARGET)
    assert target.get("messagesPerPod", 4) <= 60 / 4 * 2, "more of them would take longer than the promise"


def test_a_burst_gets_the_pods_that_handle_it_in_time() -> None:
    """400 messages of 4 s, two at a time, within 100 s, 20 of which a pod takes to start: 10 pods or a few more."""
    answer = asked(Burst(400, 60.0, HOUR / 6), 100.0)
    assert answer.is_kept
    assert 10 <= highest(answer) <= 14
    assert answer.expected.chosen_on.cost < answer.before.chosen_on.cost


def test_pods_are_always_ready_where_the_promise_is_shorter_than_their_start_and_only_there() -> None:
    answer = asked(Steady(1 / 200, HOUR / 3), 20.0, startup=40.0)
    assert answer.is_kept
    rows = {row.slo.seconds: row.tried for row in answer.frontier if row.kept}
    assert get(rows[20.0].manifest, fields.MIN) >= 1
    assert get(rows[80.0].manifest, fields.MIN) is None
    assert rows[20.0].outcome.cost > 2 * rows[80.0].outcome.cost


@pytest.mark.endurance
def test_pods_are_ready_for_what_comes_every_day_at_its_hour_in_the_recordings_time() -> None:
    """400 messages in half an hour from 09:00 on, five days of a recording that begins at 06:00."""
    began = datetime(2026, 3, 4, 6, tzinfo=UTC)
    batches = [Interval(0, day * DAY + 3 * HOUR, HOUR / 2, 400) for day in range(5)]
    scenario = Scenario(Recorded([*batches, Interval(0, 5 * DAY - HOUR, HOUR, 0)], (), began), work(10.0, 120.0))
    mine = put(put(POOL, fields.POLL, 60), fields.TARGET, {"messagesPerPod": 2})
    kept = frozenset(fields.SEARCHED) - {fields.MIN, fields.SCHEDULES}
    answer = recommend(Question(Slo(60.0), scenario, mine, kept=kept), players)
    assert (answer.is_kept, answer.is_kept_elsewhere) == (True, True)
    [schedule] = get(answer.manifest, fields.SCHEDULES)
    assert (schedule["cron"], get(answer.manifest, fields.MIN)) == ("57 8 * * *", None)


def test_a_promise_that_nothing_can_keep_is_refused_with_its_reason() -> None:
    answer = asked(Burst(50, 60.0, HOUR / 6), 60.0, startup=120.0, kept=TUNING | {fields.MIN, fields.SCHEDULES})
    assert not answer.is_kept
    assert answer.slo.waited(answer.expected.chosen_on) >= 120.0
    start, ready = answer.obstacles
    assert start.startswith("pods take 120 s to start: if they started at once, the p99 of the wait would be ")
    assert ready.startswith("minReplicas stays at 0: if it were ")
    assert start.endswith("which keeps the promise")


def test_a_limit_that_is_too_low_is_named() -> None:
    answer = asked(Burst(400, 60.0, HOUR / 6), 100.0, most=2, kept=TARGET_ALONE)
    assert get(answer.manifest, fields.MAX) == 2
    assert answer.obstacles[0].startswith("maxReplicas is 2: if it were 20, ")


def test_fields_that_are_searched_over_are_not_in_the_way() -> None:
    scenario = Scenario(Burst(50, 60.0, HOUR), replace(work(4.0), failures=Failures(share=0.1)), counts_age_seconds=9.0)
    found = [each.what for each in possible(POOL, scenario, needs(scenario, 60.0), frozenset())]
    assert found == ["maxReplicas is 50", "messages fail", "the queue's counts are up to 9 s old"]


def highest(answer: Answer) -> int:
    """Return the most pods that a pool without a limit ever asked for: it gets twice as many, to have room."""
    return int(get(answer.manifest, fields.MAX)) // 2


def test_a_pool_keeps_what_is_not_searched_over() -> None:
    mine = put(put(POOL, ("behavior", "scaleUp", "tolerance"), 0.1), fields.SCHEDULES, [SCHEDULE])
    mine = {**mine, "metadata": {"name": "orders", "labels": {"team": "shop"}}}
    answer = asked(Burst(50, 60.0, HOUR / 6), 60.0, is_new=False, manifest=mine, kept=TARGET_ALONE)
    assert answer.manifest["metadata"] == mine["metadata"]
    for path in (("behavior", "scaleUp"), fields.SCHEDULES, fields.MAX, ("queues",)):
        assert get(answer.manifest, path) == get(mine, path)
    assert answer.expected.chosen_on.cost <= answer.before.chosen_on.cost or not answer.slo.is_kept(
        answer.before.chosen_on
    )


SCHEDULE = {"name": "night", "cron": "0 22 * * *", "durationSeconds": 3600, "maxReplicas": 4}


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (put(POOL, ("minReplicas",), 99), "must not be above spec.maxReplicas"),
        (
            {**POOL, "kind": "Deployment", "apiVersion": "apps/v1"},
            "it is a Deployment, and a QueueWorkerPool is needed",
        ),
    ],
)
def test_a_manifest_that_is_no_pool_is_refused(manifest: Manifest, sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        asked(Burst(1, 0.0, HOUR), 60.0, is_new=False, manifest=manifest)


# The search


def test_a_paused_pool_is_judged_as_one_that_is_not() -> None:
    paused = fields.candidate(put(POOL, ("pausedUntil",), "2126-01-01T00:00:00Z"))
    load = Scenario(Burst(50, 60.0, HOUR / 6), work(1.0))
    assert [play(each, load).outcome.unhandled for each in (fields.candidate(POOL), paused)] == [0, 0]
    assert "it is played without its pausedUntil: a pool that keeps its size says nothing" in paused.unchecked[0]


def space(seconds: float = 60.0, load: Load | None = None) -> Space:
    scenario = Scenario(load or Daily(0.5, 0.9, DAY), work(4.0, 20.0, concurrency=2))
    return Space(Slo(seconds), scenario, needs(scenario, seconds))


def by_chance(seed: int) -> Search:
    """Return a search in a world where nobody could foresee what a manifest does."""

    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        dice = (Random(f"{seed} {key(manifest)}") for manifest in manifests)
        return [outcome(wait=dice_.lognormvariate(4, 1), cost=dice_.lognormvariate(0, 1)) for dice_ in dice]

    return Search(judge, ladder(Slo(60.0)))


@settings(max_examples=4)
@given(st.integers(0, 10_000))
def test_a_stricter_promise_never_costs_less(seed: int) -> None:
    search = by_chance(seed)
    search.play([POOL])
    search.sweep(space().coarse[:4])
    rows = [row for row in search.frontier if row.kept]
    assert rows
    assert [row.tried.outcome.cost for row in rows] == sorted((row.tried.outcome.cost for row in rows), reverse=True)
    assert all(row.slo.is_kept(row.tried.outcome) for row in rows)
    assert all(is_valid(row.tried.manifest) for row in rows)


def test_what_keeps_a_stricter_promise_for_less_keeps_the_laxer_one_too() -> None:
    quick = put(POOL, fields.MIN, 1)

    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        return [outcome(10.0, 1.0) if each == quick else outcome(50.0, 1.005) for each in manifests]

    search = Search(judge, [Slo(20.0), Slo(60.0)])
    search.play([POOL, quick])
    assert [row.tried.manifest for row in search.frontier] == [quick, quick]


def test_what_is_chosen_leaves_room_for_another_day() -> None:
    """Within 95 % of the promise, if there is such a setting."""
    tight, roomy = POOL, put(POOL, fields.MIN, 1)
    waits = {key(tight): outcome(59.9, cost=1.0), key(roomy): outcome(57.0, cost=2.0)}

    def found(*manifests: Manifest) -> tuple[Manifest, bool]:
        search = Search(lambda several: [waits[key(each)] for each in several], [Slo(60.0)])
        search.play(manifests)
        [row] = search.frontier
        return row.tried.manifest, row.kept

    assert found(tight, roomy) == (roomy, True)
    assert found(tight) == (tight, True)


def test_a_wide_search_changes_the_second_best_as_well() -> None:
    costs = {number: 1.0 + number for number in range(4)}

    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        return [outcome(cost=costs[get(each, fields.MIN)] + (get(each, fields.POLL) or 0)) for each in manifests]

    search = Search(judge, [Slo(60.0)], width=2)
    search.play([put(POOL, fields.MIN, number) for number in (1, 2, 3)])
    assert [get(each, fields.MIN) for each in search.best(2)] == [1, 2]
    search.sweep([lambda manifest: [put(manifest, fields.POLL, 30)]])
    assert [get(each, fields.MIN) for each in search.best(9) if get(each, fields.POLL)] == [1, 2]


def test_of_manifests_that_do_the_same_one_goes_on() -> None:
    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        return [outcome(cost=1.0 + 0.1 * (get(each, fields.MIN) or 0)) for each in manifests]

    search = Search(judge, [Slo(60.0)])
    search.play([put(put(POOL, fields.MIN, number), fields.WINDOW, 30 * each) for number in (1, 2) for each in (1, 2)])
    assert [get(each, fields.MIN) for each in search.best(4)] == [1, 1, 2, 2]
    assert [get(each, fields.MIN) for each in search.survivors(4)] == [1, 2]


MAY_WIN = {
    "cheaper, and in time": (0.9, 50.0, True),
    "as dear, give or take what an estimate may be wrong by": (1.015, 50.0, True),
    "dearer": (1.03, 50.0, False),
    "cheaper, and late by no more than an estimate may be wrong by": (0.9, 65.0, True),
    "cheaper, and too late": (0.9, 75.0, False),
}


@pytest.mark.parametrize("row", MAY_WIN)
def test_what_is_expected_to_be_worse_is_not_worth_a_run(row: str) -> None:
    cost, waits, is_worth_it = MAY_WIN[row]
    search = Search(lambda manifests: [outcome(50.0) for _ in manifests], [Slo(60.0)])
    search.play([POOL])
    assert search.may_win(cost, lambda _: waits) is is_worth_it


def test_where_nothing_keeps_a_promise_yet_what_waits_no_longer_may_win_at_any_cost() -> None:
    search = Search(lambda manifests: [outcome(90.0) for _ in manifests], [Slo(60.0)])
    search.play([POOL])
    assert search.may_win(99.0, lambda _: 100.0)
    assert not search.may_win(0.1, lambda _: 110.0)


@pytest.mark.parametrize(("estimated", "is_worth_it"), [(60.0, True), (62.0, False)])
def test_what_excerpts_say_is_corrected_by_how_far_they_were_wrong_before(estimated: float, is_worth_it: bool) -> None:
    """Of the pool they said 50 s, and it was 57; so 62 s are 71, too much over 60 even if that is a little wrong."""
    changed = put(POOL, fields.MIN, 1)
    screen = Search(lambda several: [outcome(estimated if each == changed else 50.0) for each in several], [Slo(60.0)])
    whole = Search(lambda several: [outcome(57.0) for _ in several], [Slo(60.0)])
    whole.play([POOL])
    assert promising(screen, whole, POOL, [changed]) == [changed] * is_worth_it


def test_times_of_which_the_shortest_and_the_longest_change_nothing_are_not_played() -> None:
    played: list[int] = []

    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        played.extend(get(each, fields.ZERO_AFTER) or 60 for each in manifests)
        return [outcome(cost=2.0 if get(each, fields.WINDOW) else 1.0) for each in manifests]

    search = Search(judge, [Slo(60.0)])
    search.play([POOL])
    zero = [put(POOL, fields.ZERO_AFTER, seconds) for seconds in (180, 300, 7200)]
    windows = [put(POOL, fields.WINDOW, seconds) for seconds in (30, 600)]
    assert different(search, every, POOL, zero) == []
    assert different(search, every, POOL, windows) == windows
    assert played == [60, 180, 7200, 60, 60]


def test_a_time_to_zero_that_is_too_short_for_sqs_is_recommended_only_if_it_is_kept() -> None:
    mine = put(POOL, fields.ZERO_AFTER, 10)
    for kept, seconds in ((TARGET_ALONE - {fields.ZERO_AFTER}, {None, *EMPTY}), (TARGET_ALONE, {10})):
        answer = asked(Burst(20, 10.0, HOUR / 30), 60.0, is_new=False, manifest=mine, kept=kept)
        assert get(answer.manifest, fields.ZERO_AFTER) in seconds


def test_no_window_is_recommended_that_validate_warns_of() -> None:
    space = Space(Slo(60.0), Scenario(Steady(1.0, HOUR), work()), Needs(1.0, 1.0))
    tried = [put(POOL, fields.WINDOW, seconds) for seconds in WINDOWS]
    tried += [near for each in tried[:2] for near in space.near_numbers(each)]
    warned = [warning.field for each in tried for warning in verdict(each).warnings]
    assert warned == []


def test_no_latency_is_recommended_that_starting_pods_cannot_keep() -> None:
    scenario = Scenario(Steady(1.0, HOUR), work(4.0, 20.0))
    space = Space(Slo(10.0), scenario, Needs(1.0, 1.0))
    tried = [put(POOL, fields.TARGET, target) for target in space.targets]
    tried += [near for each in tried for near in space.near_targets(each)]
    assert min(get(each, fields.TARGET).get("latencySeconds", 99) for each in tried) == 21
    assert [warning for each in tried for warning in verdict(each).warnings if "latency" in warning.field] == []


def test_where_nothing_keeps_a_promise_the_shortest_wait_is_the_best() -> None:
    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        return [outcome(90.0 - 10 * (get(each, fields.MIN) or 0)) for each in manifests]

    search = Search(judge, [Slo(60.0)])
    search.play([POOL, put(POOL, fields.MIN, 2), put(POOL, fields.MIN, 1)])
    [row] = search.frontier
    assert (get(row.tried.manifest, fields.MIN), row.kept) == (2, False)


def test_a_field_that_saves_next_to_nothing_is_left_out() -> None:
    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        return [outcome(cost=1.0 - 0.005 * fields.changes(manifest)) for manifest in manifests]

    search = Search(judge, [Slo(60.0)])
    search.play([POOL, put(POOL, fields.POLL, 30), put(POOL, fields.WINDOW, 300)])
    assert search.frontier[0].tried.manifest == POOL


def test_a_search_plays_nothing_twice_and_nothing_that_is_not_valid() -> None:
    played: list[Manifest] = []

    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        played.extend(manifests)
        return [outcome() for _ in manifests]

    search = Search(judge, [Slo(60.0)])
    search.play([POOL, POOL, put(POOL, fields.MIN, 51), put(POOL, fields.ACTIVE_MIN, 3)])
    search.play([POOL])
    assert played == [POOL, put(POOL, fields.ACTIVE_MIN, 3)]


def test_what_decides_most_often_is_played_first_so_that_no_process_waits_for_it_at_the_end() -> None:
    played: list[int | None] = []

    def judge(manifests: Sequence[Manifest]) -> list[Outcome]:
        played.extend(get(each, fields.POLL) for each in manifests)
        return [outcome(cost=float(get(each, fields.POLL) or 5)) for each in manifests]

    search = Search(judge, [Slo(60.0)])
    search.play([put(POOL, fields.POLL, seconds) for seconds in (30, None, 2)])
    assert played == [2, None, 30]
    assert get(search.frontier[0].tried.manifest, fields.POLL) == 2


def test_every_field_that_is_searched_over_is_tried_but_those_that_are_kept() -> None:
    tried = [made for sweep in space().coarse for made in sweep(POOL)]
    assert {path for path in fields.SEARCHED if len({str(get(made, path)) for made in tried}) > 1} == set(
        fields.SEARCHED
    )
    kept = frozenset(fields.SEARCHED) - {fields.POLL}
    sweeps = replace(space(), kept=kept)
    assert {
        str(get(made, path)) for path in kept for sweep in [*sweeps.coarse, *sweeps.fine] for made in sweep(POOL)
    } == {str(get(POOL, path)) for path in kept}


def test_what_is_never_handled_waits_for_ever() -> None:
    slo = Slo(60.0)
    assert slo.is_kept(outcome(wait=60.0))
    assert slo.is_kept(outcome(unhandled=1))
    assert not slo.is_kept(outcome(unhandled=2))
    assert not slo.is_kept(outcome(wait=60.1))
    assert Slo(60.0, "p50").is_kept(outcome(wait=200.0))


# Schedules


def day(**hours: float) -> Needs:
    """Return needs of so many pods from the named hour on, for an hour each."""
    slots = [0.0] * 96
    for name, pods in hours.items():
        begin = int(name.removeprefix("at_")) * 4
        slots[begin : begin + 4] = [pods] * 4
    return Needs(1.0, 1.0, tuple(slots))


def spans(found: Needs, lead: float = 60.0) -> set[tuple[str, int, int]]:
    return {
        (each["cron"], each["durationSeconds"], each["minReplicas"])
        for several in learned(found, lead)
        for each in several
    }


def test_pods_are_ready_before_the_hour_that_needs_them() -> None:
    assert spans(day(at_9=8.0), lead=120.0) == {("58 8 * * *", 3720, pods) for pods in (2, 4, 6, 8)}
    assert spans(day(at_0=4.0)) >= {("59 23 * * *", 3660, 4)}


def test_around_midnight_a_schedule_goes_on() -> None:
    assert spans(day(at_23=4.0, at_0=4.0)) == {("59 22 * * *", 7260, pods) for pods in (1, 2, 3, 4)}


def test_a_day_with_two_heights_gets_two_schedules() -> None:
    assert spans(day(at_9=8.0, at_10=4.0)) >= {("59 8 * * *", 7260, 4), ("59 8 * * *", 3660, 8)}


@pytest.mark.parametrize("found", [Needs(1.0, 1.0), Needs(1.0, 1.0, (2.0,) * 96), Needs(0.0, 0.0, (0.0,) * 96)])
def test_a_load_without_a_day_gets_no_schedules(found: Needs) -> None:
    assert not list(learned(found, 60.0))


def test_what_a_load_needs_is_counted_in_pods() -> None:
    found = needs(Scenario(Burst(30, 9.5 * HOUR, DAY), work(4.0, concurrency=2)), 60.0)
    assert found.peak == pytest.approx(30 * 4 / 2 / 60)
    assert found.mean == pytest.approx(30 * 4 / 2 / DAY)
    assert [slot for slot, pods in enumerate(found.slots) if pods] == [38]


def test_what_happened_on_one_day_of_three_is_no_habit() -> None:
    batches = [Interval(0, day * DAY + hour * HOUR, HOUR, 60) for day, hour in ((0, 9), (1, 3), (1, 9), (2, 9))]
    load = Recorded([*batches, Interval(0, 3 * DAY - HOUR, HOUR, 0)], ())
    found = needs(Scenario(load, work(4.0)), 900.0)
    assert {int(slot // 4) for slot, pods in enumerate(found.slots) if pods} == {9}


# Parts of the load, and what if it is otherwise


def test_a_load_of_several_days_is_chosen_on_some_and_judged_on_the_others() -> None:
    scenario = Scenario(Daily(0.01, 0.5, 5 * DAY), work())
    times = scenario.load.times(Random(1))
    parts = divided(scenario)
    chosen, judged = (part.load.times(Random(9)) for part in (parts.choose, parts.judge))
    assert (parts.choose.load.seconds, parts.judge.load.seconds) == (3 * DAY, 2 * DAY)
    assert len(chosen) + len(judged) == len(times)
    assert judged == pytest.approx(
        [time - DAY for time in times if DAY <= time < 2 * DAY]
        + [time - 2 * DAY for time in times if 3 * DAY <= time < 4 * DAY]
    )


def test_a_recorded_load_is_divided_at_midnight_and_without_its_first_part() -> None:
    began = datetime(2026, 3, 4, 18, tzinfo=UTC)
    recorded = Recorded([Interval(0, hour * HOUR, HOUR, 1) for hour in range(54)], (), began)
    parts = divided(Scenario(at_its_time(recorded), work()))
    for part, day in ((parts.choose, 5), (parts.judge, 6)):
        assert part.load.seconds == DAY
        assert beginning(part.load) == datetime(2026, 3, day, tzinfo=UTC)
        times = part.load.times(Random(1))
        assert [int(time // HOUR) for time in times] == list(range(24))
    assert beginning(Multiplied(recorded, 1.2)) == began


@pytest.mark.parametrize(("began", "seconds"), [(None, 3 * DAY), (datetime(2026, 3, 4, 18, tzinfo=UTC), HOUR)])
def test_a_load_that_is_short_or_knows_no_time_begins_when_it_begins(began: datetime | None, seconds: float) -> None:
    recorded = Recorded([Interval(0, 0.0, seconds, 1)], (), began)
    assert at_its_time(recorded) is recorded


def test_a_load_without_a_time_of_the_day_teaches_no_schedules() -> None:
    recorded = Recorded([Interval(0, 0.0, HOUR / 6, 30)], ())
    answer = asked(recorded, 60.0, kept=TARGET_ALONE - {fields.SCHEDULES})
    assert answer.notes[-1].startswith("the recording does not say at what time of the day it began")


def test_a_shorter_load_is_judged_on_another_draw_of_it() -> None:
    parts = divided(Scenario(Steady(1.0, HOUR), work(), seed=7))
    assert parts.choose.load == parts.judge.load
    assert parts.choose.seed != parts.judge.seed


@given(st.lists(st.floats(0, DAY), max_size=50).map(sorted), st.sampled_from([0.8, 1.0, 1.2, 2.5]), st.integers(0, 99))
def test_a_larger_load_keeps_its_order_and_its_times(times: list[float], factor: float, seed: int) -> None:
    made = Multiplied(Listed(times), factor).times(Random(seed))
    assert made == sorted(made)
    assert all(0 <= time <= DAY for time in made)
    assert int(factor) * len(times) <= len(made) <= (int(factor) + 1) * len(times)


class Listed:
    seconds, notes, began = DAY, (), None

    def __init__(self, times: list[float]) -> None:
        self._times = times

    def times(self, _: Random) -> list[float]:
        return self._times


def test_a_days_load_of_a_day_that_is_not_there_is_empty() -> None:
    assert Days(Steady(0.01, DAY), (3,), 1).times(Random(1)) == []


def test_each_assumption_is_changed_alone() -> None:
    scenario = Scenario(Steady(1.0, HOUR), work(4.0, 20.0, concurrency=2))
    changed = [each.change(scenario) for each in assumptions(scenario)]
    assert all(each != scenario for each in changed)
    assert len({str(each) for each in changed}) == len(changed)
    assert all(each.prices == scenario.prices and each.seed == scenario.seed for each in changed)
    assert sum(each.work.failures == Failures(share=0.05) for each in changed) == 1


@pytest.mark.parametrize(
    ("draw", "spread"), [(Constant(4.0), 0.5), (Exponential(4.0), 2.0), (Lognormal(4.0, 1.5), 3.0)]
)
def test_the_spread_is_measured_before_it_is_doubled(draw: Lognormal, spread: float) -> None:
    [changed] = [
        each.change(Scenario(Steady(1.0, HOUR), replace(work(), service=draw))).work.service
        for each in assumptions(Scenario(Steady(1.0, HOUR), replace(work(), service=draw)))
        if each.otherwise.startswith("service times spread")
    ]
    assert isinstance(changed, Lognormal)
    assert changed.mean_seconds == 4.0
    assert changed.spread == pytest.approx(spread, rel=0.3)


def test_times_can_be_scaled() -> None:
    draw = Scaled(Exponential(2.0), 3.0)
    random = Random(1)
    assert draw.mean_seconds == 6.0
    assert sum(draw(random) for _ in range(SAMPLES)) / SAMPLES == pytest.approx(6.0, rel=0.1)


WORST = {
    "a promise that breaks goes before all": ((50.0, 1.0), (61.0, 1.0), (20.0, 5.0), 1),
    "then what costs more": ((50.0, 1.0), (55.0, 1.0), (50.0, 5.0), 2),
    "or less": ((50.0, 1.0), (55.0, 1.0), (50.0, 0.1), 2),
    "a wait that is short all the same does not count": ((0.001, 1.0), (0.9, 1.0), (5.0, 1.1), 2),
}


@pytest.mark.parametrize(("before", "first", "second", "which"), WORST.values(), ids=WORST)
def test_the_worst_assumption_is_found(
    before: tuple[float, float], first: tuple[float, float], second: tuple[float, float], which: int
) -> None:
    several = assumptions(Scenario(Steady(1.0, HOUR), work()))
    effects: list[Effect] = [
        effect(assumption, Slo(60.0), outcome(*before), outcome(*after))
        for assumption, after in zip(several, (first, second), strict=False)
    ]
    assert worst(effects) == effects[which - 1]
