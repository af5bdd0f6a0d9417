"""The chart's releases: from the previous one and back, uninstalled, under another name, and `helm test`."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.errors import CommandFailedError
from devcluster.images import Build
from e2e import release
from e2e.backends import Backend
from e2e.pools import Pool, pool_of_its_own
from e2e.release import CHART, VALUES
from e2e.world import RELEASE, ROOT, SYSTEM, VERSION, World, eventually
from testbed import previous

logger = logging.getLogger(__name__)
CRD = "queueworkerpools.queueworker.dev"
OPERATOR_IMAGE = "queueworkerpool-operator"
PREVIOUS_TAG = "previous"
# Its own program, on the dependencies of this version's image: the archive has no lock of its own.
PREVIOUS_DOCKERFILE = f"""\
FROM {OPERATOR_IMAGE}:{VERSION}
COPY operator/ /opt/previous/
ENV PYTHONPATH=/opt/previous
"""
OTHER_NAME = "sizer"


@pytest.fixture(scope="module")
def old(backend: Backend, world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the previous release; the cluster has its operator's image."""
    assert world, "the image is built upon one that the README's commands have built"
    root = previous.unpack(tmp_path_factory.mktemp("previous"))
    (root / "Dockerfile").write_text(PREVIOUS_DOCKERFILE)
    image = f"{OPERATOR_IMAGE}:{PREVIOUS_TAG}"
    backend.build(Build(image, root))
    backend.load([image])
    return root


@pytest.fixture
def readmes(world: World) -> Iterator[World]:
    """A world with the README's release, also afterwards."""
    with release.restored(world):
        yield world


@pytest.fixture
def pool(readmes: World) -> Iterator[Pool]:
    """A pool of two pods; it goes before the release is restored."""
    with pool_of_its_own(readmes, "released") as made:
        made.send(40)
        eventually(lambda: made.size() == 2, 60, "a pool of two")
        yield made


def in_system(world: World, verb: str, *arguments: str) -> None:
    world.helm(verb, *arguments, "-n", SYSTEM, "--wait")


def remembered(crd: Any) -> set[str]:
    """Return what a status may remember by a definition: the versions differ in that."""
    [version] = crd["spec"]["versions"]
    return set(version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["memory"]["properties"])


def remembered_by(root: Path) -> set[str]:
    return remembered(yaml.safe_load((root / "crds" / "queueworkerpools.yaml").read_text()))


def images(world: World) -> set[str]:
    return {container["image"] for pod in release.operators(world) for container in pod["spec"]["containers"]}


def test_an_upgrade_from_the_previous_release_and_the_way_back_change_no_size(
    world: World, old: Path, pool: Pool
) -> None:
    in_system(world, "uninstall", RELEASE)
    in_system(world, "install", RELEASE, str(old / CHART), VALUES, f"--set=image.tag={PREVIOUS_TAG}")
    release.wait_for_leader(world, seconds=release.READY_SECONDS)
    pool.decide(release.READY_SECONDS)
    assert remembered(world.get("crd", CRD)) == remembered_by(old) != remembered_by(ROOT)

    sizes = ("-n", pool.name, "get", "deployment", pool.name, "--watch", "-o=jsonpath={.spec.replicas}{'\\n'}")
    with release.observed_election(world) as election, world.watched(*sizes) as seen:
        in_system(world, "upgrade", RELEASE, CHART, "--reuse-values", f"--set=image.tag={VERSION}")
        release.wait_for_leader(world, seconds=release.READY_SECONDS)
        pool.decide(release.READY_SECONDS)
        assert remembered(world.get("crd", CRD)) == remembered_by(ROOT)
        assert images(world) == {f"{OPERATOR_IMAGE}:{VERSION}"}

        in_system(world, "rollback", RELEASE, "1")
        release.wait_for_leader(world, seconds=release.READY_SECONDS)
        pool.decide(release.READY_SECONDS)
        assert remembered(world.get("crd", CRD)) == remembered_by(old)
        assert images(world) == {f"{OPERATOR_IMAGE}:{PREVIOUS_TAG}"}
    logger.info("lead vacant in upgrade and rollback: %s", election.vacancies)
    assert set(seen) == {"2"}
    assert len(election.holders) == 3
    assert max(election.vacancies) <= release.LONGEST_VACANCY_SECONDS


