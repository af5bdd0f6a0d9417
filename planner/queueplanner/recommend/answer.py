"""The way from a question to its answer. It plays nothing itself."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from queueplanner.outcome import Outcome
from queueplanner.play import Candidate, Scenario
from queueplanner.recommend import manifest as fields
from queueplanner.recommend.excerpts import Estimate, Excerpt, estimate, excerpts
from queueplanner.recommend.manifest import Manifest, candidate, checked, get, key, put
from queueplanner.recommend.needs import needs
from queueplanner.recommend.obstacles import obstacles, possible
from queueplanner.recommend.parts import at_its_time, divided, knows_its_day
from queueplanner.recommend.screening import different, promising
from queueplanner.recommend.search import SURVIVORS, WIDTH, Row, Search, ladder
from queueplanner.recommend.sensitivity import Effect, assumptions, effect
from queueplanner.recommend.slo import AIM
from queueplanner.recommend.space import SHORTEST_EMPTY, Space
from queueplanner.recommend.values import Answer, Expected, Question, Runs

Players = Callable[[Sequence[Candidate], Sequence[Scenario]], Sequence[Outcome]]
"""Plays every candidate in every scenario: all scenarios of the first candidate, then those of the second."""

ROOM = 2.0
"""maxReplicas where nobody gave them, over the most pods that were ever asked for."""
ENOUGH = 4.0
"""maxReplicas to search with, over the highest need."""
LEAST_MAX, MOST_MAX = 10, 100_000


def recommend(question: Question, players: Players) -> Answer:
    """Search for the cheapest manifest that keeps a promise, and judge it.

    Args:
        question: What is asked.
        players: Plays candidates in scenarios.

    Raises:
        ManifestError: The question's manifest is not valid.
    """
    return _Recommending(question, players).answer()


class _Recommending:
    def __init__(self, question: Question, players: Players) -> None:
        checked(question.manifest)
        self._question, self._players = question, players
        self._runs = Runs()
        self._most_pods: dict[str, int] = {}  # by the key of what was played on the whole
        load = question.scenario.load
        self._parts = divided(replace(question.scenario, load=at_its_time(load)))
        self._needs = needs(self._parts.choose, question.slo.seconds)
        self._kept = question.kept | (frozenset() if knows_its_day(load) else {fields.SCHEDULES})
        self._space = Space(question.slo, question.scenario, self._needs, self._kept)

    def answer(self) -> Answer:
        question, parts = self._question, self._parts
        before = self._before()
        frontier = self._frontier(before)
        chosen = next(row.tried.manifest for row in frontier if row.slo == question.slo)
        manifest = self._with_room(chosen)
        expected, was, *rivals = self._expected(manifest, before)
        return Answer(
            slo=question.slo,
            manifest=manifest,
            expected=expected,
            before=was,
            rivals=tuple(rivals),
            scenario=parts.choose,
            seconds=(parts.choose.load.seconds, parts.judge.load.seconds),
            frontier=tuple(frontier),
            effects=self._effects(manifest, expected.chosen_on),
            obstacles=self._obstacles(manifest, expected.chosen_on),
            notes=tuple(self._notes(manifest)),
            runs=self._runs,
        )

    def _expected(self, manifest: Manifest, before: Manifest) -> list[Expected]:
        parts = self._parts
        present = "defaults" if self._question.is_new else "present"
        several = [candidate(manifest), candidate(before, present), *self._question.rivals(get(manifest, fields.MAX))]
        outcomes = self._play(several, [parts.choose, parts.judge])
        pairs = zip(several, outcomes[::2], outcomes[1::2], strict=True)
        return [Expected(each.name, chosen_on, judged_on) for each, chosen_on, judged_on in pairs]

    def _notes(self, manifest: Manifest) -> Iterator[str]:
        load = self._question.scenario.load
        yield self._parts.how
        yield f"chosen to wait no longer than {AIM * 100:g} % of a promise, for another day is a little different"
        if self._runs.of_excerpts:
            played = f"{self._runs.of_excerpts} settings were played on excerpts of the load"
            yield f"{played}, and the best of them on the whole"
        yield from (*load.notes, *candidate(manifest).unchecked)
        if not knows_its_day(load):
            yield "the recording does not say at what time of the day it began, so no schedules were learned from it"

    def _before(self) -> Manifest:
        """Return the present manifest; where there is none, one with every default."""
        question = self._question
        if not question.is_new:
            return question.manifest if question.most is None else put(question.manifest, fields.MAX, question.most)
        most = question.most or min(max(math.ceil(ENOUGH * self._needs.peak), LEAST_MAX), MOST_MAX)
        latency = self._space.latency(max(round(question.slo.seconds), 1))
        return put(put(question.manifest, fields.MAX, most), fields.TARGET, latency)

    def _plain(self, manifest: Manifest) -> Manifest:
        """Return a manifest with the defaults in what is searched over."""
        for path in fields.SEARCHED:
            if path not in self._kept | {fields.TARGET, fields.SCHEDULES}:
                manifest = put(manifest, path, None)
        return manifest

    def _frontier(self, before: Manifest) -> list[Row]:
        """Search on excerpts first where the load is long, then on the whole of what is chosen on."""
        slo, space = self._question.slo, self._space
        search = Search(self._judge, ladder(slo))
        several = excerpts(self._parts.choose) if self._question.is_screened else []
        screen = Search(partial(self._estimate, several), ladder(slo), WIDTH) if several else search
        present = self._reliable(before)
        screen.play([present, self._plain(present)])
        screen.sweep([*space.coarse, *space.fine])
        if not several:
            search.sweep([space.near_targets, space.near_targets, *space.slow, *space.last])
            return search.frontier
        choose = partial(promising, screen, search)
        search.play([present, *screen.survivors(SURVIVORS)])
        search.sweep([space.near_targets], choose=choose)
        search.sweep([space.near_targets], slo, choose)
        search.sweep(space.slow, slo, partial(different, search, choose))
        search.sweep(space.last, slo, choose)
        return search.frontier

    def _reliable(self, before: Manifest) -> Manifest:
        """Return the present manifest, but not with a time to zero that is too short to be recommended."""
        seconds = get(before, fields.ZERO_AFTER)
        if fields.ZERO_AFTER in self._kept or seconds is None or seconds >= SHORTEST_EMPTY:
            return before
        return put(before, fields.ZERO_AFTER, None)

    def _with_room(self, manifest: Manifest) -> Manifest:
        """Choose maxReplicas where nobody gave them: so that they do not hold back what the load may need."""
        question = self._question
        if not question.is_new or question.most is not None:
            return manifest
        highest = self._most_pods[key(manifest)]
        most = max(math.ceil(ROOM * highest), highest + 1)
        return put(manifest, fields.MAX, min(most, get(manifest, fields.MAX)))

    def _effects(self, manifest: Manifest, before: Outcome) -> tuple[Effect, ...]:
        several = assumptions(self._parts.choose)
        outcomes = self._play([candidate(manifest)], [each.change(self._parts.choose) for each in several])
        slo = self._question.slo
        return tuple(effect(each, slo, before, after) for each, after in zip(several, outcomes, strict=True))

    def _obstacles(self, manifest: Manifest, before: Outcome) -> tuple[str, ...]:
        slo = self._question.slo
        if slo.is_kept(before):
            return ()
        several = list(possible(manifest, self._parts.choose, self._needs, self._kept))
        outcomes = [outcome for each in several for outcome in self._play([each.candidate], [each.scenario])]
        return obstacles(slo, before, list(zip(several, outcomes, strict=True)))

    def _estimate(self, several: Sequence[Excerpt], manifests: Sequence[Manifest]) -> Sequence[Estimate]:
        played = [each.scenario for each in several]
        outcomes = self._players([candidate(each) for each in manifests], played)
        self._runs.of_excerpts += len(manifests)
        self._runs.messages += sum(each.messages for each in outcomes)
        of_each = (outcomes[place : place + len(several)] for place in range(0, len(outcomes), len(several)))
        return [estimate(several, own) for own in of_each]

    def _judge(self, manifests: Sequence[Manifest]) -> Sequence[Outcome]:
        outcomes = self._play([candidate(each) for each in manifests], [self._parts.choose])
        self._most_pods |= {key(each): outcome.most_pods for each, outcome in zip(manifests, outcomes, strict=True)}
        return outcomes

    def _play(self, candidates: Sequence[Candidate], scenarios: Sequence[Scenario]) -> Sequence[Outcome]:
        outcomes = self._players(candidates, scenarios)
        self._runs.of_wholes += len(outcomes)
        self._runs.messages += sum(each.messages for each in outcomes)
        return outcomes
