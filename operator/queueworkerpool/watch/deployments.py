"""Lists and watches Deployments, keeping of each only what a decision uses (ADR 0012). Changes no object.

`process` runs it on the main event loop. It is our own, because kopf's bookkeeping of an indexed kind grows with the
square of its objects, which anybody in the cluster can make. A list comes in pages that are small in bytes, a broken
list goes on at the page that failed, and what was known before serves until the new list is complete.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from queueworkerpool.health import HealthState
from queueworkerpool.model import DEPLOYMENT, NamespacedName, Target
from queueworkerpool.watch.index import Deployments
from queueworkerpool.watch.kinds import SERVER_TIMEOUT_SECONDS, SILENCE_TIMEOUT_SECONDS
from queueworkerpool.watch.pages import (
    LineTooLongError,
    PageSize,
    PageTooLargeError,
    is_from_the_api_server,
    read_body,
    read_lines,
)
from queueworkerpool.watch.session import RECONNECT_SECONDS, Connections, NoLoginError, login

logger = logging.getLogger(__name__)

FORBIDDEN_RETRY_SECONDS = 10.0
"""How long to wait before a namespace that may not be listed is tried again."""


class _ExpiredError(Exception):
    """The API server does not know this point of the list or the watch any more."""


class _RefusedError(Exception):
    """The API server does not let us list or watch here."""


async def watch_deployments(
    deployments: Deployments, namespaces: tuple[str, ...], health: HealthState, stop: asyncio.Event
) -> None:
    """Keep the index true until `stop` is set."""
    connections = Connections()
    scopes = [_Scope(scope, deployments, health, connections) for scope in namespaces or ("",)]
    tasks = [asyncio.create_task(scope.run(), name=f"deployments {scope.namespace}") for scope in scopes]
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await connections.close()


class _Scope:
    """The list and watch of one namespace, or of all (the empty name)."""

    def __init__(self, namespace: str, deployments: Deployments, health: HealthState, connections: Connections) -> None:
        self.namespace = namespace
        self._deployments = deployments
        self._health = health
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._version = ""  # where the watch goes on; empty: a list is needed
        self._continue = ""  # where the list goes on
        self._staged: dict[NamespacedName, Target] = {}
        self._size = PageSize()
        self._logged = ""

    async def run(self) -> None:
        """List and watch, for ever."""
        while True:
            try:
                await self._follow()
            except _ExpiredError:
                pause = 0.0 if self._version else RECONNECT_SECONDS  # a list that is too old at once is tried in peace
                self._version = ""
                await asyncio.sleep(pause)
            except LineTooLongError:  # a watch that went on before the event would get it again: a list has pages
                self._log("an event is too long")
                self._version = ""
                await asyncio.sleep(RECONNECT_SECONDS)
            except _RefusedError as error:
                self._deployments.lose(self.namespace, str(error))
                self._log(str(error))
                self._version = ""
                await asyncio.sleep(FORBIDDEN_RETRY_SECONDS)
            except (aiohttp.ClientError, NoLoginError, OSError, TimeoutError, ValueError) as error:
                self._log(f"{type(error).__name__}: {error}")
                await self._forget_session()
                await asyncio.sleep(RECONNECT_SECONDS)
            except Exception:  # a bug must cost an attempt, not the watch
                logger.exception("the watch of Deployments failed")
                self._version = ""
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self) -> None:
        while not self._version:
            await self._list_page()
        async for line in self._lines():
            self._apply(json.loads(line))
        self._logged = ""

    async def _list_page(self) -> None:
        """Add one page to the staged list; the last one replaces what was known."""
        query = {"limit": str(self._size.limit)} | ({"continue": self._continue} if self._continue else {})
        async with await self._get(query) as answer:
            try:
                body = await read_body(answer)
            except PageTooLargeError:
                self._size.too_large()
                return
        page = json.loads(body)
        self._size.took(len(body), len(page["items"]))
        for item in page["items"]:
            self._stage(item)
        self._continue = page["metadata"].get("continue", "")
        if not self._continue:
            self._version = page["metadata"]["resourceVersion"]
            self._deployments.replace(self.namespace, self._staged)
            self._staged = {}

    def _stage(self, item: Mapping[str, Any]) -> None:
        if target := _parsed(item):
            self._staged[_name(item)] = target

    async def _lines(self) -> AsyncIterator[bytes]:
        query = {
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(SERVER_TIMEOUT_SECONDS),
        }
        async with await self._get(query) as answer:
            async for line in read_lines(answer, SILENCE_TIMEOUT_SECONDS):
                yield line

    def _apply(self, event: Mapping[str, Any]) -> None:
        """Record one event of the watch."""
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            if item.get("code") == HTTPStatus.GONE:
                raise _ExpiredError
            raise aiohttp.ClientPayloadError(f"the watch ended with status {item.get('code')}")
        if kind == "DELETED":
            self._deployments.remove(self.namespace, _name(item))
        elif kind in {"ADDED", "MODIFIED"} and (target := _parsed(item)):
            self._deployments.put(self.namespace, _name(item), target)
        self._version = item["metadata"]["resourceVersion"]

    async def _get(self, query: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Send one request; the caller closes the answer. Raises _ExpiredError, _RefusedError or ClientError."""
        place = f"/namespaces/{self.namespace}" if self.namespace else ""
        session = self._open()
        url = f"{self._server}/apis/{DEPLOYMENT.group}/{DEPLOYMENT.version}{place}/{DEPLOYMENT.plural}"
        timeout = aiohttp.ClientTimeout(total=None, connect=SILENCE_TIMEOUT_SECONDS, sock_read=SILENCE_TIMEOUT_SECONDS)
        answer = await session.get(url, params=query, timeout=timeout)
        if answer.status == HTTPStatus.OK:
            return answer
        async with answer:
            is_authentic = await is_from_the_api_server(answer)
        if answer.status == HTTPStatus.GONE:
            self._continue, self._staged = "", {}
            raise _ExpiredError
        if is_authentic and answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            raise _RefusedError(f"status {answer.status}")
        raise aiohttp.ClientPayloadError(f"status {answer.status}")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            info = login()
            self._server = info.server.rstrip("/")
            self._session = self._connections.open(info, self._health)
        return self._session

    async def _forget_session(self) -> None:
        """Log in anew for the next request: the token may have been rotated, the connection may be dead."""
        if self._session:
            await self._session.close()
        self._session = None

    def _log(self, problem: str) -> None:
        repeated, self._logged = self._logged == problem, problem
        extra = {"namespace": self.namespace, "error": problem}
        logger.log(logging.DEBUG if repeated else logging.WARNING, "Deployments not watched", extra=extra)


def _name(item: Mapping[str, Any]) -> NamespacedName:
    return NamespacedName(item["metadata"]["namespace"], item["metadata"]["name"])


def _parsed(item: Mapping[str, Any]) -> Target | None:
    """Return the Deployment; None, with a line in the log, when it is not what the API server promises."""
    try:
        return Target.parse(item)
    except (KeyError, TypeError, ValueError, AttributeError):
        logger.warning("Deployment not understood", extra={"deployment": item.get("metadata", {}).get("name")})
        return None
