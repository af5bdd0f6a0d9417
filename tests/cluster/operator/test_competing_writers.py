"""Other writers of the same replicas, through the scale subresource as an HPA, KEDA or `kubectl scale` does."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.cluster.operator.conftest import Shop, wait_for_the_next_second

HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "hpa"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hpa"},
        "minReplicas": 2,
        "maxReplicas": 3,
    },
}


def test_one_foreign_change_is_corrected_and_a_repeated_writer_is_left_alone_and_named(shop: Shop) -> None:
    queue = shop.queue("contested")
    shop.deployment("contested")
    shop.pool("contested", queue, minReplicas=3)
    shop.eventually(lambda: shop.replicas("contested") == 3, 60, "the pool did not scale to its minimum")
    shop.eventually(lambda: "lastScaleTime" in shop.status("contested"), 60, "the pool did not report that it scaled")
    assert shop.condition("contested", "ScaleConflict")[0] != "True"
    for _ in range(2):
        scale_by_hand(shop, "contested", 1)
        shop.eventually(lambda: shop.replicas("contested") == 3, 60, "the change was not corrected")
    corrected = "ReplicasCorrected: kubectl had set 1 replicas"
    shop.eventually(
        lambda: any(event.startswith(corrected) for event in shop.events("contested")), 60, "it was not told"
    )
    scale_by_hand(shop, "contested", 1)
    shop.eventually(
        lambda: shop.condition("contested", "ScaleConflict")[0] == "True", 60, "the conflict was not reported"
    )
    assert shop.replicas("contested") == 1


def test_a_writer_that_does_not_stop_is_reported_once_and_costs_no_more_writes(shop: Shop) -> None:
    """The real HPA, which keeps its own bounds without any metrics, and a script that writes each second."""
    queue = shop.queue("competing")
    writers = {"hpa": "kube-controller-manager", "script": "other-autoscaler"}
    for name in writers:
        shop.deployment(name)
        shop.pool(name, queue, minReplicas=1, maxReplicas=1)
    shop.eventually(lambda: all("lastScaleTime" in shop.status(name) for name in writers), 60, "a pool was not scaled")
    shop.apply(HPA)
    with repeatedly(lambda: scale_as("other-autoscaler", shop, "script", 2)):
        shop.eventually(
            lambda: all(shop.condition(name, "ScaleConflict")[0] == "True" for name in writers),
            *(120, "the conflicts were not reported"),
        )
        assert [conflict(shop, name).partition(" keeps writing")[0] for name in writers] == list(writers.values())
        shop.eventually(lambda: all(shop.replicas(name) == 2 for name in writers), 60, "the writers did not prevail")
        writes = [shop.generation(name) for name in writers]
        end = time.monotonic() + 16  # longer than the HPA's period
        while time.monotonic() < end:
            assert [shop.generation(name) for name in writers] == writes
            time.sleep(1)
    for name in writers:
        reported = [event.partition(":")[0] for event in shop.events(name)]
        assert (reported.count("ReplicasCorrected"), reported.count("ScaleConflict")) == (1, 1)


def scale_by_hand(shop: Shop, deployment: str, replicas: int) -> None:
    """Scale in another second than the operator did: corrections within one second count as one."""
    wait_for_the_next_second()
    shop.kubectl("scale", "deployment", deployment, f"--replicas={replicas}")


def conflict(shop: Shop, pool: str) -> str:
    conditions = shop.status(pool)["conditions"]
    return next(str(each["message"]) for each in conditions if each["type"] == "ScaleConflict")


def scale_as(manager: str, shop: Shop, deployment: str, replicas: int) -> None:
    body = json.dumps({"spec": {"replicas": replicas}})
    options = ("--subresource=scale", "--type=merge", f"--field-manager={manager}", "-p", body)
    shop.kubectl("patch", "deployment", deployment, *options)


@contextmanager
def repeatedly(write: Callable[[], object]) -> Iterator[None]:
    """Write each second, as an autoscaler does, while the `with` body runs."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1):
            write()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
