"""What a stolen token of the operator can change of pods: the deletion cost alone, whatever its roles say."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import pytest

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from testbed.api import NAMESPACE
from testbed.operators import OPERATOR, OPERATOR_NAMESPACE, prepare, write_credentials

Patch = dict[str, Any]
COST = "controller.kubernetes.io/pod-deletion-cost"
REFUSED = f"{OPERATOR} may change nothing of a pod but the annotation {COST}"
OTHER = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "worker", "labels": {"app": "worker"}, "annotations": {"kept": "1"}},
    "spec": {"containers": [{"name": "worker", "image": "good", "resources": {"requests": {"cpu": "1"}}}]},
}
FORGED_STATUS: Patch = {"status": {"podIP": "10.0.0.1"}}

ATTACKS: dict[str, tuple[str, Patch]] = {
    "an image": ("", {"spec": {"containers": [{"name": "worker", "image": "evil"}]}}),
    "a deadline": ("", {"spec": {"activeDeadlineSeconds": 1}}),
    "a toleration": ("", {"spec": {"tolerations": [{"key": "more", "operator": "Exists"}]}}),
    "a label": ("", {"metadata": {"labels": {"app": "other"}}}),
    "a new label": ("", {"metadata": {"labels": {"more": "1"}}}),
    "the last label": ("", {"metadata": {"labels": None}}),
    "an owner": ("", {"metadata": {"ownerReferences": [OTHER]}}),
    "a finalizer": ("", {"metadata": {"finalizers": ["example.com/never"]}}),
    "another annotation": ("", {"metadata": {"annotations": {"more": "1"}}}),
    "another annotation beside the mark": ("", {"metadata": {"annotations": {COST: "-1", "more": "1"}}}),
    "an annotation's value": ("", {"metadata": {"annotations": {"kept": "2"}}}),
    "an annotation's end": ("", {"metadata": {"annotations": {"kept": None}}}),
    "all annotations": ("", {"metadata": {"annotations": None}}),
    "an ephemeral container": (
        "ephemeralcontainers",
        {"spec": {"ephemeralContainers": [{"name": "debug", "image": "evil"}]}},
    ),
    "a status": ("status", FORGED_STATUS),
    "more CPU": (
        "resize",
        {"spec": {"containers": [{"name": "worker", "resources": {"requests": {"cpu": "2"}}}]}},
    ),
}
MARKS: dict[str, Patch] = {
    "a mark": {"metadata": {"annotations": {COST: "-2147483647"}}},
    "another mark": {"metadata": {"annotations": {COST: "-1"}}},
    "the mark's end": {"metadata": {"annotations": {COST: None}}},
}


class Account:
    """Patches pods as the operator's own user, which may not even get them, as kubectl would."""

    def __init__(self, cluster: Cluster, kubeconfig: Path) -> None:
        self.cluster = cluster
        config = json.loads(kubeconfig.read_text())
        self._server, self._token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]

    def patch(self, pod: str, patch: Patch, subresource: str = "") -> str:
        """Return the API server's refusal; empty when it did not refuse."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}{subresource and f'/{subresource}'}"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/strategic-merge-patch+json"}
        url, body = self._server["server"] + path, json.dumps(patch).encode()
        request = urllib.request.Request(url, body, headers, method="PATCH")  # noqa: S310 -- the test's own cluster
        trusted = ssl.create_default_context(
            cadata=base64.b64decode(self._server["certificate-authority-data"]).decode()
        )
        try:
            urllib.request.urlopen(request, timeout=60, context=trusted).close()  # noqa: S310 -- as above
        except urllib.error.HTTPError as error:
            with error:
                return str(json.loads(error.read())["message"])
        return ""

    def pod(self, name: str) -> dict[str, Any]:
        found = json.loads(self.cluster.kubectl("-n", NAMESPACE, "get", "pod", name, "-o", "json"))
        return {
            part: found["metadata"].get(part) for part in ("labels", "annotations", "ownerReferences", "finalizers")
        } | {"spec": found["spec"], "status": found["status"]}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Account]:
    """The operator's user, by a token of its own, and a pod that is in no hurry: there is no node."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    folder = tmp_path_factory.mktemp("pod-patches")
    with Cluster(folder, node=False) as running:
        prepare(running)
        running.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=json.dumps(POD))
        stolen = Account(running, write_credentials(running, folder / "operator.json"))
        everything = f"--serviceaccount={OPERATOR_NAMESPACE}:{OPERATOR}"
        tries = count()

        def refused() -> bool:
            return REFUSED in stolen.patch("worker", {"metadata": {"labels": {"try": str(next(tries))}}})

        wait_until(refused, 60, "the policy is not in force")
        # So that the policy alone stops what follows.
        running.kubectl("create", "clusterrolebinding", "everything", "--clusterrole=cluster-admin", everything)
        # Only now, when the binding is known, too, does it refuse what no role of the operator's allows.
        wait_until(lambda: REFUSED in stolen.patch("worker", FORGED_STATUS, "status"), 60, "the binding has no effect")
        wait_until(lambda: scheduled(stolen.pod("worker")), 60, "the scheduler has not said that there is no node")
        yield stolen


def scheduled(pod: dict[str, Any]) -> bool:
    """Whether the scheduler has written what it has to say of a pod: nobody else changes it from then on."""
    return "PodScheduled" in {each["type"] for each in pod["status"].get("conditions", ())}


@pytest.mark.parametrize(("subresource", "patch"), ATTACKS.values(), ids=ATTACKS)
def test_the_operators_user_may_not_change(subresource: str, patch: Patch, account: Account) -> None:
    before = account.pod("worker")
    assert REFUSED in account.patch("worker", patch, subresource)
    assert account.pod("worker") == before


def test_the_operators_user_may_mark_a_pod_and_remove_the_mark(account: Account) -> None:
    before = account.pod("worker")
    for sentence, patch in MARKS.items():
        assert account.patch("worker", patch) == "", sentence
        cost = patch["metadata"]["annotations"][COST]
        assert account.pod("worker")["annotations"].get(COST) == cost
    assert account.pod("worker") == before


def test_others_may_change_what_they_could(account: Account) -> None:
    account.cluster.kubectl("-n", NAMESPACE, "label", "pod", "worker", "by=administrator")
    account.cluster.kubectl("-n", NAMESPACE, "label", "pod", "worker", "by-")
