"""The components of an image that no lock names: the packages of its base, and its Python, for the SBOM. Pure."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from release.archives import Image

DPKG_STATUS = "var/lib/dpkg/status"
OS_RELEASE = ("etc/os-release", "usr/lib/os-release")


def base_components(image: Image) -> Iterator[dict[str, Any]]:
    """Yield a CycloneDX component for each Debian package that is installed, and for a Python that is none of them.

    Other bases' packages are not known, and not named.
    """
    release = _fields("\n".join(image.files.get(path, "") for path in OS_RELEASE), "=")
    system, number = release.get("ID", "").strip('"'), release.get("VERSION_ID", "").strip('"')
    for paragraph in image.files.get(DPKG_STATUS, "").split("\n\n"):
        package = _fields(paragraph, ":")
        if package.get("Status", "").endswith(" installed"):
            name, version = package["Package"], package["Version"]
            where = f"arch={package['Architecture']}&distro={system}-{number}"
            yield _component(name, version, f"pkg:deb/{system}/{name}@{quote(version, safe='.:-+~')}?{where}")
    # The official Python images build theirs, and name it in this variable.
    if python := image.environment.get("PYTHON_VERSION"):
        yield _component("python", python, f"pkg:generic/python@{python}")


def _fields(text: str, separator: str) -> dict[str, str]:
    found = re.findall(rf"^([A-Za-z0-9_-]+){separator} ?(.*)$", text, re.MULTILINE)
    return dict(found)


def _component(name: str, version: str, purl: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
