"""The past of a pool as Prometheus knows it: it is played, and what the planner says of it is compared with it."""

import json
import math
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.serving import serving
from tests.unit.planner.commands.conftest import POOL, Simulate

STEP = 60.0
VALUES = {
    "sum(max by (queue, state) (queueworkerpool_queue_messages": 30.0,
    "max(queueworkerpool_current_replicas": 6.0,
    "max(queueworkerpool_ready_replicas": 6.0,
    "sum((last_over_time(queueworker_messages_deleted_total": 90.0,
    "avg(avg_over_time(queueworkerpool_service_seconds": 4.0,
    "avg(avg_over_time(queueworkerpool_startup_seconds": 12.0,
    "max(max_over_time(queueworker_concurrency": 2.0,
}
"""What queries begin with, and the value that they always have."""


class Server(BaseHTTPRequestHandler):
    """Prometheus, as far as it is asked here."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        value = next((value for query, value in VALUES.items() if asked["query"].startswith(query)), None)
        result = [] if value is None else [{"metric": {}, **self._values(asked, f"{value:g}")}]
        body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _values(self, asked: dict[str, str], value: str) -> dict[str, object]:
        if "time" in asked:
            return {"value": [float(asked["time"]), value]}
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        return {"values": [[start + step * each, value] for each in range(math.floor((end - start) / step) + 1)]}

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Server)) as address:
        yield f"http://{address}"


def test_a_pools_past_is_played_and_compared(simulate: Simulate, prometheus: str) -> None:
    asked = ("--from-prometheus", prometheus, "--pool", "shop/thumbnails", "--since", "1h")
    done = simulate("-f", "a", *asked, "-o", "json", files={"a": POOL})
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    own_past = found["ownPast"]
    assert found["load"]["description"] == "shop/thumbnails"
    assert found["policies"][0]["runs"][0]["messages"] == 60 * 90 + 30
    assert (own_past["samples"], own_past["podHours"]["recorded"]) == (61, pytest.approx(61 * 6 / 60))
    assert own_past["waitP95"]["upTo"] is None
    assert not any("was assumed to" in note for note in found["notes"])  # all is known


def test_the_table_says_how_well_the_planner_repeats_it(simulate: Simulate, prometheus: str) -> None:
    asked = ("--from-prometheus", prometheus, "--pool", "shop/thumbnails", "--since", "1h")
    shown = simulate("-f", "a", *asked, files={"a": POOL}).stdout
    assert "The planner beside the pool's own past:\n- replicas: within ±1 of the recorded in " in shown
    others = " ".join(simulate("--rival", "keda", *asked).stdout.split())
    assert "how wrong the planner is about the pool's own past is not known: give its manifest with -f" in others


def test_a_server_that_does_not_answer_is_told(simulate: Simulate) -> None:
    asked = ("--from-prometheus", "http://127.0.0.1:1", "--pool", "a/b", "--since", "1h")
    done = simulate("--rival", "keda", *asked)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "http://127.0.0.1:1 does not answer" in done.stderr
