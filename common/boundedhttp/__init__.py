"""The HTTP server of both programs: bounded in connections, time and memory, whoever its clients are.

Operator and worker build their endpoints on it; it knows neither of them, nor what they serve.
The parts: `server` (connections and requests), `limits` (of one request), `rendering` (/metrics, once for all
scrapers), `addresses` (where to listen).
"""

from boundedhttp.addresses import shown_address
from boundedhttp.rendering import Render, RenderCache
from boundedhttp.server import HEAD_SECONDS, BoundedHandler, BoundedServer, Reply

__all__ = ["HEAD_SECONDS", "BoundedHandler", "BoundedServer", "Render", "RenderCache", "Reply", "shown_address"]
