"""Operators that share out shards under the chart's rights on a real API server.

Each test samples that no shard has two holders at the same time, and reads from the audit log who wrote each pool.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from devcluster.sqs import MotoSqs
from queueworkerpool.leader.shards import shard_of
from testbed import audit
from testbed.api import NAMESPACE
from testbed.operators import USER, prepare
from testbed.replicas import Replica, Replicas
from tests.cluster.ha.conftest import Pools

EVEN_SECONDS = 60
TAKEOVER_SECONDS = 60
"""Test machines are slow; `python -m benchmarks shards` measures how fast it is."""

END_SECONDS = 60
NAMES = tuple(f"pool-{number}" for number in range(9))


@pytest.fixture(scope="module")
def audited_shards(
    tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Iterator[Cluster]:
    """A control plane with all of the chart but its Deployment, for two shards or more."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path_factory.mktemp("shards"), node=False, audit=True) as running:
        prepare(running, values=["shards=2"])
        yield running


@pytest.fixture
def pools(audited_shards: Cluster, moto_sqs: MotoSqs) -> Iterator[Pools]:
    created = Pools(audited_shards, moto_sqs)
    for name in NAMES:
        created.create(name, 10)
    yield created
    created.delete()


@pytest.fixture
def site(audited_shards: Cluster, moto_sqs: MotoSqs, tmp_path: Path) -> Iterator["Site"]:
    """Operators to start; whatever a test does to them, no shard may ever have two holders."""
    with closing(Replicas(audited_shards, moto_sqs.env, tmp_path)) as replicas:
        site = Site(audited_shards, replicas)
        with site.sampled() as twice:
            yield site
        assert twice == []
    assert site.interleaved() == []


class Site:
    """The running operators, and what the API server has recorded of them."""

    def __init__(self, cluster: Cluster, replicas: Replicas) -> None:
        self.replicas = replicas
        self.running: list[Replica] = []
        self._log = cluster.directory / "audit.log"
        self._since = datetime.now(UTC)

    def start(self, *names: str, shards: int) -> list[Replica]:
        self.replicas.shards = shards
        started = [self.replicas.start(name) for name in names]
        self.running += started
        return started

    def even(self, *replicas: Replica) -> bool:
        """Whether each of these holds one shard."""
        return all(len(replica.held) == 1 for replica in replicas)

    def shared_out(self, replicas: Sequence[Replica], shards: int) -> bool:
        """Whether these hold all shards between them, and none of them two more than another."""
        held = [replica.held for replica in replicas]
        sizes = [len(each) for each in held]
        return sorted(itertools.chain(*held)) == list(range(shards)) and max(sizes) - min(sizes) < 2

    @contextmanager
    def sampled(self) -> Iterator[list[list[int]]]:
        """Collect what two operators hold both, by their gauges, while the body runs."""
        twice: list[list[int]] = []
        ended = threading.Event()

        def sample() -> None:
            while not ended.wait(0.05):
                running = list(self.running)
                # Scraped twice: whoever held a shard both times also held it in between.
                before, after = ([replica.held for replica in running] for _ in range(2))
                held = [shard for one, other in zip(before, after, strict=True) for shard in set(one) & set(other)]
                if len(held) != len(set(held)):
                    twice.append(held)

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            yield twice
        finally:
            ended.set()
            sampler.join()

    def writers(self) -> dict[str, list[str]]:
        """Return which operators wrote each pool or its Deployment, in order; one that goes on counts once."""
        of_pools = ("patch queueworkerpools/status", "patch deployments/scale")
        written = [
            (request.name, request.pod)
            for request in audit.object_requests(self._log, USER, self._since)
            if request.action in of_pools and request.name in NAMES
        ]
        return {
            name: [pod for pod, _ in itertools.groupby(pod for each, pod in written if each == name)] for name in NAMES
        }

    def interleaved(self) -> list[str]:
        """Return the pools that an operator wrote again after another one had, which no test here makes it do."""
        return [name for name, pods in self.writers().items() if len(pods) != len(set(pods))]


def test_a_shard_whose_operator_is_killed_is_taken_over_and_balance_comes_back(site: Site, pools: Pools) -> None:
    three = site.start("operator-a", "operator-b", "operator-c", shards=3)
    wait_until(lambda: site.even(*three), EVEN_SECONDS, "not every operator holds a shard")
    wait_until(lambda: pools.replicas() == dict.fromkeys(NAMES, 2), 60, "the pools were not scaled")
    assert sorted(site.replicas.holders(3)) == sorted(replica.name for replica in three)

    killed, *others = three
    [lost] = killed.held
    killed.program.kill()
    wait_until(lambda: any(lost in one.held for one in others), TAKEOVER_SECONDS, "nobody followed")
    for name in NAMES:
        pools.send(name, 10)
    wait_until(lambda: pools.replicas() == dict.fromkeys(NAMES, 4), 60, "not all pools are scaled")

    site.running.remove(killed)
    site.start("operator-d", shards=3)
    wait_until(lambda: site.even(*site.running), EVEN_SECONDS, "the one that came holds nothing")
    for name in NAMES:
        pools.send(name, 10)
    wait_until(lambda: pools.replicas() == dict.fromkeys(NAMES, 6), 60, "not all pools are scaled")


@pytest.mark.parametrize(("before", "after"), [(2, 3), (1, 2), (2, 1)])
def test_the_number_of_shards_is_changed_while_operators_run(site: Site, pools: Pools, before: int, after: int) -> None:
    old = site.start("operator-a", "operator-b", shards=before)
    wait_until(lambda: pools.replicas() == dict.fromkeys(NAMES, 2), EVEN_SECONDS, "the pools were not scaled")
    new = site.start("operator-x", "operator-y", shards=after)
    assert not any(replica.series("queueworkerpool_leader") for replica in new), "they wait for those before"
    for leaving in old:
        leaving.program.stop(END_SECONDS)
        site.running.remove(leaving)
    holders = {site.replicas.lease().get("holderIdentity", ""), *(site.replicas.holders(before) if before > 1 else ())}
    assert holders.isdisjoint({f"{before} shards", "operator-a", "operator-b"}), "what they held has to expire"
    for name in NAMES:
        pools.send(name, 10)
    wait_until(lambda: pools.replicas() == dict.fromkeys(NAMES, 4), EVEN_SECONDS, "not all pools are scaled")
    if after > 1:
        wait_until(lambda: site.shared_out(new, after), EVEN_SECONDS, "the shards are not shared out")
        wrote = {name: pods[-1] for name, pods in site.writers().items()}
        assert wrote.keys() == set(NAMES)
        assert set(wrote.values()) <= {replica.name for replica in new}
    moved = [
        name for name in NAMES if shard_of(f"{NAMESPACE}/{name}", before) != shard_of(f"{NAMESPACE}/{name}", after)
    ]
    assert (before, after) != (2, 3) or 0 < len(moved) < len(NAMES)
