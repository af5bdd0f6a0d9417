"""Under Pod Security `restricted`, with a read-only root and under any UID: what strict clusters ask of a pod."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devcluster.errors import CommandFailedError
from e2e import release
from e2e.pools import ACCOUNT, EMPTY, READMES_QUEUE, Pool, namespace, own_name, pool_of_its_own, queue, sqs
from e2e.world import RELEASE, ROOT, SYSTEM, World, eventually

OPENSHIFT_UID = 1000660000
"""A UID as OpenShift gives each namespace its own; the group is root's."""
LEVELS = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]


def restrict(world: World, namespace: str) -> None:
    """Let NAMESPACE take restricted pods only; raises CommandFailedError when it has others."""
    world.kubectl("--warnings-as-errors", "label", "namespace", namespace, *LEVELS)


@pytest.fixture
def restricted_system(world: World) -> Iterator[None]:
    """The release's namespace takes restricted pods only."""
    try:
        restrict(world, SYSTEM)
        yield
    finally:
        world.kubectl("label", "namespace", SYSTEM, *(f"{level.partition('=')[0]}-" for level in LEVELS))


@contextlib.contextmanager
def restricted_namespace(world: World) -> Iterator[str]:
    name = own_name("strict")
    with namespace(world, name):
        restrict(world, name)
        yield name


def objects(path: str, queue_name: str = READMES_QUEUE) -> list[Any]:
    """Return the objects of a manifest of the repository; the queue may be one of the test's own."""
    text = (ROOT / path).read_text().replace(f"{ACCOUNT}/{READMES_QUEUE}", f"{ACCOUNT}/{queue_name}")
    return list(yaml.safe_load_all(text))


def apply(world: World, namespace: str, *what: Any, options: tuple[str, ...] = ()) -> None:
    """Apply objects; a warning is an error."""
    items = {"apiVersion": "v1", "kind": "List", "items": list(what)}
    argv = ("-n", namespace, "--warnings-as-errors", "apply", *options, "-f", "-")
    world.kubectl(*argv, text=json.dumps(items))


@pytest.fixture
def quickstart(world: World) -> Iterator[Pool]:
    """The quickstart's workers and pool in a restricted namespace, with two workers that wait for messages."""
    with restricted_namespace(world) as name, queue(world, name):
        secret = next(each for each in objects("examples/kind/sqs.yaml") if each["kind"] == "Secret")
        deployment, pool = objects("examples/quickstart.yaml", name)
        apply(world, name, secret, deployment, pool | {"spec": pool["spec"] | {"minReplicas": 2}})
        eventually(lambda: len(ready_workers(world, name)) == 2, 120, "two ready workers under `restricted`")
        yield Pool(world, name)


def ready_workers(world: World, namespace: str) -> list[Any]:
    return [pod for pod in world.pods("app=thumbnailer", namespace) if release.is_ready(pod)]


def process(world: World, namespace: str, pod: str) -> dict[str, str]:
    """Return what the kernel says of a pod's first process, by the names of proc(5); `root`: how / is mounted."""
    said = world.kubectl("-n", namespace, "exec", pod, "--", "cat", "/proc/1/status", "/proc/1/mounts")
    fields = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    mounts = [line.split() for line in said.splitlines() if line.split()[1:2] == ["/"]]
    return fields | {"root": mounts[-1][3].split(",")[0]}


CONFINED = {"CapEff": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2", "root": "ro"}


def group(process_: dict[str, str]) -> str:
    return process_["Gid"].split()[0]


@pytest.mark.usefixtures("restricted_system")
def test_the_operator_becomes_ready_where_only_restricted_pods_may_run(world: World) -> None:
    release.restart(world)
    eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "a restricted operator")
    [pod] = release.operators(world)
    assert CONFINED.items() <= process(world, SYSTEM, pod["metadata"]["name"]).items()
    release.wait_for_leader(world, seconds=release.READY_SECONDS)
    world.helm("test", RELEASE, "-n", SYSTEM)
    events = world.get("events", "--field-selector=reason=FailedCreate", namespace=SYSTEM)
    assert [event["message"] for event in events if "PodSecurity" in event["message"]] == []


