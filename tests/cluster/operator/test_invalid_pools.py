"""What the API server refuses and accepts, and that `qwp validate` gives the same answers without it."""

import copy
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes import client, config

from devcluster import Cluster
from queueworkerpool.validate import Problem, validate
from queueworkerpool.validate.crd import pool_schema
from queueworkerpool.validate.schema import Schema
from tests.cluster.operator.conftest import Operator
from tests.cluster.operator.pool_manifests import URL, manifest
from tests.cluster.operator.pool_rows import ACCEPTED, REFUSED
from tests.cluster.operator.refused import Row

POOLS = "/apis/queueworker.dev/v1alpha1/namespaces/default/queueworkerpools"
# The errors of the API server's decoder, each in one sentence that names no causes.
DECODING_ERROR = re.compile(
    r'unknown field "[^"]+"|key "[^"]+" already set in map|json: cannot unmarshal \w+ into [\w ]+ \S+(?: of type \S+)?'
)


class ApiServer:
    """Creates pools under strict validation, as a dry run, to get the API server's errors."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    def errors(self, text: str) -> set[str]:
        """Return the errors, as FIELD: MESSAGE; none when the pool is accepted."""
        answer = self._api.rest_client.pool_manager.request(
            "POST",
            f"{self._api.configuration.host}{POOLS}?dryRun=All&fieldValidation=Strict",
            body=text.encode(),
            headers={"Content-Type": "application/yaml", "Accept": "application/json"},
        )
        return set() if answer.status == 201 else causes(json.loads(answer.data))


def causes(status: dict[str, Any]) -> set[str]:
    if status["reason"] == "Invalid":
        return {f"{cause['field']}: {cause['message']}" for cause in status["details"]["causes"]}
    assert status["reason"] == "BadRequest", status
    return set(DECODING_ERROR.findall(status["message"])) or {status["message"]}


def offline(text: str) -> set[str]:
    """Return the errors of `qwp validate`, or only those of decoding: the API server stops at them."""
    found: list[Problem] = [each for verdict in validate(text, datetime.now(UTC)) for each in verdict.errors]
    decoding = {word for problem in found for word in DECODING_ERROR.findall(problem.message)}
    return decoding or {f"{problem.field}: {problem.message}" for problem in found}


@pytest.fixture(scope="module")
def api_server(cluster: Cluster, operator: Operator) -> ApiServer:
    assert operator.pod()  # whose chart brings the CRD
    api = config.new_client_from_config(str(cluster.kubeconfig))  # type: ignore[no-untyped-call] # it has no types
    return ApiServer(api)


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_refused_by_field_and_fix_and_by_qwp_validate_in_the_same_words(api_server: ApiServer, row: Row) -> None:
    errors = api_server.errors(row.manifest)
    assert any(row.field in cause and row.fix in cause for cause in errors), errors
    assert offline(row.manifest) == errors


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted_and_by_qwp_validate_too(api_server: ApiServer, text: str) -> None:
    assert api_server.errors(text) == set()
    assert offline(text) == set()


ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 60, 101, 100_001, 2**31, 2**63, -(2**63) - 1, 0.5, -0.5, 1e-7, 1e21, 1234567.5),
        *("", "a", "A-", "Max", "0 9 * * 1-5", URL, "é\n\u200b", "<&>", "\x7f\x80\u2028", "x" * 300),
        *([], {}, [None], [1], ["a"], [{}], {"a": 1}, [{"a": None}], [[{"b": 1}]]),
    ]
)


@st.composite
def values(draw: st.DrawFn, schema: Schema) -> Any:
    """Values as the schema would have them, each now and then replaced by an odd one."""
    if draw(st.integers(0, 39)) == 0:
        return copy.deepcopy(draw(ODD_VALUES))
    if (kind := schema.get("type")) == "object":
        names = [name for name in schema["properties"] if name in schema.get("required", ()) or draw(st.booleans())]
        return {name: draw(values(schema["properties"][name])) for name in names}
    if kind == "array":
        return [draw(values(schema["items"])) for _ in range(draw(st.integers(0, 3)))]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if kind == "string":
        return draw(st.sampled_from(["thumbnailer", URL, "eu-west-1", "0 9 * * 1-5", "UTC", "B"]))
    near = [bound + step for bound in (schema["minimum"], schema["maximum"]) for step in (-1, 0, 0, 1)]
    return draw(st.sampled_from(near)) + (draw(st.sampled_from([0, 0, 0.5])) if kind == "number" else 0)


@settings(max_examples=200, deadline=None)
@given(values(pool_schema()["properties"]["spec"]))
def test_whatever_the_spec_qwp_validate_has_the_errors_of_the_api_server(api_server: ApiServer, spec: Any) -> None:
    text = manifest(spec)
    assert offline(text) == api_server.errors(text)
