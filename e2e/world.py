"""The cluster as a test sees it: kubectl and helm, waiting, and what to keep when something fails."""

import contextlib
import json
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from devcluster import commands, tools
from devcluster.errors import CommandFailedError

ROOT = Path(__file__).parent.parent
SYSTEM = "queueworkerpool-system"
RELEASE = "queueworkerpool"
OPERATORS = "app.kubernetes.io/name=queueworkerpool,app.kubernetes.io/component=operator"
VERSION = version("queueworkerpool")
"""The tag of the images that the README's commands build."""
WORKER_IMAGE = f"queueworkerpool-worker:{VERSION}"
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class World:
    """One cluster. ENVIRONMENT is what kubectl and helm need to reach it."""

    environment: Mapping[str, str] = field(repr=False)

    def run(self, *argv: str, text: str | None = None) -> str:
        """Run kubectl or helm in the repository's folder; return its output. Raises CommandFailedError."""
        program = {"kubectl": tools.kubectl, "helm": tools.helm}[argv[0]]()
        return commands.run(program, argv[1:], self.environment, text, ROOT)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl."""
        return self.run("kubectl", *arguments, text=text)

    def helm(self, *arguments: str) -> str:
        """Run helm."""
        return self.run("helm", *arguments)

    @contextlib.contextmanager
    def watched(self, *arguments: str) -> Iterator[list[str]]:
        """Run a kubectl that watches while the body runs; what it printed is in the list after the body."""
        lines: list[str] = []
        with tempfile.TemporaryFile("w+") as output:
            argv = [str(tools.kubectl()), *arguments]
            with subprocess.Popen(argv, cwd=ROOT, env=dict(self.environment), stdout=output) as process:
                try:
                    yield lines
                    assert process.poll() is None, f"{shlex.join(arguments)} ended before its time"
                finally:
                    process.terminate()
            output.seek(0)
            lines += output.read().splitlines()

    def apply(self, *objects: Mapping[str, Any], namespace: str = "default") -> None:
        """Apply objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("-n", namespace, "apply", "-f", "-", text=json.dumps(items))

    def get(self, *what: str, namespace: str = "default") -> Any:
        """Return an object, or a list's items."""
        answer = json.loads(self.kubectl("-n", namespace, "get", *what, "-o", "json"))
        return answer["items"] if answer["kind"].endswith("List") else answer

    def replicas(self, deployment: str, namespace: str = "default") -> int:
        """Return how many pods a Deployment is to have."""
        return int(self.get("deployment", deployment, namespace=namespace)["spec"]["replicas"])

    def pods(self, selector: str, namespace: str = "default") -> list[Any]:
        """Return the pods of a label selector that are not ending."""
        found = self.get("pods", f"--selector={selector}", namespace=namespace)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def leader(self, lease_name: str = RELEASE) -> str:
        """Return the name of the pod that holds the Lease; empty when none does."""
        lease = self.get("lease", lease_name, namespace=SYSTEM)
        return str(lease["spec"].get("holderIdentity") or "")

    def keep(self, folder: Path) -> None:
        """Write what helps to understand a failure into FOLDER."""
        folder.mkdir(parents=True, exist_ok=True)
        looks = {
            "objects.txt": ("get", "all,qwp,events,nodes", "-A", "-o", "wide"),
            "pools.yaml": ("get", "qwp", "-A", "-o", "yaml"),
            "pods.txt": ("describe", "pods", "-A"),
            "operators.log": ("-n", SYSTEM, "logs", "-l", OPERATORS, "--all-containers", "--prefix", "--tail=2000"),
        }
        for name, arguments in looks.items():
            try:
                text = self.kubectl(*arguments)
            except (CommandFailedError, subprocess.TimeoutExpired) as error:
                text = str(error)
            (folder / name).write_text(text)


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until CONDITION holds; return after how many seconds. A command that fails meanwhile is tried again."""
    begun = time.monotonic()
    problem = ""
    while True:
        try:
            if condition():
                return time.monotonic() - begun
            problem = ""
        except CommandFailedError as error:
            problem = f" ({error})"
        assert time.monotonic() - begun < seconds, f"{what} did not happen within {seconds:.0f} s{problem}"
        time.sleep(POLL_SECONDS)


def values_until(value: Callable[[], int], until: Callable[[int], bool], seconds: float) -> list[int]:
    """Return the different values of VALUE in their order, until one satisfies UNTIL or the time is over."""
    seen: list[int] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = value()
        if not seen or seen[-1] != now:
            seen.append(now)
        if until(now):
            break
        time.sleep(POLL_SECONDS)
    return seen
