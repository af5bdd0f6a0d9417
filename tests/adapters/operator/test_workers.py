"""Asking workers for their /state over real connections, most of which misbehave."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from devcluster.processes import free_port
from queueworkerpool.model import Pod, ScaleTarget, WorkerState
from queueworkerpool.names import StateOutcome
from queueworkerpool.workers import states as of_workers
from queueworkerpool.workers.states import MOST_BYTES, STATE_TIMEOUT_SECONDS, WorkerStates
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.faulty import Faulty, Script

Serve = Callable[[Script], Faulty]

LOOPBACK = "127.0.0.1"
DEPLOYMENT = ScaleTarget("shop", "jobs")
STATE = json.dumps({"busy": 2, "concurrency": 4, "processed": 10, "failed": 1, "busySeconds": 12.5}).encode()
PATIENCE_SECONDS = STATE_TIMEOUT_SECONDS + 20.0
"""More than the time-out, for the machine may be busy; still short enough to notice an exchange that has no end."""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for answers: those that come must not be late on a busy machine."""
    monkeypatch.setattr(of_workers, "STATE_TIMEOUT_SECONDS", 15.0)


@pytest.fixture
def ended() -> list[StateOutcome]:
    """How the requests ended."""
    return []


@pytest.fixture
async def states(ended: list[StateOutcome]) -> AsyncIterator[WorkerStates]:
    asking = WorkerStates(ended.append)
    yield asking
    await asking.close()


def pod(address: str = LOOPBACK, name: str = "jobs-1") -> Pod:
    return Pod(name=name, uid=f"uid-{name}", address=address, hostname=name)


async def ask(states: WorkerStates, server: Faulty) -> WorkerState | None:
    """Return what the server reports; fails when that takes longer than the stated time-out."""
    began = time.monotonic()
    state = await states.ask(DEPLOYMENT, pod(), server.port)
    assert time.monotonic() - began < PATIENCE_SECONDS
    return state


@pytest.mark.usefixtures("patient")
async def test_a_worker_reports_its_state(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.answering(200, STATE))
    state = await ask(states, server)
    assert state
    assert (state.busy, state.concurrency, state.finished, state.busy_seconds) == (2, 4, 11, 12.5)
    assert server.requests[0].startswith(b"GET /state HTTP/1.1\r\n")


@pytest.mark.usefixtures("patient")
async def test_an_answer_that_ends_with_the_connection_is_an_answer(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.sending(b"HTTP/1.0 200 OK\r\n\r\n" + STATE))
    assert await ask(states, server) is not None


@pytest.mark.usefixtures("patient")
async def test_a_worker_of_ipv6_is_asked(states: WorkerStates) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"Host: [::1]:" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + STATE)
        writer.close()

    async with await asyncio.start_server(answer, "::1", 0) as server:
        assert await states.ask(DEPLOYMENT, pod("::1"), server.sockets[0].getsockname()[1]) is not None


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


@pytest.mark.usefixtures("patient")
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
    assert await states.ask(DEPLOYMENT, pod(), free_port()) is None


@pytest.mark.parametrize("address", ["", "no-such-host.invalid", "127.0.0.1/..", "user@127.0.0.1", "[::1", "256.1.1.1"])
async def test_an_address_that_is_none_reports_nothing(faulty: Serve, states: WorkerStates, address: str) -> None:
    server = faulty(faults.answering(200, STATE))
    assert await asyncio.wait_for(states.ask(DEPLOYMENT, pod(address), server.port), PATIENCE_SECONDS) is None
    assert server.requests == []


@pytest.mark.usefixtures("patient")
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


@pytest.mark.usefixtures("patient")
async def test_nothing_is_kept_from_one_answer_to_the_next(faulty: Serve, states: WorkerStates) -> None:
    server = faulty(faults.answering(200, STATE, {"Set-Cookie": f"a={faults.SECRET}", "Connection": "keep-alive"}))
    for _ in range(2):
        assert await ask(states, server) is not None
    assert faults.SECRET.encode() not in b"".join(server.requests)


OUTCOMES: dict[StateOutcome, Script] = {
    StateOutcome.ANSWERED: faults.answering(200, STATE),
    StateOutcome.SILENT: faults.silent,
    StateOutcome.REFUSED: faults.answering(200, b'{"busy": "2"}'),
    StateOutcome.OTHER_POD: faults.answering(200, b'{"busy": 0, "pod": "jobs-2"}'),
}


@pytest.mark.parametrize("outcome", StateOutcome)
async def test_how_a_request_ended_is_counted(
    faulty: Serve,
    states: WorkerStates,
    ended: list[StateOutcome],
    outcome: StateOutcome,
    request: pytest.FixtureRequest,
) -> None:
    if outcome is not StateOutcome.SILENT:
        request.getfixturevalue("patient")
    await ask(states, faulty(OUTCOMES[outcome]))
    assert ended == [outcome]


@pytest.mark.usefixtures("patient")
async def test_a_refused_answer_is_logged_with_its_reason_and_nothing_of_it(
    faulty: Serve, states: WorkerStates, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "queueworkerpool.workers.states"):
        await ask(states, faulty(faults.answering(200, json.dumps({"busy": faults.SECRET}).encode())))
    [record] = caplog.records
    assert (record.pod, record.problem) == ("jobs-1", "busy is no number")  # type: ignore[attr-defined]
    assert faults.SECRET not in str(record.__dict__)


async def queried(states: WorkerStates, deployment: str, pods: list[tuple[Pod, int]]) -> tuple[int, float]:
    """Ask workers all at once; return how many answered, and the seconds that it took."""
    began = time.monotonic()
    key = ScaleTarget("shop", deployment)
    answers = await asyncio.gather(*(states.ask(key, each, port) for each, port in pods))
    return sum(state is not None for state in answers), time.monotonic() - began


async def test_twenty_pools_of_silent_workers_do_not_delay_ten_good_workers(
    faulty: Serve, states: WorkerStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeout = 5.0
    monkeypatch.setattr(of_workers, "STATE_TIMEOUT_SECONDS", timeout)
    slow, quick = faulty(faults.silent), faulty(faults.answering(200, STATE))
    silent = [
        states.ask(ScaleTarget("evil", f"pool-{pool}"), pod(name=f"evil-{pool}-{number}"), slow.port)
        for pool in range(20)
        for number in range(32)
    ]
    waiting = [asyncio.create_task(question) for question in silent]
    await asyncio.sleep(0)
    good = [(pod(name=f"good-{number}"), quick.port) for number in range(10)]
    first = await queried(states, "good", good)
    again = await queried(states, "good", good)
    still = sum(not task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (first[0], again[0]) == (10, 10)
    assert first[1] < 3 * timeout, "strangers wait for the first places that silent strangers leave"
    assert again[1] < timeout / 2, "and then have places that no silent worker ever has"
    assert still > 100
