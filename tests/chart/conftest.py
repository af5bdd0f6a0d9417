"""Helm and kubeconform, run on the chart without any cluster."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import kubernetes_validate
import pytest
import yaml

from devcluster import UnavailableError, tools
from tests.chart.objects import CHART, SETS, Json, Render

KUBERNETES_SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def helm(unavailable: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Call as helm("lint", ..., values={...}): runs in namespace `system`, with the values over the defaults."""
    try:
        program = tools.helm()
    except UnavailableError as error:
        unavailable(str(error))
    home = tmp_path_factory.mktemp("helm")
    own = {f"HELM_{kind}_HOME": str(home / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    env = {**os.environ, **own, "KUBECONFIG": os.devnull}

    def run(*arguments: str, values: Mapping[str, Any] | None = None) -> "subprocess.CompletedProcess[str]":
        argv = [str(program), *arguments, "--namespace=system", "--values=-"]
        given = json.dumps(values or {})
        return subprocess.run(argv, env=env, input=given, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """Call as render({...}) for the objects that the chart makes of these values, for a release of Kubernetes."""

    def objects(
        values: Mapping[str, Any] | None = None, release: str = "demo", kubernetes: str = "1.36.0"
    ) -> list[Json]:
        answer = helm("template", release, str(CHART), f"--kube-version={kubernetes}", values=values)
        assert answer.returncode == 0, answer.stderr
        return [manifest for manifest in yaml.safe_load_all(answer.stdout) if manifest]

    return objects


@pytest.fixture(scope="session")
def kubeconform(unavailable: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Call as kubeconform(objects, "1.36.0") for what is wrong with them; nothing is downloaded."""
    try:
        program = tools.kubeconform()
    except UnavailableError as error:
        unavailable(str(error))
    folder = tmp_path_factory.mktemp("schemas")

    def complaints(objects: list[Json], kubernetes: str) -> str:
        # These schemas are the Prometheus operator's; tests of their own check their few fields.
        known = [found for found in objects if found["kind"] not in {"ServiceMonitor", "PrometheusRule"}]
        for found in known:
            _write_schema(folder / kubernetes, kubernetes, found)
        location = f"{folder}/{kubernetes}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        argv = [str(program), "-strict", "-schema-location", location]
        given = yaml.safe_dump_all(known)
        answer = subprocess.run(argv, input=given, capture_output=True, text=True, timeout=60, check=False)
        return "" if answer.returncode == 0 else answer.stdout + answer.stderr

    return complaints


@pytest.fixture(scope="session")
def kubernetes_releases() -> list[str]:
    """The releases of Kubernetes that the chart says it works with and whose schemas are here, oldest first."""
    oldest = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"].removeprefix(">=").removesuffix("-0")
    here = (
        folder.name.removeprefix("v").removesuffix("-local-strict") for folder in KUBERNETES_SCHEMAS.glob("*-strict")
    )
    known = sorted(here, key=_numbers)
    return [release for release in known if _numbers(release) >= _numbers(oldest)]


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def _write_schema(folder: Path, kubernetes: str, manifest: Json) -> None:
    """Write the schema of an object's kind under the name that kubeconform looks for, unless it is there."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    name = "-".join(part for part in (manifest["kind"].lower(), group.partition(".")[0], version) if part) + ".json"
    if not (folder / name).exists():
        folder.mkdir(exist_ok=True)
        ours = manifest["kind"] == "QueueWorkerPool"
        (folder / name).write_text(json.dumps(_our_schema() if ours else _kubernetes_schema(kubernetes, name)))


def _kubernetes_schema(kubernetes: str, name: str) -> Any:
    """A schema that needs no other file: those of kubernetes-validate refer to a path on the API server."""
    source = KUBERNETES_SCHEMAS / f"v{kubernetes}-local-strict"
    shared = json.loads((source / "_definitions.json").read_text().replace("#/$defs/", "#/definitions/"))
    schema = json.loads((source / name).read_text().replace("/api/_definitions.json#/$defs/", "#/definitions/"))
    return {**schema, "definitions": shared["$defs"]}


def _our_schema() -> Any:
    crd = yaml.safe_load((CHART / "files" / "queueworkerpools.yaml").read_text())
    schema = _closed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    del schema["properties"]["metadata"]["additionalProperties"]  # an object's metadata are not ours to describe
    return schema


def _closed(node: Any) -> Any:
    """The schema, refusing unknown fields as `kubectl apply` does."""
    if isinstance(node, list):
        return [_closed(child) for child in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(child) for key, child in node.items() if not key.startswith("x-kubernetes-")}
    return closed | {"additionalProperties": False} if node.get("type") == "object" else closed


@pytest.fixture(params=SETS)
def objects(request: pytest.FixtureRequest, render: Render) -> list[Json]:
    """What the chart makes of the defaults, and of values that differ from them all."""
    return render(SETS[request.param])
