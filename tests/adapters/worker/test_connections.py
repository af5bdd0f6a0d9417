"""How the worker reaches SQS: through proxies, and over HTTPS only where it trusts the certificate."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from devcluster.certificates import Authority
from queueworker.errors import UnreachableError
from queueworker.sqs import SqsQueue
from tests.serving import serving

Connect = Callable[[str, str], SqsQueue]

NOBODY = "127.0.0.1:1"
"""Nobody listens there: an answer can only come from a proxy."""
USER_AND_PASSWORD = "Basic dXNlcjpzZWNyZXQ="


class Site(ThreadingHTTPServer):
    """An SQS without messages, and a proxy that answers in its name; with a certificate also over HTTPS."""

    def __init__(self, certificates: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.certificates = certificates
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, target and the proxy's credentials of each request."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Connection(BaseHTTPRequestHandler):
    """A connection to the site."""

    server: Site
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.requests.append((self.command, self.path, self.headers["Proxy-Authorization"]))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_CONNECT(self) -> None:
        self.server.requests.append((self.command, self.path, self.headers["Proxy-Authorization"]))
        self.send_response(200)
        self.end_headers()
        with suppress(ssl.SSLError):  # the worker may not trust the certificate
            self.request = self.server.certificates.wrap_socket(self.request, server_side=True)
            self.setup()
            self.close_connection = False  # the tunnel's own request is next

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the tunnel's, too: the server closes only the socket below it

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def site(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The site; nothing of this machine's own proxies is left."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    pair = authority.issue("site")
    certificates = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificates.load_cert_chain(pair.certificate, pair.key)
    site = Site(certificates)
    with serving(site):
        yield site


def receive(connect: Connect, endpoint: str) -> None:
    assert connect(endpoint, f"{endpoint}/1/jobs").receive(1, 0, 30) == []


def test_a_proxy_gets_the_whole_address_and_its_password(
    site: Site, sqs_at: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@{site.address}")
    receive(sqs_at, f"http://{NOBODY}")
    assert site.requests == [("POST", f"http://{NOBODY}/", USER_AND_PASSWORD)]


def test_what_is_encrypted_goes_through_a_tunnel_and_its_end_is_checked(
    site: Site, sqs_at: Connect, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"user:secret@{site.address}")
    with pytest.raises(UnreachableError):
        receive(sqs_at, f"https://{NOBODY}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.certificate))
    receive(sqs_at, f"https://{NOBODY}")
    connected = ("CONNECT", NOBODY, USER_AND_PASSWORD)
    assert site.requests == [connected, connected, ("POST", "/", None)]


def test_an_address_in_no_proxy_is_reached_without_a_proxy(
    site: Site, sqs_at: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{NOBODY}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    receive(sqs_at, f"http://{site.address}")
    assert site.requests == [("POST", "/", None)]
