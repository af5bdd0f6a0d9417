"""The addresses of a server, of IPv4 and IPv6. `server` uses it."""

import socket
from typing import Any

ALL_OF_IPV4 = "0.0.0.0"  # noqa: S104 -- probes and scrapes come from outside of the pod # nosec B104


def listening_address(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Return the family and address to bind. An IPv6 address may stand in brackets.

    An empty host means all addresses: of IPv6 and IPv4 where the machine has both, else of IPv4.
    """
    if not host and socket.has_dualstack_ipv6():
        return socket.AF_INET6, ("::", port)
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host or ALL_OF_IPV4
    found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return found[0][0], found[0][4]


def shown_address(host: str, port: int) -> str:
    """Return HOST:PORT for people, with brackets around an IPv6 address."""
    bare = host.strip("[]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"
