"""What users may do with pools when they have only the rights of Kubernetes' own roles in a namespace."""

import json

import pytest

from devcluster import CommandFailedError
from queueworkerpool.names import GROUP, PLURAL
from tests.cluster.operator.conftest import Shop

SEE, STATUS = {"get", "list", "watch"}, f"{PLURAL}/status"
ALL = SEE | {"create", "update", "patch", "delete", "deletecollection"}
ROLES = {"view": SEE, "edit": ALL, "admin": ALL}


class User(Shop):
    """A user of the shop's namespace, with the rights that the API server gives them."""

    def __init__(self, shop: Shop, name: str) -> None:
        super().__init__(shop.cluster, shop.sqs, shop.namespace)
        self.name = name

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return super().kubectl(f"--as={self.name}", *arguments, stdin=stdin)

    def rights(self) -> dict[str, set[str]]:
        """Return what they may do with our kinds, as the API server reviews it."""
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"}
        request = json.dumps(review | {"spec": {"namespace": self.namespace}})
        path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
        status = json.loads(self.kubectl("create", "--raw", path, "-f", "-", stdin=request))["status"]
        found: dict[str, set[str]] = {}
        for rule in status["resourceRules"]:
            for resource in rule["resources"] if GROUP in rule["apiGroups"] else ():
                found.setdefault(resource, set()).update(rule["verbs"])
        return found


@pytest.fixture
def user(shop: Shop) -> User:
    """A user without rights yet."""
    return User(shop, "a-user")


@pytest.mark.parametrize(("role", "verbs"), ROLES.items())
def test_a_role_in_a_namespace_is_one_over_its_pools(role: str, verbs: set[str], shop: Shop, user: User) -> None:
    assert user.rights() == {}
    shop.kubectl("create", "rolebinding", "users", f"--clusterrole={role}", "--user=a-user")
    wanted = {PLURAL: verbs, STATUS: {"get"}}
    shop.eventually(lambda: user.rights() == wanted, 60, f"who has {role} has not {wanted}")


def test_an_editor_makes_a_pool_that_works_and_cannot_forge_its_status(shop: Shop, user: User) -> None:
    shop.kubectl("create", "rolebinding", "users", "--clusterrole=edit", "--user=a-user")
    shop.eventually(lambda: "create" in user.rights().get(PLURAL, ()), 60, "an editor may not create pools")
    user.deployment("made")
    user.send(queue := user.queue("made"), 10)
    user.pool("made", queue)
    user.eventually(lambda: user.replicas("made") == 2, 60, "the pool does not work")
    forged = (
        "patch",
        "qwp",
        "made",
        "--subresource=status",
        "--type=merge",
        '--patch={"status": {"desiredReplicas": 9}}',
    )
    with pytest.raises(CommandFailedError, match=f'User "a-user" cannot patch resource "{STATUS}"'):
        user.kubectl(*forged)
    shop.kubectl(*forged)
