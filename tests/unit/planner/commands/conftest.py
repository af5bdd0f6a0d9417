"""`qwp simulate` as people call it, and manifests that it plays."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from queueplanner.commands.simulate import simulate_command

POOL = """\
apiVersion: queueworker.dev/v1alpha1
kind: QueueWorkerPool
metadata: {name: thumbnails}
spec:
  scaleTargetRef: {name: thumbnailer}
  queues:
  - url: https://sqs.eu-west-1.amazonaws.com/123456789012/thumbnails
  maxReplicas: 20
  target: {messagesPerPod: 5}
"""
LOAD = ("--shape", "burst:messages=40,seconds=10m")
HUGE = ("--shape", "steady:per_second=1200")
WORK = ("--service", "2s", "--startup", "10s", "--concurrency", "1")

Simulate = Callable[..., Result]


@pytest.fixture
def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulate:
    """Call as simulate("--rival", "keda", files={"pool.yaml": POOL}), in a folder that has only those files."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, files: dict[str, str | bytes] | None = None, given: str | bytes | None = None) -> Result:
        for name, content in (files or {}).items():
            Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return CliRunner().invoke(simulate_command, arguments, input=given)

    return run
