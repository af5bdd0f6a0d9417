"""Decisions by what workers report and by queues that cannot be read, end to end on a real API server."""

import sys

from devcluster.sqs import REGION
from tests.cluster.operator.conftest import ACCOUNT, Shop
from tests.cluster.operator.decisions import AT_ONCE, decided, wait_for

REPORTING_WORKER = """
import http.server, json, os

class State(http.server.BaseHTTPRequestHandler):
    requests = 0

    def do_GET(self):
        State.requests += 1
        sums = {"processed": 10 * self.requests, "failed": 0, "busySeconds": 20 * self.requests}
        state = {"busy": 1, "concurrency": 4} | sums
        body = json.dumps(state).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer((os.environ["QUEUEWORKER_STATE_HOST"], 8081), State).serve_forever()
"""
"""A worker: ten messages of two seconds each between two requests, four at a time."""


def test_workers_report_their_service_time_and_pods_their_start_up_time(shop: Shop) -> None:
    queue = shop.queue("reporting")
    shop.send(queue, 200)
    shop.deployment("reporting", replicas=1, command=[sys.executable, "-c", REPORTING_WORKER])
    shop.eventually(lambda: shop.ready("reporting") == 1, 60, "the worker did not become ready")
    shop.pool("reporting", queue, target={"latencySeconds": 50}, maxReplicas=3)
    shop.eventually(lambda: "serviceSeconds" in workers(shop, "reporting"), 60, "no service time was learned")
    learned = workers(shop, "reporting")
    assert (learned["serviceSeconds"], learned["concurrency"]) == (2, 4)
    assert 0 <= learned["startupSeconds"] < 60
    shop.eventually(
        lambda: "200 messages x 2 s / (4 per pod x" in shop.status("reporting")["lastDecision"]["trail"][0]["message"],
        60,
        "the size does not follow from what the workers report",
    )
    answer = ("True", "WorkersAnswer")
    shop.eventually(lambda: shop.condition("reporting", "WorkersProtected") == answer, 60, "it is not protected")


def workers(shop: Shop, pool: str) -> dict[str, float]:
    return dict(shop.status(pool).get("memory", {}).get("workers", {}))


def test_a_latency_below_the_start_up_time_is_reported_with_the_least_that_can_be_promised(shop: Shop) -> None:
    shop.deployment("hasty")
    shop.pool("hasty", shop.queue("hasty"), target={"latencySeconds": 20, "serviceSeconds": 1, "startupSeconds": 30})
    shop.eventually(
        lambda: shop.condition("hasty", "ScalingLimited") == ("True", "LatencyBelowStartup"),
        60,
        "the limit was not reported",
    )
    limited = next(each for each in shop.status("hasty")["conditions"] if each["type"] == "ScalingLimited")
    assert limited["message"].endswith("the least latency that can be promised is more than 30 s")


def test_a_fallback_holds_from_its_time_until_the_queue_is_read(shop: Shop) -> None:
    shop.deployment("unreadable", replicas=1)
    name = f"{shop.namespace}-unreadable"
    shop.pool("unreadable", name, fallback={"afterSeconds": 15, "replicas": 3, "when": "Always"}, behavior=AT_ONCE)
    shop.eventually(lambda: decided(shop, "unreadable") == (1, "QueueUnreadable"), 60, "the pool did not keep its size")
    wait_for(shop, "unreadable", 3, "Fallback")
    shop.queue("unreadable")
    shop.send(name, 50)
    wait_for(shop, "unreadable", 10, "SizedByBacklog")


def test_of_several_queues_the_readable_ones_may_raise_the_size_and_none_lowers_it(shop: Shop) -> None:
    readable = shop.queue("readable")
    shop.send(readable, 50)
    shop.deployment("half", replicas=1)
    urls = [{"url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"} for name in (readable, "no-such-queue")]
    shop.pool("half", readable, queues=urls, behavior=AT_ONCE)
    shop.eventually(lambda: shop.replicas("half") == 10, 60, "the readable queue did not raise the size")
    shop.purge(readable)
    shop.eventually(lambda: decided(shop, "half") == (10, "QueueUnreadable"), 60, "the pool did not keep its size")
    assert shop.condition("half", "QueueReachable") == ("False", "QueueNotFound")
