"""The server of both programs keeps its bounds under clients that mean no good."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any

import pytest

from boundedhttp import server as bounded
from boundedhttp import shown_address
from devcluster.processes import wait_until

PROBE_SECONDS = 4.0
"""Twice the time-out of the chart's readiness probe, for a busy machine: slow clients end by themselves after 5 s."""

LONG = b"x" * 20_000_000
Serve = Callable[..., Any]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers: short answers everywhere, and on /metrics whatever the test says."""
    running = []

    def start(host: str = "127.0.0.1", metrics: Callable[[], bytes] = lambda: b"m") -> Any:
        class Handler(bounded.BoundedHandler):
            def reply(self, path: str) -> Any:
                return bounded.Reply(HTTPStatus.OK, metrics() if path == "/metrics" else b"ok\n")

        server = bounded.BoundedServer(host, 0, Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def get(
    port: int, path: str = "/livez", host: str = "127.0.0.1", method: str = "GET", seconds: float = 60
) -> tuple[int, bytes]:
    with contextlib.closing(HTTPConnection(host, port, timeout=seconds)) as client:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def clients() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def connect(clients: contextlib.ExitStack, server: Any, sent: bytes = b"") -> socket.socket:
    client = clients.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
    client.sendall(sent)
    return client


def is_answered(client: socket.socket) -> bool:
    """Ask for a short answer, and wait for the whole of it."""
    client.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
    answer = b""
    while not answer.endswith(b"ok\n"):
        answer += (chunk := client.recv(4096))
        assert chunk, "closed"
    return answer.startswith(b"HTTP/1.1 200")


def is_closed(client: socket.socket) -> bool:
    """Wait for the server's end of a connection, whatever it sends before."""
    with contextlib.suppress(ConnectionResetError):
        while client.recv(65536):
            pass
    return True


# Slow clients


def test_probes_are_answered_and_threads_stay_few_under_400_slow_connections(
    serve: Serve, clients: contextlib.ExitStack
) -> None:
    server, before = serve(), threading.active_count()
    slow = [connect(clients, server, b"GET /li") for _ in range(400)]
    for _ in range(20):
        assert get(server.port, seconds=PROBE_SECONDS) == (200, b"ok\n")
        for client in slow:
            with contextlib.suppress(OSError):
                client.send(b"v")
    assert threading.active_count() - before <= 2 * bounded.MAX_CONNECTIONS, "some may just be ending"


def test_the_one_that_has_waited_longest_makes_room(
    serve: Serve, clients: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(bounded, "ADMIT_SECONDS", 60)  # a busy machine may take its time to close the second
    server = serve()
    first, second = connect(clients, server), connect(clients, server)
    # The first could be answered before the server has seen the second, and would then be the longest waiting.
    wait_until(lambda: len(server.connections._open) == 2, 60, "the server did not accept both")
    assert is_answered(first), "now the second has waited longer"
    assert get(server.port)[0] == 200
    assert is_closed(second)
    assert is_answered(first)


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nX: y"])
def test_a_head_that_drips_has_one_time_for_all_of_it(
    serve: Serve, clients: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(bounded, "HEAD_SECONDS", 0.5)
    client, began = connect(clients, serve(), sent), time.monotonic()
    client.settimeout(0.1)
    with contextlib.suppress(OSError):  # a byte every 0.1 s, each well within the time
        while time.monotonic() - began < 40:
            with contextlib.suppress(TimeoutError):
                if not client.recv(100):
                    break
            client.send(b"x")
    assert 0.4 < time.monotonic() - began < 20, "it goes on with each byte"


def test_an_answer_that_nobody_takes_ends(
    serve: Serve, clients: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "ANSWER_SECONDS", 0.5)
    server = serve(metrics=lambda: LONG)
    idle = threading.active_count()
    began = time.monotonic()
    client = connect(clients, server, b"GET /metrics HTTP/1.1\r\n\r\n")
    received = 0
    with contextlib.suppress(OSError):  # slowly, but always a little within each time-out
        while chunk := client.recv(1000):
            received += len(chunk)
            if time.monotonic() - began > 1:
                break
            time.sleep(0.01)
    assert received < len(LONG) / 2
    wait_until(lambda: threading.active_count() <= idle, 60, "its thread goes on")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\r\nX: " + b"y" * 20_000,
        b"GET /" + b"x" * 20_000,
        b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 3_000,
    ],
    ids=["a long header", "a long path", "many headers"],
)
def test_a_head_that_is_too_long_is_refused(serve: Serve, clients: contextlib.ExitStack, head: bytes) -> None:
    client = connect(clients, serve(), head)
    assert client.recv(100).startswith(b"HTTP/1.1 431 ")
    assert is_closed(client)


