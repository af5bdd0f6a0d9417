"""`qwp list` as users call it."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.serving import kubeconfig
from tests.unit.operator.builders import URL
from tests.unit.operator.cli.conftest import POOLS, STATUS, Api, listed, qwp, refused, stored

EVERYWHERE = "/apis/queueworker.dev/v1alpha1/queueworkerpools"
HEAD = "NAME         PODS   READY   DESIRED   RECOMMENDED   BACKLOG   WAITING   REASON"
THUMBNAILS = "thumbnails   10     10      12        12            60        0         SizedByBacklog"
NEW = "archive      -      -       -         -             -         -         -"


def test_pools_are_listed_by_name_and_a_new_one_says_that_nothing_is_known(api: Api) -> None:
    api[POOLS] = listed(stored(), stored("archive", {}))
    result = qwp("list")
    assert (result.exit_code, result.stdout.splitlines()) == (0, [HEAD, NEW, THUMBNAILS])


def test_all_namespaces_have_a_column(api: Api) -> None:
    api[EVERYWHERE] = listed(stored())
    assert qwp("list", "-A").stdout.splitlines() == [f"NAMESPACE   {HEAD}", f"shop        {THUMBNAILS}"]


def test_pods_that_wait_for_idle_workers_are_shown(api: Api) -> None:
    steps = [(2, "SizedByBacklog", "why"), (7, "WaitingForIdleWorkers", "five are busy")]
    trail = [{"replicas": replicas, "reason": reason, "message": message} for replicas, reason, message in steps]
    decision = {"reason": "WaitingForIdleWorkers", "message": "five are busy", "trail": trail}
    api[POOLS] = listed(stored(status=STATUS | {"desiredReplicas": 7, "lastDecision": decision}))
    assert qwp("list").stdout.splitlines()[1].split()[3:7] == ["7", "2", "60", "5"]


def test_a_pool_that_is_not_ready_says_why_not(api: Api) -> None:
    ready = {"type": "Ready", "status": "False", "reason": "QueueNotFound", "message": "there is no such queue"}
    api[POOLS] = listed(stored(status=STATUS | {"conditions": [ready]}))
    assert qwp("list").stdout.splitlines()[1].endswith("   QueueNotFound")
    assert qwp("list", "-o", "wide").stdout.splitlines()[1].endswith("   there is no such queue")


def test_what_a_status_contains_cannot_steer_the_terminal(api: Api) -> None:
    ready = {"type": "Ready", "status": "False", "reason": "A\x1b[2J", "message": "x" * 9999}
    api[POOLS] = listed(stored(status={"conditions": [ready]}))
    [_, line] = qwp("list", "-o", "wide").stdout.splitlines()
    assert ("\x1b" in line, r"A\x1b[2J" in line, len(line) < 1500) == (False, True, True)


def test_programs_get_every_number(api: Api) -> None:
    api[POOLS] = listed(stored(), stored("archive", {}))
    first, second = json.loads(qwp("list", "-o", "json").stdout)["pools"]
    assert (first["name"], first["desiredReplicas"], first["reason"]) == ("archive", None, None)
    assert {name: second[name] for name in ("replicas", "desiredReplicas", "recommendedReplicas", "backlog")} == {
        "replicas": 10,
        "desiredReplicas": 12,
        "recommendedReplicas": 12,
        "backlog": 60,
    }


IDLE = STATUS | {"replicas": 0, "observedGeneration": 1, "memory": {"emptySince": "2026-11-23T11:00:00Z"}}
MISSING = {"type": "TargetFound", "status": "False", "reason": "TargetNotFound", "message": "there is none"}
COSTS: dict[str, tuple[dict[str, Any], dict[str, Any], str, float | None]] = {
    "a pool": (STATUS, {}, "0.21 USD", 0.20736),
    "two queues": (STATUS, {"queues": [{"url": f"{URL}{number}"} for number in (1, 2)]}, "0.41 USD", 0.41472),
    "an idle pool": (IDLE, {"idlePollSeconds": 300}, "0.0035 USD", 0.003456),
    "a paused pool": (STATUS, {"mode": "Paused"}, "0.00 USD", 0),
    "a pool that is paused until a time": (STATUS, {"pausedUntil": "2999-01-01T00:00:00Z"}, "0.00 USD", 0),
    "a pool without its target": (STATUS | {"conditions": [MISSING]}, {}, "0.00 USD", 0),
    "a pool that no operator has seen": ({}, {}, "-", None),
}


@pytest.mark.parametrize(("status", "spec", "shown", "cost"), COSTS.values(), ids=COSTS)
def test_what_readings_cost_in_a_month_is_shown_of(
    api: Api, status: dict[str, Any], spec: dict[str, Any], shown: str, cost: float | None
) -> None:
    api[POOLS] = listed(stored(status=status, **spec))
    head, line = qwp("list", "-o", "wide").stdout.splitlines()
    assert line[head.index("READINGS/MONTH") :].startswith(f"{shown}   ")
    [document] = json.loads(qwp("list", "-o", "json").stdout)["pools"]
    assert document["readingsMonthlyCostUSD"] == cost


def test_a_pool_that_cannot_be_read_has_no_cost_that_is_known(api: Api) -> None:
    api[POOLS] = listed(stored(mode="Sideways"))
    [document] = json.loads(qwp("list", "-o", "json").stdout)["pools"]
    assert document["readingsMonthlyCostUSD"] is None


def test_a_namespace_without_pools_is_told_apart_from_a_failure(api: Api) -> None:
    api[POOLS] = listed()
    result = qwp("list")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "",
        "no pools found in namespace shop; -A lists those of all\n",
    )
    api[EVERYWHERE] = listed()
    assert qwp("list", "-A").stderr == "no pools found in any namespace\n"


def rounds(api: Api, monkeypatch: pytest.MonkeyPatch, *lists: dict[str, Any]) -> None:
    """Let the API server answer with one list after the other, then end the watch as Ctrl-C does."""
    api[POOLS], left = lists[0], list(lists[1:])

    def wait(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        api[POOLS] = left.pop(0)

    monkeypatch.setattr(time, "sleep", wait)


GROWN = {**STATUS, "replicas": 12}


def test_a_watch_prints_only_what_has_changed_where_it_does_not_go_to_a_terminal(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds(api, monkeypatch, listed(stored()), listed(stored()), listed(stored(status=GROWN)))
    result = qwp("list", "--watch")
    assert result.stdout.splitlines() == [HEAD, THUMBNAILS, THUMBNAILS.replace(" 10     10 ", " 12     10 ")]


def test_a_watch_for_programs_prints_a_document_per_change(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(api, monkeypatch, listed(stored()), listed(stored()), listed(stored(status=GROWN)))
    lines = qwp("list", "--watch", "-o", "json").stdout.splitlines()
    assert [json.loads(line)["replicas"] for line in lines] == [10, 12]


def test_a_watch_on_a_terminal_fills_it_and_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(api, monkeypatch, listed(*(stored(f"pool-{number:02}") for number in range(20))))
    monkeypatch.setattr("queueworkerpool.cli.list._is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "10")
    screen = qwp("list", "--watch").stdout
    lines = screen.splitlines()
    assert screen.startswith("\x1b[H\x1b[J")
    assert (len(lines), lines[-1], max(map(len, lines[1:]))) == (9, "… and 13 more", 40)


def test_pools_that_are_gone_leave_the_screen(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(api, monkeypatch, listed(stored()), listed())
    monkeypatch.setattr("queueworkerpool.cli.list._is_terminal", lambda: True)
    result = qwp("list", "--watch")
    assert result.stdout.endswith("\n\x1b[H\x1b[J")
    assert result.stderr.startswith("no pools found in namespace shop")


def test_a_pool_that_comes_again_is_printed_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(api, monkeypatch, listed(stored()), listed(), listed(stored()))
    assert qwp("list", "--watch").stdout.splitlines() == [HEAD, THUMBNAILS, HEAD, THUMBNAILS]


@pytest.mark.parametrize(("height", "shown"), [("1", 1), ("2", 1), ("3", 2)])
def test_a_watch_fits_a_terminal_of_a_line(height: str, shown: int, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds(api, monkeypatch, listed(*(stored(f"pool-{number:02}") for number in range(20))))
    monkeypatch.setattr("queueworkerpool.cli.list._is_terminal", lambda: True)
    monkeypatch.setenv("LINES", height)
    assert len(qwp("list", "--watch").stdout.splitlines()) == shown


OTHER = "choose another cluster with --context or --kubeconfig"


def test_who_may_not_list_all_namespaces_is_told_to_name_one(api: Api) -> None:
    """As the operator's own role, when it serves some namespaces alone."""
    api[EVERYWHERE] = refused("queueworkerpools is forbidden at the cluster scope")
    result = qwp("list", "-A")
    sentence = "queueworkerpools is forbidden at the cluster scope; name one namespace with -n"
    assert (result.exit_code, result.stderr) == (1, f"Error: {sentence}\n")


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "no right": (
        refused('queueworkerpools is forbidden: User "ann" cannot list resource'),
        'Error: queueworkerpools is forbidden: User "ann" cannot list resource\n',
    ),
    "no definition": (
        {"text": "404 page not found", "code": 404},
        f"Error: this cluster serves no QueueWorkerPool: install the operator's chart there, or {OTHER}\n",
    ),
    "no login": (
        {"kind": "Status", "code": 401},
        f"Error: the API server does not take your credentials: log in again, or {OTHER}\n",
    ),
}


@pytest.mark.parametrize(("answer", "sentence"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_sentence_with_its_fix(api: Api, answer: dict[str, Any], sentence: str) -> None:
    api[POOLS] = answer
    result = qwp("list")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", sentence)


def test_an_api_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    result = qwp("list", "--kubeconfig", str(kubeconfig(tmp_path / "config", 9)))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("Error: the API server does not answer: start it, or choose another cluster with")


@pytest.mark.usefixtures("api")
def test_a_context_that_is_not_there_is_named() -> None:
    result = qwp("list", "--context", "staging")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: the kubeconfig has no usable context 'staging' (ConfigException)\n",
    )


def test_a_kubeconfig_that_is_given_wins_over_the_environment(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api[POOLS] = listed(stored())
    given = os.environ["KUBECONFIG"]
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    result = qwp("list", "--kubeconfig", given, "--context", "test")
    assert (result.exit_code, result.stdout.splitlines()) == (0, [HEAD, THUMBNAILS])
