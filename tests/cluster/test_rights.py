"""What the operator requests of the API server, by its audit log: all that its roles allow, and nothing else."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from devcluster.sqs import MotoSqs
from testbed.operators import OPERATOR, OPERATOR_NAMESPACE, USER
from tests.cluster.operator.conftest import CHART, Operator, Shop, install
from tests.cluster.operator.kinds import stateful_set
from tests.cluster.operator.workers import Workers

Json = dict[str, Any]
REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
ACCOUNT = {"kind": "ServiceAccount", "name": OPERATOR, "namespace": OPERATOR_NAMESPACE}
OF_THE_RELEASE = f"app.kubernetes.io/instance={OPERATOR}"


class Right(NamedTuple):
    """The right to one verb on one kind of object."""

    group: str
    resource: str
    verb: str


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A cluster in which nobody else installs the operator."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("rights"), audit=True) as running:
        yield running


def end(cluster: Cluster) -> None:
    """End the operator, so that all of its requests are in the log."""
    cluster.kubectl("-n", OPERATOR_NAMESPACE, "scale", "deployment", OPERATOR, "--replicas=0")
    pods = ("-n", OPERATOR_NAMESPACE, "get", "pods", "-o", "name")
    wait_until(lambda: cluster.kubectl(*pods) == "", 60, "the operator did not end")


@contextmanager
def installed(cluster: Cluster, sqs: MotoSqs, **values: Any) -> Iterator[Operator]:
    """Run the operator while the body runs; afterwards it is gone, with its rights."""
    running = install(cluster, sqs, **values)
    try:
        yield running
    finally:
        end(cluster)
        cluster.helm("uninstall", OPERATOR, "--namespace", OPERATOR_NAMESPACE, "--wait")


def explain(operator: Operator, pool: str) -> str:
    """Run `qwp explain` with what the operator's pod has, as `kubectl exec` would; return what it prints."""
    files = operator.cluster.node.files(OPERATOR_NAMESPACE, operator.pod()["metadata"]["name"])
    env = {"KUBECONFIG": str(files.kubeconfig), "PATH": "/usr/bin:/bin"}
    command = [str(Path(sys.executable).with_name("qwp")), "explain", pool]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def work(shop: Shop, folder: Path) -> None:
    """Make the operator do all that it ever does: scale out, scale in around a busy worker, see the pool deleted."""
    workers = Workers(shop, folder)
    shop.deployment("pods", command=workers.command)
    shop.send(queue := shop.queue("pods"), 10)
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    shop.pool("pods", queue, behavior=at_once, scaleToZeroAfterSeconds=1)
    shop.eventually(lambda: shop.ready("pods") == 2, 60, "the workers did not become ready")
    assert "so: 2 pods" in explain(Operator(shop.cluster), f"{shop.namespace}/pods")
    busy = workers.work(1)
    shop.purge(queue)
    shop.eventually(lambda: shop.replicas("pods") == 1, 60, "the idle worker did not go")
    shop.eventually(lambda: set(workers.pods()) == busy, 60, "not the busy worker is left")
    shop.kubectl("delete", "qwp,deployments", "--all")
    work_on_a_stateful_set(shop)
    shop.cluster.kubectl("-n", OPERATOR_NAMESPACE, "delete", "lease", OPERATOR)
    lease = ("-n", OPERATOR_NAMESPACE, "get", "lease", OPERATOR, "--ignore-not-found", "-o", "name")
    shop.eventually(lambda: shop.cluster.kubectl(*lease) != "", 60, "the leader does not create its Lease again")


def work_on_a_stateful_set(shop: Shop) -> None:
    """Make the operator scale one, and somebody ask why."""
    stateful_set(shop, "sets", 0, ["sleep", "3600"])
    shop.send(queue := shop.queue("sets"), 5)
    shop.pool("sets", queue, scaleTargetRef={"kind": "StatefulSet", "name": "sets"})
    replicas = ("get", "statefulset", "sets", "-o", "jsonpath={.spec.replicas}")
    shop.eventually(lambda: shop.kubectl(*replicas) == "1", 60, "the StatefulSet was not scaled")
    assert "StatefulSet sets: 1 pods" in explain(Operator(shop.cluster), f"{shop.namespace}/sets")
    shop.kubectl("delete", "qwp,statefulsets", "--all")


def listed(cluster: Cluster, *what: str) -> list[Json]:
    return list(json.loads(cluster.kubectl("get", *what, "-A", "-o", "json"))["items"])