def test_a_body_is_not_taken_for_the_next_request(serve: Serve, clients: contextlib.ExitStack) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\n\r\n"
    client = connect(clients, serve(), b"GET /livez HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(hidden), hidden))
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(4096):
            answer += chunk
    assert answer.count(b"HTTP/1.1 200") == 1


def test_more_scrapers_than_there_is_room_for_leave_room_for_probes(
    serve: Serve, clients: contextlib.ExitStack
) -> None:
    go_on, rendering = threading.Event(), threading.Semaphore(0)

    def metrics() -> bytes:
        rendering.release()
        go_on.wait(60)
        return b"m"

    server = serve(metrics=metrics)
    scrapers = [connect(clients, server, b"GET /metrics HTTP/1.1\r\n\r\n") for _ in range(bounded.MAX_SCRAPES)]
    for _ in scrapers:
        assert rendering.acquire(timeout=60)
    assert get(server.port, "/metrics")[0] == 503
    assert get(server.port) == (200, b"ok\n")
    go_on.set()
    assert [scraper.recv(12) for scraper in scrapers] == [b"HTTP/1.1 200"] * bounded.MAX_SCRAPES
    wait_until(lambda: get(server.port, "/metrics")[0] == 200, 60, "their places are not free again")


def test_head_is_get_without_its_body(serve: Serve, clients: contextlib.ExitStack) -> None:
    server = serve()
    assert get(server.port, method="HEAD") == (200, b"")
    client = connect(clients, server, b"HEAD /livez HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 3\r\n" in client.recv(4096)


# Addresses

SERVED: dict[str, tuple[str, dict[str, bool]]] = {
    "all addresses": ("", {"127.0.0.1": True, "::1": True}),
    "all of IPv6 are all": ("::", {"127.0.0.1": True, "::1": True}),
    "in brackets": ("[::]", {"127.0.0.1": True, "::1": True}),
    "all of IPv4": ("0.0.0.0", {"127.0.0.1": True, "::1": False}),  # noqa: S104 -- what a user may say
    "one of IPv6": ("::1", {"127.0.0.1": False, "::1": True}),
    "one of IPv6 in brackets": ("[::1]", {"127.0.0.1": False, "::1": True}),
    "one of IPv4": ("127.0.0.1", {"127.0.0.1": True, "::1": False}),
}


@pytest.mark.parametrize(("host", "reached"), SERVED.values(), ids=SERVED)
def test_the_addresses_that_are_served(serve: Serve, host: str, reached: dict[str, bool]) -> None:
    server, found = serve(host), {}
    for address in reached:
        try:
            found[address] = get(server.port, host=address) == (200, b"ok\n")
        except ConnectionRefusedError:
            found[address] = False
    assert found == reached


def test_a_machine_without_ipv6_serves_ipv4(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    server = serve("")
    assert server.shown == f"0.0.0.0:{server.port}"
    assert get(server.port)[0] == 200


def test_ipv6_that_was_asked_for_and_is_not_there_is_an_error(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that quietly took IPv4 instead would fail its probes for reasons that nobody finds."""

    def without_ipv6(*_: Any) -> None:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(bounded.BoundedServer, "server_bind", without_ipv6)
    with pytest.raises(OSError, match="not supported"):
        serve("::")


@pytest.mark.parametrize(
    ("host", "shown"), [("::1", "[::1]:80"), ("[::1]", "[::1]:80"), ("10.0.0.1", "10.0.0.1:80"), ("here", "here:80")]
)
def test_addresses_are_shown_as_urls_have_them(host: str, shown: str) -> None:
    assert shown_address(host, 80) == shown
