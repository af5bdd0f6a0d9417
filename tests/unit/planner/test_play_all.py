"""Many runs in several processes come to what one process comes to, and end together."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from queueplanner.loads import Steady
from queueplanner.play import Candidate, PlayError, Scenario, judge_all, play, play_all
from queueplanner.processes import Processes
from queueplanner.simulation import Mode, Move, View
from queueplanner.work import Constant, Work
from tests.unit.planner.builders import Fixed

ROOT = Path(__file__).parents[3]
WORK = Work(Constant(1.0), Constant(0.0))


def fixed(size: int, _: Work) -> Fixed:
    return Fixed((0, size))


def fails(_: Work) -> Fixed:
    return Fixed((1_000, 1))  # it has no size for the first moment


class Dies:
    """A policy whose process is killed, as by the kernel when no memory is left."""

    name = "dies"

    def decide(self, _: View) -> Move:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def dies(_: Work) -> Dies:
    return Dies()


class Counted:
    """A load that counts how often it is drawn."""

    seconds, notes, began = 10.0, (), None

    def __init__(self) -> None:
        self.draws = 0

    def times(self, _: object) -> list[float]:
        self.draws += 1
        return [1.0, 2.0]


@dataclass(frozen=True)
class CountedService:
    """A time of messages that remembers what was drawn of it."""

    mean_seconds: float
    drawn: list[float] = field(default_factory=list, compare=False)

    def __call__(self, random: Random, /) -> float:
        self.drawn.append(random.random())
        return self.drawn[-1]


def on_slower_machines(service: CountedService, work: Work) -> Work:
    return replace(work, service=replace(service, mean_seconds=9.0))


CANDIDATES = [Candidate(f"{size} pods", partial(fixed, size)) for size in (1, 2, 3)]
SCENARIOS = [Scenario(Steady(0.8, 200), WORK, seed=seed) for seed in (1, 2)]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_do_not_depend_on_the_number_of_processes(processes: int) -> None:
    expected = [play(candidate, scenario) for candidate in CANDIDATES for scenario in SCENARIOS]
    done: list[int] = []
    with Processes(processes) as several:
        played = play_all(CANDIDATES, SCENARIOS, several, done.append)
        outcomes = judge_all(CANDIDATES, SCENARIOS, several)
    assert [each.candidate.name for each in played] == [each.candidate.name for each in expected]
    assert [each.run for each in played] == [each.run for each in expected]
    assert outcomes == [each.outcome for each in expected]
    assert done == [1, 2, 3, 4, 5, 6]


def test_a_load_is_drawn_once_for_all_candidates_in_a_scenario() -> None:
    load = Counted()
    judge_all(CANDIDATES, [Scenario(load, WORK, seed=seed, mode=Mode.EXACT) for seed in (1, 2)])
    assert load.draws == 2


def test_how_long_messages_take_is_drawn_once_for_all_candidates_whose_workers_are_alike() -> None:
    service = CountedService(1.0)
    scenario = Scenario(Counted(), Work(service, Constant(0.0)), mode=Mode.EXACT)
    other = replace(CANDIDATES[0], adapt=partial(on_slower_machines, service))
    judge_all([*CANDIDATES, other], [scenario])
    assert len(service.drawn) == 4, "two messages, and two kinds of workers"
    assert service.drawn[:2] == service.drawn[2:], "whoever handles a message draws the same for it"


def test_there_may_be_nothing_to_play() -> None:
    with Processes(2) as processes:
        assert play_all([], SCENARIOS, processes) == play_all(CANDIDATES, [], processes) == []


FAILURES: dict[str, tuple[Callable[[Work], Fixed | Dies], int, str]] = {
    "an error": (fails, 1, "bad in scenario 1 .Steady of 200 s, seed 2.: IndexError: list index out of range"),
    "an error in a process": (fails, 2, "bad in scenario 1 .Steady of 200 s, seed 2.: IndexError: list"),
    "a process that is killed": (
        dies,
        2,
        "bad in scenario 1 .Steady of 200 s, seed 2.: its process ended with code -9",
    ),
}


@pytest.mark.parametrize(("begin", "processes", "said"), FAILURES.values(), ids=FAILURES)
def test_what_fails_names_candidate_and_scenario(
    begin: Callable[[Work], Fixed | Dies], processes: int, said: str
) -> None:
    scenarios = [Scenario(Steady(0.8, 200), WORK, seed=2)]
    with Processes(processes) as several:
        with pytest.raises(PlayError, match=said):
            play_all([*CANDIDATES, Candidate("bad", begin)], scenarios, several)
        assert len(play_all(CANDIDATES, scenarios, several)) == len(CANDIDATES), "others can be played afterwards"


ENDLESS = """
from tests.unit.planner.test_play_all import *
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    with Processes(2) as processes:
        endless = [Scenario(Steady(0.8, 200), WORK)] * 100_000
        play_all(CANDIDATES, endless, processes, lambda done: print(done, flush=True))
"""


INTERRUPTIONS: dict[str, tuple[Callable[[int, int], None], int, str]] = {
    "Ctrl-C, which all processes of a terminal get": (os.killpg, signal.SIGINT, "KeyboardInterrupt\n"),
    "a kill of the caller alone": (os.kill, signal.SIGKILL, ""),
}


@pytest.mark.parametrize(("kill", "how", "last"), INTERRUPTIONS.values(), ids=INTERRUPTIONS)
def test_no_process_is_left_behind(kill: Callable[[int, int], None], how: int, last: str, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=ROOT,
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        kill(process.pid, how)
        _, said = process.communicate(timeout=60)  # until the last process has closed its end
    assert said.count("Traceback") == bool(last)
    assert said.endswith(last)
