"""Others that write the same replicas, through the scale subresource as an HPA, KEDA or `kubectl scale` does."""

from tests.cluster.operator.conftest import Shop


def test_one_change_by_somebody_is_corrected_and_a_repeated_writer_is_left_alone_and_named(shop: Shop) -> None:
    queue = shop.queue("fought")
    shop.deployment("fought")
    shop.pool("fought", queue, minReplicas=3)
    shop.eventually(lambda: shop.replicas("fought") == 3, 15, "the pool did not scale to its minimum")
    shop.eventually(lambda: "lastScaleTime" in shop.status("fought"), 10, "the pool did not tell that it scaled")
    assert shop.condition("fought", "ScaleConflict")[0] != "True"
    for _ in range(2):
        shop.kubectl("scale", "deployment", "fought", "--replicas=1")
        shop.eventually(lambda: shop.replicas("fought") == 3, 15, "the change was not corrected")
    assert any(event.startswith("ReplicasCorrected: kubectl had set 1 replicas") for event in shop.events("fought"))
    shop.kubectl("scale", "deployment", "fought", "--replicas=1")
    shop.eventually(lambda: shop.condition("fought", "ScaleConflict")[0] == "True", 15, "the fight was not told")
    assert shop.replicas("fought") == 1
