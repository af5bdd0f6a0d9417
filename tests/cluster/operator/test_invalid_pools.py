"""What the API server refuses, accepts and says; and that `qwp validate` says the same without it."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes import client, config

from devcluster import Cluster
from queueworkerpool.validate import Problem, validate
from tests.cluster.operator.conftest import Operator
from tests.cluster.operator.pool_rows import ACCEPTED, REFUSED, Row

POOLS = "/apis/queueworker.dev/v1alpha1/namespaces/default/queueworkerpools"
# What the API server says while it still reads, in one sentence that names no causes.
WHILE_READING = re.compile(
    r'unknown field "[^"]+"|key "[^"]+" already set in map|json: cannot unmarshal \w+ into [\w ]+ \S+(?: of type \S+)?'
)


class ApiServer:
    """Asks the API server what it would say to a pool that is created under strict validation."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    def says(self, manifest: str) -> set[str]:
        """Return what it finds wrong, as FIELD: MESSAGE; nothing means that it accepts the pool."""
        answer = self._api.rest_client.pool_manager.request(
            "POST",
            f"{self._api.configuration.host}{POOLS}?dryRun=All&fieldValidation=Strict",
            body=manifest.encode(),
            headers={"Content-Type": "application/yaml", "Accept": "application/json"},
        )
        told = json.loads(answer.data)
        return set() if answer.status == 201 else causes(told)


def causes(status: dict[str, Any]) -> set[str]:
    if status["reason"] == "Invalid":
        return {f"{cause['field']}: {cause['message']}" for cause in status["details"]["causes"]}
    assert status["reason"] == "BadRequest", status
    return set(WHILE_READING.findall(status["message"])) or {status["message"]}


def offline(manifest: str) -> set[str]:
    """Return what `qwp validate` finds wrong, up to where the API server stops: at what it cannot read."""
    found: list[Problem] = [each for verdict in validate(manifest, datetime.now(UTC)) for each in verdict.errors]
    reading = {word for problem in found for word in WHILE_READING.findall(problem.message)}
    return reading or {f"{problem.field}: {problem.message}" for problem in found}


@pytest.fixture(scope="module")
def api_server(cluster: Cluster, operator: Operator) -> ApiServer:
    assert operator.pod()  # whose chart brings the CRD
    api = config.new_client_from_config(str(cluster.kubeconfig))  # type: ignore[no-untyped-call] # it has no types
    return ApiServer(api)


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_refused_by_field_and_fix_and_by_qwp_validate_in_the_same_words(api_server: ApiServer, row: Row) -> None:
    said = api_server.says(row.manifest)
    assert any(row.field in cause and row.fix in cause for cause in said), said
    assert offline(row.manifest) == said


@pytest.mark.parametrize("manifest", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted_and_by_qwp_validate_too(api_server: ApiServer, manifest: str) -> None:
    assert api_server.says(manifest) == set()
    assert offline(manifest) == set()
