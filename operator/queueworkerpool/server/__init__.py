"""Serves /metrics, /livez and /readyz. `process` starts it.

It knows nothing about pools. The parts: `http` (what is answered), `tls` (the certificate). The server itself is
`boundedhttp`.
"""

from queueworkerpool.server.http import Answers, HttpServer
from queueworkerpool.server.tls import Tls

__all__ = ["Answers", "HttpServer", "Tls"]
