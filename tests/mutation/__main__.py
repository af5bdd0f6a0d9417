"""`make mutate`: changes `decide` and `status` in every small way, and expects the unit tests to fail. Not a test.

mutmut wants a package below src/, so the run has a folder of its own. It fails when fewer than LEAST_KILLED_PERCENT of
the mutants are killed, or when one survives that survivors.txt does not excuse.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".mutation"
EXCUSED = Path(__file__).with_name("survivors.txt")
LEAST_KILLED_PERCENT = 95
KILLED = frozenset({1, 3, 24, 36, 152, -9, -11, -24})
"""How pytest ends when a test fails, or the process by itself, or because it has used up its time."""
NOT_TESTED = 33
CHILDREN = 2

SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["src/queueworkerpool/decide/*", "src/queueworkerpool/report/status.py"]
also_copy = ["crds"]
pytest_add_cli_args = ["-p", "no:randomly"]
pytest_add_cli_args_test_selection = [
    "tests/unit/operator/decide",
    "tests/unit/operator/test_status.py",
    "tests/unit/operator/test_status_fields.py",
    "tests/unit/operator/test_status_writes.py",
]

[tool.pytest.ini_options]
pythonpath = ["src", "."]
addopts = ["--import-mode=importlib"]
asyncio_mode = "auto"
"""

# The same few examples for every mutant: what is killed today is killed tomorrow.
CONFTEST = """
import hypothesis

hypothesis.settings.register_profile("mutation", max_examples=30, derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("mutation")
"""


def main() -> int:
    """Run the mutants, print what survives, return the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--again", action="store_true", help="Only judge the last run.")
    if not arguments.parse_args().again:
        _prepare()
        subprocess.run(
            [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(CHILDREN)], cwd=FOLDER, check=False
        )
    return _judge(_exit_codes())


def _prepare() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", "conftest.py", "test_*", "scheduler", "validate", "workers")
    shutil.copytree(ROOT / "operator" / "queueworkerpool", FOLDER / "src" / "queueworkerpool")
    shutil.copytree(ROOT / "crds", FOLDER / "crds")
    tests = shutil.copytree(ROOT / "tests" / "unit" / "operator", FOLDER / "tests" / "unit" / "operator", ignore=ignore)
    for path in re.findall(r"tests/unit/operator/(\w+\.py)", SETTINGS):
        shutil.copy(ROOT / "tests" / "unit" / "operator" / path, tests)
    shutil.copytree(ROOT / "tests" / "unit" / "operator" / "decide", Path(tests) / "decide", dirs_exist_ok=True)
    (FOLDER / "tests" / "conftest.py").write_text(CONFTEST)
    (FOLDER / "pyproject.toml").write_text(SETTINGS)


def _exit_codes() -> dict[str, int | None]:
    """How the tests ended, by mutant."""
    found: dict[str, int | None] = {}
    for path in (FOLDER / "mutants").rglob("*.meta"):
        found |= json.loads(path.read_text())["exit_code_by_key"]
    return found


def _judge(codes: dict[str, int | None]) -> int:
    survivors = sorted(name for name, code in codes.items() if code not in KILLED)
    excused = {line.split()[0] for line in EXCUSED.read_text().splitlines() if line and not line.startswith("#")}
    percent = 100 * (1 - len(survivors) / len(codes)) if codes else 0.0
    print(f"{len(codes)} mutants, {len(survivors)} survive: {percent:.1f} % killed; {dict(Counter(codes.values()))}")
    new = [name for name in survivors if name not in excused]
    for name in new:
        print(f"not excused in {EXCUSED.name}: {name}")
    return 1 if new or percent < LEAST_KILLED_PERCENT else 0


if __name__ == "__main__":
    sys.exit(main())
