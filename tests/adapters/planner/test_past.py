"""A pool's past is read from a real Prometheus, and replayed."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest
from click.testing import CliRunner

from devcluster.processes import wait_until
from queueplanner.accuracy import accuracy
from queueplanner.commands.simulate import simulate_command
from queueplanner.loads import Daily
from queueplanner.play import Candidate, Scenario
from queueplanner.recorded import LoadError
from queueplanner.simulation import System, simulate
from queueplanner.sources.past import read_past
from queueplanner.work import Constant, Lognormal, Work
from queueworkerpool.model import NamespacedName
from queueworkerpool.prometheus import Prometheus as Server
from tests.adapters.planner.history import Sample, backfill, counted, floored, of_run
from tests.cluster.operator.prometheus import MISSING, Prometheus
from tests.unit.planner.builders import pool
from tests.unit.planner.commands.conftest import POOL

KEY = NamespacedName("shop", "thumbnails")
MINUTE = timedelta(minutes=1)
NOW = floored(datetime.now(UTC))

Serve = Callable[[Iterable[Sample]], str]


@pytest.fixture
def serve(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Serve]:
    """Return what starts a Prometheus with a past; it ends with the test."""
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        unavailable(MISSING)
    with ExitStack() as ended:

        def start(samples: Iterable[Sample]) -> str:
            backfill(tmp_path, samples)
            server = Prometheus(tmp_path, ())
            server.program.start()
            ended.callback(server.program.stop)
            wait_until(lambda: bool(server.query("vector(1)")), 60, "Prometheus does not answer")
            return server.url

        yield start


def test_a_pools_own_past_is_replayed_as_it_was(serve: Serve) -> None:
    """The bounds are of chance: of 20 replays of four pasts, pod-hours were off by 1 % on average, and 3 % of each."""
    seconds, work = 2 * 3600, Work(Lognormal(4.0, 1.0), Constant(20.0))
    arrivals = Daily(1.5, 0.9, seconds).times(Random(1))
    run = simulate(pool(), arrivals, System(work, seconds), Random(2))
    server = Server(serve(of_run(run, NOW - timedelta(seconds=seconds), seconds)))
    past = read_past(server, KEY, 2 * 60 * MINUTE, NOW, MINUTE)
    assert len(past.load.times(Random(1))) == pytest.approx(len(arrivals), rel=0.02)
    assert past.workers.service
    assert past.workers.service.mean_seconds == pytest.approx(4.0, rel=0.05)
    assert (past.workers.startup, past.workers.concurrency) == (Constant(20.0), 1)
    scenario = Scenario(past.load, Work(past.workers.service, Constant(20.0)))
    found = accuracy(Candidate("pool", lambda _: pool()), past, scenario)
    assert found.samples > 110
    assert found.within_one > 0.9
    assert found.within_one == pytest.approx(found.by_chance, abs=0.1)
    assert found.pod_hours.planned == pytest.approx(found.pod_hours.recorded, rel=0.1)
    assert found.backlog.planned == pytest.approx(found.backlog.recorded, rel=0.3)
    assert found.wait_p95 is not None
    assert found.recorded_wait_p95 == (10.0, 30.0)
    assert found.sentences[0].startswith("replicas: within ±1 of the recorded in 9")


def test_simulate_asks_prometheus_for_load_and_work_and_says_how_wrong_it_is(serve: Serve, tmp_path: Path) -> None:
    seconds = 3600
    played = System(Work(Lognormal(4.0, 1.0), Constant(20.0)), seconds)
    run = simulate(pool(), Daily(1.5, 0.9, seconds).times(Random(1)), played, Random(2))
    url = serve(of_run(run, floored(datetime.now(UTC)) - timedelta(seconds=seconds), seconds))  # it asks by the clock
    (tmp_path / "pool.yaml").write_text(POOL)
    asked = ("--from-prometheus", url, "--pool", "shop/thumbnails", "--since", "1h")
    result = CliRunner().invoke(simulate_command, ["-f", str(tmp_path / "pool.yaml"), *asked], catch_exceptions=False)
    text = " ".join(result.stdout.split())
    assert result.exit_code == 0, result.stderr
    assert "The planner beside the pool's own past: - replicas: within ±1 of the recorded in " in text
    assert text.count("- what was sent is inferred, as what came into the queue and what the workers deleted") == 1
    assert "a pod was assumed" not in text, "start-up time and concurrency were measured"
    others = CliRunner().invoke(simulate_command, ["--rival", "keda", *asked, "-o", "json"], catch_exceptions=False)
    document = json.loads(others.stdout)
    assert document["ownPast"] is None
    assert "give its manifest with -f" in document["notes"][-1]


STEPS = 40
SENT = 30
"""Messages in each of the scrapes, which are 15 seconds apart."""


def handmade(*workers: list[float | None], ready: list[float] | None = None, growth: float = 0.0) -> Iterator[Sample]:
    start = NOW - STEPS * timedelta(seconds=15)
    backlog = [growth * number for number in range(STEPS + 1)]
    yield from counted("queueworkerpool_queue_messages", start, backlog, queue="q", state="visible")
    yield from counted("queueworkerpool_current_replicas", start, [2.0] * (STEPS + 1))
    yield from counted("queueworkerpool_ready_replicas", start, ready or [2.0] * (STEPS + 1))
    for number, values in enumerate(workers):
        yield from counted("queueworker_messages_deleted_total", start, values, pod=f"w-{number}")


def steps(per_step: float, count: int = STEPS + 1) -> list[float | None]:
    return [per_step * number for number in range(count)]


WORKERS: dict[str, tuple[list[list[float | None]], float, int]] = {
    "one": ([steps(SENT)], 0.0, 120),
    "one, and a backlog that grows": ([steps(20)], 10.0, 120),
    "two": ([steps(10), steps(20)], 0.0, 120),
    "one that takes over, and is scraped late": (
        [[*steps(SENT, 21), *[600.0] * 20], [*[None] * 22, *steps(SENT, 21)[2:]]],
        0.0,
        120,
    ),
}
"""What each worker had deleted, by how much the backlog grew, and what was sent in a minute."""


@pytest.mark.parametrize(("workers", "growth", "sent"), WORKERS.values(), ids=WORKERS)
def test_what_was_sent_is_what_stayed_and_what_was_deleted(
    serve: Serve, workers: list[list[float | None]], growth: float, sent: int
) -> None:
    past = read_past(Server(serve(handmade(*workers, growth=growth))), KEY, 9 * MINUTE, NOW, MINUTE)
    counts = [each.messages for each in past.load.intervals[1:]]
    assert len(counts) == 9
    assert counts == [sent] * 9
    assert past.load.began == NOW - 9 * MINUTE
    assert past.load.intervals[0].messages == round(growth * 4), "what was there at the beginning"
    assert min(each.seconds for each in past.load.intervals) > 0


def test_of_a_worker_that_began_anew_little_is_missed(serve: Serve) -> None:
    past = read_past(Server(serve(handmade([*steps(SENT, 20), *steps(SENT, 21)]))), KEY, 9 * MINUTE, NOW, MINUTE)
    fewest, *others = sorted(each.messages for each in past.load.intervals[1:])
    assert others == [120] * 8
    assert 60 <= fewest < 120, "what it deleted after its last scrape is not known"


def test_without_pods_nothing_is_deleted_and_messages_come_all_the_same(serve: Serve) -> None:
    past = read_past(Server(serve(handmade(ready=[0.0] * (STEPS + 1), growth=1.0))), KEY, 9 * MINUTE, NOW, MINUTE)
    assert [each.messages for each in past.load.intervals[1:]] == [4] * 9


def test_while_pods_are_not_scraped_nothing_is_known(serve: Serve) -> None:
    unscraped = [None if 12 <= scrape < 25 else value for scrape, value in enumerate(steps(SENT))]
    past = read_past(Server(serve(handmade(unscraped))), KEY, 9 * MINUTE, NOW, MINUTE)
    assert past.load.notes[0].startswith("nothing is known from ")


def test_a_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(LoadError, match=r"does not answer \(NewConnectionError\): check the address"):
        read_past(Server("http://127.0.0.1:9"), KEY, 9 * MINUTE, NOW, MINUTE)


def test_without_workers_it_says_what_to_scrape(serve: Serve) -> None:
    server = Server(serve(handmade()))
    with pytest.raises(
        LoadError, match="knows no queueworker_messages_deleted_total of pool shop/thumbnails, so nobody"
    ):
        read_past(server, KEY, 9 * MINUTE, NOW, MINUTE)
    with pytest.raises(LoadError, match="knows no queueworkerpool_queue_messages of pool shop/others in that time"):
        read_past(server, NamespacedName("shop", "others"), 9 * MINUTE, NOW, MINUTE)
