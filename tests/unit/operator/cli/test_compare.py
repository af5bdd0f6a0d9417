"""`qwp compare` as users call it, and the sums of what it prints."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from queueworkerpool.show.comparison import Comparison, Moment, aligned, comparison_lines
from queueworkerpool.show.picture import picture
from tests.serving import serving
from tests.unit.operator.builders import NOW
from tests.unit.operator.cli.conftest import DEPLOYMENT, POOL, STATUS, Api, deployment, qwp, stored

HOUR = timedelta(hours=1)
Answer = Callable[[dict[str, str]], Any]


@pytest.fixture
def prometheus() -> Iterator[tuple[dict[str, Any], str]]:
    """A server that answers a query by the metric that it ends with; values by grid index."""
    answers: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            start, step = float(asked["start"]), float(asked["step"])
            name = next(name for name in ("backlog_per_pod", "desired", "current") if name in asked["query"])
            values = [[start + index * step, str(value)] for index, value in enumerate(answers.get(name, ()))]
            series = [{"metric": {}, "values": values}] if values else []
            body = answers.get("text") or json.dumps({"status": "success", "data": {"result": series}})
            self.send_response(answers.get("code", 200))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield answers, f"http://{address}"


@pytest.fixture
def dry(api: Api) -> Api:
    """A pool in a dry run that would have 12 pods, and a Deployment of 7 that another autoscaler set."""
    api[POOL] = stored(mode="DryRun")
    entry = {"manager": "keda-operator", "time": "2026-11-23T11:59:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    api[DEPLOYMENT] = deployment(7)
    api[DEPLOYMENT]["metadata"]["managedFields"] = [entry]
    return api


@pytest.mark.usefixtures("dry")
def test_without_prometheus_the_sizes_of_now_are_compared() -> None:
    result = qwp("compare", "thumbnails")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "now: ours 12 pods, theirs 7 pods (last set by keda-operator); backlog 60\n",
        "",
    )


def test_a_pool_that_scales_by_itself_is_warned_of(api: Api) -> None:
    api[POOL] = stored(status=STATUS)
    assert "spec.mode is Active, so nobody else sets the size" in qwp("compare", "thumbnails").stderr


@pytest.mark.usefixtures("dry")
def test_the_past_is_compared_by_what_prometheus_recorded(
    prometheus: tuple[dict[str, Any], str], tmp_path: Path
) -> None:
    answers, url = prometheus
    answers |= {"desired": [4, 4, 2], "current": [8, 4, 1], "backlog_per_pod": [20, 20, "NaN"]}
    drawn = tmp_path / "sizes.svg"
    result = qwp("compare", "thumbnails", "--prometheus", url, "--since", "45s", "--picture", str(drawn))
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[1:] for line in result.stdout.splitlines()[2:6]] == [
        ["20", "4", "8", "-4"],
        ["20", "4", "4", "0"],
        ["-", "2", "1", "+1"],
        ["-", "-", "-", "-"],
    ]
    assert result.stdout.splitlines()[7:] == [
        "45s compared, every 15s; unknown for 15s, which is left out",
        "pod-hours: ours 0.0, theirs 0.1 (-23%)",
        "of the time: ours fewer 33%, equal 33%, more 33%",
        "changes of size: ours 1, theirs 2",
    ]
    assert ET.fromstring(drawn.read_text()).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 -- our own


def test_the_name_of_another_writer_cannot_steer_the_terminal(dry: Api) -> None:
    dry[DEPLOYMENT]["metadata"]["managedFields"][0]["manager"] = "\x1b[2J"
    assert r"(last set by \x1b[2J)" in qwp("compare", "thumbnails").stdout


@pytest.mark.usefixtures("dry")
def test_programs_get_every_moment(prometheus: tuple[dict[str, Any], str]) -> None:
    answers, url = prometheus
    answers |= {"desired": [4] * 241, "current": [8] * 241}
    document = json.loads(qwp("compare", "thumbnails", "--prometheus", url, "--since", "1h", "-o", "json").stdout)
    assert document["now"] == {"backlog": 60, "ours": 12, "theirs": 7, "setBy": "keda-operator", "mode": "DryRun"}
    assert (len(document["past"]["moments"]), document["past"]["summary"]["shares"]["fewer"]) == (241, 1)


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "not a Prometheus": ({"text": "<html>"}, "this is no answer of a Prometheus server; check the address"),
    "no data": ({"text": '{"status": "success"}'}, "this is no answer of a Prometheus server; check the address"),
    "a refusal that steers the terminal": ({"text": '{"status": "error", "error": "no\\u001b[2J"}'}, "no\\x1b[2J"),
    "a refusal": (
        {"text": '{"status": "error", "error": "exceeded maximum resolution"}', "code": 400},
        "status 400: exceeded maximum resolution",
    ),
}


@pytest.mark.usefixtures("dry")
@pytest.mark.parametrize(("answer", "sentence"), FAILURES.values(), ids=FAILURES)
def test_a_prometheus_that_does_not_help_is_one_sentence(
    prometheus: tuple[dict[str, Any], str], answer: dict[str, Any], sentence: str
) -> None:
    answers, url = prometheus
    answers |= answer
    result = qwp("compare", "thumbnails", "--prometheus", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: shop/thumbnails: http://127.0.0.1:")
    assert result.stderr.rstrip().endswith(sentence)


@pytest.mark.usefixtures("dry")
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9", "does not answer (NewConnectionError): check the address"),
        ("http://[::1", "'http://[::1' is no address of a Prometheus server: write http://HOST:PORT"),
        ("prometheus:9090", "'prometheus:9090' is no address of a Prometheus server: write http://HOST:PORT"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence(url: str, sentence: str) -> None:
    result = qwp("compare", "thumbnails", "--prometheus", url)
    assert (result.exit_code, result.stderr.count("\n"), sentence in result.stderr) == (1, 1, True)


@pytest.mark.usefixtures("dry")
def test_a_series_that_nobody_recorded_is_no_zero(prometheus: tuple[dict[str, Any], str]) -> None:
    lines = qwp("compare", "thumbnails", "--prometheus", prometheus[1]).stdout.splitlines()
    assert lines[1:] == [
        "Prometheus knows both sizes at no time: does it scrape the operator, and was the pool there then?"
    ]


@pytest.mark.usefixtures("dry")
@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_a_value_that_is_no_size_is_unknown(value: str, prometheus: tuple[dict[str, Any], str]) -> None:
    answers, url = prometheus
    answers |= {name: [value, 3] for name in ("backlog_per_pod", "desired", "current")}
    first, second, *_ = json.loads(qwp("compare", "thumbnails", "--prometheus", url, "-o", "json").stdout)["past"][
        "moments"
    ]
    assert [each["ours"] for each in (first, second)] == [None, 3]


def compared(*sizes: tuple[int | None, int | None]) -> Comparison:
    return Comparison([Moment(NOW + HOUR * index, 5, *each) for index, each in enumerate(sizes)], HOUR)


SUMS: dict[str, tuple[Comparison, tuple[float, float], tuple[float, float, float], tuple[int, int]]] = {
    "equal": (compared((3, 3), (3, 3)), (6, 6), (0, 1, 0), (0, 0)),
    "ours goes earlier": (compared((3, 3), (0, 3), (0, 0)), (3, 6), (1 / 3, 2 / 3, 0), (1, 1)),
    "unknown counts for nothing": (compared((3, 1), (None, 9), (9, None), (3, 1)), (6, 2), (0, 0, 1), (2, 2)),
    "nothing known": (compared((None, None)), (0, 0), (0, 0, 0), (0, 0)),
}


@pytest.mark.parametrize(("comparison", "hours", "shares", "changes"), SUMS.values(), ids=SUMS)
def test_sums_are_taken_over_what_is_known(
    comparison: Comparison, hours: Any, shares: Any, changes: tuple[int, int]
) -> None:
    assert (comparison.pod_hours(), comparison.shares(), comparison.changes()) == (hours, shares, changes)


def test_a_long_time_has_a_short_table_and_whole_sums() -> None:
    lines = comparison_lines(compared(*[(1, 2)] * 1000))
    assert len(lines) <= 30
    assert "pod-hours: ours 1000.0, theirs 2000.0 (-50%)" in lines


def test_values_are_taken_at_the_times_of_the_grid_alone() -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    known = {start: 1.0, start + HOUR: 2.0, start + HOUR / 2: 9.0}
    moments = aligned(start, start + 2 * HOUR, HOUR, [{}, known, known]).moments
    assert [(moment.backlog, moment.ours) for moment in moments] == [(None, 1), (None, 2), (None, None)]


def test_the_picture_has_a_gap_where_a_size_is_unknown() -> None:
    drawn = picture(compared((1, 4), (None, 4), (2, 4)), "a < b")
    paths = [each.attrib["d"] for each in ET.fromstring(drawn).iter() if each.tag.endswith("path")]  # noqa: S314 -- as above
    assert [path.count("M") for path in paths] == [1, 2, 1]
    assert "a &lt; b" in drawn
