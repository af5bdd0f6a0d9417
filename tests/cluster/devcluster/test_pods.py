"""Pods of the embedded cluster start, restart and end as in a real one."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.devcluster.conftest import Pods, container, deployment, pod


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_killed_process_is_started_again_with_its_exit_code_reported(pods: Pods) -> None:
    pods.apply(pod("victim", container("sleep", "1000")))
    pods.ready("victim")
    os.kill(pods.cluster.pid_of(pods.namespace, "victim"), signal.SIGKILL)
    pods.until(lambda: pods.status("victim").get("restartCount") == 1, "the container was not restarted")
    status = pods.status("victim")
    assert status["lastState"]["terminated"]["exitCode"] == 128 + signal.SIGKILL


def test_a_crashing_container_backs_off(pods: Pods) -> None:
    pods.apply(pod("crash", container("sh", "-c", "exit 3")))
    statuses: list[dict[str, Any]] = []

    def waits() -> bool:
        statuses.append(pods.status("crash"))
        return "waiting" in statuses[-1].get("state", {})

    pods.until(waits, "the container did not wait")
    status = statuses[-1]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 3


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_a_pod_that_never_restarts_reports_how_it_ended(pods: Pods, code: int, phase: str) -> None:
    pods.apply(pod("once", container("sh", "-c", f"exit {code}"), restartPolicy="Never"))
    pods.until(lambda: pods.status("once")["phase"] == phase, f"the pod did not become {phase}")
    assert pods.status("once")["state"]["terminated"]["exitCode"] == code


def test_init_containers_run_one_after_the_other_before_the_others(pods: Pods) -> None:
    init = [container("sh", "-c", f"echo {n} >> order", name=f"init-{n}") for n in (1, 2)]
    pods.apply(pod("staged", container("sh", "-c", "cat order; sleep 1000"), initContainers=init))
    pods.ready("staged")
    pods.until(lambda: pods.logs("staged") == "1\n2\n", "the init containers did not run in order")


def test_a_process_that_handles_sigterm_ends_within_its_grace(pods: Pods) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    pods.apply(pod("polite", container("sh", "-c", script), terminationGracePeriodSeconds=30))
    pods.until(lambda: "up" in pods.logs("polite"), "the pod did not run")
    pods.cluster.kubectl("delete", "pod", "polite", "-n", pods.namespace, "--timeout=60s")
    assert pods.logs("polite") == "up\nbye\n"


def test_only_the_first_process_of_a_container_gets_sigterm(pods: Pods) -> None:
    """A worker that runs commands must get the time to finish them, as it does in a container."""
    script = "trap 'wait; exit 0' TERM; sh -c 'sleep 2; echo finished' & echo up; wait"
    pods.apply(pod("parent", container("sh", "-c", script), terminationGracePeriodSeconds=30))
    pods.until(lambda: "up" in pods.logs("parent"), "the pod did not run")
    pods.cluster.kubectl("delete", "pod", "parent", "-n", pods.namespace, "--timeout=60s")
    assert "finished" in pods.logs("parent")


def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(pods: Pods) -> None:
    script = "trap 'echo never' TERM; echo up; while :; do sleep 0.1; done"
    pods.apply(pod("stubborn", container("sh", "-c", script), terminationGracePeriodSeconds=10))
    pods.until(lambda: "up" in pods.logs("stubborn"), "the pod did not run")
    pid = pods.cluster.pid_of(pods.namespace, "stubborn")
    pods.cluster.kubectl("delete", "pod", "stubborn", "-n", pods.namespace, "--wait=false")
    pods.until(lambda: "never" in pods.logs("stubborn"), "SIGTERM did not arrive")
    assert alive(pid)
    assert "deletionTimestamp" in pods.get("pod", "stubborn")["metadata"]
    pods.until(lambda: not pods.get("pod", "stubborn"), "the pod did not go")
    assert not alive(pid)


def test_a_second_delete_may_shorten_the_grace(pods: Pods) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    pods.apply(pod("waiting", container("sh", "-c", script), terminationGracePeriodSeconds=3600))
    pods.until(lambda: "up" in pods.logs("waiting"), "the pod did not run")
    pods.cluster.kubectl("delete", "pod", "waiting", "-n", pods.namespace, "--wait=false")
    pods.cluster.kubectl("delete", "pod", "waiting", "-n", pods.namespace, "--grace-period=1", "--timeout=60s")
    assert not pods.get("pod", "waiting")


def test_a_deployment_scales_to_thirty_pods_with_an_address_each_and_back(pods: Pods) -> None:
    pods.apply(deployment("crowd", container("sleep", "1000")))
    pods.cluster.kubectl("scale", "deployment/crowd", "-n", pods.namespace, "--replicas=30")
    pods.until(lambda: pods.deployed("crowd").get("readyReplicas") == 30, "30 pods did not become ready", 120)
    listed = json.loads(pods.cluster.kubectl("get", "pods", "-n", pods.namespace, "-o", "json"))["items"]
    assert len({item["status"]["podIP"] for item in listed}) == 30
    pids = [pods.cluster.pid_of(pods.namespace, item["metadata"]["name"]) for item in listed]
    pods.cluster.kubectl("scale", "deployment/crowd", "-n", pods.namespace, "--replicas=0")
    pods.until(lambda: "replicas" not in pods.deployed("crowd"), "the pods did not go")
    pods.until(lambda: not any(alive(pid) for pid in pids), "processes were left behind")


@pytest.mark.parametrize(
    ("main", "message"),
    [
        pytest.param({"name": "main", "image": "none"}, "no images", id="no command"),
        pytest.param(
            container("true", envFrom=[{"configMapRef": {"name": "none"}}]), "is not there", id="a missing config map"
        ),
        pytest.param(container("true", readinessProbe={"grpc": {"port": 1}}), "does not support", id="a grpc probe"),
    ],
)
def test_what_the_node_cannot_run_is_reported_in_the_pods_status(
    pods: Pods, main: dict[str, Any], message: str
) -> None:
    pods.apply(pod("odd", main))
    pods.until(lambda: "message" in pods.status("odd").get("state", {}).get("waiting", {}), "the node reported nothing")
    assert message in pods.status("odd")["state"]["waiting"]["message"]
