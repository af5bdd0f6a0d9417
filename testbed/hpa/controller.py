"""Plays series of loads to the real HPA controller, all at once, each with a Deployment and an HPA of its own.

There is no node: the HPA counts pods, it does not need them to run. Where it counts ready ones, they are said to be.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kubernetes import client, config

from devcluster import Cluster
from devcluster.certificates import Authority
from devcluster.processes import wait_until
from testbed.hpa.external_metrics import GROUP, ExternalMetrics, registration
from testbed.hpa.recording import Played
from testbed.hpa.series import FLAG_TOLERANCE, FLAG_WINDOW_SECONDS, PER_POD, SYNC_SECONDS, Series

NAMESPACE = "parity"
MARK_SECONDS = 0.2
"""How often pods are said to be ready."""


def flags(series: Mapping[str, Series]) -> list[str]:
    """Return the arguments of the controller manager: it syncs often, and all series at once."""
    return [
        f"--horizontal-pod-autoscaler-sync-period={SYNC_SECONDS}s",
        f"--horizontal-pod-autoscaler-downscale-stabilization={FLAG_WINDOW_SECONDS}s",
        f"--horizontal-pod-autoscaler-tolerance={FLAG_TOLERANCE}",
        f"--concurrent-horizontal-pod-autoscaler-syncs={len(series)}",
    ]


def play(cluster: Cluster, folder: Path, series: Mapping[str, Series]) -> dict[str, Played]:
    """Play every series to its HPA. The cluster's controller manager has the `flags`; `folder` gets a certificate."""
    names = {f"series-{number}": name for number, name in enumerate(series)}
    api = config.new_client_from_config(str(cluster.kubeconfig))  # type: ignore[no-untyped-call] # it has no types
    apps = client.AppsV1Api(api)

    def read_scale(name: str) -> tuple[int, int, int]:
        found: Any = apps.read_namespaced_deployment(name, NAMESPACE)
        return found.spec.replicas or 0, found.status.replicas or 0, found.status.ready_replicas or 0

    pair = Authority(folder).issue("external-metrics")
    loads = {short: series[name].messages for short, name in names.items()}
    valued = [short for short, name in names.items() if series[name].kind == "Value"]
    with ExternalMetrics(pair, loads, read_scale) as metrics, _marking_ready(client.CoreV1Api(api), valued):
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.apply(_listed(registration(metrics.port, NAMESPACE)))
        cluster.kubectl("wait", "--for=condition=Available", f"apiservice/v1beta1.{GROUP}", "--timeout=120s")
        cluster.apply(_listed([_deployment(short, series[name]) for short, name in names.items()]))
        wait_until(
            lambda: all(read_scale(short)[1] == series[name].start for short, name in names.items()),
            60,
            "pods are missing",
        )
        cluster.apply(_listed([_hpa(short, series[name]) for short, name in names.items()]))
        longest = max(len(each.loads) for each in series.values())
        wait_until(lambda: metrics.played, 60 + 2 * SYNC_SECONDS * longest, "the HPAs did not play their series")
        found = json.loads(cluster.kubectl("get", "hpa.v2.autoscaling", "-n", NAMESPACE, "-o", "json"))["items"]
        behaviors = {hpa["metadata"]["name"]: hpa["spec"].get("behavior") for hpa in found}
        # Read once more than it has loads: that shows what became of the last one.
        return {
            name: Played(behaviors[short], metrics.syncs[short][: len(loads[short]) + 1])
            for short, name in names.items()
        }


@contextmanager
def _marking_ready(core: client.CoreV1Api, names: list[str]) -> Iterator[None]:
    """Say of these Deployments' pods that they run and are ready, while the body runs."""
    ended = threading.Event()
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}

    def mark() -> None:
        while not ended.wait(MARK_SECONDS):
            found: Any = core.list_namespaced_pod(NAMESPACE, label_selector=f"app in ({','.join(names)})")
            for pod in found.items:
                if pod.status.phase != "Running":
                    with suppress(client.exceptions.ApiException):  # it is gone already; else the next round marks it
                        core.patch_namespaced_pod_status(pod.metadata.name, NAMESPACE, {"status": status})

    marking = threading.Thread(target=mark)
    if names:
        marking.start()
    try:
        yield
    finally:
        ended.set()
        if names:
            marking.join()


def _listed(items: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _deployment(name: str, series: Series) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "main", "image": "none"}
    spec = {
        "replicas": series.start,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        },
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _hpa(name: str, series: Series) -> dict[str, Any]:
    target = {"type": series.kind, series.kind[0].lower() + series.kind[1:]: str(PER_POD)}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": series.least,
        "maxReplicas": series.most,
        "metrics": [{"type": "External", "external": {"metric": {"name": name}, "target": target}}],
    }
    if series.behavior is not None:
        spec["behavior"] = series.behavior
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
