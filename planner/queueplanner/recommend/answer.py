"""The question, the answer, and the way from one to the other. It plays nothing itself but one run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from queueplanner.loads import DAY_SECONDS
from queueplanner.outcome import Outcome
from queueplanner.play import Candidate, Scenario, play
from queueplanner.recommend import manifest as fields
from queueplanner.recommend.manifest import Manifest, Path, candidate, checked, get, put
from queueplanner.recommend.needs import needs
from queueplanner.recommend.obstacles import obstacles, possible
from queueplanner.recommend.parts import at_its_time, divided, knows_its_day
from queueplanner.recommend.search import Row, Search, ladder
from queueplanner.recommend.sensitivity import Effect, assumptions, effect, worst
from queueplanner.recommend.slo import Slo
from queueplanner.recommend.space import Space

Players = Callable[[Sequence[Candidate], Sequence[Scenario]], Sequence[Outcome]]
"""Plays every candidate in every scenario: all scenarios of the first candidate, then those of the second."""

ROOM = 2.0
"""maxReplicas where nobody gave them, over the most pods that were ever asked for."""
ENOUGH = 4.0
"""maxReplicas to search with, over the highest need."""
LEAST_MAX, MOST_MAX = 10, 100_000
AGREES = 0.1
"""How far the cost on the rest of the load may be from what was expected, as a share."""


def no_rivals(_: int) -> Sequence[Candidate]:
    """Return none."""
    return ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Args:
        slo: What is promised.
        scenario: The load, and what handles it.
        manifest: The pool as it is. Fields that are not searched over stay, and its maxReplicas are a limit.
        is_new: Whether there is no such pool yet: then the manifest's target is replaced, and its maxReplicas too
            where `most` is None.
        most: The most pods that there may be; None: nobody said.
        kept: Fields that stay as they are.
        rivals: Returns what is played beside it, for the most pods that there may be.
    """

    slo: Slo
    scenario: Scenario
    manifest: Manifest
    is_new: bool = False
    most: int | None = None
    kept: frozenset[Path] = frozenset()
    rivals: Callable[[int], Sequence[Candidate]] = no_rivals


@dataclass(frozen=True, slots=True)
class Expected:
    """What a policy does on the part of the load that was chosen on, and on the rest."""

    name: str
    chosen_on: Outcome
    judged_on: Outcome


@dataclass(frozen=True, slots=True)
class Answer:
    """What is recommended. Costs are of the part of the load that they are about; `daily` makes them comparable.

    Args:
        slo: What is promised.
        manifest: The one to apply.
        expected: What it does.
        before: What the present manifest does; where there is none, one with every default.
        rivals: What others do.
        scenario: What was chosen on.
        seconds: How long the two parts of the load are.
        frontier: What other promises would cost, from the strictest to the laxest.
        effects: What it does when an assumption is wrong.
        obstacles: Why no manifest keeps the promise, in sentences; none: this one does.
        notes: What is not known, in sentences.
        runs: How many runs were played.
    """

    slo: Slo
    manifest: Manifest
    expected: Expected
    before: Expected
    rivals: tuple[Expected, ...]
    scenario: Scenario
    seconds: tuple[float, float]
    frontier: tuple[Row, ...]
    effects: tuple[Effect, ...]
    obstacles: tuple[str, ...]
    notes: tuple[str, ...]
    runs: int

    @property
    def is_kept(self) -> bool:
        """Whether it keeps the promise on the part of the load that it was chosen on."""
        return self.slo.is_kept(self.expected.chosen_on)

    @property
    def is_kept_elsewhere(self) -> bool:
        """Whether it keeps the promise on the rest."""
        return self.slo.is_kept(self.expected.judged_on)

    @property
    def costs_as_expected(self) -> bool:
        """Whether it costs about as much on the rest."""
        expected, found = self.daily(self.expected)
        return abs(found - expected) <= AGREES * expected

    @property
    def worst(self) -> Effect:
        """The wrong assumption that would change the answer most."""
        return worst(self.effects)

    def daily(self, of: Expected) -> tuple[float, float]:
        """Return the costs per day, on both parts."""
        chosen, judged = (DAY_SECONDS / seconds for seconds in self.seconds)
        return of.chosen_on.cost * chosen, of.judged_on.cost * judged


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
        self._runs = 0
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
        yield from (self._parts.how, *load.notes, *candidate(manifest).unchecked)
        if not knows_its_day(load):
            yield "the recording does not say at what time of the day it began, so no schedules were learned from it"

    def _before(self) -> Manifest:
        """Return the present manifest; where there is none, one with every default."""
        question = self._question
        if not question.is_new:
            return question.manifest if question.most is None else put(question.manifest, fields.MAX, question.most)
        most = question.most or min(max(ceil(ENOUGH * self._needs.peak), LEAST_MAX), MOST_MAX)
        latency = self._space.latency(max(round(question.slo.seconds), 1))
        return put(put(question.manifest, fields.MAX, most), fields.TARGET, latency)

    def _plain(self, manifest: Manifest) -> Manifest:
        """Return a manifest with the defaults in what is searched over."""
        for path in fields.SEARCHED:
            if path not in self._kept | {fields.TARGET, fields.SCHEDULES}:
                manifest = put(manifest, path, None)
        return manifest

    def _frontier(self, before: Manifest) -> list[Row]:
        """Search on the cheap part first, then on the whole of what is chosen on."""
        parts, slos = self._parts, ladder(self._question.slo)
        search = Search(partial(self._judge, parts.screen), slos)
        search.play([before, self._plain(before)])
        search.sweep(self._space.coarse)
        if parts.screen != parts.choose:
            survivors = search.survivors()
            search = Search(partial(self._judge, parts.choose), slos)
            search.play([before, *survivors])
        search.sweep(self._space.fine)
        return search.frontier

    def _with_room(self, manifest: Manifest) -> Manifest:
        """Choose maxReplicas where nobody gave them: so that they do not hold back what the load may need."""
        question = self._question
        if not question.is_new or question.most is not None:
            return manifest
        highest = max(play(candidate(manifest), self._parts.choose).run.sizes.asked)
        most = max(ceil(ROOM * highest), highest + 1)
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

    def _judge(self, scenario: Scenario, manifests: Sequence[Manifest]) -> Sequence[Outcome]:
        return self._play([candidate(each) for each in manifests], [scenario])

    def _play(self, candidates: Sequence[Candidate], scenarios: Sequence[Scenario]) -> Sequence[Outcome]:
        self._runs += len(candidates) * len(scenarios)
        return self._players(candidates, scenarios)
