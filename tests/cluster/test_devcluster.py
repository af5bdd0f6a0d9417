"""The embedded cluster behaves as a cluster does: pods run, probes count, rights apply, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster import Cluster, CommandFailedError, StartFailedError, tools
from devcluster.node import leftovers
from devcluster.processes import wait_until

SERVER = ["python", "-m", "http.server", "--bind", "$(ADDRESS)", "8080"]
ADDRESS = [{"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]


def container(*command: str, **changes: Any) -> dict[str, Any]:
    return {"name": "main", "image": "none", "command": [*command], **changes}


def pod(name: str, main: dict[str, Any], **spec: Any) -> str:
    settings = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 5, "containers": [main], **spec}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": settings})


def deployment(name: str, main: dict[str, Any]) -> str:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 2, "containers": [main]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


class Dependencies:
    """One namespace of the cluster, and how to wait for it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def apply(self, manifest: str) -> None:
        self.cluster.kubectl("apply", "-n", self.namespace, "-f", "-", input=manifest)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object, or {} when it is not there."""
        text = self.cluster.kubectl("get", kind, name, "-n", self.namespace, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else {}

    def status(self, name: str) -> dict[str, Any]:
        """Return the status of a pod's only container, with the pod's phase and readiness."""
        status = self.get("pod", name).get("status", {})
        conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
        first = (status.get("containerStatuses") or [{}])[0]
        return {**first, "phase": status.get("phase"), "Ready": conditions.get("Ready"), "ip": status.get("podIP")}

    def deployed(self, name: str) -> dict[str, Any]:
        """Return the status of a Deployment."""
        status: dict[str, Any] = self.get("deployment", name).get("status", {})
        return status

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
        wait_until(condition, seconds, what)

    def ready(self, name: str) -> None:
        self.until(lambda: self.status(name)["Ready"] == "True", f"pod {name} did not become ready")

    def logs(self, name: str) -> str:
        return self.cluster.node.logs(self.namespace, name)


@pytest.fixture
def world(cluster: Cluster, namespace: str) -> Dependencies:
    return Dependencies(cluster, namespace)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_pod_runs_at_its_own_address_and_its_probe_makes_it_ready(world: Dependencies) -> None:
    probe = {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 1}
    ports = [{"name": "http", "containerPort": 8080}]
    world.apply(pod("web", container(*SERVER, env=ADDRESS, ports=ports, readinessProbe=probe)))
    world.ready("web")
    status = world.status("web")
    assert status["ip"].startswith("127.")
    assert status["phase"] == "Running"
    assert "GET / HTTP" in world.logs("web")


def test_a_pod_whose_probe_fails_runs_but_is_not_ready(world: Dependencies) -> None:
    probe = {"httpGet": {"port": 8080, "path": "/missing"}, "periodSeconds": 1}
    world.apply(pod("web", container(*SERVER, env=ADDRESS, readinessProbe=probe)))
    world.until(lambda: world.logs("web").count('"GET /missing') >= 4, "the probe was not asked four times")
    status = world.status("web")
    assert (status["phase"], status["Ready"], status["restartCount"]) == ("Running", "False", 0)


def test_a_pod_is_ready_only_while_its_probe_says_so(world: Dependencies) -> None:
    probe = {"exec": {"command": ["test", "-e", "ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    world.apply(pod("moody", container("sleep", "1000", readinessProbe=probe)))
    world.until(lambda: world.status("moody")["phase"] == "Running", "the pod did not run")
    assert world.status("moody")["Ready"] == "False"
    flag = world.cluster.node.files(world.namespace, "moody").work / "ready"
    flag.touch()
    world.ready("moody")
    flag.unlink()
    world.until(lambda: world.status("moody")["Ready"] == "False", "the pod stayed ready")


def test_a_container_that_fails_its_liveness_probe_is_started_again(world: Dependencies) -> None:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    world.apply(pod("deaf", container("sleep", "1000", livenessProbe=probe)))
    world.until(lambda: world.status("deaf").get("restartCount", 0) >= 1, "the container was not restarted")
    assert world.status("deaf")["lastState"]["terminated"]["exitCode"] == 128 + signal.SIGTERM


def test_a_startup_probe_holds_the_other_probes_back(world: Dependencies) -> None:
    startup = {"exec": {"command": ["test", "-e", "started"]}, "periodSeconds": 1, "failureThreshold": 60}
    liveness = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    world.apply(pod("slow", container("sleep", "1000", startupProbe=startup, livenessProbe=liveness)))
    world.until(lambda: world.status("slow")["phase"] == "Running", "the pod did not run")
    status = world.status("slow")
    assert (status["started"], status["ready"], status["restartCount"]) == (False, False, 0)
    (world.cluster.node.files(world.namespace, "slow").work / "started").touch()
    world.until(lambda: world.status("slow")["restartCount"] >= 1, "the liveness probe never began")


def test_a_killed_process_is_started_again_with_its_exit_code_told(world: Dependencies) -> None:
    world.apply(pod("victim", container("sleep", "1000")))
    world.ready("victim")
    os.kill(world.cluster.pid_of(world.namespace, "victim"), signal.SIGKILL)
    world.until(lambda: world.status("victim").get("restartCount") == 1, "the container was not restarted")
    status = world.status("victim")
    assert status["lastState"]["terminated"]["exitCode"] == 128 + signal.SIGKILL


def test_a_crashing_container_backs_off(world: Dependencies) -> None:
    world.apply(pod("crash", container("sh", "-c", "exit 3")))
    world.until(lambda: "waiting" in world.status("crash").get("state", {}), "the container did not wait")
    status = world.status("crash")
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 3


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (3, "Failed")])
def test_a_pod_that_never_restarts_tells_how_it_ended(world: Dependencies, code: int, phase: str) -> None:
    world.apply(pod("once", container("sh", "-c", f"exit {code}"), restartPolicy="Never"))
    world.until(lambda: world.status("once")["phase"] == phase, f"the pod did not become {phase}")
    assert world.status("once")["state"]["terminated"]["exitCode"] == code


def test_init_containers_run_one_after_the_other_before_the_others(world: Dependencies) -> None:
    init = [container("sh", "-c", f"echo {n} >> order", name=f"init-{n}") for n in (1, 2)]
    world.apply(pod("staged", container("sh", "-c", "cat order; sleep 1000"), initContainers=init))
    world.ready("staged")
    world.until(lambda: world.logs("staged") == "1\n2\n", "the init containers did not run in order")


def test_a_process_that_heeds_sigterm_ends_within_its_grace(world: Dependencies) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    world.apply(pod("polite", container("sh", "-c", script), terminationGracePeriodSeconds=30))
    world.until(lambda: "up" in world.logs("polite"), "the pod did not run")
    world.cluster.kubectl("delete", "pod", "polite", "-n", world.namespace, "--timeout=10s")
    assert world.logs("polite") == "up\nbye\n"


def test_only_the_first_process_of_a_container_hears_sigterm(world: Dependencies) -> None:
    """A worker that runs commands must get the time to finish them, as it does in a container."""
    script = "trap 'wait; exit 0' TERM; sh -c 'sleep 2; echo finished' & echo up; wait"
    world.apply(pod("parent", container("sh", "-c", script), terminationGracePeriodSeconds=30))
    world.until(lambda: "up" in world.logs("parent"), "the pod did not run")
    world.cluster.kubectl("delete", "pod", "parent", "-n", world.namespace, "--timeout=15s")
    assert "finished" in world.logs("parent")


def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(world: Dependencies) -> None:
    script = "trap 'echo never' TERM; echo up; while :; do sleep 0.1; done"
    world.apply(pod("stubborn", container("sh", "-c", script), terminationGracePeriodSeconds=2))
    world.until(lambda: "up" in world.logs("stubborn"), "the pod did not run")
    pid = world.cluster.pid_of(world.namespace, "stubborn")
    world.cluster.kubectl("delete", "pod", "stubborn", "-n", world.namespace, "--wait=false")
    world.until(lambda: "never" in world.logs("stubborn"), "SIGTERM did not arrive")
    assert alive(pid)
    assert "deletionTimestamp" in world.get("pod", "stubborn")["metadata"]
    world.until(lambda: not world.get("pod", "stubborn"), "the pod did not go")
    assert not alive(pid)


def test_a_second_delete_may_shorten_the_grace(world: Dependencies) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    world.apply(pod("patient", container("sh", "-c", script), terminationGracePeriodSeconds=3600))
    world.until(lambda: "up" in world.logs("patient"), "the pod did not run")
    world.cluster.kubectl("delete", "pod", "patient", "-n", world.namespace, "--wait=false")
    world.cluster.kubectl("delete", "pod", "patient", "-n", world.namespace, "--grace-period=1", "--timeout=10s")
    assert not world.get("pod", "patient")


def test_a_deployment_scales_to_thirty_pods_with_an_address_each_and_back(world: Dependencies) -> None:
    world.apply(deployment("crowd", container("sleep", "1000")))
    world.cluster.kubectl("scale", "deployment/crowd", "-n", world.namespace, "--replicas=30")
    world.until(lambda: world.deployed("crowd").get("readyReplicas") == 30, "30 pods did not become ready", 60)
    pods = json.loads(world.cluster.kubectl("get", "pods", "-n", world.namespace, "-o", "json"))["items"]
    assert len({item["status"]["podIP"] for item in pods}) == 30
    pids = [world.cluster.pid_of(world.namespace, item["metadata"]["name"]) for item in pods]
    world.cluster.kubectl("scale", "deployment/crowd", "-n", world.namespace, "--replicas=0")
    world.until(lambda: "replicas" not in world.deployed("crowd"), "the pods did not go")
    world.until(lambda: not any(alive(pid) for pid in pids), "processes were left behind")


CONTEND = (
    "kubectl auth can-i list secrets; kubectl auth whoami -o jsonpath={.status.userInfo.username}; kubectl get secrets"
)


def test_a_pod_has_the_rights_of_its_service_account_and_no_others(world: Dependencies) -> None:
    world.cluster.kubectl("create", "serviceaccount", "bare", "-n", world.namespace)
    script = container("sh", "-c", CONTEND, env=[{"name": "PATH", "value": f"{tools.kubectl().parent}:/usr/bin:/bin"}])
    spec = {"serviceAccountName": "bare", "automountServiceAccountToken": True, "restartPolicy": "Never"}
    world.apply(pod("forbidden", script, **spec))
    world.until(lambda: world.status("forbidden")["phase"] == "Failed", "the pod was not refused")
    said = world.logs("forbidden")
    assert said.startswith("no\n")
    assert f"system:serviceaccount:{world.namespace}:bare" in said
    assert "secrets is forbidden" in said
    rights = ["--verb=list", "--resource=secrets", "-n", world.namespace]
    world.cluster.kubectl("create", "role", "reader", *rights)
    bound = ["--role=reader", f"--serviceaccount={world.namespace}:bare", "-n", world.namespace]
    world.cluster.kubectl("create", "rolebinding", "reader", *bound)
    world.apply(pod("allowed", script, **spec))
    world.until(lambda: world.status("allowed")["phase"] == "Succeeded", "the pod was not let in")


def test_a_pod_without_a_mounted_token_has_no_kubeconfig(world: Dependencies) -> None:
    world.apply(pod("anonymous", container("sh", "-c", 'echo "[$KUBECONFIG]"; sleep 1000')))
    world.ready("anonymous")
    world.until(lambda: world.logs("anonymous") == "[]\n", "the pod was given a kubeconfig")


def test_a_pod_sees_its_own_environment_and_not_ours(world: Dependencies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "secret")
    world.cluster.kubectl("create", "configmap", "settings", "--from-literal=COLOUR=red", "-n", world.namespace)
    main = container("sh", "-c", "env; sleep 1000", envFrom=[{"configMapRef": {"name": "settings"}}])
    world.apply(pod("nosy", main))
    world.ready("nosy")
    world.until(lambda: "COLOUR=red" in world.logs("nosy"), "the config map did not arrive")
    seen = dict(line.split("=", 1) for line in world.logs("nosy").splitlines())
    assert seen["QWP_HTTP_HOST"] == seen["QUEUEWORKER_STATE_HOST"] == world.status("nosy")["ip"]
    assert "OURS" not in seen
    assert seen["PATH"].startswith(f"{Path(sys.executable).parent}:")


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
def test_what_the_node_cannot_run_is_said_in_the_pods_status(
    world: Dependencies, main: dict[str, Any], message: str
) -> None:
    world.apply(pod("odd", main))
    world.until(lambda: "message" in world.status("odd").get("state", {}).get("waiting", {}), "the node said nothing")
    assert message in world.status("odd")["state"]["waiting"]["message"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_api_server_comes_back_on_its_port_with_its_state_and_the_pods_run_on(
    world: Dependencies, end: str
) -> None:
    world.apply(pod("steady", container("sleep", "1000")))
    world.ready("steady")
    pid, url = world.cluster.pid_of(world.namespace, "steady"), world.cluster.url
    getattr(world.cluster.apiserver, end)()
    assert not world.cluster.apiserver.ready
    with pytest.raises(CommandFailedError):
        world.cluster.kubectl("get", "--raw", "/readyz")
    world.cluster.apiserver.start()
    assert world.cluster.url == url
    assert world.status("steady")["Ready"] == "True"
    assert world.cluster.pid_of(world.namespace, "steady") == pid
    # The node and the controllers have found it again.
    world.apply(deployment("late", container("sleep", "1000")))
    world.cluster.kubectl("scale", "deployment/late", "-n", world.namespace, "--replicas=2")
    world.until(lambda: world.deployed("late").get("readyReplicas") == 2, "no new pods ran", 60)


def test_a_restarted_node_starts_its_pods_anew(world: Dependencies) -> None:
    world.apply(pod("survivor", container("sh", "-c", "setsid sleep 1000 & sleep 1000")))
    world.ready("survivor")
    program = world.cluster.node.program
    program.kill()
    program.start()
    world.until(lambda: world.status("survivor").get("restartCount") == 1, "the pod was not started anew")
    world.ready("survivor")
    shells = [pid for pid in leftovers.find(world.cluster.node.folder) if "survivor" in environment(pid)]
    assert len(shells) == 3  # the shell and its two sleeps, not those of its first life


def environment(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text()


def test_asking_for_the_process_of_an_unknown_pod_is_an_error(world: Dependencies) -> None:
    with pytest.raises(StartFailedError, match="no running process"):
        world.cluster.pid_of(world.namespace, "nobody")


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
        wait_until(lambda: len(list(leftovers.find(tmp_path / "node"))) == 3, 30, "the pod did not run")
        assert len(mentioning(tmp_path)) >= 6  # four programs of the control plane, the node, and devcluster itself
        up.send_signal(number)
    wait_until(lambda: not mentioning(tmp_path), 15, f"left behind: {mentioning(tmp_path)}")
    assert not list(leftovers.find(tmp_path / "node"))


def mentioning(folder: Path) -> list[str]:
    """Return the command lines of the processes that name FOLDER."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_text().replace("\0", " "))
        except OSError:
            continue
    return [line for line in lines if str(folder) in line]
