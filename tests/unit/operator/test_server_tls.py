"""HTTPS with client certificates, over real sockets: who may read the metrics, and how certificates are renewed."""

import contextlib
import http.client
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devcluster.certificates import Authority, KeyPair
from queueworkerpool.server import Answers, HttpServer, Tls

METRICS = b"queueworkerpool_leader 1.0\n"


@dataclass
class Served:
    """A server, its files, and the authority that it trusts."""

    server: HttpServer
    files: Tls
    authority: Authority

    def get(self, path: str, client: KeyPair | None = None, authority: Authority | None = None) -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile=(authority or self.authority).certificate)
        if client:
            context.load_cert_chain(client.certificate, client.key)
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=60, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def rotate(self, to: KeyPair) -> None:
        shutil.copy(to.key, self.files.key)
        shutil.copy(to.certificate, self.files.certificate)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    authority = Authority(tmp_path / "own")
    own = authority.issue("server")
    files = Tls(own.certificate, own.key, authority.certificate)
    server = HttpServer("127.0.0.1", 0, Answers(lambda _: ([METRICS], "text/plain"), list, list), files)
    yield Served(server, files, authority)
    server.close()


def test_metrics_need_a_client_certificate_and_probes_do_not(served: Served) -> None:
    assert served.get("/metrics", served.authority.issue("prometheus")) == (200, METRICS)
    assert served.get("/metrics")[0] == 403
    assert served.get("/livez") == (200, b"ok\n")
    assert served.get("/readyz") == (200, b"ok\n")


def test_a_certificate_of_another_authority_is_refused(served: Served, tmp_path: Path) -> None:
    foreign = Authority(tmp_path / "other").issue("prometheus")
    for path in ("/metrics", "/livez"):
        with pytest.raises(OSError, match=r"(?i)alert|reset|broken pipe|eof"):
            served.get(path, foreign)


def test_renewed_files_are_used_at_once_and_half_renewed_ones_are_not(served: Served, tmp_path: Path) -> None:
    newer = Authority(tmp_path / "newer")
    pair = newer.issue("server")
    shutil.copy(pair.key, served.files.key)
    assert served.get("/livez")[0] == 200
    served.rotate(pair)
    assert served.get("/livez", authority=newer)[0] == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        served.get("/livez")


def test_a_client_without_a_handshake_delays_no_other(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port)):
        assert served.get("/livez")[0] == 200


def test_four_hundred_of_them_hold_up_nobody(served: Served) -> None:
    before = threading.active_count()  # servers of other tests may still be ending
    with contextlib.ExitStack() as clients:
        for _ in range(400):
            clients.enter_context(socket.create_connection(("127.0.0.1", served.server.port)))
        assert served.get("/livez") == (200, b"ok\n")
        assert threading.active_count() - before < 100


def test_a_handshake_has_its_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueworkerpool.server.http.HEAD_SECONDS", 0.2)
    silent = socket.create_connection(("127.0.0.1", served.server.port), timeout=60)
    with silent, contextlib.suppress(ConnectionResetError):
        assert silent.recv(100) == b""


def test_plain_http_is_not_answered(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), timeout=60) as plain:
        plain.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert METRICS not in plain.recv(4096)


def test_without_an_authority_every_client_may_read_the_metrics(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "own")
    own = authority.issue("server")
    files = Tls(own.certificate, own.key)
    server = HttpServer("127.0.0.1", 0, Answers(lambda _: ([METRICS], "text/plain"), list, list), files)
    try:
        assert Served(server, files, authority).get("/metrics") == (200, METRICS)
    finally:
        server.close()


def test_missing_files_fail_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tls(tmp_path / "tls.crt", tmp_path / "tls.key")
