"""A hostile tenant scales nothing outside its namespace, and not the operator."""

import pytest

from devcluster import Cluster, CommandFailedError
from devcluster.sqs import MotoSqs
from tests.cluster.operator.conftest import NAMESPACE as OPERATOR_NAMESPACE
from tests.cluster.operator.conftest import Operator, Shop

TARGETS = {
    "another namespace in the name": {"name": "victim/till"},
    "another namespace in a field": {"name": "till", "namespace": "victim"},
    "a path in the kind": {"name": "till", "kind": "../secrets"},
    "a path in the API version": {"name": "till", "apiVersion": "../api/v1"},
    "a path": {"name": "../../victim/deployments/till"},
    "an encoded path": {"name": "..%2f..%2fvictim"},
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_cannot_be(target: dict[str, str], attacker: Shop) -> None:
    with pytest.raises(CommandFailedError, match="scaleTargetRef"):
        attacker.pool("aimed", "q", scaleTargetRef=target)


@pytest.mark.parametrize("name", ["till", "queueworkerpool"])
def test_the_name_of_anothers_deployment_means_one_in_the_own_namespace(name: str, attacker: Shop) -> None:
    """The victim's, and the operator's own."""
    attacker.pool(f"aimed-{name}", attacker.queue("aimed"), deployment=name)
    missing = ("False", "TargetNotFound")
    attacker.eventually(lambda: attacker.condition(f"aimed-{name}", "TargetFound") == missing, 60, "it was found")


@pytest.mark.parametrize("kind", ["Secret", "ReplicationController"])
def test_a_kind_that_the_operator_does_not_list_is_never_asked_for(kind: str, attacker: Shop) -> None:
    """The operator would be refused, which no test of this run may see."""
    target = {"apiVersion": "v1", "kind": kind, "name": "till"}
    attacker.pool(f"aimed-{kind.lower()}", attacker.queue("aimed"), scaleTargetRef=target)
    refused = ("False", "TargetNotAllowed")
    name = f"aimed-{kind.lower()}"
    attacker.eventually(lambda: attacker.condition(name, "TargetFound") == refused, 60, "it is not refused")


def test_a_pool_beside_the_operator_does_not_scale_it(cluster: Cluster, moto_sqs: MotoSqs, operator: Operator) -> None:
    """Its queue is not allowed either: a guard that fails must fail this test and not end the operator of all tests."""
    system = Shop(cluster, moto_sqs, OPERATOR_NAMESPACE)
    size = system.generation("queueworkerpool")
    system.pool("aimed", "aimed", deployment="queueworkerpool")
    refused = ("False", "TargetNotAllowed")
    system.eventually(lambda: system.condition("aimed", "TargetFound") == refused, 60, "it was not refused")
    system.kubectl("delete", "qwp", "aimed")
    assert (system.generation("queueworkerpool"), operator.failures("/livez")) == (size, "")
