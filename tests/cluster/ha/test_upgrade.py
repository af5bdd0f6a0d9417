"""From the previous version of the operator to this one and back, with live pools, on a real API server.

Pools remember what takes longer than a test: a size that changes without being due has been forgotten by somebody.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from testbed import audit, previous
from testbed.operators import USER, install_definition, install_rights, prepare
from testbed.replicas import Replica, Replicas
from tests.cluster.ha.conftest import Pools
from tests.cluster.ha.remembering import NEW_MEMORY, STAY, Remembering, patch_status

TAKEOVER_TIMEOUT_SECONDS = 60
DUE_SECONDS = 40


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of the previous version's sources."""
    return previous.unpack(tmp_path_factory.mktemp("previous"))


@pytest.fixture(scope="module")
def audited(
    tmp_path_factory: pytest.TempPathFactory, old: Path, unavailable: Callable[[str], NoReturn]
) -> Iterator[Cluster]:
    """A control plane with what the previous version's chart installs, but for its Deployment."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("upgraded"), node=False, audit=True) as running:
        prepare(running, old)
        yield running


@pytest.fixture
def remembering(audited: Cluster, pools: Pools) -> Remembering:
    return Remembering(audited, pools)


def use_definition(cluster: Cluster, root: Path | None, pool: str) -> None:
    """Install the previous definition, or without a root ours, and wait until it decides what a status may contain."""
    install_definition(cluster, *([root] if root else []))
    held = {"status": {"memory": {"heldSince": "2026-01-01T00:00:00Z"}}}

    def keeps_what_is_new() -> bool:
        status = patch_status(cluster, pool, held, "--dry-run=server")["status"]
        return "heldSince" in status.get("memory", {})

    wait_until(lambda: keeps_what_is_new() is (root is None), 60, "the definition did not change")


def writes(cluster: Cluster, since: datetime, resource: str) -> Counter[str]:
    """Count the operators' successful patches of this resource since then, by the object's name."""
    done = audit.object_requests(cluster.directory / "audit.log", USER, since)
    return Counter(each.name for each in done if each.action == f"patch {resource}")


def settled(replicas: Replicas, leader: Replica) -> None:
    """Wait until a leader has only renewed its Lease for three seconds."""

    def quiet() -> bool:
        return set(replicas.writes(leader, datetime.now(UTC) - timedelta(seconds=3))) <= {"patch leases"}

    wait_until(quiet, 60, "it goes on writing")


@dataclass(frozen=True)
class HandOver:
    """Hands the lead over, and checks that nothing is forgotten by it."""

    cluster: Cluster
    replicas: Replicas
    remembering: Remembering
    before: dict[str, Any]

    def run(self, leader: Replica, follower: Replica) -> None:
        """Stop the leader in order; return when the other one has taken over and has nothing left to say."""
        changed = datetime.now(UTC)
        leader.signal(signal.SIGTERM)
        self.check(follower, changed)
        wait_until(lambda: not leader.program.running, 60, f"{leader.name} did not end")

    def check(self, follower: Replica, changed: datetime) -> None:
        """Wait until the follower has nothing left to say; check that it wrote each status once at most."""
        wait_until(lambda: follower.works, TAKEOVER_TIMEOUT_SECONDS, f"{follower.name} did not follow")
        settled(self.replicas, follower)
        self.remembering.check(self.before)
        written = writes(self.cluster, changed, "queueworkerpools/status")
        assert max(written[name] for name in self.remembering.sizes) <= 1


def begin_window(pools: Pools, name: str) -> datetime:
    """Take away a pool's messages; return when it may be smaller."""
    pools.purge(name)
    wait_until(lambda: window(pools, name) != "", 60, "no window began")
    return datetime.fromisoformat(window(pools, name)) + timedelta(seconds=DUE_SECONDS)


def window(pools: Pools, name: str) -> str:
    """Return since when a pool waits to be smaller; empty when it does not wait."""
    memory = pools.status(name).get("memory", {})
    return str(memory.get("scaleDownStabilization", {}).get("since", ""))


