"""Python interpreters: with an environment made from a lock file, once, in the user's cache; or with wheels of ours.

The benchmarks run the operator and the peers in the former. The environment that the benchmarks themselves run in holds
far more than an image does, and some libraries import whatever they find: it cost the operator 25 MiB.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

from devcluster import cache, golang, progress
from images.prune import KEPT, prune

ROOT = Path(__file__).parents[1]
OPERATOR_LOCK = ROOT / "requirements-operator.lock"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
SOURCES = (ROOT / "operator", ROOT / "worker", ROOT / "common")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python program, and the environment variables it needs to find what is not installed beside it."""

    python: Path
    variables: dict[str, str] = field(default_factory=dict)


THIS_INTERPRETER = Interpreter(Path(sys.executable))
"""The interpreter that runs the tests and benchmarks; the operators of tests run in it too."""


def python_of(lock: Path) -> Path:
    """Return the Python of an environment that holds what this lock names, and nothing else."""
    key = golang.cache_key(lock.read_text(), sys.version)

    def make(target: Path) -> None:
        # It is moved into place when it is complete; only its interpreter uses it, and that works from anywhere.
        progress.running(
            f"making the environment of {lock.parent.name}/{lock.name}",
            [sys.executable, "-m", "venv", "--without-pip", str(target)],
        )
        install = ["-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
        python = str(target / "bin" / "python")
        progress.running("installing what it names", [sys.executable, *install, "--python", python])

    return cache.once(cache.folder() / f"environment-{key}", make) / "bin" / "python"


def pruned_interpreter(folder: Path) -> Interpreter:
    """Return this interpreter with the libraries that the operator's image has in part: `folder` gets those parts."""
    for name in sorted({kept.partition("/")[0] for kept in KEPT}):
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        shutil.copytree(Path(found.origin).parent, folder / name, copy_function=_linked)
    prune(folder)
    return Interpreter(Path(sys.executable), {"PYTHONPATH": os.pathsep.join(map(str, (folder, *SOURCES)))})


def _linked(source: str, target: str) -> None:
    """Link a file to another place, which takes no time; copy it where that is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def image_interpreter(folder: Path) -> Interpreter:
    """Return what the operator's image contains: its lock, and a wheel of the current sources, which `folder` keeps."""
    alone = folder / "wheel"
    alone.mkdir()
    return Interpreter(python_of(OPERATOR_LOCK), {"PYTHONPATH": str(wheel_of(ROOT, alone))})


def wheel_of(project: Path, folder: Path, umask: int = -1) -> Path:
    """Build the wheel of a project, or of its sdist, and return it; nothing else is in `folder`."""
    argv = [*_PIP, "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*argv, "--wheel-dir", str(folder), str(project)], check=True, umask=umask)
    (wheel,) = folder.iterdir()
    return wheel


def programs_of(folder: Path, *wheels: Path, libraries: Collection[str] | None = None) -> Path:
    """Make an environment with these wheels and nothing else of ours; return the folder of its programs.

    Args:
        folder: What it is made in.
        wheels: What is installed.
        libraries: Which of this environment's libraries are there; None: all of them.
    """
    venv.create(folder, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    if libraries is None:
        (site / "libraries.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("site-packages")))
    for library in map(distribution, libraries or ()):
        for part in {file.parts[0] for file in library.files or ()} - {"..", "__pycache__"}:
            (site / part).symlink_to(str(library.locate_file(part)))
    pip(folder / "bin", "install", "--no-deps", "--no-index", "--force-reinstall", *map(str, wheels))
    return folder / "bin"


def pip(programs: Path, *arguments: str) -> None:
    """Call pip for the environment of these programs."""
    subprocess.run([*_PIP, "--python", str(programs / "python"), *arguments], check=True, capture_output=True)
