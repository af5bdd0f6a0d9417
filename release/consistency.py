"""Whether everything that names the version names this one, and what the changelog says about it. Pure.

`main` calls it. The files are given as texts by their paths in the repository.
"""

import re
from collections.abc import Iterator, Mapping

from release.errors import ReleaseError

VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "Unreleased"
NAMED = {
    "pyproject.toml": r'^(?:version = "|planner = \["queueplanner==)([^"]+)"',
    "planner/pyproject.toml": r'(?:^version = "|queueworkerpool\[cli\]==)([^"]+)"',
    "worker/pyproject.toml": r'^version = "([^"]+)"',
    "charts/queueworkerpool/Chart.yaml": r"^(?:version|appVersion): (\S+)$",
    "charts/queueworkerpool-crds/Chart.yaml": r"^(?:version|appVersion): (\S+)$",
    "crds/queueworkerpools.yaml": r"queueworker\.dev/version: (\S+)$",
    "charts/queueworkerpool/files/queueworkerpools.yaml": r"queueworker\.dev/version: (\S+)$",
    "charts/queueworkerpool-crds/files/queueworkerpools.yaml": r"queueworker\.dev/version: (\S+)$",
    "Dockerfile": r"^ARG VERSION=(.+)$",
    "examples/quickstart.yaml": r"image: queueworkerpool-worker:(\S+)",
    "examples/gitops/workers/deployment.yaml": r"image: queueworkerpool-worker:(\S+)",
    "examples/gitops/argocd/operator.yaml": r"targetRevision: (\S+)",
    "examples/gitops/flux/operator.yaml": r"ref: \{tag: (\S+)\}",
    "examples/kind/sqs.yaml": r"image: queueworkerpool-sqs:(\S+)",
    "README.md": r"queueworkerpool-(?:operator|worker|sqs):(\d\S*)",
}
"""The files that name the version, each with where it does."""


def problems(version: str, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for everything that speaks against a release of this version."""
    if not VERSION.fullmatch(version):
        yield f"VERSION={version} is no version such as 1.2.3"
    for path, pattern in NAMED.items():
        named = re.findall(pattern, texts[path], re.MULTILINE)
        if not named:
            yield f"{path} names no version any more"
        for other in sorted(set(named) - {version}):
            yield f"{path} says {other}, not {version}: set it there"


def with_source(chart: str, source: str) -> str:
    """Return a Chart.yaml that names the address of the sources; registries take a chart's labels from it."""
    return f"{chart}home: {source}\nsources: [{source}]\n" if source.startswith("https://") else chart


def notes(version: str, changelog: str, *, rehearsal: bool) -> str:
    """Return what the changelog says about a version; a rehearsal takes what is not released yet.

    Raises ReleaseError when the changelog has nothing about the version.
    """
    sections: dict[str, str] = dict(
        re.findall(r"^## (\S+)[^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    )
    text = sections.get(version) or (sections.get(UNRELEASED) if rehearsal else None)
    if not text or not text.strip():
        raise ReleaseError(f"{CHANGELOG} has no section `## {version}`: give `## {UNRELEASED}` that name")
    return text.strip() + "\n"
