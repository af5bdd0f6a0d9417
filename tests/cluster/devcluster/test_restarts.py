"""The parts of the embedded cluster come back after a restart, and leave no process behind at the end."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from devcluster import CommandFailedError, StartFailedError, tools
from devcluster.node import leftovers
from devcluster.processes import wait_until
from tests.cluster.devcluster.conftest import Pods, container, deployment, pod


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_api_server_comes_back_on_its_port_with_its_state_and_the_pods_run_on(pods: Pods, end: str) -> None:
    pods.apply(pod("steady", container("sleep", "1000")))
    pods.ready("steady")
    pid, url = pods.cluster.pid_of(pods.namespace, "steady"), pods.cluster.url
    getattr(pods.cluster.apiserver, end)()
    assert not pods.cluster.apiserver.ready
    with pytest.raises(CommandFailedError):
        pods.cluster.kubectl("get", "--raw", "/readyz")
    pods.cluster.apiserver.start()
    assert pods.cluster.url == url
    assert pods.status("steady")["Ready"] == "True"
    assert pods.cluster.pid_of(pods.namespace, "steady") == pid
    # The node and the controllers have found it again.
    pods.apply(deployment("late", container("sleep", "1000")))
    pods.cluster.kubectl("scale", "deployment/late", "-n", pods.namespace, "--replicas=2")
    pods.until(lambda: pods.deployed("late").get("readyReplicas") == 2, "no new pods ran", 60)


def test_a_restarted_node_starts_its_pods_again(pods: Pods) -> None:
    pods.apply(pod("survivor", container("sh", "-c", "setsid sleep 1000 & sleep 1000")))
    pods.ready("survivor")
    pods.until(lambda: len(processes(pods, "survivor")) == 3, "the shell and its two sleeps do not run")
    first_life = processes(pods, "survivor")
    program = pods.cluster.node.program
    program.kill()
    program.start()
    pods.until(lambda: pods.status("survivor").get("restartCount") == 1, "the pod was not started again")
    pods.ready("survivor")

    def runs_anew() -> bool:
        now = processes(pods, "survivor")
        return len(now) == 3 and not first_life & now

    pods.until(runs_anew, "not the shell and its two sleeps alone run, or those of its first life")


def processes(pods: Pods, name: str) -> set[int]:
    """Return the processes of a pod's containers. Those of others may end meanwhile."""
    found: set[int] = set()
    for pid in leftovers.find(pods.cluster.node.folder):
        with suppress(OSError):
            if name in Path(f"/proc/{pid}/environ").read_text():
                found.add(pid)
    return found


def test_the_process_id_of_an_unknown_pod_is_an_error(pods: Pods) -> None:
    with pytest.raises(StartFailedError, match="no running process"):
        pods.cluster.pid_of(pods.namespace, "nobody")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_cluster_that_ends_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    """However `devcluster up` ends, what it started ends too, even what a pod has put into a session of its own."""
    argv = [sys.executable, "-m", "devcluster", "up", "--dir", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as up:
        assert up.stdout is not None
        kubeconfig = up.stdout.readline().strip().removeprefix("KUBECONFIG=")
        run = pod("escaping", container("sh", "-c", "setsid sleep 1000 & sleep 1000"))
        subprocess.run(
            [tools.kubectl(), f"--kubeconfig={kubeconfig}", "apply", "-f", "-"], input=run, text=True, check=True
        )
        wait_until(lambda: len(list(leftovers.find(tmp_path / "node"))) == 3, 60, "the pod did not run")
        assert len(mentioning(tmp_path)) >= 6  # four programs of the control plane, the node, and devcluster itself
        up.send_signal(number)
    wait_until(lambda: not mentioning(tmp_path), 60, f"left behind: {mentioning(tmp_path)}")
    wait_until(lambda: not list(leftovers.find(tmp_path / "node")), 60, "processes of the pod are left behind")


def mentioning(folder: Path) -> list[str]:
    """Return the command lines of the processes that name FOLDER."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in lines if str(folder) in line]
