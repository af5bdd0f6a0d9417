"""`qwp explain` as users call it, and what all commands have in common."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import Mode
from tests.unit.operator.builders import facts, reading
from tests.unit.operator.cli.conftest import DEPLOYMENT, POOL, Api, deployment, qwp


@pytest.mark.usefixtures("api")
def test_a_pool_is_explained_to_people() -> None:
    result = qwp("explain", "shop/thumbnails")
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[0], lines[2:]) == (
        0,
        "Deployment thumbnailer: 10 pods, 10 ready, 0 to 50 allowed; mode Active",
        [
            "decided:",
            "      12  SizedByBacklog  60 messages / 5 per pod = 12 pods",
            "so: 12 pods, by SizedByBacklog",
            "next reading: within 5 s",
            "readings: 0.21 USD a month, 1 queue every 5 s",
        ],
    )


@pytest.mark.usefixtures("api")
def test_a_pool_is_explained_to_programs() -> None:
    result = qwp("explain", "shop/thumbnails", "-o", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["replicas"], document["desiredReplicas"]) == (
        0,
        10,
        decide(facts(reading=reading(60))).replicas,
    )


def test_what_a_status_contains_cannot_steer_the_terminal(api: Api) -> None:
    decision = {"reason": "A\x1b[2J", "message": "", "trail": [{"replicas": 1, "reason": "A\x1b[2J", "message": "B\r"}]}
    api[POOL]["status"] = api[POOL]["status"] | {"lastDecision": decision}
    printed = qwp("explain", "shop/thumbnails").stdout
    assert (r"A\x1b[2J  B\r" in printed, "\x1b" in printed) == (True, False)


def test_a_paused_pool_is_explained(api: Api) -> None:
    api[POOL]["spec"] |= {"mode": Mode.PAUSED.value}
    api[POOL]["metadata"] |= {"generation": 2}
    lines = qwp("explain", "shop/thumbnails").stdout.splitlines()
    assert lines[-3:] == [
        "since then: the pool was edited",
        "if decided now, from the same counts:",
        "      10  Paused  spec.mode is Paused",
    ]


def test_watch_explains_again_until_it_is_stopped(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        api[DEPLOYMENT] = deployment(12)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", wait)
    result = qwp("explain", "shop/thumbnails", "--watch")
    heads = [line.partition(",")[0] for line in result.stdout.splitlines() if line.startswith("Deployment")]
    assert heads == ["Deployment thumbnailer: 10 pods", "Deployment thumbnailer: 12 pods"]
    assert (waits, result.exit_code) == ([5, 5], 1)


def test_a_missing_pool_is_reported(api: Api) -> None:
    del api[POOL]
    result = qwp("explain", "shop/thumbnails")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: shop/thumbnails: there is no such pool; `qwp list --all-namespaces` shows those that there are\n"
    )


def test_a_missing_deployment_is_reported(api: Api) -> None:
    del api[DEPLOYMENT]
    result = qwp("explain", "shop/thumbnails")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: shop/thumbnails: there is no Deployment shop/thumbnailer\n",
    )


def test_a_spec_of_another_crd_is_reported(api: Api) -> None:
    del api[POOL]["spec"]["mode"]
    result = qwp("explain", "shop/thumbnails")
    problem = "Error: shop/thumbnails: the stored spec lacks 'mode'; apply the pool again under the current CRD\n"
    assert (result.exit_code, result.stderr) == (1, problem)


def test_a_missing_kubeconfig_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    result = qwp("explain", "shop/thumbnails")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: shop/thumbnails: no usable KUBECONFIG or service account (ConfigException)\n",
    )


def test_an_operator_without_a_cluster_ends_with_one_sentence(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "missing"), "QWP_HTTP_PORT": "0"}
    qwp_operator = [sys.executable, "-m", "queueworkerpool", "operator", "--http-host", "127.0.0.1"]
    ended = subprocess.run(qwp_operator, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1] == "Error: no usable KUBECONFIG or service account (ConfigException)"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["explain"],
        ["explain", "Thumbnails"],
        ["explain", "/thumbnails"],
        ["explain", "shop/"],
        ["explain", "shop/thumbnails/5"],
        ["explain", "shop/thumbnails", "-n", "bakery"],
        ["explain", "thumbnails", "-n", "shop/x"],
        ["list", "shop"],
        ["history"],
        ["compare", "thumbnails", "--picture", "sizes.svg"],
        ["compare", "thumbnails", "--prometheus", "http://127.0.0.1:1", "--picture", "sizes.png"],
        ["compare", "thumbnails", "--prometheus", "http://127.0.0.1:1", "--since", "3"],
        ["explain", "shop/thumbnails", "other/pool"],
        ["explain", "shop/thumbnails", "-o", "yaml"],
        ["explain", "shop/thumbnails", "--wach"],
        ["exlain"],
        ["validate"],
        ["--no-such-flag"],
    ],
)
def test_wrong_usage_exits_with_2_and_prints_the_usage(arguments: list[str]) -> None:
    result = qwp(*arguments)
    assert (result.exit_code, "Usage: " in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["/thumbnails", "shop/", "a/b/c", "shop/../x"])
def test_what_is_no_name_of_a_pool_is_refused_with_an_example(name: str) -> None:
    assert f"{name!r}: write it as POOL or NAMESPACE/POOL, such as default/thumbnails" in qwp("explain", name).stderr


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("arguments", [["thumbnails"], ["thumbnails", "-n", "shop"], ["shop/thumbnails", "-n", "shop"]])
def test_the_namespace_is_the_contexts_unless_one_is_given(arguments: list[str]) -> None:
    assert qwp("explain", *arguments).stdout.startswith("Deployment thumbnailer: 10 pods")


@pytest.mark.parametrize("command", ["list", "explain", "history", "compare", "version", "validate", "operator"])
def test_every_command_has_help(command: str) -> None:
    assert [qwp(command, flag).exit_code for flag in ("-h", "--help")] == [0, 0]
    assert f"  {command} " in qwp("--help").stdout
