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
from queueworkerpool.workers.states import MOST_BYTES, STATE_TIMEOUT_SECONDS, WorkerStates
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.faulty import Faulty, Script

Serve = Callable[[Script], Faulty]

LOOPBACK = "127.0.0.1"
STATE = json.dumps({"busy": 2, "concurrency": 4, "processed": 10, "failed": 1, "busySeconds": 12.5}).encode()
PATIENCE_SECONDS = STATE_TIMEOUT_SECONDS + 5.0
"""More than the time-out, for the machine may be busy; still short enough to notice an exchange that has no end."""


@pytest.fixture
async def states() -> AsyncIterator[WorkerStates]:
    asking = WorkerStates(4)
    yield asking
    await asking.close()


async def ask(states: WorkerStates, server: Faulty) -> WorkerState | None:
    """Return what the server reports; fails when that takes longer than the stated time-out."""
    began = time.monotonic()
    state = await states.ask(LOOPBACK, server.port)
    assert time.monotonic() - began < PATIENCE_SECONDS
    return state


async def test_a_worker_reports_its_state(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.answering(200, STATE))
    state = await ask(states, server)
    assert state
    assert (state.busy, state.concurrency, state.finished, state.busy_seconds) == (2, 4, 11, 12.5)
    assert server.requests[0].startswith(b"GET /state HTTP/1.1\r\n")


async def test_an_answer_that_ends_with_the_connection_is_an_answer(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.sending(b"HTTP/1.0 200 OK\r\n\r\n" + STATE))
    assert await ask(states, server) is not None


async def test_a_worker_of_ipv6_is_asked(states: WorkerStates) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"Host: [::1]:" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + STATE)
        writer.close()

    async with await asyncio.start_server(answer, "::1", 0) as server:
        assert await states.ask("::1", server.sockets[0].getsockname()[1]) is not None


SILENT: dict[str, Script] = {
    "no answer": faults.silent,
    "a drip of bytes": faults.dripping(STATE, 0.2),
    "a drip whose every wait is just within the time-out": faults.dripping(STATE, STATE_TIMEOUT_SECONDS * 0.9),
    "a reset": faults.resetting,
    "the end at once": faults.sending(b""),
    "half an answer": faults.half(STATE),
    "half a head": faults.sending(b"HTTP/1.1 200 OK\r\nContent-"),
    "no HTTP": faults.sending(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a body that never ends": faults.endless,
    "a body just too long": faults.answering(200, STATE.ljust(MOST_BYTES + 1)),
    "a megabyte": faults.answering(200, STATE.ljust(2**20)),
    "a head that is too long": faults.answering(200, STATE, {"X-Long": "x" * 100_000}),
    "a false length": faults.answering(200, STATE, {"Content-Length": "-1"}),
    "status 204": faults.sending(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "status 401": faults.answering(401, STATE),
    "status 404": faults.answering(404, STATE),
    "status 500": faults.answering(500, STATE),
    "status 503": faults.answering(503, STATE),
    "no JSON": faults.answering(200, b"<html>"),
}


@pytest.mark.parametrize("script", SILENT.values(), ids=SILENT)
async def test_nothing_is_reported(faulty: Serve, states: WorkerStates, script: Script) -> None:
    assert await ask(states, faulty(script)) is None


async def test_a_body_as_long_as_allowed_is_read(faulty: Serve, states: WorkerStates) -> None:
    assert await ask(states, faulty(faults.answering(200, STATE.ljust(MOST_BYTES)))) is not None


async def test_a_packed_body_is_not_unpacked(faulty: Serve, states: WorkerStates) -> None:
    """A few bytes could unpack to gigabytes."""
    packed = faults.answering(200, gzip.compress(STATE), {"Content-Encoding": "gzip"})
    assert await ask(states, faulty(packed)) is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(faulty: Serve, states: WorkerStates, status: int) -> None:
    target = faulty(faults.answering(200, STATE))
    assert await ask(states, faulty(faults.redirecting(status, f"{target.endpoint}/state"))) is None
    assert target.requests == []


async def test_a_closed_port_reports_nothing(states: WorkerStates) -> None:
    assert await states.ask(LOOPBACK, free_port()) is None


@pytest.mark.parametrize("address", ["", "no-such-host.invalid", "127.0.0.1/..", "user@127.0.0.1", "[::1", "256.1.1.1"])
async def test_an_address_that_is_none_reports_nothing(faulty: Serve, states: WorkerStates, address: str) -> None:
    server = faulty(faults.answering(200, STATE))
    assert await asyncio.wait_for(states.ask(address, server.port), PATIENCE_SECONDS) is None
    assert server.requests == []


async def test_proxies_and_password_files_of_the_operator_are_not_used(
    faulty: Serve, states: WorkerStates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc, proxy = tmp_path / "netrc", faulty(faults.answering(200, STATE))
    netrc.write_text(f"machine {LOOPBACK} login operator password {faults.SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", proxy.endpoint)
    worker = faulty(faults.answering(200, STATE))
    assert await ask(states, worker) is not None
    assert proxy.requests == []
    assert b"uthorization" not in worker.requests[0]


async def test_nothing_is_kept_from_one_answer_to_the_next(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.answering(200, STATE, {"Set-Cookie": f"a={faults.SECRET}", "Connection": "keep-alive"}))
    for _ in range(2):
        assert await ask(states, server) is not None
    assert faults.SECRET.encode() not in b"".join(server.requests)


async def test_slow_workers_take_turns_and_do_not_silence_the_others(faulty: Serve, states: WorkerStates) -> None:
    slow, quick = faulty(faults.silent), faulty(faults.answering(200, STATE))
    began = time.monotonic()
    requests = [states.ask(LOOPBACK, server.port) for server in [slow] * 8 + [quick] * 4]
    answers = await asyncio.gather(*requests)
    assert [state is not None for state in answers] == [False] * 8 + [True] * 4
    took = time.monotonic() - began
    assert 2 * STATE_TIMEOUT_SECONDS <= took < 6 * STATE_TIMEOUT_SECONDS, "8 silent ones, 4 at a time, take 2 time-outs"
