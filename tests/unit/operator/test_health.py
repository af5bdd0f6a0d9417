"""Liveness and readiness, at the edges of both."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devcluster.processes import wait_until
from queueworkerpool.health import THREAD_STUCK_SECONDS, HealthState, Jobs

KINDS = ("pools", "deployments")


def health(*, loop: float = 1000, tried: float = 1000, answered: float | None = 1000) -> HealthState:
    """A process that was healthy at 1000 s; with `answered` of None no watch has had an answer yet."""
    return HealthState(loop, dict.fromkeys(KINDS, tried), {} if answered is None else dict.fromkeys(KINDS, answered))


BOTH = "the watch of pools got no answer for 90 s", "the watch of deployments got no answer for 90 s"

ROWS: dict[str, tuple[HealthState, float, list[str], list[str]]] = {
    "healthy": (health(), 1000, [], []),
    "a loop that is late is alive": (health(), 1029.9, [], []),
    "a loop that is silent for 30 s is frozen": (
        health(),
        1030,
        ["the event loop is frozen for 30 s"],
        ["the event loop is frozen for 30 s"],
    ),
    "a watch without an answer is trusted until 90 s": (health(loop=1089, tried=1089), 1089.9, [], []),
    "a watch without an answer for 90 s is not trusted": (health(loop=1089, tried=1089), 1090, [], [*BOTH]),
    "a watch that reconnects again and again is alive": (
        health(loop=1300, tried=1290),
        1300,
        [],
        ["the watch of pools got no answer for 300 s", "the watch of deployments got no answer for 300 s"],
    ),
    "a watch that neither tried nor got an answer for 50 s is dead": (
        health(loop=1049),
        1050,
        ["the watch of pools is dead for 50 s", "the watch of deployments is dead for 50 s"],
        ["the watch of pools is dead for 50 s", "the watch of deployments is dead for 50 s"],
    ),
    "a watch whose try is answered late is alive": (health(loop=1300, answered=1290), 1300, [], []),
    "nothing is listed yet": (
        health(answered=None),
        1000,
        [],
        ["pools are not listed yet", "deployments are not listed yet"],
    ),
    "nothing is watched yet": (
        HealthState(1000),
        1000,
        [],
        ["pools are not listed yet", "deployments are not listed yet"],
    ),
    "a watch that has never got a list is dead after 50 s": (
        health(loop=1050, answered=None),
        1050,
        ["the watch of pools is dead for 50 s", "the watch of deployments is dead for 50 s"],
        [
            "the watch of pools is dead for 50 s",
            "the watch of deployments is dead for 50 s",
            "pools are not listed yet",
            "deployments are not listed yet",
        ],
    ),
}


@pytest.mark.parametrize(("state", "now", "not_alive", "not_ready"), ROWS.values(), ids=ROWS.keys())
def test_a_process(state: HealthState, now: float, not_alive: list[str], not_ready: list[str]) -> None:
    assert state.liveness_failures(now) == not_alive
    assert state.readiness_failures(now, KINDS) == not_ready


@contextmanager
def working(jobs: Jobs, *works: Callable[[], object]) -> Iterator[None]:
    """Run each in a thread, which is in its job when the body begins; the body must let it end."""
    begun = threading.Semaphore(0)

    def work(what: Callable[[], object]) -> None:
        with jobs.job():
            begun.release()
            what()

    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in works]
    for thread in threads:
        thread.start()
    for _ in threads:
        begun.acquire()
    yield
    for thread in threads:
        thread.join(60)


def failures_later(jobs: Jobs, seconds: float) -> list[str]:
    later = time.monotonic() + seconds
    return HealthState(later, jobs={"queue client": jobs}).liveness_failures(later)


def stuck_for(failures: list[str]) -> int:
    """Return for how many seconds a thread is stuck, as the only failure says; more have passed on a busy machine."""
    [failure] = failures
    found = re.fullmatch(r"a thread of the queue client is stuck for (\d+) s", failure)
    assert found, failure
    return int(found[1])


def test_a_thread_that_waits_for_a_lock_is_stuck_and_one_that_has_ended_is_not() -> None:
    jobs, lock = Jobs(), threading.Lock()
    lock.acquire()
    with working(jobs, lock.acquire):
        assert failures_later(jobs, THREAD_STUCK_SECONDS - 5) == []
        assert stuck_for(failures_later(jobs, THREAD_STUCK_SECONDS + 1)) >= 46
        lock.release()
    assert failures_later(jobs, THREAD_STUCK_SECONDS + 1) == []


def test_an_executor_full_of_endless_jobs_is_stuck() -> None:
    jobs, never = Jobs(), threading.Event()
    with working(jobs, *[never.wait] * 8):
        assert stuck_for(failures_later(jobs, THREAD_STUCK_SECONDS + 1)) >= 46
        never.set()


def test_a_thread_that_waits_for_its_socket_is_not_stuck_and_nor_are_those_that_wait_for_it() -> None:
    jobs, lock = Jobs(), threading.Lock()
    ours, theirs = socket.socketpair()
    lock.acquire()
    with ours, theirs, ours.makefile("rb") as answer, working(jobs, answer.readline, lock.acquire):
        wait_until(
            lambda: failures_later(jobs, THREAD_STUCK_SECONDS + 1) == [], 60, "a wait for a socket counts as stuck"
        )
        theirs.sendall(b"at last\n")
        wait_until(
            lambda: failures_later(jobs, THREAD_STUCK_SECONDS + 1) != [], 60, "the other one does not count as stuck"
        )
        lock.release()


COLLECTS_GARBAGE_ALL_THE_TIME = """
import _thread, gc, threading
from queueworkerpool.health import Jobs

jobs, ended = Jobs(), threading.Event()

def work():
    with jobs.job():
        begun.release()
        ended.wait()

begun = threading.Semaphore(0)
for _ in range(5):
    threading.Thread(target=work).start()
    begun.acquire()
gc.callbacks.append(lambda *_: _thread.start_new_thread(int, ()))
gc.set_threshold(1)
assert jobs.stuck_seconds(float("inf"))
gc.disable()
ended.set()
"""
"""Garbage is collected at each allocation, and a thread started meanwhile, as a finalizer could."""


def test_a_collection_of_garbage_while_threads_are_looked_at_does_not_freeze_the_process() -> None:
    command = [sys.executable, "-c", COLLECTS_GARBAGE_ALL_THE_TIME]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True, timeout=200)


def test_a_pool_whose_tick_does_not_begin_is_reported() -> None:
    assert HealthState(1000, overdue=lambda: 44.9).liveness_failures(1000) == []
    assert HealthState(1000, overdue=lambda: 45.0).liveness_failures(1000) == [
        "a pool is due for 45 s, and its tick has not begun"
    ]


def test_a_process_is_not_ready_while_nobody_leads_but_may_lead_itself() -> None:
    state = HealthState(1000, watch_attempts={"a": 1000}, watch_responses={"a": 1000}, nobody_leads=lambda: "nobody")
    assert state.service_failures(1000, ("a",)) == ["nobody"]
    assert state.readiness_failures(1000, ("a",)) == state.liveness_failures(1000) == []
    state.nobody_leads = lambda: ""
    assert state.service_failures(1000, ("a",)) == []