def test_an_upgrade_and_the_way_back_forget_nothing(
    audited: Cluster, old: Path, replicas: Replicas, pools: Pools, remembering: Remembering
) -> None:
    begun = datetime.now(UTC)
    first = replicas.start("old", previous.interpreter_of(old))
    remembering.create()
    pools.create("due", 50, minReplicas=1, behavior={"scaleDown": {"stabilizationWindowSeconds": DUE_SECONDS}}, **STAY)
    wait_until(lambda: pools.replicas()["due"] == 10, 60, "the pool was not scaled")

    use_definition(audited, None, "window")
    install_rights(audited)
    second = replicas.start("new")
    settled(replicas, first)
    hand_over = HandOver(audited, replicas, remembering, remembering.known())
    due = begin_window(pools, "due")
    begun_at = window(pools, "due")
    changed = datetime.now(UTC)
    hand_over.run(first, second)
    assert window(pools, "due") in {begun_at, ""}, "the time before the upgrade counts"
    assert "belongsTo" in pools.status("window")["memory"]
    wait_until(lambda: pools.replicas()["due"] == 1, DUE_SECONDS + 60, "the window did not end")
    done = audit.object_requests(audited.directory / "audit.log", USER, changed)
    [scaled] = [each.time for each in done if each.action == "patch deployments/scale"]
    assert scaled - due >= timedelta(seconds=-0.1)

    replicas.start("old")
    settled(replicas, second)
    hand_over.run(second, first)
    assert not NEW_MEMORY & set(pools.status("window")["memory"]), "what it does not know would be out of date later"
    expected = {"window": 1, "rates": 1, "learned": 1, "contested": 3, "due": 2}
    assert writes(audited, begun, "deployments/scale") == expected
    pools.send("window", 100)
    wait_until(lambda: pools.replicas()["window"] == 20, 60, "the previous version did not scale")


def test_two_versions_beside_each_other_agree_whoever_leads(
    audited: Cluster, old: Path, replicas: Replicas, pools: Pools, remembering: Remembering
) -> None:
    install_definition(audited)
    install_rights(audited)
    leader = replicas.start("old", previous.interpreter_of(old))
    remembering.create()
    pools.create("work", 5, **STAY)
    wait_until(lambda: pools.replicas()["work"] == 1, 60, "the pool was not scaled")
    other = replicas.start("new")
    settled(replicas, leader)
    hand_over = HandOver(audited, replicas, remembering, remembering.known())
    begun = datetime.now(UTC)
    for turn in (2, 3, 4):
        changed = datetime.now(UTC)
        leader.program.kill()
        wait_until(lambda: other.works, TAKEOVER_TIMEOUT_SECONDS, "nobody followed")  # noqa: B023 -- called at once
        leader, other = other, replicas.start(leader.name)
        pools.send("work", 5)
        wait_until(lambda: pools.replicas()["work"] == turn, 60, "the follower did not scale")  # noqa: B023 -- called at once
        hand_over.check(leader, changed)
        assert (leader.leads, other.leads) == (True, False)
    assert writes(audited, begun, "deployments/scale") == {"work": 3}


def test_with_the_previous_definition_pools_are_served_quietly_and_the_log_says_what_is_lost(
    audited: Cluster, old: Path, replicas: Replicas, pools: Pools, remembering: Remembering
) -> None:
    install_rights(audited)
    pools.create("work", 0)
    use_definition(audited, old, "work")
    leader = replicas.start("new")
    pools.send("work", 5)
    remembering.create()
    wait_until(lambda: pools.replicas()["work"] == 1, 60, "the pool was not scaled")
    settled(replicas, leader)
    assert not NEW_MEMORY & set(pools.status("window")["memory"])
    assert leader.program.log.read_text().count("older than this operator") == 1
    before = remembering.known()

    leader.program.kill()
    replicas.start("new")
    wait_until(lambda: leader.works, TAKEOVER_TIMEOUT_SECONDS, "it did not lead again")
    settled(replicas, leader)
    remembering.check(before)

    use_definition(audited, None, "work")
    pools.send("work", 5)
    wait_until(lambda: pools.replicas()["work"] == 2, 60, "the pool was not scaled")
    wait_until(lambda: "belongsTo" in pools.status("work")["memory"], 60, "the new definition changed nothing")
