"""The CRD that the package contains: the only source of what a pool may hold. `verdicts` calls it."""

from functools import cache
from importlib.resources import files
from typing import Any

from queueworkerpool.names import VERSION
from queueworkerpool.validate.documents import Document, read

_FILE = "queueworkerpools.yaml"


@cache
def pool_schema() -> dict[str, Any]:
    """Return the schema of a QueueWorkerPool."""
    document = next(read(_text()))
    assert isinstance(document, Document)  # noqa: S101 -- our own file, which tests read
    versions = document.value["spec"]["versions"]
    schema: dict[str, Any] = next(
        version["schema"]["openAPIV3Schema"] for version in versions if version["name"] == VERSION
    )
    return schema


def _text() -> str:
    package = files("queueworkerpool")
    packed = package / _FILE
    # A wheel contains the file in the package; a checkout has it in crds/, two folders up.
    return (packed if packed.is_file() else package / ".." / ".." / "crds" / _FILE).read_text(encoding="utf-8")
