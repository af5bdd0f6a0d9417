"""What a strict cluster refuses, on the real API server: the user is told in its own words, and all else goes on."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from devcluster import Cluster, CommandFailedError, UnavailableError, tools
from devcluster.processes import free_port, wait_until
from testbed.api import deployment, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import OPERATOR, OperatorProcess, is_ready, prepare, write_credentials

WAIT_SECONDS = 60.0
POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: budget}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [UPDATE], resources: [deployments/scale]}
  validations:
  - expression: "object.spec.replicas <= 3"
    message: "budget: no more than 3 replicas in this namespace"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: budget}
spec:
  policyName: budget
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: capped}}}
"""
NO_EVENTS = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-events}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [events]}
  validations:
  - {expression: "false", message: "no Events in this namespace"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-events}
spec:
  policyName: no-events
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: quiet}}}
"""
"""A quota would refuse none: Kubernetes does not count Events."""


@dataclass
class Strict:
    """A cluster, an operator in it, and pools by namespace."""

    cluster: Cluster
    sqs: CountingSqs
    process: OperatorProcess

    def add(self, namespace: str) -> None:
        """Create a namespace with a pool that wants ten pods and has none."""
        self.cluster.kubectl("create", "namespace", namespace)
        self.sqs.set_depths({namespace: 50})
        for manifest in (deployment(namespace, 0), pool(namespace, queue_url(namespace), 1)):
            self.apply(namespace, yaml.safe_dump(manifest))

    def apply(self, namespace: str, manifest: str) -> None:
        self.cluster.kubectl("-n", namespace, "apply", "-f", "-", input=manifest)

    def size(self, namespace: str) -> int:
        found = self.cluster.kubectl("-n", namespace, "get", "deployment", namespace, "-o", "jsonpath={.spec.replicas}")
        return int(found)

    def status(self, namespace: str) -> dict[str, Any]:
        whole = json.loads(self.cluster.kubectl("-n", namespace, "get", "qwp", namespace, "-o", "json"))
        return dict(whole.get("status", {}))

    def condition(self, namespace: str, kind: str) -> dict[str, Any]:
        held = self.status(namespace).get("conditions", ())
        return next((dict(each) for each in held if each["type"] == kind), {"status": "", "reason": "", "message": ""})

    def events(self, namespace: str) -> list[str]:
        listed = json.loads(self.cluster.kubectl("-n", namespace, "get", "events", "-o", "json"))["items"]
        return [each["reason"] for each in listed if each["involvedObject"]["kind"] == "QueueWorkerPool"]

    def refused(self, namespace: str) -> bool:
        return bool(self.condition(namespace, "AbleToScale")["reason"] == "FailedUpdateScale")


@pytest.fixture
def strict(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Strict]:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with CountingSqs(tmp_path / "sqs.log") as sqs, Cluster(tmp_path / "cluster", node=False) as cluster:
        prepare(cluster)
        own = {"KUBECONFIG": str(write_credentials(cluster, tmp_path / "kubeconfig")), **sqs.env}
        process = OperatorProcess(log=tmp_path / "operator.log", port=free_port(), variables=own)
        yield Strict(cluster, sqs, process)


def without(cluster: Cluster, resource: str) -> str:
    """Take one resource from the operator's ClusterRole; return the role as it was."""
    role = json.loads(cluster.kubectl("get", "clusterrole", OPERATOR, "-o", "json"))
    whole = {"apiVersion": role["apiVersion"], "kind": role["kind"], "metadata": {"name": OPERATOR}}
    rules = [rule for rule in role["rules"] if resource not in rule["resources"]]
    assert rules != role["rules"]
    before, after = (yaml.safe_dump({**whole, "rules": each}) for each in (role["rules"], rules))
    cluster.kubectl("replace", "-f", "-", input=after)
    return before


def test_policies_and_a_missing_right(strict: Strict) -> None:
    cluster = strict.cluster
    for namespace in ("capped", "quiet"):
        strict.add(namespace)
    cluster.apply(NO_EVENTS)
    cluster.apply(POLICY)
    # An admission policy takes effect some time after it was created.
    probe = ("-n", "capped", "scale", "deployment/capped", "--replicas=4", "--dry-run=server")
    wait_until(lambda: is_denied(cluster, *probe), WAIT_SECONDS, "the policy has no effect")
    with strict.process.running():
        a_policy_is_told_in_its_own_words(strict)
        wait_until(lambda: strict.size("quiet") == 10, WAIT_SECONDS, "a refused Event stopped the scaling")
        wait_until(lambda: strict.condition("quiet", "Ready")["status"] == "True", WAIT_SECONDS, "it is not ready")
        wait_until(lambda: lost_events(strict) > 0, WAIT_SECONDS, "no refused Event was counted")
        assert strict.events("quiet") == []
        a_right_that_is_taken_away_is_told_and_comes_back(strict)
        assert is_ready(strict.process.port)
    assert "Traceback" not in strict.process.log.read_text()


def lost_events(strict: Strict) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{strict.process.port}/metrics", timeout=60) as answer:
        [line] = [each for each in answer if each.startswith(b"queueworkerpool_events_lost_total ")]
        return float(line.split()[1])


def is_denied(cluster: Cluster, *arguments: str) -> bool:
    try:
        cluster.kubectl(*arguments)
    except CommandFailedError as error:
        return "budget" in str(error)
    return False


def a_policy_is_told_in_its_own_words(strict: Strict) -> None:
    wait_until(lambda: strict.refused("capped"), WAIT_SECONDS, "the refusal is not told")
    status = strict.status("capped")
    assert (strict.size("capped"), status["backlog"]["total"], status["desiredReplicas"]) == (0, 50, 10)
    assert strict.condition("capped", "Ready")["status"] == "False"
    assert "budget: no more than 3 replicas in this namespace" in strict.condition("capped", "AbleToScale")["message"]
    wait_until(lambda: "FailedUpdateScale" in strict.events("capped"), WAIT_SECONDS, "no Event was posted")
    strict.cluster.kubectl("delete", "validatingadmissionpolicybinding", "budget")
    wait_until(lambda: strict.size("capped") == 10, WAIT_SECONDS, "the size did not follow once it was allowed")
    wait_until(lambda: strict.condition("capped", "Ready")["status"] == "True", WAIT_SECONDS, "it is still not ready")
    assert strict.events("capped").count("FailedUpdateScale") == 1


def a_right_that_is_taken_away_is_told_and_comes_back(strict: Strict) -> None:
    role = without(strict.cluster, "deployments/scale")
    strict.sqs.set_depths({"quiet": 100})
    wait_until(lambda: strict.refused("quiet"), WAIT_SECONDS, "the missing right is not told")
    assert "deployments/scale" in strict.condition("quiet", "AbleToScale")["message"]
    assert strict.size("quiet") == 10
    strict.cluster.kubectl("replace", "-f", "-", input=role)
    wait_until(lambda: strict.size("quiet") == 20, WAIT_SECONDS, "the size did not follow once it was allowed")
