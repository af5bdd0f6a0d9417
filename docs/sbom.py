"""Writes what an image contains, from its lock, as a CycloneDX 1.6 document. `generate` and `release` call it.

The same lock gives the same document: no time, no random number. So a change of the lock shows as a readable diff. The
hashes stay in the lock, for there are dozens per library, one for each platform, and an image contains one of them.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_ENTRY = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)", re.IGNORECASE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom(lock: Path, image: str, base: Iterable[dict[str, Any]] = ()) -> str:
    """The document of the image whose environment LOCK describes; `base`: the components that its base adds."""
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": image, "name": image}},
        "components": [*(_component(name, version) for name, version, _ in entries(lock)), *base],
    }
    return json.dumps(document, indent=2) + "\n"


def entries(lock: Path) -> list[tuple[str, str, list[str]]]:
    """Name, version and the hashes of all files of each entry of a lock."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lock.read_text().splitlines():
        if entry := _ENTRY.match(line):
            found.append((entry[1], entry[2], []))
        elif hashed := _HASH.search(line):
            found[-1][2].append(hashed[1])
    return found


def _component(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name.lower()}@{version}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
