"""`make audit`: checks what the images contain for known vulnerabilities, and that all machines can install it.

Not a test: it needs the network.

pip-audit reports no vulnerabilities, and exits with 0, also when it could not check anything. So its answer is judged
here: 0 when all was checked and no vulnerability is known, 1 when one is known, 2 when something could not be checked.
"""

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.sbom import entries
from tests.supplychain.verdict import Verdict, verdict

ROOT = Path(__file__).parents[2]
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LOCKS = ("requirements-operator.lock", "requirements-worker.lock", "requirements-build.lock")


def main() -> int:
    """Audit every lock; return the exit code."""
    codes = [_audited(ROOT / name) for name in LOCKS]
    codes += [_installable(ROOT / name, *on) for name in LOCKS for on in itertools.product(PLATFORMS, PYTHONS)]
    return 1 if 1 in codes else max(codes)


def _audited(lock: Path) -> int:
    argv = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    argv += ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = verdict(done.stdout, {name.lower() for name, _, _ in entries(lock)})
    _print_verdict(lock.name, found)
    if done.returncode and done.stderr:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
    return found.exit_code


def _installable(lock: Path, platform: str, python: str) -> int:
    """Return 0 when all can be installed on this platform, by wheels with locked hashes; 2 when not."""
    argv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    argv += ["--only-binary=:all:", f"--python-platform={platform}", f"--python-version={python}"]
    with tempfile.TemporaryDirectory() as nothing:
        argv += [f"--target={nothing}", f"--requirement={lock}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    said = (
        "can be installed"
        if done.returncode == 0
        else f"UNKNOWN whether it can be installed: {done.stderr.strip()[:400]}"
    )
    print(f"{lock.name}: {platform}, Python {python}: {said}")
    return 2 if done.returncode else 0


def _print_verdict(lock: str, found: Verdict) -> None:
    for line in found.vulnerable:
        print(f"{lock}: {line}")
    if found.unchecked:
        print(f"{lock}: UNKNOWN, not clean: {len(found.unchecked)} could not be checked: {', '.join(found.unchecked)}")
    if found.exit_code == 0:
        print(f"{lock}: no known vulnerability")


if __name__ == "__main__":
    sys.exit(main())
