"""The Pod status says what the containers do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devcluster.node.status import ContainerState, PodState, phase, report

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def running(*, ready: bool = True) -> ContainerState:
    state = ContainerState("a", "image")
    state.running(NOON)
    state.started, state.ready = True, ready
    return state


def ended(code: int) -> ContainerState:
    state = running()
    state.terminated(code, "Completed" if code == 0 else "Error", NOON + timedelta(seconds=9))
    return state


def pod(*containers: ContainerState, **changes: Any) -> PodState:
    calm = {"initialized": True, "finished": False, "readiness_gates": True, "init_containers": []}
    return PodState(address="127.9.0.1", start_time=NOON, containers=containers, **{**calm, **changes})


def conditions(state: PodState) -> dict[str, str]:
    return {c["type"]: c["status"] for c in report(state, [], NOON)["conditions"]}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(pod(ContainerState("a", "image")), "Pending", id="nothing has run yet"),
        pytest.param(pod(running(), ContainerState("b", "image")), "Running", id="something runs"),
        pytest.param(pod(ended(0), ended(0), finished=True), "Succeeded", id="all ended well"),
        pytest.param(pod(ended(0), ended(1), finished=True), "Failed", id="one ended badly"),
        pytest.param(
            pod(ContainerState("a", "image"), finished=True, initialized=False),
            "Failed",
            id="an init container ended badly",
        ),
    ],
)
def test_the_phase_sums_up_the_containers(state: PodState, expected: str) -> None:
    assert phase(state) == expected


def test_a_container_that_waits_for_its_restart_keeps_the_pod_running() -> None:
    state = ended(1)
    state.restarts = 1
    state.waiting("CrashLoopBackOff", "waits")
    assert phase(pod(state)) == "Running"
    assert state.report()["lastState"]["terminated"]["exitCode"] == 1


@pytest.mark.parametrize(
    ("state", "ready", "containers_ready"),
    [
        pytest.param(pod(running(), running()), "True", "True", id="all ready"),
        pytest.param(pod(running(), running(ready=False)), "False", "False", id="one not ready"),
        pytest.param(pod(running(), readiness_gates=False), "False", "True", id="a readiness gate is closed"),
        pytest.param(pod(ended(0), finished=True), "False", "False", id="ended"),
    ],
)
def test_ready_means_all_containers_and_all_gates(state: PodState, ready: str, containers_ready: str) -> None:
    assert conditions(state)["Ready"] == ready
    assert conditions(state)["ContainersReady"] == containers_ready


def test_a_condition_that_stays_keeps_its_time_and_one_that_changes_does_not() -> None:
    before = report(pod(running()), [], NOON)["conditions"]
    later = NOON + timedelta(minutes=1)
    after = {c["type"]: c["lastTransitionTime"] for c in report(pod(running(ready=False)), before, later)["conditions"]}
    assert after["Initialized"] == "2026-01-01T12:00:00Z"
    assert after["Ready"] == "2026-01-01T12:01:00Z"


def test_a_container_tells_when_it_ran_and_how_it_ended() -> None:
    assert ended(137).report()["state"] == {
        "terminated": {
            "exitCode": 137,
            "reason": "Error",
            "startedAt": "2026-01-01T12:00:00Z",
            "finishedAt": "2026-01-01T12:00:09Z",
        }
    }


def test_a_restarted_container_shows_its_former_end() -> None:
    state = ended(3)
    state.running(NOON + timedelta(seconds=20))
    assert state.report()["lastState"]["terminated"]["exitCode"] == 3
    assert "running" in state.report()["state"]
