"""An option that a kind of node does not have is refused, and not ignored."""

import subprocess
import sys
from pathlib import Path

import pytest

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
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert sentence in answer.stderr
    assert list(tmp_path.iterdir()) == []
