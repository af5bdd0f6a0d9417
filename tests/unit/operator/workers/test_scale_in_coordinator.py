"""Which workers are asked before a scale-in, for how long, and which pods are marked, on fake loop time."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from queueworkerpool.errors import ClusterError, ClusterRefusedError
from queueworkerpool.model import Pod, Removal, ScaleTarget, Target, WorkerState
from queueworkerpool.workers.scale_in import MOST_AT_ONCE, QUERY_SECONDS, ScaleInCoordinator
from tests.unit.operator.builders import SPEC

DEPLOYMENT = ScaleTarget("shop", SPEC.scale_target_ref.name)
TARGET = Target(replicas=3, ready_replicas=3, resource_version=1, selector="app=thumbnailer", settled=True)
IDLE = WorkerState(busy=0, concurrency=1, finished=0, busy_seconds=0.0)


def now() -> float:
    return asyncio.get_running_loop().time()


def pod(name: str, *, marked: bool = False) -> Pod:
    return Pod(name=name, uid=f"uid-{name}", address=f"10.0.0.{name}", ready=True, marked=marked)


@dataclass
class Deployed:
    """Pods whose workers answer after `takes` seconds. Replaces both the cluster and the workers."""

    existing: dict[str, Pod]
    takes: float = 0.0
    listed: int = 0
    asking: int = 0
    most_asking: int = 0
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    silent: dict[str, float] = field(default_factory=dict)
    refused: str = ""

    @classmethod
    def of(cls, *pods: Pod, takes: float = 0.0) -> "Deployed":
        return cls({each.name: each for each in pods}, takes)

    async def pods(self, scale_target: ScaleTarget, selector: str, limit: int | None = None) -> list[Pod]:
        assert (scale_target, selector, limit) == (DEPLOYMENT, TARGET.selector, None)
        self.listed += 1
        return list(self.existing.values())

    async def mark(self, namespace: str, pod: str, *, first: bool) -> None:
        if self.broken:
            raise ClusterError("no answer")
        if self.refused:
            raise ClusterRefusedError(self.refused)
        assert namespace == DEPLOYMENT.namespace
        self.existing[pod] = replace(self.existing[pod], marked=first)

    def silent_since(self, pod: Pod) -> float:
        return self.silent.get(pod.name, 0.0)

    async def ask(self, scale_target: ScaleTarget, pod: Pod, port: int) -> WorkerState | None:
        assert (scale_target, port) == (DEPLOYMENT, SPEC.state_port)
        self.asked.append(pod.address)
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        await asyncio.sleep(self.takes)
        if pod.name in self.silent:
            await asyncio.sleep(1.0)
            return None
        self.asking -= 1
        return IDLE

    @property
    def marked(self) -> set[str]:
        return {name for name, each in self.existing.items() if each.marked}


@pytest.mark.looptime
async def test_workers_are_asked_so_many_at_a_time() -> None:
    deployed = Deployed.of(*(pod(str(number)) for number in range(3 * MOST_AT_ONCE)), takes=0.25)
    pods = await ScaleInCoordinator(deployed, deployed).query(DEPLOYMENT, SPEC, TARGET)
    assert [worker.state for worker in pods] == [IDLE] * 3 * MOST_AT_ONCE
    assert (deployed.most_asking, now()) == (MOST_AT_ONCE, 0.75)


@pytest.mark.looptime
async def test_workers_that_could_not_be_asked_in_time_count_as_silent() -> None:
    deployed = Deployed.of(*(pod(str(number)) for number in range(20 * MOST_AT_ONCE)), takes=0.5)
    pods = await ScaleInCoordinator(deployed, deployed).query(DEPLOYMENT, SPEC, TARGET)
    heard = sum(worker.state is not None for worker in pods)
    assert now() == QUERY_SECONDS
    assert (len(pods), heard) == (20 * MOST_AT_ONCE, 2 * MOST_AT_ONCE)
    await asyncio.sleep(10)
    assert len(deployed.asked) == 3 * MOST_AT_ONCE, "nobody is asked after the query has ended"


@pytest.mark.looptime
async def test_workers_that_were_silent_last_time_keep_nobody_from_being_asked() -> None:
    silent = {str(number): float(number + 1) for number in range(3 * MOST_AT_ONCE)}
    deployed = Deployed.of(*(pod(name) for name in [*silent, "good-1", "good-2"]))
    deployed.silent = silent
    pods = await ScaleInCoordinator(deployed, deployed).query(DEPLOYMENT, SPEC, TARGET)
    assert {worker.pod.name for worker in pods if worker.state} == {"good-1", "good-2"}
    assert now() == QUERY_SECONDS
    assert deployed.asked[:4] == ["10.0.0.good-1", "10.0.0.good-2", "10.0.0.0", "10.0.0.1"], "then the longest unasked"


async def test_nobody_is_asked_where_the_scale_names_no_selector() -> None:
    """An empty one would match every pod of the namespace."""
    deployed = Deployed.of(pod("1"))
    unselected = replace(TARGET, removal=Removal.UNKNOWN, selector="")
    assert await ScaleInCoordinator(deployed, deployed).query(DEPLOYMENT, SPEC, unselected) == ()
    assert (deployed.listed, deployed.asked) == (0, [])


@pytest.mark.parametrize(
    "unready",
    [replace(pod("1"), running=False), replace(pod("1"), address="")],
    ids=["no container runs", "no address"],
)
async def test_pods_that_cannot_answer_are_not_asked(unready: Pod) -> None:
    deployed = Deployed.of(unready, pod("2"))
    pods = await ScaleInCoordinator(deployed, deployed).query(DEPLOYMENT, SPEC, TARGET)
    assert {worker.pod.name: worker.state for worker in pods} == {"1": None, "2": IDLE}
    assert deployed.asked == ["10.0.0.2"]


@pytest.mark.parametrize(
    ("before", "victims"),
    [((), ("1", "2")), (("1",), ("2",)), (("1", "2"), ("1",)), (("1", "2", "3"), ()), (("2",), ("2",))],
)
async def test_exactly_the_victims_are_marked(before: tuple[str, ...], victims: tuple[str, ...]) -> None:
    deployed = Deployed.of(*(pod(name, marked=name in before) for name in ("1", "2", "3")))
    coordinator = ScaleInCoordinator(deployed, deployed)
    await coordinator.mark(DEPLOYMENT, await coordinator.query(DEPLOYMENT, SPEC, TARGET), victims)
    assert deployed.marked == set(victims)


async def test_marks_are_removed_once_the_scale_in_is_settled_and_pods_are_not_listed_again() -> None:
    deployed = Deployed.of(pod("1"), pod("2"))
    coordinator = ScaleInCoordinator(deployed, deployed)
    await coordinator.mark(DEPLOYMENT, await coordinator.query(DEPLOYMENT, SPEC, TARGET), ("1",))
    await coordinator.clear(DEPLOYMENT, replace(TARGET, settled=False))
    assert deployed.marked == {"1"}, "the ReplicaSet has not chosen yet"
    await coordinator.clear(DEPLOYMENT, TARGET)
    assert deployed.marked == set()
    listed = deployed.listed
    await coordinator.clear(DEPLOYMENT, TARGET)
    assert deployed.listed == listed


async def test_a_mark_that_could_not_be_removed_is_removed_the_next_time() -> None:
    deployed = Deployed.of(pod("1", marked=True))
    coordinator = ScaleInCoordinator(deployed, deployed)
    coordinator.mark_found(DEPLOYMENT)
    deployed.broken = True
    with pytest.raises(ClusterError):
        await coordinator.clear(DEPLOYMENT, TARGET)
    deployed.broken = False
    await coordinator.clear(DEPLOYMENT, TARGET)
    assert deployed.marked == set()


async def test_without_marks_no_pod_is_listed() -> None:
    deployed = Deployed.of(pod("1", marked=True))
    await ScaleInCoordinator(deployed, deployed).clear(DEPLOYMENT, TARGET)
    assert deployed.listed == 0


async def test_refused_marks_are_logged_once_and_kept_until_a_mark_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    deployed = Deployed.of(pod("1"), pod("2"))
    coordinator = ScaleInCoordinator(deployed, deployed)
    for refused in ("pods is forbidden at 12:00:01Z", "pods is forbidden at 12:00:06Z"):
        deployed.refused = refused
        await coordinator.mark(DEPLOYMENT, await coordinator.query(DEPLOYMENT, SPEC, TARGET), ("1",))
    assert (str(coordinator.refusal(DEPLOYMENT)), deployed.marked) == ("pods is forbidden at 12:00:01Z", set())
    assert [record.message for record in caplog.records] == ["pods not marked"]
    deployed.refused = ""
    await coordinator.mark(DEPLOYMENT, await coordinator.query(DEPLOYMENT, SPEC, TARGET), ("1",))
    assert (coordinator.refusal(DEPLOYMENT), deployed.marked) == (None, {"1"})
