"""`qwp recommend`: the manifest that it prints, what it says of it, and the sentence for everything that is wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from queueplanner.commands.recommend import KEEP, SHARES, recommend_command
from queueplanner.commands.simulate import simulate_command
from queueplanner.recommend import SEARCHED
from queueplanner.recommend import SHARES as EVERY_SHARE
from queueworkerpool.validate import validate
from tests.unit.planner.commands.conftest import HUGE, POOL

LOAD = ("--shape", "burst:messages=40,at=10s,seconds=2m")
WORK = ("--service", "2s~0.5", "--startup", "10s", "--concurrency", "2")
NEW = ("--name", "orders", "--queue-url", "https://sqs.eu-west-1.amazonaws.com/123456789012/orders")
QUICK = [option for field in KEEP[1:] for option in ("--keep", field)]
"""Only the target is searched over."""
ASKED = ("--p99", "30s", *LOAD, *WORK, *QUICK, "--processes", "1")

Recommend = Callable[..., Result]


@pytest.fixture
def recommend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recommend:
    monkeypatch.chdir(tmp_path)
    Path("pool.yaml").write_text(POOL)
    Path("web.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n")

    def run(*arguments: str, given: str | None = None) -> Result:
        return CliRunner().invoke(recommend_command, arguments, input=given)

    return run


def pool_of(text: str) -> dict[str, Any]:
    [verdict] = validate(text, datetime(2026, 1, 1, tzinfo=UTC))
    assert verdict.errors == ()
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_yaml_is_a_manifest_that_the_api_server_takes(recommend: Recommend) -> None:
    done = recommend(*ASKED, *NEW, "-o", "yaml")
    assert (done.exit_code, done.stderr) == (0, "")
    pool = pool_of(done.stdout)
    assert pool["metadata"] == {"name": "orders"}
    assert set(pool["spec"]) == {"scaleTargetRef", "queues", "maxReplicas", "target"}
    assert done.stdout.splitlines()[1] == "# qwp recommend: the p99 of the wait within 30 s"


def test_of_a_pool_that_is_there_only_what_is_searched_over_changes(recommend: Recommend) -> None:
    done = recommend(*ASKED, "-f", "pool.yaml", "-o", "yaml")
    before, after = pool_of(POOL), pool_of(done.stdout)
    target = after["spec"].pop("target")
    assert target != before["spec"].pop("target")
    assert after == before


def test_the_text_says_what_it_does_what_else_it_would_cost_and_what_it_hangs_on(recommend: Recommend) -> None:
    done = recommend(*ASKED, "-f", "pool.yaml")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("The p99 of the wait within 30 s, for burst:messages=40,at=10s,seconds=2m: kept with ")
    assert [line.split()[:3] for line in lines if line.startswith(("recommended", "present", "keda"))] == [
        ["recommended", "chosen", "on"],
        ["recommended", "judged", "on"],
        ["present", "judged", "on"],
        ["keda", "judged", "on"],
        ["keda-expert", "judged", "on"],
    ]
    promises = ["7.5 s", "15 s", "30 s (asked for)", "60 s", "2m"]
    assert [line for line in lines if line.startswith(tuple(promises))] != []
    assert [name for name in promises if not any(line.startswith(name) for line in lines)] == []
    for begin in ("What matters most: if ", "How sure: on the part of the load that it was not chosen on, "):
        assert any(line.startswith(begin) for line in lines), begin
    assert "    target:" in lines
    assert "- chosen on one draw of the load, judged on another" in done.stdout


def test_json_has_all_of_it(recommend: Recommend) -> None:
    found = json.loads(recommend(*ASKED, *NEW, "-o", "json").stdout)
    assert found["kept"] == {"chosenOn": True, "judgedOn": True}
    assert pool_of(json.dumps(found["manifest"]))["metadata"]["name"] == "orders"
    assert [policy["name"] for policy in found["policies"]] == ["recommended", "defaults", "keda", "keda-expert"]
    assert [row["seconds"] for row in found["frontier"]] == [7.5, 15, 30, 60, 120]
    costs = [row["cost"] for row in found["frontier"] if row["kept"]]
    assert costs == sorted(costs, reverse=True)
    assert found["worst"] in [each["otherwise"] for each in found["assumptions"]]
    assert found["policies"][0]["chosenOn"]["waitP99Seconds"] <= 30


def test_a_promise_that_cannot_be_kept_ends_with_1_and_why(recommend: Recommend) -> None:
    done = recommend("--p99", "5s", *LOAD, *WORK, *QUICK, "--processes", "1", *NEW)
    assert done.exit_code == 1
    said = " ".join(done.stdout.split())
    assert "nothing that was tried keeps it. The best is " in said
    assert "- pods take 10 s to start: if they started at once, the p99 of the wait would be " in said
    assert "- minReplicas stays at 0: if it were " in said


def test_the_frontier_is_drawn(recommend: Recommend) -> None:
    assert recommend(*ASKED, *NEW, "--picture", "frontier.svg").exit_code == 0
    assert ">p99 of the wait, in seconds<" in Path("frontier.svg").read_text()


@pytest.mark.endurance
def test_the_answer_is_the_same_from_any_number_of_processes(recommend: Recommend) -> None:
    one, two = (recommend(*ASKED[:-1], number, *NEW, "-o", "json").stdout for number in "12")
    assert one == two


def test_what_may_be_kept_and_promised_is_what_is_searched_over_and_known() -> None:
    assert set(KEEP) == {path[-1] for path in SEARCHED}
    assert set(SHARES) == set(EVERY_SHARE)


@pytest.mark.parametrize("name", ["--pod-price", "--counts-age", "--seed", "--processes", "--max-pods"])
def test_what_both_commands_take_they_refuse_alike(name: str) -> None:
    said = [
        CliRunner().invoke(command, [name, "none"]).stderr.splitlines()[-1]
        for command in (simulate_command, recommend_command)
    ]
    assert said[0] == said[1]
    assert said[0].startswith(f"Error: Invalid value for '{name}': 'none': write ")


WRONG = {
    "no promise": ((*LOAD, *WORK), "say what is promised, once: --p99 60s, --p95 30s or --p50 5s"),
    "two promises": (("--p99", "1m", "--p50", "1s", *LOAD, *WORK), "say what is promised, once"),
    "a promise of nothing": (("--p99", "0s", *LOAD, *WORK), "write a time above zero"),
    "no load": (("--p99", "1m", *WORK), "say what comes into the queue"),
    "no work": (("--p99", "1m", *LOAD), "say how long a worker takes for one message"),
    "a manifest for nobody": (("--p99", "1m", *LOAD, *WORK, "-o", "yaml"), "-o yaml: give -f FILE, or --name and"),
    "an unknown field": (("--p99", "1m", *LOAD, *WORK, "--keep", "size"), "'size' is not one of"),
    "two names of a queue": (
        ("--p99", "1m", *LOAD, *WORK, "-f", "pool.yaml", "--queue-url", "x"),
        "--queue-url: the pool that -f gives has its own",
    ),
    "too many messages": (("--p99", "1m", *HUGE, *WORK), "103,680,000 messages are more than 20,000,000: give a part"),
    "another pool": (
        ("--p99", "1m", *LOAD, *WORK, "-f", "pool.yaml", "--name", "no"),
        "-f: there is no QueueWorkerPool of the name no: give one",
    ),
    "two pools": (
        ("--p99", "1m", *LOAD, *WORK, "-f", "pool.yaml", "-f", "-"),
        "-f: there are 2 QueueWorkerPools, and one is needed: choose it with --name",
    ),
    "two pools of one name": (
        ("--p99", "1m", *LOAD, *WORK, "-f", "pool.yaml", "-f", "pool.yaml", "-f", "-", "--name", "thumbnails"),
        "-f: there are 2 QueueWorkerPools of the name thumbnails, and one is needed: leave the others out",
    ),
    "no pool": (
        ("--p99", "1m", *LOAD, *WORK, "-f", "web.yaml"),
        "-f: there is no QueueWorkerPool: give one, or --name and --queue-url in place of -f",
    ),
    "a queue that is none": (
        ("--p99", "1m", *LOAD, *WORK, "--name", "orders", "--queue-url", "orders"),
        "spec.queues[].url must be an SQS queue URL",
    ),
    "a picture of no format": (
        ("--p99", "1m", *LOAD, *WORK, "--picture", "a.txt"),
        "--picture a.txt: a picture's name",
    ),
    "a picture nowhere": (("--p99", "1m", *LOAD, *WORK, "--picture", "no/a.png"), "there is no folder no"),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_ends_with_2(recommend: Recommend, arguments: tuple[str, ...], sentence: str) -> None:
    done = recommend(*arguments, given=POOL.replace("thumbnails", "others"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in " ".join(done.stderr.split())
