"""Recommend: what it costs to find a pool's settings for a typical day.

A run plays a setting: on excerpts of the day, as most do, or on the whole of it. Messages of both are counted. What is
chosen by excerpts is compared with what a search over whole days chooses, on a day that is played quickly.
"""

import time
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result, load_average
from queueplanner.loads import DAY_SECONDS, Daily
from queueplanner.play import Scenario, judge_all
from queueplanner.processes import Processes
from queueplanner.recommend import Answer, Question, Slo, new, recommend, settings
from queueplanner.recommend.manifest import POLL, put
from queueplanner.work import Constant, Lognormal, Work

MESSAGES = 43_000
PROCESSES = 2
LIMIT_SECONDS = 120.0
LIMIT_OVER_UNSCREENED = 1.02
SLO = Slo(60.0)
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"


def measure() -> Result:
    """Ask once; CPU is of all processes, and seconds are those on the wall."""
    load, cpu, wall = load_average(), _cpu_seconds(), time.monotonic()
    answer = _answer(_typical())
    cpu, wall = _cpu_seconds() - cpu, time.monotonic() - wall
    by_excerpts, by_wholes = (_answer(_quick(is_screened=each)) for each in (True, False))
    figures = [
        Figure("seconds", round(wall, 1), LIMIT_SECONDS),
        Figure("cpu_seconds", round(cpu, 1)),
        Figure("runs", answer.runs.total),
        Figure("seconds_per_1000_runs", round(wall / answer.runs.total * 1000, 1), LIMIT_SECONDS),
        Figure("cost_over_unscreened", round(_cost(by_excerpts) / _cost(by_wholes), 3), LIMIT_OVER_UNSCREENED),
    ]
    setting = (
        f"24 hours, {MESSAGES:,} messages that follow the day, services of 10 s (lognormal, spread 1), pods that start"
        f" in 20 s; {SLO}; {PROCESSES} processes. A run plays a setting, on excerpts of the day or on the whole of it"
    )
    return Result("recommend", setting, figures, {}, {"load_before": load} | _details(answer))


def _quick(*, is_screened: bool) -> Question:
    """Return what is asked of a quiet day, with a pool that decides once a minute."""
    work = Work(service=Lognormal(20.0, 1.0), startup=Constant(20.0))
    slo = Slo(240.0)
    scenario = Scenario(Daily(0.1, 0.9, DAY_SECONDS), work, slo_seconds=slo.seconds)
    manifest = put(new("orders", QUEUE_URL, 50, {"messagesPerPod": 5}), POLL, 60)
    return Question(slo, scenario, manifest, kept=frozenset({POLL}), is_screened=is_screened)


def _cost(answer: Answer) -> float:
    return answer.expected.chosen_on.cost


def _typical() -> Question:
    """Return what is asked of the typical day."""
    work = Work(service=Lognormal(10.0, 1.0), startup=Constant(20.0))
    scenario = Scenario(Daily(MESSAGES / DAY_SECONDS, 0.9, DAY_SECONDS), work, slo_seconds=SLO.seconds)
    manifest = new("orders", QUEUE_URL, 1, {"messagesPerPod": 1})
    return Question(SLO, scenario, manifest, is_new=True)


def _answer(question: Question) -> Answer:
    with Processes(PROCESSES) as processes:
        return recommend(question, lambda candidates, scenarios: judge_all(candidates, scenarios, processes))


def _cpu_seconds() -> float:
    used = [getrusage(whose) for whose in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _details(answer: Answer) -> dict[str, object]:
    costs, costs_before = answer.daily(answer.expected), answer.daily(answer.before)
    return {
        "runs_of_excerpts": answer.runs.of_excerpts,
        "runs_of_the_whole": answer.runs.of_wholes,
        "messages_played": answer.runs.messages,
        "settings": settings(answer.manifest),
        "waited_seconds": [
            round(SLO.waited(each), 1) for each in (answer.expected.chosen_on, answer.expected.judged_on)
        ],
        "cost": [round(each, 2) for each in costs],
        "cost_with_defaults": [round(each, 2) for each in costs_before],
    }


BENCH = Bench(name="recommend", measure=measure, by_default=False)
