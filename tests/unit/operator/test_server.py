"""The HTTP server, over real sockets."""

import contextlib
import gzip
import http.client
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from queueworkerpool.server import Answers, HttpServer

METRICS = b"queueworkerpool_leader 1.0\n"


@dataclass
class Reported:
    """The failures that the process reports, until a test changes them."""

    livez: list[str] = field(default_factory=list)
    readyz: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def server_and_reported() -> Iterator[tuple[HttpServer, Reported]]:
    """One server for all tests, because stopping one takes half a second."""
    reported = Reported()
    server = HttpServer(
        "127.0.0.1",
        0,
        Answers(lambda accept: ([METRICS], f"for {accept}"), lambda: reported.livez, lambda: reported.readyz),
    )
    yield server, reported
    server.close()


@pytest.fixture
def reported(server_and_reported: tuple[HttpServer, Reported]) -> Reported:
    _, reported = server_and_reported
    reported.livez, reported.readyz = [], []
    return reported


@pytest.fixture
def connection(
    server_and_reported: tuple[HttpServer, Reported], reported: Reported
) -> Iterator[http.client.HTTPConnection]:
    assert reported == Reported()  # nothing remains from the test before
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server_and_reported[0].port, timeout=60)) as opened:
        yield opened


def get(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, str, bytes]:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read()


TEXT = "text/plain; charset=utf-8"


def test_metrics_are_rendered_for_what_the_scraper_accepts(connection: http.client.HTTPConnection) -> None:
    wanted = "application/openmetrics-text; version=1.0.0"
    assert get(connection, "/metrics", Accept=f"{wanted}; q=0.9,*/*") == (200, f"for {wanted}", METRICS)
    assert get(connection, "/metrics") == (200, "for ", METRICS)
    assert get(connection, "/metrics?debug=1") == (200, "for ", METRICS)


def test_metrics_come_zipped_with_their_age_and_not_at_all_to_head(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    assert (answer.headers["Content-Encoding"], gzip.decompress(answer.read())) == ("gzip", METRICS)
    assert int(answer.headers["Age"]) <= 2
    connection.request("HEAD", "/metrics")
    answer = connection.getresponse()
    assert (answer.status, int(answer.headers["Content-Length"]), answer.read()) == (200, len(METRICS), b"")


def test_a_healthy_process_answers_ok(connection: http.client.HTTPConnection) -> None:
    assert get(connection, "/livez") == (200, TEXT, b"ok\n")
    assert get(connection, "/readyz?verbose") == (200, TEXT, b"ok\n")


def test_an_unhealthy_process_answers_503_with_a_line_per_failure(
    connection: http.client.HTTPConnection, reported: Reported
) -> None:
    reported.livez = ["the event loop is frozen"]
    reported.readyz = ["one", "two"]
    assert get(connection, "/livez") == (503, TEXT, b"the event loop is frozen\n")
    assert get(connection, "/readyz") == (503, TEXT, b"one\ntwo\n")


def test_liveness_and_readiness_differ(connection: http.client.HTTPConnection, reported: Reported) -> None:
    reported.readyz = ["pools are not listed yet"]
    assert (get(connection, "/livez")[0], get(connection, "/readyz")[0]) == (200, 503)


@pytest.mark.parametrize("path", ["/", "/metrics/", "/livez/loop", "/healthz", "/../metrics"])
def test_another_path_is_not_found(connection: http.client.HTTPConnection, path: str) -> None:
    assert get(connection, path) == (404, TEXT, b"not found: try /metrics, /livez or /readyz\n")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_only_get_is_implemented(connection: http.client.HTTPConnection, method: str) -> None:
    connection.request(method, "/metrics")
    assert connection.getresponse().status == 501


def test_the_server_header_has_no_python_version(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/livez")
    assert connection.getresponse().headers["Server"].strip() == "queueworkerpool"


def test_a_silent_client_delays_no_other(connection: http.client.HTTPConnection) -> None:
    with socket.create_connection(("127.0.0.1", connection.port)):
        assert get(connection, "/livez")[0] == 200


def test_a_closed_server_frees_its_port() -> None:
    server = HttpServer("127.0.0.1", 0, Answers(lambda _: ([], ""), list, list))
    port = server.port
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_in_use_is_reported(connection: http.client.HTTPConnection) -> None:
    with pytest.raises(OSError, match="in use"):
        HttpServer("127.0.0.1", connection.port, Answers(lambda _: ([], ""), list, list))


def test_requests_are_not_logged(connection: http.client.HTTPConnection, capsys: pytest.CaptureFixture[str]) -> None:
    get(connection, "/livez")
    assert capsys.readouterr() == ("", "")