def granted(cluster: Cluster) -> set[Right]:
    """Return what the operator may do with objects, by all roles that are bound to it."""
    bindings = listed(cluster, "clusterrolebindings,rolebindings")
    refs = [
        (binding["metadata"].get("namespace", "default"), binding["roleRef"]["kind"], binding["roleRef"]["name"])
        for binding in bindings
        if ACCOUNT in binding.get("subjects", ())
    ]
    roles = [json.loads(cluster.kubectl("-n", place, "get", kind, name, "-o", "json")) for place, kind, name in refs]
    return {
        Right(group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def requested(cluster: Cluster, since: datetime) -> list[Json]:
    """Return the audit events of the operator since then, and of clients without a valid token, which have no name."""
    whole, _, _ = (cluster.directory / "audit.log").read_text().rpartition("\n")  # the last line may be under way
    events = map(json.loads, whole.splitlines())
    return [
        event
        for event in events
        if event["user"].get("username", USER) == USER
        and datetime.fromisoformat(event["requestReceivedTimestamp"]) >= since
    ]


def needed(event: Json) -> Right | None:
    """Return the right that a request needed; None when it was about the kinds of objects that exist."""
    about = event.get("objectRef", {})
    if "resource" not in about:
        return None
    resource = "/".join(about[part] for part in ("resource", "subresource") if part in about)
    return Right(about.get("apiGroup", ""), resource, event["verb"])


WATCHED = {"of all namespaces": ([], {"ClusterRole", "Role"}), "of some namespaces": (["rights-some"], {"Role"})}


@pytest.mark.parametrize(("watched", "kinds"), WATCHED.values(), ids=WATCHED)
def test_an_operator_uses_every_right_that_it_has_and_requests_nothing_else(
    watched: list[str], kinds: set[str], audited: Cluster, moto_sqs: MotoSqs, tmp_path: Path
) -> None:
    [namespace] = watched or ["rights-all"]
    audited.kubectl("create", "namespace", namespace)
    begun = datetime.now(UTC)
    with installed(audited, moto_sqs, watchNamespaces=watched):
        work(Shop(audited, moto_sqs, namespace), tmp_path / "busy")
        end(audited)
        events, rights = requested(audited, begun), granted(audited)
        roles = listed(audited, "clusterroles,clusterrolebindings,roles,rolebindings", "-l", OF_THE_RELEASE)

    assert [event for event in events if event["responseStatus"]["code"] in REFUSALS] == []
    assert {right for event in events if (right := needed(event))} == rights
    assert {"secrets", "configmaps", "*"}.isdisjoint(word for right in rights for word in right)
    assert {role["kind"].removesuffix("Binding") for role in roles} == kinds
    places = {event["objectRef"].get("namespace", "") for event in events if needed(event)}
    assert places == {namespace, OPERATOR_NAMESPACE} | (set() if watched else {""})


def test_a_lease_that_is_missing_is_created_and_nothing_is_ready_where_it_may_not_be(
    audited: Cluster, moto_sqs: MotoSqs
) -> None:
    """As where Argo CD leaves Leases out of what it applies."""
    in_place = ("-n", OPERATOR_NAMESPACE)
    get = (*in_place, "get", "lease", OPERATOR, "--ignore-not-found", "-o", "jsonpath={.spec.holderIdentity}")
    role = f"role/{OPERATOR}-lease"
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]}
    create = {"op": "add", "path": "/rules/1", "value": rule}
    with installed(audited, moto_sqs) as operator:
        wait_until(lambda: audited.kubectl(*get) != "", 60, "nobody leads")
        audited.kubectl(*in_place, "delete", "lease", OPERATOR)
        wait_until(lambda: audited.kubectl(*get) != "", 60, "the leader does not create its Lease again")
        assert operator.failures() == ""

        end(audited)
        audited.kubectl(*in_place, "patch", role, "--type=json", "-p", '[{"op": "remove", "path": "/rules/1"}]')
        audited.kubectl(*in_place, "delete", "lease", OPERATOR)
        audited.kubectl(*in_place, "scale", "deployment", OPERATOR, "--replicas=1")
        sentence = (
            f"nobody leads: there is no Lease {OPERATOR_NAMESPACE}/{OPERATOR}, and this process may not create it"
        )
        wait_until(lambda: running(audited) and sentence in operator.failures(), 90, "/readyz does not say it")
        assert operator.failures("/livez") == ""
        assert sentence.removeprefix("nobody leads: ") in operator.logs()

        audited.kubectl(*in_place, "patch", role, "--type=json", "-p", json.dumps([create]))
        wait_until(lambda: operator.failures() == "", 60, "the operator is not ready again")
        assert audited.kubectl(*get) != ""
        audited.helm("upgrade", OPERATOR, str(CHART), "--namespace", OPERATOR_NAMESPACE, "--reuse-values")


def running(cluster: Cluster) -> bool:
    """Return whether the operator has a pod with an address."""
    return cluster.kubectl("-n", OPERATOR_NAMESPACE, "get", "pods", "-o", "jsonpath={.items[*].status.podIP}") != ""
