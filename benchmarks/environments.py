"""Python environments made from locks, once, in the user's cache: the rivals' one, and the operator's own.

`consumers` and `bed` run programs in them. The environment that the benches themselves run in holds far more than an
image does, and some libraries import whatever they find: it cost the operator 25 MiB.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from devcluster import cache as tools
from devcluster import golang, progress

ROOT = Path(__file__).parents[1]
OPERATOR_LOCK = ROOT / "requirements-operator.lock"


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter, and the variables it needs to find what is not installed beside it."""

    python: Path
    variables: dict[str, str] = field(default_factory=dict)


OF_DEVELOPERS = Environment(Path(sys.executable))
"""Where tests and benches run, and the operator of a test too."""


def python_of(lock: Path) -> Path:
    """The Python of an environment that holds what this lock names, and nothing else."""
    key = golang.cache_key(lock.read_text(), sys.version)

    def make(target: Path) -> None:
        # It is moved into place when it is whole; it is used by its interpreter alone, which bears that.
        progress.running(
            f"making the environment of {lock.parent.name}/{lock.name}",
            [sys.executable, "-m", "venv", "--without-pip", str(target)],
        )
        install = ["-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
        python = str(target / "bin" / "python")
        progress.running("installing what it names", [sys.executable, *install, "--python", python])

    return tools.once(tools.folder() / f"environment-{key}", make) / "bin" / "python"


def as_in_the_image(folder: Path) -> Environment:
    """What the operator's image contains: its lock, and a wheel of the sources as they are, which FOLDER keeps."""
    build = ("-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
    subprocess.run([sys.executable, *build, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    return Environment(python_of(OPERATOR_LOCK), {"PYTHONPATH": str(wheel)})
