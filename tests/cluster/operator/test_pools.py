"""Pools on a real API server: how they follow their queue, and what happens when something around them breaks."""

import os
import signal
import time

from tests.cluster.operator.conftest import Operator, Shop, wait_for_the_next_second

OUTAGE_SECONDS = 60


def test_a_pool_goes_from_zero_to_its_whole_size_in_one_write_and_back_to_zero(shop: Shop) -> None:
    queue = shop.queue("burst")
    shop.deployment("burst")
    shop.pool("burst", queue, scaleToZeroAfterSeconds=3, behavior={"scaleDown": {"stabilizationWindowSeconds": 2}})
    shop.eventually(lambda: shop.condition("burst", "Ready") == ("True", "Ready"), 60, "the pool did not become ready")
    shop.send(queue, 100)
    shop.eventually(lambda: shop.replicas("burst") == 20, 60, "the pool did not grow to 20")
    assert shop.generation("burst") == 2, "more than one write from 0 to 20"
    shop.eventually(lambda: shop.status("burst").get("readyReplicas") == 20, 60, "the pods did not become ready")
    shop.purge(queue)
    shop.eventually(lambda: shop.replicas("burst") == 0, 60, "the pool did not go back to zero")
    told = "from 0 to 20 replicas"
    shop.eventually(lambda: any(told in event for event in shop.events("burst")), 60, "the growth was not told")
    assert shop.status("burst")["lastDecision"]["trail"][0]["message"] == "0 messages / 5 per pod = 0 pods"


def test_an_edited_spec_is_acted_on_at_once(shop: Shop) -> None:
    shop.deployment("edited")
    shop.pool("edited", shop.queue("edited"), pollSeconds=300)
    shop.eventually(lambda: shop.condition("edited", "Ready")[0] == "True", 60, "the pool did not become ready")
    shop.pool("edited", shop.queue("edited"), pollSeconds=300, minReplicas=3)
    shop.eventually(
        lambda: shop.replicas("edited") == 3, 60, "the new minimum was not acted on within 60 s of a 300 s interval"
    )
    shop.eventually(lambda: shop.status("edited")["observedGeneration"] == 2, 60, "the status is not of the new spec")
    assert shop.condition("edited", "ScalingLimited") == ("True", "TooFewReplicas")


def test_a_missing_deployment_is_a_condition_until_it_comes(shop: Shop) -> None:
    queue = shop.queue("late")
    shop.pool("late", queue)
    shop.eventually(lambda: shop.condition("late", "TargetFound") == ("False", "TargetNotFound"), 60, "no condition")
    assert shop.condition("late", "Ready") == ("False", "TargetNotFound")
    shop.deployment("late")
    shop.send(queue, 10)
    shop.eventually(lambda: shop.replicas("late") == 2, 60, "the pool did not scale the Deployment that came")
    shop.kubectl("delete", "deployment", "late")
    shop.eventually(lambda: shop.condition("late", "TargetFound")[0] == "False", 60, "the deletion was not noticed")


def test_a_missing_queue_is_a_condition_and_moves_nothing(shop: Shop) -> None:
    shop.deployment("lost", replicas=2)
    shop.pool("lost", "no-such-queue")
    shop.eventually(
        lambda: shop.condition("lost", "QueueReachable") == ("False", "QueueNotFound"),
        60,
        "the missing queue was not reported",
    )
    assert shop.replicas("lost") == 2
    assert shop.status("lost")["lastDecision"]["reason"] == "QueueUnreadable"


def test_the_older_of_two_pools_owns_a_deployment_until_it_goes(shop: Shop) -> None:
    older, younger = shop.queue("older"), shop.queue("younger")
    shop.deployment("shared")
    shop.pool("older", older, "shared", minReplicas=1)
    shop.eventually(lambda: shop.replicas("shared") == 1, 60, "the older pool did not scale")
    wait_for_the_next_second()
    shop.pool("younger", younger, "shared", minReplicas=5)
    shop.eventually(
        lambda: shop.condition("younger", "TargetFound") == ("False", "TargetConflict"),
        60,
        "the conflict was not reported",
    )
    assert shop.replicas("shared") == 1
    shop.kubectl("delete", "qwp", "older")
    shop.eventually(lambda: shop.replicas("shared") == 5, 60, "the younger pool did not inherit the Deployment")


def test_a_dry_run_reports_and_scales_nothing(shop: Shop) -> None:
    queue = shop.queue("dry")
    shop.deployment("dry")
    shop.pool("dry", queue, mode="DryRun")
    shop.send(queue, 50)
    shop.eventually(lambda: shop.status("dry").get("desiredReplicas") == 10, 60, "nothing was decided")
    assert shop.replicas("dry") == 0
    assert shop.condition("dry", "ScalingActive") == ("False", "DryRun")


