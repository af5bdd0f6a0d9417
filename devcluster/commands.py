"""Run programs that end: kubectl and helm against one cluster, with settings of its own, and the machine's programs."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devcluster.errors import CommandFailedError

COMMAND_SECONDS = 300
"""More than kubectl and helm are told to wait for pods."""


def environment(kubeconfig: Path) -> dict[str, str]:
    """Return the environment of a command: ours, with the cluster's kubeconfig and caches that go with the cluster.

    The user's own caches are keyed by address and port, which a later cluster may use again.
    """
    cache = kubeconfig.parent / "command-cache"
    own = {
        "KUBECACHEDIR": "kube",
        "HELM_CACHE_HOME": "helm",
        "HELM_CONFIG_HOME": "helm-config",
        "HELM_DATA_HOME": "helm-data",
    }
    return {**os.environ, "KUBECONFIG": str(kubeconfig), **{name: str(cache / folder) for name, folder in own.items()}}


def call(*argv: str) -> str:
    """Return the standard output of a program of this machine. Raises CommandFailedError with its error output."""
    return run(Path(argv[0]), argv[1:], os.environ, None)


def run(
    program: Path, arguments: tuple[str, ...], env: Mapping[str, str], text: str | None, folder: Path | None = None
) -> str:
    """Return the standard output of a command that reads TEXT in FOLDER, by default ours.

    Raises CommandFailedError with its error output.
    """
    answer = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=env,
        input=text or "",
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        said = answer.stderr.strip() or answer.stdout.strip()
        raise CommandFailedError(f"{program.name} {' '.join(arguments)}: {said}")
    return answer.stdout
