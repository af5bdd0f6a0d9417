"""Operators as local processes: the rights and credentials they need, their programs, and their probes."""

import json
import os
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from devcluster import Cluster
from devcluster.processes import Program, wait_until
from testbed.api import NAMESPACE
from testbed.interpreters import THIS_INTERPRETER, Interpreter

ROOT = Path(__file__).parents[1]
OPERATOR_NAMESPACE = "queueworkerpool-system"
OPERATOR = "queueworkerpool"
USER = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR}"
READY_TIMEOUT_SECONDS = 60
ANSWER_SECONDS = 30.0
"""For an answer of a program that may be slow on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorProcess:
    """How to run one operator.

    Args:
        log: The file that its output is appended to.
        port: The loopback port that it serves on.
        variables: Environment variables of its own, such as KUBECONFIG.
        interpreter: The Python that runs it.
    """

    log: Path
    port: int
    variables: Mapping[str, str]
    interpreter: Interpreter = THIS_INTERPRETER

    def program(self, *argv: str) -> Program:
        """Return the program, not started yet; `argv` replaces the usual arguments of Python."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("QWP_", "AWS_"))}
        serving = {"QWP_HTTP_HOST": "127.0.0.1", "QWP_HTTP_PORT": str(self.port)}
        as_in_the_chart = {"MALLOC_ARENA_MAX": "2"}
        arguments = argv or ("-m", "queueworkerpool", "operator")
        return Program(
            [str(self.interpreter.python), *arguments],
            self.log,
            env={**env, **self.interpreter.variables, **as_in_the_chart, **serving, **self.variables},
        )

    @contextmanager
    def running(self, *argv: str) -> Iterator[Program]:
        """Run the operator while the body runs; it is ready when the body begins. `argv`: as of `program`."""
        program = self.program(*argv)
        program.start()

        def ready() -> bool:
            program.check()
            return is_ready(self.port)

        try:
            wait_until(ready, READY_TIMEOUT_SECONDS, f"the operator did not become ready; its log is {self.log}")
            yield program
        finally:
            program.stop()


def prepare(cluster: Cluster, root: Path = ROOT, values: Sequence[str] = ()) -> None:
    """Install what the operator needs: its custom resource, its namespace, its rights.

    `root`: of the sources; `values`: of the chart, each as NAME=VALUE.
    """
    for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
        cluster.kubectl("create", "namespace", namespace)
    install_definition(cluster, root)
    cluster.wait_until_served("queueworkerpools.queueworker.dev")
    install_rights(cluster, root, values)


def install_definition(cluster: Cluster, root: Path = ROOT) -> None:
    """Install the custom resource definition of these sources, or turn another one into it."""
    cluster.apply((root / "crds" / "queueworkerpools.yaml").read_text())


def install_rights(cluster: Cluster, root: Path = ROOT, values: Sequence[str] = ()) -> None:
    """Install the chart of these sources without its Deployment and definition. `values`: of the chart."""
    folder = root / "charts" / "queueworkerpool"
    names = ("serviceaccount", "rbac", "podpatchpolicy", "election")
    found = [name for name in names if (folder / "templates" / f"{name}.yaml").exists()]
    shown = [f"--show-only=templates/{name}.yaml" for name in found]
    chosen = [f"--set={value}" for value in values]
    cluster.apply(cluster.helm("template", OPERATOR, str(folder), "--namespace", OPERATOR_NAMESPACE, *shown, *chosen))


def write_credentials(cluster: Cluster, path: Path, *bound: str, namespace: str = OPERATOR_NAMESPACE) -> Path:
    """Write a kubeconfig of the operator's own user, whose requests the audit log distinguishes from others.

    `bound`: options of `kubectl create token` that bind the token to a pod; `namespace`: that of the service account.
    """
    token = cluster.kubectl("create", "token", OPERATOR, "-n", namespace, "--duration=6h", *bound).strip()
    config = admin_config(cluster)
    config["users"][0]["user"] = {"token": token}
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def admin_config(cluster: Cluster) -> dict[str, Any]:
    """Return the administrator's kubeconfig."""
    return dict(json.loads(cluster.kubeconfig.read_text()))


def served(port: int, path: str, timeout_seconds: float = ANSWER_SECONDS) -> str:
    """Return what the program on this loopback port serves at a path; empty without a good answer, whole and in time.

    A program that is frozen or killed within an answer leaves a part of it.
    """
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout_seconds) as answer:
            return str(answer.read().decode())
    except HTTPError as error:
        error.close()
        return ""
    except (OSError, HTTPException):
        return ""


def is_ready(port: int) -> bool:
    """Return whether the operator that serves on this port reports that it is ready."""
    return served(port, "/readyz", 5) == "ok\n"
