"""Runs one probe of a container: httpGet, tcpSocket or exec, as the Pod says. No answer is a failure."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster.node.environment import UnsupportedError
from devcluster.node.http import Http
from devcluster.node.probes import Ask
from devcluster.node.process import Process

HTTP_GOOD = range(200, 400)


@dataclass(frozen=True)
class Target:
    """The container that a probe is sent to."""

    address: str
    container: Mapping[str, Any]
    variables: Mapping[str, str]
    folder: Path
    http: Http


def asker(probe: Mapping[str, Any], target: Target) -> Ask:
    """Return the function that asks TARGET once in the way PROBE says; raises UnsupportedError for other ways."""
    if "httpGet" in probe:
        port = port_number(probe["httpGet"]["port"], target.container)
        return lambda: _http(probe["httpGet"], port, target)
    if "tcpSocket" in probe:
        port = port_number(probe["tcpSocket"]["port"], target.container)
        return lambda: _tcp(probe["tcpSocket"].get("host") or target.address, port)
    if "exec" in probe:
        return lambda: _exec(probe["exec"]["command"], target)
    raise UnsupportedError(
        f"container {target.container['name']} has a probe of a kind that this node does not support"
    )


def port_number(port: int | str, container: Mapping[str, Any]) -> int:
    """Return the number of PORT, which may be the name of one of the container's ports; raises UnsupportedError."""
    if isinstance(port, int):
        return port
    for declared in container.get("ports", []):
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise UnsupportedError(f"container {container['name']} has no port named {port}")


async def _http(action: Mapping[str, Any], port: int, target: Target) -> bool:
    host = action.get("host") or target.address
    scheme = action.get("scheme", "HTTP").lower()
    headers = {header["name"]: header["value"] for header in action.get("httpHeaders", [])}
    url = f"{scheme}://{host}:{port}/{action.get('path', '/').lstrip('/')}"
    return await target.http.status(url, headers) in HTTP_GOOD


async def _tcp(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _exec(argv: list[str], target: Target) -> bool:
    try:
        process = Process(argv, target.variables, target.folder, target.folder / "probe.log")
    except OSError:
        return False
    try:
        return await process.wait() == 0
    finally:
        process.kill()
