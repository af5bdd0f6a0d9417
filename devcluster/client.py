"""A few synchronous reads of the API server, to check whether the cluster is up. Not a Kubernetes client."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from devcluster.certificates import KeyPair

REFUSED = 400


class Client:
    """GET requests as one user; every failure is None, since a starting server fails in many ways."""

    def __init__(self, port: int, authority: Path, pair: KeyPair) -> None:
        self._port = port
        self._tls = ssl.create_default_context(cafile=authority)
        self._tls.load_cert_chain(pair.certificate, pair.key)

    def text(self, path: str) -> str | None:
        """Return the body of a good answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return body if answer.status < REFUSED else None

    def json(self, path: str) -> Any:
        """Return the decoded body of a good answer."""
        body = self.text(path)
        return None if body is None else json.loads(body)
