"""The state server: /state, /livez, /readyz and /metrics. `runtime` starts it.

It reads no counts itself. The parts: `http` (what is answered), `rendering` (/metrics, once for all scrapers),
`bounded` (the server itself), `limits` (of one request), `addresses`.
"""

from queueworker.server.http import Endpoints, StateServer

__all__ = ["Endpoints", "StateServer"]
