"""Serves /metrics, /livez and /readyz. `process` starts it.

It knows nothing about pools. The parts: `http` (what is answered), `tls` (the certificate), `rendering` (/metrics,
once for all scrapers), `bounded` (the server itself), `limits` (of one request), `addresses`.
"""

from queueworkerpool.server.addresses import shown_address
from queueworkerpool.server.http import Answers, HttpServer
from queueworkerpool.server.tls import Tls

__all__ = ["Answers", "HttpServer", "Tls", "shown_address"]
