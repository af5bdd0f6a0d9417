"""The command line as users call it, against a small HTTP server that answers as the API server does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from queueworkerpool.__main__ import main
from queueworkerpool.decide import decide
from queueworkerpool.model import Mode
from tests.serving import kubeconfig, serving
from tests.unit.operator.builders import facts, raw_pool, reading
from tests.unit.operator.fakes import observe, status_of

POOL = "/apis/queueworker.dev/v1alpha1/namespaces/shop/queueworkerpools/thumbnails"
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/thumbnailer"
STATUS = json.loads(json.dumps(status_of(observe({"reading": reading(60)}))))

Api = dict[str, dict[str, Any]]


def deployment(replicas: int) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"resourceVersion": "500"},
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": replicas, "replicas": replicas, "updatedReplicas": replicas},
    }


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Api, int]]:
    """What the API server holds, by path, and its port."""
    held: Api = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = held.get(self.path)
            body = json.dumps(found or {"kind": "Status"}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield held, int(address.rpartition(":")[2])


@pytest.fixture
def api(served: tuple[Api, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    """An API server with a pool, its status and its Deployment; KUBECONFIG points to it."""
    held, port = served
    held.clear()
    held[POOL] = raw_pool() | {"kind": "QueueWorkerPool", "status": STATUS}
    held[DEPLOYMENT] = deployment(10)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", port)))
    return held


def qwp(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


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
    assert result.stderr == "Error: shop/thumbnails: there is no such pool; it may have been deleted\n"


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
        ["explain", "thumbnails"],
        ["explain", "/thumbnails"],
        ["explain", "shop/"],
        ["explain", "shop/thumbnails/5"],
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


def test_a_name_without_a_slash_is_refused_with_an_example() -> None:
    assert "'thumbnails': write it as NAMESPACE/POOL, such as default/thumbnails" in qwp("explain", "thumbnails").stderr


@pytest.mark.parametrize("command", ["explain", "validate", "operator"])
def test_every_command_has_help(command: str) -> None:
    assert [qwp(command, flag).exit_code for flag in ("-h", "--help")] == [0, 0]
    assert f"  {command} " in qwp("--help").stdout
