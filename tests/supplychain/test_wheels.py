"""The wheels: the same wherever they are built, each with its own alone, and together they make a `qwp` that plans."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    "queueworkerpool": ("pyproject.toml", "README.md", "LICENSE", "crds", "operator", "worker", "common"),
    "queueplanner": ("planner/pyproject.toml", "planner/LICENSE", "planner/queueplanner"),
}
"""What each is built from."""
HOLDS = {
    "queueworkerpool": {"queueworkerpool", "queueworker", "queueaddress", "boundedhttp", "awsaccess"},
    "queueplanner": {"queueplanner"},
}
FILES = {"queueworkerpool": {"queueworkerpool/queueworkerpools.yaml"}, "queueplanner": set[str]()}
COMMANDS = {
    "queueworkerpool": ["kubectl-qwp", "queueworker", "qwp"],
    "queueplanner": ["recommend", "simulate"],
}
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def built(name: str, folder: Path, umask: int = 0o022, age: float = 1.7e9) -> Path:
    """The wheel, built from a copy of its sources in FOLDER whose files are that old."""
    folder.mkdir(parents=True)
    for source in (ROOT / path for path in SOURCES[name]):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & ~umask)
        os.utime(path, (age, age))
    argv = [*PIP, "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*argv, "--wheel-dir", str(folder / "dist"), str(folder)], check=True, umask=umask)
    [wheel] = (folder / "dist").iterdir()
    return wheel


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_is_the_same_wherever_it_is_built_and_holds_its_own_alone(name: str, tmp_path: Path) -> None:
    wheels = [built(name, tmp_path / "one"), built(name, tmp_path / "elsewhere" / "two", 0o077, 1.6e9)]
    assert len({hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}) == 1
    with zipfile.ZipFile(wheels[0]) as packed:
        names = packed.namelist()
        points = next(packed.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    information = f"{name}-0.1.0.dist-info"
    assert {name.partition("/")[0] for name in names} == HOLDS[name] | {information}
    typed = {f"{package}/py.typed" for package in HOLDS[name]}
    assert typed | {f"{information}/licenses/LICENSE"} | FILES[name] <= set(names)
    assert sorted(line.partition(" ")[0] for line in points.splitlines()[1:] if line) == COMMANDS[name]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder of programs of an environment that has the operator's wheel, and the libraries of this one."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    [site] = environment.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    install(environment / "bin", built("queueworkerpool", tmp_path / "queueworkerpool"))
    return environment / "bin"


def install(programs: Path, wheel: Path) -> None:
    argv = [*PIP, "--python", str(programs / "python"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*argv, "--force-reinstall", str(wheel)], check=True)


def qwp(programs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), "HOME": str(programs)}
    argv = [str(programs / "qwp"), *arguments]
    return subprocess.run(argv, cwd=programs, env=environment, capture_output=True, text=True, check=False)


SIMULATE = ("simulate", "--rival", "keda", "--shape", "burst:messages=50,seconds=20m", "--service", "1s")


def test_both_wheels_together_simulate(installed: Path, tmp_path: Path) -> None:
    install(installed, built("queueplanner", tmp_path / "queueplanner"))
    done = qwp(installed, *SIMULATE, "--html", str(tmp_path / "page.html"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "50 messages in 20m" in done.stdout
    assert "</html>" in (tmp_path / "page.html").read_text()
    where = "import queueplanner, queueworkerpool; print(queueplanner.__file__, queueworkerpool.__file__)"
    asked = [str(installed / "python"), "-I", "-c", where]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert [Path(path).is_relative_to(tmp_path) for path in found] == [True, True]
