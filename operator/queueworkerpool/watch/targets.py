"""Lists and watches what pools scale, keeping of each only what a decision uses (ADR 0012). Changes no object.

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

from queueworkerpool.errors import TargetKindError, TargetKindMissingError, TargetKindNotAllowedError
from queueworkerpool.health import HealthState
from queueworkerpool.model import DEPLOYMENT, STATEFUL_SET, NamespacedName, Target
from queueworkerpool.watch.index import KindIndex, Targets
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
"""How long to wait before a namespace that may not be listed, or a kind that is not served, is tried again."""

_ALWAYS_SERVED = (DEPLOYMENT, STATEFUL_SET)


class _ExpiredError(Exception):
    """The API server does not know this point of the list or the watch any more."""


class _RefusedError(Exception):
    """The API server does not let us list or watch here."""


async def watch_targets(
    targets: Targets, namespaces: tuple[str, ...], health: HealthState, stop: asyncio.Event
) -> None:
    """Keep the index of each wanted kind true until `stop` is set."""
    connections = Connections()
    tasks: list[asyncio.Task[None]] = []

    async def begin() -> None:
        while True:
            index = await targets.wanted.get()
            for namespace in namespaces or ("",):
                scope = _Scope(namespace, index, health, connections)
                tasks.append(asyncio.create_task(scope.run(), name=f"{index.workload.resource} {namespace}"))

    tasks.append(asyncio.create_task(begin(), name="kinds"))
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await connections.close()


class _Scope:
    """The list and watch of one kind in one namespace, or in all (the empty name)."""

    def __init__(self, namespace: str, index: KindIndex, health: HealthState, connections: Connections) -> None:
        self.namespace = namespace
        self._index = index
        self._workload = index.workload
        self._health = health
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._version = ""  # where the watch goes on; empty: a list is needed
        self._continue = ""  # where the list goes on
        self._staged: dict[tuple[str, str], Target] = {}
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
            except (_RefusedError, TargetKindError) as error:
                if isinstance(error, TargetKindError):
                    self._index.lose_kind(self.namespace, error)
                else:
                    self._index.lose(self.namespace, str(error))
                self._log(str(error))
                self._version = ""
                await asyncio.sleep(FORBIDDEN_RETRY_SECONDS)
            except (aiohttp.ClientError, NoLoginError, OSError, TimeoutError, ValueError) as error:
                self._log(f"{type(error).__name__}: {error}")
                await self._forget_session()
                await asyncio.sleep(RECONNECT_SECONDS)
            except Exception:  # a bug must cost an attempt, not the watch
                logger.exception("a watch failed", extra={"kind": self._workload.resource})
                self._version = ""
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self) -> None:
        if not self._continue:  # before each list and each watch: its definition may have changed meanwhile
            await self._check_served()
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
            self._index.replace(self.namespace, self._staged)
            self._staged = {}

    def _stage(self, item: Mapping[str, Any]) -> None:
        if target := self._parsed(item):
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
            self._index.remove(self.namespace, _name(item))
        elif kind in {"ADDED", "MODIFIED"} and (target := self._parsed(item)):
            self._index.put(self.namespace, _name(item), target)
        self._version = item["metadata"]["resourceVersion"]

    async def _check_served(self) -> None:
        """Check that the API server serves the kind and its scale. Raises TargetKindError or ClientError.

        A custom resource's definition may come and go; a list of what is not served gets an answer without a sender.
        """
        workload = self._workload
        if workload in _ALWAYS_SERVED:
            return
        resources = await self._discovered(workload.root, "resources")
        if resources is None:
            groups = await self._discovered("/apis", "groups")  # that a group is missing, only the API server can say
            if groups is None:
                raise aiohttp.ClientPayloadError("the list of API groups was not answered")
        found = {each["name"]: each for each in resources or ()}
        served = found.get(workload.plural, {})
        if served.get("kind") != workload.kind:
            problem = f"the API server serves no {workload.kind} of {workload.api_version} ({workload.plural})"
            remedy = "install its custom resource definition, or correct spec.scaleTargetRef"
            raise TargetKindMissingError(f"{problem}: {remedy}")
        if not served["namespaced"]:
            problem = f"the kind {workload.kind} of {workload.api_version} has no namespaces"
            raise TargetKindNotAllowedError(f"{problem}: correct spec.scaleTargetRef.kind")
        if f"{workload.plural}/scale" not in found:
            remedy = "add subresources.scale to its custom resource definition, or correct spec.scaleTargetRef.kind"
            problem = f"the kind {workload.kind} of {workload.api_version} has no /scale"
            raise TargetKindNotAllowedError(f"{problem}: {remedy}")

    async def _discovered(self, path: str, field: str) -> list[dict[str, Any]] | None:
        """Return a list of the API server's index; None when it has no such part. Raises ClientError."""
        async with await self._send(path, {}) as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                return None
            if answer.status != HTTPStatus.OK:
                raise aiohttp.ClientPayloadError(f"status {answer.status}")
            found = json.loads(await read_body(answer))[field]
            return list(found)

    async def _get(self, query: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Send one request; the caller closes the answer. Raises _ExpiredError, _RefusedError or ClientError."""
        place = f"/namespaces/{self.namespace}" if self.namespace else ""
        answer = await self._send(f"{self._workload.root}{place}/{self._workload.plural}", query)
        if answer.status == HTTPStatus.OK:
            return answer
        async with answer:
            is_authentic = await is_from_the_api_server(answer)
        if answer.status == HTTPStatus.GONE:
            self._continue, self._staged = "", {}
            raise _ExpiredError
        if answer.status == HTTPStatus.NOT_FOUND and self._workload not in _ALWAYS_SERVED:
            self._version, self._continue, self._staged = "", "", {}  # its definition may be gone: begin anew
        if is_authentic and answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
            raise _RefusedError(f"status {answer.status}")
        raise aiohttp.ClientPayloadError(f"status {answer.status}")

    async def _send(self, path: str, query: Mapping[str, str]) -> aiohttp.ClientResponse:
        session = self._open()
        timeout = aiohttp.ClientTimeout(total=None, connect=SILENCE_TIMEOUT_SECONDS, sock_read=SILENCE_TIMEOUT_SECONDS)
        return await session.get(f"{self._server}{path}", params=query, timeout=timeout)

    def _parsed(self, item: Mapping[str, Any]) -> Target | None:
        """Return the target; None, with a line in the log, when it is not what the API server promises."""
        try:
            return Target.parse(item, self._workload)
        except (KeyError, TypeError, ValueError, AttributeError):
            about = {"kind": self._workload.kind, "target": item.get("metadata", {}).get("name")}
            logger.warning("object not understood", extra=about)
            return None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            info = login()
            self._server = info.server.rstrip("/")
            self._session = self._connections.open(info, self._health, self._workload.resource)
        return self._session

    async def _forget_session(self) -> None:
        """Log in anew for the next request: the token may have been rotated, the connection may be dead."""
        if self._session:
            await self._session.close()
        self._session = None

    def _log(self, problem: str) -> None:
        repeated, self._logged = self._logged == problem, problem
        extra = {"kind": self._workload.resource, "namespace": self.namespace, "error": problem}
        logger.log(logging.DEBUG if repeated else logging.WARNING, "objects not watched", extra=extra)


def _name(item: Mapping[str, Any]) -> NamespacedName:
    return NamespacedName(item["metadata"]["namespace"], item["metadata"]["name"])
