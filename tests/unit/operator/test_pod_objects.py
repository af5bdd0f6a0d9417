"""What a raw pod says of where its worker can be asked, and by which names."""

from typing import Any

import pytest

from queueworkerpool.cluster.objects import parse_pod

NAME = "jobs-7d9f-x2x4z"


def raw(name: str = NAME, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": "0b1c", "creationTimestamp": "2026-11-23T12:00:00Z"}
    return {"metadata": metadata, "spec": {"nodeName": "n"} | spec, "status": {"podIP": "10.0.0.7"}}


def test_a_pod_has_its_own_address() -> None:
    assert parse_pod(raw()).address == "10.0.0.7"


def test_the_address_of_a_node_is_no_pods() -> None:
    """Whatever listens there would answer, and could be asked by way of a pod template."""
    assert parse_pod(raw(hostNetwork=True)).address == ""


@pytest.mark.parametrize(
    ("pod", "hostname"),
    [
        (raw(), NAME),
        (raw(hostname="own"), "own"),
        (raw("a" * 70), "a" * 63),
        (raw("a" * 61 + "-.b-c"), "a" * 61),
    ],
    ids=["its name", "as its template says", "cut", "cut, without what no name ends with"],
)
def test_the_host_name_is_the_one_that_the_kubelet_sets(pod: dict[str, Any], hostname: str) -> None:
    assert parse_pod(pod).hostname == hostname
