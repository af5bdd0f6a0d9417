"""The commands for people start quickly: they load no library that takes seconds before they need it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SLOW = {"kopf", "boto3", "botocore", "kubernetes", "aiohttp", "cel_expr_python", "ruamel"}

PROGRAM = """
import json, sys
from queueworkerpool.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [[], ["validate"], ["explain"], ["list"], ["import"]], ids=" ".join)
def test_help_loads_no_slow_library(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, "--help"],
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'common'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(ended.stderr))
    assert ended.stdout.startswith("Usage: ")
    assert {"queueworkerpool", "click"} <= loaded
    assert loaded & SLOW == set()


UNUSED = {"boto3", "kubernetes_validate", "oauthlib", "pydantic", "requests", "requests_oauthlib", "websocket"}
"""What the libraries of the operator load, and the operator does not use."""

OPERATOR = """
import json, sys
import queueworkerpool.process
print(json.dumps(sorted(sys.modules)))
"""


def test_the_operator_starts_without_what_only_its_libraries_would_use() -> None:
    """Together they cost it half a second and 17 MiB."""
    path = {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'common'}"}
    ended = subprocess.run([sys.executable, "-c", OPERATOR], env=path, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    assert {"kopf", "kubernetes", "botocore"} <= loaded
    assert loaded & UNUSED == set()


LATER = """
import queueworkerpool.process
from queueworkerpool.cluster.library import config
import kubernetes.dynamic, kubernetes.watch, oauthlib.oauth2, pydantic, requests_oauthlib, urllib3
library = config.kube_config
assert library.oauthlib.oauth2.LegacyApplicationClient is oauthlib.oauth2.LegacyApplicationClient
assert isinstance(library.OAuth2Session(client_id="me"), requests_oauthlib.OAuth2Session)
assert kubernetes.dynamic.DynamicClient and kubernetes.watch.Watch and pydantic.BaseModel.model_fields == {}
client = library.ApiClient(kubernetes.client.Configuration())
sent = urllib3.HTTPResponse(b'{"kind": "ConfigMap", "data": {"a": "b"}}', status=200)
answer = kubernetes.client.rest.RESTResponse(sent)
answer.read()
response = client.response_deserialize(answer, {"200": "V1ConfigMap"})
assert (response.status_code, response.data.data) == (200, {"a": "b"})
"""


def test_what_stood_in_for_a_library_is_gone_when_somebody_needs_it() -> None:
    path = {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'common'}"}
    ended = subprocess.run([sys.executable, "-c", LATER], env=path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
