"""Probes make the pods of the embedded cluster ready, and restart their containers, as in a real one."""

import signal

from tests.cluster.devcluster.conftest import Pods, container, pod

SERVER = ["python", "-m", "http.server", "--bind", "$(ADDRESS)", "8080"]
ADDRESS = [{"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]


def test_a_pod_runs_at_its_own_address_and_its_probe_makes_it_ready(pods: Pods) -> None:
    probe = {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 1}
    ports = [{"name": "http", "containerPort": 8080}]
    pods.apply(pod("web", container(*SERVER, env=ADDRESS, ports=ports, readinessProbe=probe)))
    pods.ready("web")
    status = pods.status("web")
    assert status["ip"].startswith("127.")
    assert status["phase"] == "Running"
    assert "GET / HTTP" in pods.logs("web")


def test_a_pod_whose_probe_fails_runs_but_is_not_ready(pods: Pods) -> None:
    probe = {"httpGet": {"port": 8080, "path": "/missing"}, "periodSeconds": 1}
    pods.apply(pod("web", container(*SERVER, env=ADDRESS, readinessProbe=probe)))
    pods.until(lambda: pods.logs("web").count('"GET /missing') >= 4, "the probe was not asked four times")
    status = pods.status("web")
    assert (status["phase"], status["Ready"], status["restartCount"]) == ("Running", "False", 0)


def test_a_pod_is_ready_only_while_its_probe_says_so(pods: Pods) -> None:
    probe = {"exec": {"command": ["test", "-e", "ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods.apply(pod("moody", container("sleep", "1000", readinessProbe=probe)))
    pods.until(lambda: pods.status("moody")["phase"] == "Running", "the pod did not run")
    assert pods.status("moody")["Ready"] == "False"
    flag = pods.cluster.node.files(pods.namespace, "moody").work / "ready"
    flag.touch()
    pods.ready("moody")
    flag.unlink()
    pods.until(lambda: pods.status("moody")["Ready"] == "False", "the pod stayed ready")


def test_a_container_that_fails_its_liveness_probe_is_started_again(pods: Pods) -> None:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    pods.apply(pod("deaf", container("sleep", "1000", livenessProbe=probe)))
    pods.until(lambda: pods.status("deaf").get("restartCount", 0) >= 1, "the container was not restarted")
    assert pods.status("deaf")["lastState"]["terminated"]["exitCode"] == 128 + signal.SIGTERM


def test_a_startup_probe_holds_the_other_probes_back(pods: Pods) -> None:
    startup = {"exec": {"command": ["test", "-e", "started"]}, "periodSeconds": 1, "failureThreshold": 60}
    liveness = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods.apply(pod("slow", container("sleep", "1000", startupProbe=startup, livenessProbe=liveness)))
    pods.until(lambda: pods.status("slow")["phase"] == "Running", "the pod did not run")
    status = pods.status("slow")
    assert (status["started"], status["ready"], status["restartCount"]) == (False, False, 0)
    (pods.cluster.node.files(pods.namespace, "slow").work / "started").touch()
    pods.until(lambda: pods.status("slow")["restartCount"] >= 1, "the liveness probe never began")
