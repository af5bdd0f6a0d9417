"""Two operators under the chart's rights on a real API server: one leads, and when it cannot, the other does.

Every test samples that no two lead at the same time (`replicas`). `python -m benchmarks takeover` measures how fast
they are; deadlines here are generous.
"""

import signal
from datetime import UTC, datetime, timedelta

from devcluster.processes import wait_until
from queueworkerpool.leader.lease import LEASE_DURATION_SECONDS
from testbed.replicas import Replica, Replicas
from tests.cluster.ha.conftest import Pools

TAKEOVER_TIMEOUT_SECONDS = 60


def both(replicas: Replicas) -> tuple[Replica, Replica]:
    """Start two operators; return the one that leads and the one that stands by."""
    for name in ("operator-a", "operator-b"):
        replicas.start(name)
    leader = replicas.leader()
    [other] = replicas.others(leader)
    return leader, other


def quiet(replicas: Replicas, leader: Replica) -> bool:
    """Return whether a leader has only renewed its Lease for two seconds."""
    return set(replicas.writes(leader, datetime.now(UTC) - timedelta(seconds=2))) <= {"patch leases"}


def test_a_leader_that_is_killed_is_followed_by_one_that_keeps_its_memory(replicas: Replicas, pools: Pools) -> None:
    pools.create("window", 50, behavior={"scaleDown": {"stabilizationWindowSeconds": 3600}})
    first, second = both(replicas)
    wait_until(lambda: pools.replicas() == {"window": 10}, 60, "the pool was not scaled")
    pools.purge("window")
    wait_until(
        lambda: "scaleDownStabilization" in pools.status("window").get("memory", {}),
        60,
        "the start of the window was not remembered",
    )
    before = pools.status("window")
    assert (first.leads, second.leads, replicas.lease()["holderIdentity"]) == (True, False, first.name)

    first.program.kill()
    wait_until(lambda: second.works, TAKEOVER_TIMEOUT_SECONDS, "nobody followed")
    after = pools.status("window")
    assert (after["memory"], after["lastScaleTime"]) == (before["memory"], before["lastScaleTime"])
    assert pools.replicas() == {"window": 10}, "the window of an hour has hardly begun"
    pools.send("window", 100)
    wait_until(lambda: pools.replicas() == {"window": 20}, 60, "the follower did not scale")

    first = replicas.start(first.name)
    assert (first.leads, second.leads) == (False, True), "whoever comes back stands by"
    assert first.series("queueworkerpool_decisions_total") == 0


def test_a_leader_that_is_terminated_hands_over_before_its_lease_would_run_out(
    replicas: Replicas, pools: Pools
) -> None:
    pools.create("work", 50)
    first, second = both(replicas)
    wait_until(lambda: pools.replicas() == {"work": 10}, 60, "the pool was not scaled")
    changes = replicas.lease()["leaseTransitions"]
    ended = datetime.now(UTC)
    first.signal(signal.SIGTERM)
    wait_until(lambda: second.works, TAKEOVER_TIMEOUT_SECONDS, "nobody followed")
    released, taken = max(replicas.lease_writes(first, ended)), min(replicas.lease_writes(second, ended))
    assert taken - released < timedelta(seconds=LEASE_DURATION_SECONDS), "it waited for the Lease to run out"
    assert (replicas.lease()["holderIdentity"], replicas.lease()["leaseTransitions"]) == (second.name, changes + 1)
    wait_until(lambda: not first.program.running, 60, "the first did not end")


def test_a_leader_that_was_frozen_writes_nothing_when_it_wakes_up(replicas: Replicas, pools: Pools) -> None:
    names = [f"pool-{number}" for number in range(10)]
    for name in names:
        pools.create(name, 10)
    first, second = both(replicas)
    wait_until(lambda: pools.replicas() == dict.fromkeys(names, 2), 60, "the pools were not scaled")

    # Quiet first: a fence does not stop a request that a thread is sending when the process is frozen.
    wait_until(lambda: quiet(replicas, first), 60, "it goes on writing")
    first.signal(signal.SIGSTOP)
    for name in names:
        pools.send(name, 10)  # so that the first would have something to write
    wait_until(lambda: pools.replicas() == dict.fromkeys(names, 4), TAKEOVER_TIMEOUT_SECONDS, "nobody followed")
    assert second.leads

    woken = datetime.now(UTC)
    first.signal(signal.SIGCONT)
    wait_until(lambda: "lost the lead" in first.program.log.read_text(), 60, "it did not notice")
    wait_until(lambda: first.is_ready, 60, "it did not stand by, ready")
    wait_until(lambda: bool(replicas.writes(second, woken)), 60, "the audit log does not show the leader's writes")
    assert replicas.writes(first, woken) == {}
    assert (first.leads, second.leads) == (False, True)

    second.program.kill()
    wait_until(lambda: first.works, TAKEOVER_TIMEOUT_SECONDS, "it did not take over again")
    pools.send(names[0], 10)
    wait_until(lambda: pools.replicas()[names[0]] == 6, 60, "it did not scale again")
