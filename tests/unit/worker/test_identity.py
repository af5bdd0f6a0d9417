"""Which pod a worker says it is in."""

import pytest

from queueworker.identity import pod_identity

FOUND: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "set by the template": (
        {"POD_NAME": "jobs-1", "POD_UID": "0b1c", "HOSTNAME": "x"},
        {"pod": "jobs-1", "uid": "0b1c"},
    ),
    "the host name, else": ({"HOSTNAME": "jobs-1"}, {"pod": "jobs-1"}),
    "the uid alone": ({"POD_UID": "0b1c"}, {"uid": "0b1c"}),
    "set to nothing": ({"POD_NAME": "", "HOSTNAME": "jobs-1", "POD_UID": ""}, {"pod": "jobs-1"}),
    "not known": ({"PATH": "/bin"}, {}),
}


@pytest.mark.parametrize(("environment", "identity"), FOUND.values(), ids=FOUND)
def test_the_pod_is(environment: dict[str, str], identity: dict[str, str]) -> None:
    assert pod_identity(environment) == identity