KINDS = (
    "deployments,services,serviceaccounts,leases,roles,rolebindings,poddisruptionbudgets,configmaps,pods",
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings",
)


def objects_of(world: World, name: str) -> set[str]:
    """Return what there is of a release, but for the definition; Leases also when they have no label of it."""
    label = f"--selector=app.kubernetes.io/instance={name}"
    found = [world.kubectl("-n", SYSTEM, "get", kinds, label, "-o", "name") for kinds in KINDS]
    found.append(world.kubectl("-n", SYSTEM, "get", "leases", "-o", "name"))
    return set("".join(found).split())


def test_an_uninstall_keeps_the_definition_and_the_pools_and_takes_everything_else(world: World, pool: Pool) -> None:
    release.upgrade(world, "--set", "replicaCount=2")
    kinds = {each.partition("/")[0].partition(".")[0] for each in objects_of(world, RELEASE)}
    assert {"deployment", "lease", "role", "clusterrole", "poddisruptionbudget"} <= kinds, kinds
    decided = pool.status()

    in_system(world, "uninstall", RELEASE)
    eventually(lambda: not objects_of(world, RELEASE), 60, "the end of the release's objects")
    assert world.get("crd", CRD)["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert (pool.status(), pool.size()) == (decided, 2)
    assert len(world.pods(f"app={pool.name}", pool.name)) == 2, "the workers go on"

    in_system(world, "install", RELEASE, CHART, VALUES)
    took = release.wait_for_leader(world, seconds=release.READY_SECONDS)
    logger.info("led %.1f s after helm said that it was installed", took)
    pool.decide(release.READY_SECONDS)
    assert pool.size() == 2


def test_under_another_name_the_release_takes_the_definition_only_when_told_to(world: World, pool: Pool) -> None:
    in_system(world, "uninstall", RELEASE)
    try:
        with pytest.raises(CommandFailedError, match=r"invalid ownership metadata"):
            in_system(world, "install", OTHER_NAME, CHART, VALUES)
        in_system(world, "install", OTHER_NAME, CHART, VALUES, "--take-ownership")
        lease = f"{OTHER_NAME}-queueworkerpool"
        eventually(lambda: bool(world.leader(lease)), release.READY_SECONDS, "a leader by another Lease")
        pool.decide(release.READY_SECONDS)
        assert pool.size() == 2
        world.helm("test", OTHER_NAME, "-n", SYSTEM)
    finally:
        in_system(world, "uninstall", OTHER_NAME, "--ignore-not-found")
        in_system(world, "install", RELEASE, CHART, VALUES, "--take-ownership")
    pool.decide(release.READY_SECONDS)


def test_helm_test_succeeds_for_a_release_at_work_and_leaves_nothing_behind(world: World) -> None:
    said = world.helm("test", RELEASE, "-n", SYSTEM)
    assert "Succeeded" in said
    assert world.kubectl("-n", SYSTEM, "get", "pods", "--selector=app.kubernetes.io/component=test", "-o=name") == ""


def test_helm_test_fails_and_says_so_where_no_operator_runs(world: World) -> None:
    deployment = f"deployment/{RELEASE}"
    try:
        world.kubectl("-n", SYSTEM, "scale", deployment, "--replicas=0")
        eventually(lambda: not release.operators(world), 60, "the end of the operator")
        with pytest.raises(CommandFailedError):
            world.helm("test", RELEASE, "-n", SYSTEM)
        said = world.kubectl("-n", SYSTEM, "logs", f"pod/{RELEASE}-test")
        assert "the operator is ready: no: " in said
        assert "the custom resource definition is served: yes" in said
    finally:
        world.kubectl("-n", SYSTEM, "scale", deployment, "--replicas=1")
        eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "the operator")
        world.kubectl("-n", SYSTEM, "delete", "pod", f"{RELEASE}-test", "--ignore-not-found")
