"""What people may do with pools, who have no other rights than Kubernetes' own roles give them in a namespace."""

import json

import pytest

from devcluster import CommandFailedError
from queueworkerpool.names import GROUP, PLURAL
from tests.cluster.operator.conftest import Shop

SEE, STATUS = {"get", "list", "watch"}, f"{PLURAL}/status"
ALL = SEE | {"create", "update", "patch", "delete", "deletecollection"}
ROLES = {"view": SEE, "edit": ALL, "admin": ALL}


class Person(Shop):
    """Somebody who uses the shop's namespace, as far as the API server lets them."""

    def __init__(self, shop: Shop, name: str) -> None:
        super().__init__(shop.cluster, shop.sqs, shop.namespace)
        self.name = name

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return super().kubectl(f"--as={self.name}", *arguments, stdin=stdin)

    def rights(self) -> dict[str, set[str]]:
        """What they may do with our kinds, as the API server says."""
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
        asked = json.dumps(review | {"spec": {"namespace": self.namespace}})
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        told = json.loads(self.kubectl("create", "--raw", path, "-f", "-", stdin=asked))["status"]
        found: dict[str, set[str]] = {}
        for rule in told["resourceRules"]:
            for resource in rule["resources"] if GROUP in rule["apiGroups"] else ():
                found.setdefault(resource, set()).update(rule["verbs"])
        return found


@pytest.fixture
def person(shop: Shop) -> Person:
    """Somebody who has no rights yet."""
    return Person(shop, "somebody")


@pytest.mark.parametrize(("role", "verbs"), ROLES.items())
def test_a_role_in_a_namespace_is_one_over_its_pools(role: str, verbs: set[str], shop: Shop, person: Person) -> None:
    assert person.rights() == {}
    shop.kubectl("create", "rolebinding", "people", f"--clusterrole={role}", "--user=somebody")
    wanted = {PLURAL: verbs, STATUS: {"get"}}
    shop.eventually(lambda: person.rights() == wanted, 60, f"who has {role} has not {wanted}")


def test_an_editor_makes_a_pool_that_works_and_cannot_forge_its_status(shop: Shop, person: Person) -> None:
    shop.kubectl("create", "rolebinding", "people", "--clusterrole=edit", "--user=somebody")
    shop.eventually(lambda: "create" in person.rights().get(PLURAL, ()), 60, "an editor may not create pools")
    person.deployment("made")
    person.send(queue := person.queue("made"), 10)
    person.pool("made", queue)
    person.eventually(lambda: person.replicas("made") == 2, 60, "the pool does not work")
    forged = (
        "patch",
        "qwp",
        "made",
        "--subresource=status",
        "--type=merge",
        '--patch={"status": {"desiredReplicas": 9}}',
    )
    with pytest.raises(CommandFailedError, match=f'User "somebody" cannot patch resource "{STATUS}"'):
        person.kubectl(*forged)
    shop.kubectl(*forged)