def test_the_quickstarts_workers_handle_messages_where_only_restricted_pods_may_run(
    quickstart: Pool, world: World
) -> None:
    for pod in ready_workers(world, quickstart.name):
        assert CONFINED.items() <= process(world, quickstart.name, pod["metadata"]["name"]).items()
    quickstart.send(20)
    eventually(lambda: sqs(world, "counts", quickstart.name) == EMPTY, 120, "the end of the queue")
    logs = ("-n", quickstart.name, "logs", "--selector=app=thumbnailer", "--tail=-1")
    # A worker says it after the message is deleted.
    eventually(lambda: world.kubectl(*logs).count("done message") == 20, 60, "what the workers say of 20 messages")
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in ready_workers(world, quickstart.name)] == [
        0,
        0,
    ]


def test_the_stand_in_for_sqs_may_run_where_only_restricted_pods_may_run(world: World) -> None:
    with restricted_namespace(world) as name:
        apply(world, name, *objects("examples/kind/sqs.yaml"), options=("--dry-run=server",))


def test_a_worker_without_a_security_context_is_warned_of_there(world: World) -> None:
    """Else the tests above would see nothing."""
    deployment = objects("examples/quickstart.yaml")[0]
    del deployment["spec"]["template"]["spec"]["securityContext"]
    with restricted_namespace(world) as name, pytest.raises(CommandFailedError, match="would violate PodSecurity"):
        apply(world, name, deployment, options=("--dry-run=server",))


def test_by_default_neither_the_operator_nor_a_worker_is_in_roots_group(quickstart: Pool, world: World) -> None:
    [operator] = release.operators(world)
    places = [(SYSTEM, operator), *((quickstart.name, pod) for pod in ready_workers(world, quickstart.name))]
    for place, pod in places:
        seen = process(world, place, pod["metadata"]["name"])
        assert (seen["Uid"].split()[0], group(seen)) == ("65532", "65532")


@pytest.fixture
def any_uid(world: World) -> Iterator[None]:
    """The operator's pods run as OpenShift would have them."""
    set_user(world, SYSTEM, RELEASE, OPENSHIFT_UID)
    try:
        yield
    finally:
        set_user(world, SYSTEM, RELEASE, None)
        eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "the usual user")
        release.wait_for_leader(world, seconds=release.READY_SECONDS)


def set_user(world: World, namespace: str, deployment: str, uid: int | None) -> None:
    """Let a Deployment's pods run as UID in root's group; None: as their image says."""
    context = {"runAsUser": uid, "runAsGroup": None if uid is None else 0, "fsGroup": uid}
    patch = json.dumps({"spec": {"template": {"spec": {"securityContext": context}}}})
    world.kubectl("-n", namespace, "patch", "deployment", deployment, f"--patch={patch}")


@pytest.mark.usefixtures("any_uid")
def test_the_operator_runs_under_any_uid(world: World) -> None:
    eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "an operator under any UID")
    [pod] = release.operators(world)
    seen = process(world, SYSTEM, pod["metadata"]["name"])
    assert (seen["Uid"].split()[0], group(seen)) == (str(OPENSHIFT_UID), "0")
    assert CONFINED.items() <= seen.items()
    with pool_of_its_own(world, "any-uid") as pool:
        pool.decide(release.READY_SECONDS)


def test_the_quickstarts_workers_run_under_any_uid(quickstart: Pool, world: World) -> None:
    set_user(world, quickstart.name, "thumbnailer", OPENSHIFT_UID)

    def moved() -> bool:
        pods = ready_workers(world, quickstart.name)
        users = [pod["spec"]["securityContext"].get("runAsUser") for pod in pods]
        return users == [OPENSHIFT_UID] * 2

    eventually(moved, 120, "two workers under any UID")
    for pod in ready_workers(world, quickstart.name):
        seen = process(world, quickstart.name, pod["metadata"]["name"])
        assert (seen["Uid"].split()[0], group(seen)) == (str(OPENSHIFT_UID), "0")
    quickstart.send(10)
    eventually(lambda: sqs(world, "counts", quickstart.name) == EMPTY, 120, "the end of the queue")
