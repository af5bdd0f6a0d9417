"""A pod of the embedded cluster has its own environment, and the rights of its service account."""

import sys
from pathlib import Path

import pytest

from devcluster import tools
from tests.cluster.conftest import wait_until_may
from tests.cluster.devcluster.conftest import Pods, container, pod

CONTEND = (
    "kubectl auth can-i list secrets; kubectl auth whoami -o jsonpath={.status.userInfo.username}; kubectl get secrets"
)


def test_a_pod_has_the_rights_of_its_service_account_and_no_others(pods: Pods) -> None:
    pods.cluster.kubectl("create", "serviceaccount", "bare", "-n", pods.namespace)
    script = container("sh", "-c", CONTEND, env=[{"name": "PATH", "value": f"{tools.kubectl().parent}:/usr/bin:/bin"}])
    spec = {"serviceAccountName": "bare", "automountServiceAccountToken": True, "restartPolicy": "Never"}
    pods.apply(pod("forbidden", script, **spec))
    pods.until(lambda: pods.status("forbidden")["phase"] == "Failed", "the pod was not refused")
    output = pods.logs("forbidden")
    assert output.startswith("no\n")
    assert f"system:serviceaccount:{pods.namespace}:bare" in output
    assert "secrets is forbidden" in output
    rights = ["--verb=list", "--resource=secrets", "-n", pods.namespace]
    pods.cluster.kubectl("create", "role", "reader", *rights)
    bound = ["--role=reader", f"--serviceaccount={pods.namespace}:bare", "-n", pods.namespace]
    pods.cluster.kubectl("create", "rolebinding", "reader", *bound)
    account = f"system:serviceaccount:{pods.namespace}:bare"
    wait_until_may(pods.cluster, account, pods.namespace, "list", "secrets")
    pods.apply(pod("allowed", script, **spec))
    pods.until(lambda: pods.status("allowed")["phase"] == "Succeeded", "the pod was not let in")


def test_a_pod_without_a_mounted_token_has_no_kubeconfig(pods: Pods) -> None:
    pods.apply(pod("anonymous", container("sh", "-c", 'echo "[$KUBECONFIG]"; sleep 1000')))
    pods.ready("anonymous")
    pods.until(lambda: pods.logs("anonymous") == "[]\n", "the pod was given a kubeconfig")


def test_a_pod_sees_its_own_environment_and_not_ours(pods: Pods, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "secret")
    pods.cluster.kubectl("create", "configmap", "settings", "--from-literal=COLOUR=red", "-n", pods.namespace)
    main = container("sh", "-c", "env; sleep 1000", envFrom=[{"configMapRef": {"name": "settings"}}])
    pods.apply(pod("nosy", main))
    pods.ready("nosy")
    pods.until(lambda: "COLOUR=red" in pods.logs("nosy"), "the config map did not arrive")
    seen = dict(line.split("=", 1) for line in pods.logs("nosy").splitlines())
    assert seen["QWP_HTTP_HOST"] == seen["QUEUEWORKER_STATE_HOST"] == pods.status("nosy")["ip"]
    assert "OURS" not in seen
    assert seen["PATH"].startswith(f"{Path(sys.executable).parent}:")
