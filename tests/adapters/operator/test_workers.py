"""Asking workers for their /state over real connections, most of which misbehave."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from devcluster.processes import free_port
from queueworkerpool.model import WorkerState
from queueworkerpool.workers.states import MOST_BYTES, TIMEOUT_SECONDS, WorkerStates
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.faulty import Faulty, Script

Serve = Callable[[Script], Faulty]

LOOPBACK = "127.0.0.1"
SAID = json.dumps({"busy": 2, "concurrency": 4, "processed": 10, "failed": 1, "busySeconds": 12.5}).encode()
PATIENCE_SECONDS = TIMEOUT_SECONDS + 5.0
"""The machine may be busy, but an exchange that has no end must be seen."""


@pytest.fixture
async def states() -> AsyncIterator[WorkerStates]:
    asking = WorkerStates(4)
    yield asking
    await asking.close()


async def ask(states: WorkerStates, server: Faulty) -> WorkerState | None:
    """What the server tells; fails when that takes longer than the stated time-out."""
    began = time.monotonic()
    told = await states.ask(LOOPBACK, server.port)
    assert time.monotonic() - began < PATIENCE_SECONDS
    return told


async def test_a_worker_tells_its_state(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.answering(200, SAID))
    told = await ask(states, server)
    assert told
    assert (told.busy, told.concurrency, told.finished, told.busy_seconds) == (2, 4, 11, 12.5)
    assert server.requests[0].startswith(b"GET /state HTTP/1.1\r\n")


async def test_an_answer_that_ends_with_the_connection_is_an_answer(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.sending(b"HTTP/1.0 200 OK\r\n\r\n" + SAID))
    assert await ask(states, server) is not None


SILENCED: dict[str, Script] = {
    "no answer": faults.silent,
    "a drip of bytes": faults.dripping(SAID, 0.2),
    "a drip whose every wait is just within the time-out": faults.dripping(SAID, TIMEOUT_SECONDS * 0.9),
    "a reset": faults.resetting,
    "the end at once": faults.sending(b""),
    "half an answer": faults.half(SAID),
    "half a head": faults.sending(b"HTTP/1.1 200 OK\r\nContent-"),
    "no HTTP": faults.sending(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a body that never ends": faults.endless,
    "a body just too long": faults.answering(200, SAID.ljust(MOST_BYTES + 1)),
    "a megabyte": faults.answering(200, SAID.ljust(2**20)),
    "a head that is too long": faults.answering(200, SAID, {"X-Long": "x" * 100_000}),
    "a false length": faults.answering(200, SAID, {"Content-Length": "-1"}),
    "status 204": faults.sending(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "status 401": faults.answering(401, SAID),
    "status 404": faults.answering(404, SAID),
    "status 500": faults.answering(500, SAID),
    "status 503": faults.answering(503, SAID),
    "no JSON": faults.answering(200, b"<html>"),
}


@pytest.mark.parametrize("script", SILENCED.values(), ids=SILENCED)
async def test_told_nothing_in_time(faulty: Serve, states: WorkerStates, script: Script) -> None:
    assert await ask(states, faulty(script)) is None


async def test_a_body_as_long_as_allowed_is_read(faulty: Serve, states: WorkerStates) -> None:
    assert await ask(states, faulty(faults.answering(200, SAID.ljust(MOST_BYTES)))) is not None


async def test_a_packed_body_is_not_unpacked(faulty: Serve, states: WorkerStates) -> None:
    """A few bytes could unpack to gigabytes."""
    packed = faults.answering(200, gzip.compress(SAID), {"Content-Encoding": "gzip"})
    assert await ask(states, faulty(packed)) is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(faulty: Serve, states: WorkerStates, status: int) -> None:
    target = faulty(faults.answering(200, SAID))
    assert await ask(states, faulty(faults.redirecting(status, f"{target.endpoint}/state"))) is None
    assert target.requests == []


async def test_a_closed_port_tells_nothing(states: WorkerStates) -> None:
    assert await states.ask(LOOPBACK, free_port()) is None


@pytest.mark.parametrize("address", ["", "no-such-host.invalid", "127.0.0.1/..", "user@127.0.0.1", "[::1", "256.1.1.1"])
async def test_an_address_that_is_none_tells_nothing(faulty: Serve, states: WorkerStates, address: str) -> None:
    server = faulty(faults.answering(200, SAID))
    assert await asyncio.wait_for(states.ask(address, server.port), PATIENCE_SECONDS) is None
    assert server.requests == []


async def test_proxies_and_password_files_of_the_operator_are_not_used(
    faulty: Serve, states: WorkerStates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc, proxy = tmp_path / "netrc", faulty(faults.answering(200, SAID))
    netrc.write_text(f"machine {LOOPBACK} login operator password {faults.SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", proxy.endpoint)
    worker = faulty(faults.answering(200, SAID))
    assert await ask(states, worker) is not None
    assert proxy.requests == []
    assert b"uthorization" not in worker.requests[0]


async def test_nothing_is_kept_from_one_answer_to_the_next(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.answering(200, SAID, {"Set-Cookie": f"a={faults.SECRET}", "Connection": "keep-alive"}))
    for _ in range(2):
        assert await ask(states, server) is not None
    assert faults.SECRET.encode() not in b"".join(server.requests)


async def test_slow_workers_take_turns_and_do_not_silence_the_others(faulty: Serve, states: WorkerStates) -> None:
    slow, quick = faulty(faults.silent), faulty(faults.answering(200, SAID))
    began = time.monotonic()
    asked = [states.ask(LOOPBACK, server.port) for server in [slow] * 8 + [quick] * 4]
    told = await asyncio.gather(*asked)
    assert [state is not None for state in told] == [False] * 8 + [True] * 4
    took = time.monotonic() - began
    assert 2 * TIMEOUT_SECONDS <= took < 6 * TIMEOUT_SECONDS, "8 silent ones, 4 at a time, take 2 time-outs"
