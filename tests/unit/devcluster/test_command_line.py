"""Options of the other kind of node are refused, and not ignored; a cluster that is up ends with exit code 0."""

import argparse
import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from devcluster import __main__ as command_line

REFUSED = {
    "audit, with kubelets": (["--node=kubelet", "--audit"], "--node kubelet has no --audit"),
    "two options, with kubelets": (
        ["--node=kubelet", "--no-node", "--pod-env=A=b"],
        "--node kubelet has no --no-node, --pod-env",
    ),
    "nodes, with processes": (["--nodes=2"], "--node processes has no --nodes"),
}


@pytest.mark.parametrize(("options", "sentence"), REFUSED.values(), ids=REFUSED)
def test_an_option_of_the_other_kind_of_node_is_refused(options: list[str], sentence: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devcluster", "up", f"--dir={tmp_path}", *options]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert sentence in answer.stderr
    assert list(tmp_path.iterdir()) == []


class Terminating:
    """An output whose reader sends SIGTERM as soon as it has read where the cluster is."""

    def write(self, text: str) -> int:
        if text.startswith("KUBECONFIG="):
            signal.raise_signal(signal.SIGTERM)
        return len(text)

    def flush(self) -> None:
        """Keep nothing back."""


@pytest.fixture
def _interruptible() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_interruptible")
def test_a_cluster_that_is_ended_as_soon_as_it_is_up_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[str] = []

    @contextlib.contextmanager
    def cluster(_: argparse.Namespace) -> Iterator[SimpleNamespace]:
        there.append("up")
        yield SimpleNamespace(kubeconfig=tmp_path / "kubeconfig")
        there.append("ended")

    monkeypatch.setattr(command_line, "_with_processes", cluster)
    monkeypatch.setattr(sys, "stdout", Terminating())
    command_line.up(command_line._parser().parse_args(["up", f"--dir={tmp_path}"]))
    assert there == ["up", "ended"]
