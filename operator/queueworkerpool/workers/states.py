"""The only adapter to the workers' /state. Returns what they report, or None; raises and decides nothing.

`sampler` and `scale_in` call it. Workers belong to tenants: an answer that is huge, slow, redirects, or makes no sense
counts as no answer. Only addresses that the API server reports as a podIP are asked, and never a node's.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus

import aiohttp
from yarl import URL

from queueworkerpool.model import Pod, ScaleTarget, WorkerState
from queueworkerpool.names import StateOutcome
from queueworkerpool.workers.answers import AnswerRefusedError, OtherPodError, parse
from queueworkerpool.workers.turns import Turns

logger = logging.getLogger(__name__)

STATE_TIMEOUT_SECONDS = 1.0
"""The limit for the whole exchange, so that an answer that drips in takes no longer than one that never comes."""

MOST_BYTES = 4096
"""The longest body that is read."""

ANSWERED = (48, 24)
"""Places for workers that answered last time, and one target's share of them. They need milliseconds."""

UNKNOWN = (32, 8)
"""The same for workers that were not asked before."""

SILENT = (32, 8)
"""The same for workers that were silent last time, and may well take the whole time-out again."""

MOST_REMEMBERED = 20_000
"""Workers whose last answer is remembered, at most. Whoever asks forgotten ones asks them as unknown ones."""


class WorkerStates:
    """A client of the workers' /state. Close it to end its connections.

    Workers that answered last time, those that were never asked and those that were silent wait for places of their
    own, each fairly among their targets: a thousand silent workers delay nobody else's.
    """

    def __init__(self, count: Callable[[StateOutcome], None] = lambda _: None) -> None:
        """Create a client; sends nothing.

        Args:
            count: Called with how each request ended.
        """
        self._count = count
        self._answered, self._unknown, self._silent = (Turns(*places) for places in (ANSWERED, UNKNOWN, SILENT))
        self._last: dict[str, float] = {}  # by the pod's uid: 0 when it answered, else when it was silent
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def silent_since(self, pod: Pod) -> float:
        """Return when the pod was asked last and did not answer, in seconds of the loop's clock, else 0."""
        return self._last.get(pod.uid, 0.0)

    async def ask(self, scale_target: ScaleTarget, pod: Pod, port: int) -> WorkerState | None:
        """Return what the worker in this pod reports; None when no answer makes sense."""
        async with self._turns(pod).turn(scale_target):
            state, outcome = await self._asked(scale_target, pod, port)
        self._remember(pod, outcome)
        self._count(outcome)
        return state

    def _turns(self, pod: Pod) -> Turns:
        if pod.uid not in self._last:
            return self._unknown
        return self._silent if self._last[pod.uid] else self._answered

    def _remember(self, pod: Pod, outcome: StateOutcome) -> None:
        self._last.pop(pod.uid, None)
        if len(self._last) >= MOST_REMEMBERED:
            del self._last[next(iter(self._last))]
        self._last[pod.uid] = asyncio.get_running_loop().time() if outcome is StateOutcome.SILENT else 0.0

    async def _asked(self, scale_target: ScaleTarget, pod: Pod, port: int) -> tuple[WorkerState | None, StateOutcome]:
        try:
            body = await self._get(URL.build(scheme="http", host=pod.address, port=port, path="/state"))
            return parse(body, pod), StateOutcome.ANSWERED
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            problem, outcome = type(error).__name__, StateOutcome.SILENT
        except OtherPodError as error:
            problem, outcome = str(error), StateOutcome.OTHER_POD
        except AnswerRefusedError as error:
            problem, outcome = str(error), StateOutcome.REFUSED
        about = {"target": str(scale_target), "pod": pod.name, "outcome": outcome, "problem": problem}
        logger.debug("worker did not report its state", extra=about)
        return None, outcome

    async def _get(self, url: URL) -> bytes:
        """Return the body of an answer with status 200 that is short enough. Raises AnswerRefusedError otherwise."""
        async with self._open().get(url, allow_redirects=False) as answer:
            if answer.status != HTTPStatus.OK:
                raise AnswerRefusedError(f"the status is {answer.status}")
            try:
                await answer.content.readexactly(MOST_BYTES + 1)
            except asyncio.IncompleteReadError as ended:
                return ended.partial
        raise AnswerRefusedError(f"the answer is longer than {MOST_BYTES} bytes")

    def _open(self) -> aiohttp.ClientSession:
        # Made on first use, because it belongs to the running loop. It keeps nothing between answers, and uses nothing
        # that a hostile worker could exploit: no connections, cookies, proxy settings or decompression.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=STATE_TIMEOUT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session
