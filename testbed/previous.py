"""The version of the operator before this one: its program, its custom resource and its chart, for tests of upgrades.

It is an archive beside this file and not a commit that is asked for: a shallow clone has no old commits, a release
archive has none at all, and a history that is written anew has others. At a release it is made again, from the release
that then is the previous one, and PREVIOUS is changed:

    git archive --format=tar COMMIT operator/queueworkerpool crds charts/queueworkerpool | xz -9 > previous.tar.xz
"""

import tarfile
from pathlib import Path

from testbed.interpreters import THIS_INTERPRETER, Interpreter

PREVIOUS = "d642277"
"""The commit that the archive was made from, for people."""

_ARCHIVE = Path(__file__).with_suffix(".tar.xz")


def unpack(folder: Path) -> Path:
    """Unpack the previous version; return its root, which is laid out as this repository."""
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def interpreter_of(root: Path) -> Interpreter:
    """Return the interpreter of the tests, for which `queueworkerpool` is the one of this root."""
    return Interpreter(THIS_INTERPRETER.python, {"PYTHONPATH": str(root / "operator")})