def test_a_paused_pool_does_not_even_read(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("paused")
    shop.deployment("paused", replicas=1)
    shop.pool("paused", queue, mode="Paused")
    shop.eventually(lambda: shop.condition("paused", "ScalingActive") == ("False", "Paused"), 60, "not paused")

    def reads() -> list[str]:
        lines = operator.get("/metrics").splitlines()
        return [line for line in lines if "queue_reads_total" in line and shop.namespace in line]

    shop.eventually(lambda: bool(reads()), 60, "its readings are not counted")
    assert all(line.endswith(" 0.0") for line in reads())


def test_a_killed_operator_forgets_nothing(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("killed")
    shop.deployment("killed", replicas=4)
    window = {"scaleDown": {"stabilizationWindowSeconds": 15}}
    shop.pool("killed", queue, scaleToZeroAfterSeconds=15, behavior=window)
    shop.eventually(lambda: "emptySince" in shop.status("killed").get("memory", {}), 60, "emptiness was not remembered")
    memory = shop.status("killed")["memory"]
    operator.kill_and_wait()
    assert shop.replicas("killed") == 4 or shop.status("killed")["memory"]["emptySince"] == memory["emptySince"]
    shop.eventually(lambda: shop.replicas("killed") == 0, 60, "the pool did not go to zero")
    shop.eventually(lambda: any("from 4 to" in event for event in shop.events("killed")), 60, "it was not told")
    assert shop.generation("killed") == 2, "more writes than the one from 4 to 0"


def test_a_burst_that_comes_while_the_operator_is_dead_is_answered_when_it_is_back(
    shop: Shop, operator: Operator
) -> None:
    queue = shop.queue("mid-burst")
    shop.deployment("mid-burst")
    shop.pool("mid-burst", queue)
    shop.eventually(lambda: shop.condition("mid-burst", "Ready")[0] == "True", 60, "the pool did not become ready")
    os.kill(operator.pid, signal.SIGKILL)
    shop.send(queue, 200)
    shop.eventually(lambda: shop.replicas("mid-burst") == 40, 120, "the burst was not answered")
    assert shop.generation("mid-burst") == 2, "more than one write"


def test_a_pool_deleted_while_the_operator_is_stopped_is_gone_at_once(shop: Shop, operator: Operator) -> None:
    shop.deployment("gone")
    shop.pool("gone", shop.queue("gone"))
    shop.eventually(lambda: shop.condition("gone", "Ready")[0] == "True", 60, "the pool did not become ready")
    shop.eventually(lambda: 'pool="gone"' in operator.get("/metrics"), 60, "the pool is not in the metrics")
    pid = operator.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        shop.kubectl("delete", "qwp", "gone", "--timeout=60s")
        assert shop.kubectl("get", "qwp", "gone", "--ignore-not-found") == ""
    finally:
        os.kill(pid, signal.SIGCONT)
    shop.eventually(lambda: 'pool="gone"' not in operator.get("/metrics"), 60, "the pool's series stayed")


def test_an_api_server_that_restarts_costs_nothing_but_time(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("outage")
    shop.deployment("outage")
    shop.pool("outage", queue)
    shop.eventually(lambda: shop.condition("outage", "Ready")[0] == "True", 60, "the pool did not become ready")
    address, restarts, pid = operator.address, operator.restarts(), operator.pid
    shop.cluster.apiserver.kill()
    shop.send(queue, 50)
    shop.cluster.apiserver.start()
    shop.eventually(lambda: shop.replicas("outage") == 10, 60, "the backlog was not answered after the return")
    shop.pool("outage", queue, minReplicas=12)
    shop.eventually(lambda: shop.replicas("outage") == 12, 60, "edits are not seen any more: the watch is dead")
    assert (operator.address, operator.restarts(), operator.pid) == (address, restarts, pid)


def test_a_minute_without_sqs_moves_no_pool(shop: Shop) -> None:
    queue = shop.queue("unreadable")
    shop.deployment("unreadable")
    shop.pool("unreadable", queue, scaleToZeroAfterSeconds=0, behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})
    shop.send(queue, 20)
    shop.eventually(lambda: shop.replicas("unreadable") == 4, 60, "the pool did not grow")
    url = shop.client.get_queue_url(QueueName=queue)["QueueUrl"]
    taken = [shop.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"] for _ in range(2)]
    assert sum(map(len, taken)) == 20  # as if workers were busy: everything is in flight
    shop.sqs.cut_off()
    try:
        shop.eventually(
            lambda: shop.condition("unreadable", "QueueReachable") == ("False", "QueueUnreachable"),
            60,
            "the outage was not reported",
        )
        end = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < end:
            assert shop.replicas("unreadable") == 4
            time.sleep(1)
    finally:
        shop.sqs.bring_back()
    shop.eventually(
        lambda: shop.condition("unreadable", "QueueReachable")[0] == "True", 60, "the queue was not read again"
    )
    assert (shop.replicas("unreadable"), shop.generation("unreadable")) == (4, 2)
