"""The fence: no write passes too late, and it is known which writes are still under way."""

import threading

import pytest

from queueworkerpool.errors import ClusterError, NotLeadingError
from queueworkerpool.leader.fence import Fence, no_fence


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def passes(fence: Fence) -> bool:
    try:
        with fence.passage():
            return True
    except NotLeadingError:
        return False


def test_writes_pass_until_the_fence_closes() -> None:
    clock = Clock()
    fence = Fence(clock)
    assert (passes(fence), fence.is_open) == (False, False), "closed at first"
    fence.open_until(110.0)
    assert (passes(fence), fence.is_open) == (True, True)
    clock.now = 109.9
    assert (passes(fence), fence.is_open) == (True, True)
    clock.now = 110.0
    assert (passes(fence), fence.is_open) == (False, False)
    fence.open_until(120.0)
    assert passes(fence)
    fence.close()
    assert (passes(fence), fence.is_open) == (False, False)


def test_a_refused_write_is_a_cluster_error() -> None:
    assert issubclass(NotLeadingError, ClusterError)


def test_without_an_election_everything_passes() -> None:
    assert passes(no_fence())


@pytest.mark.parametrize("fails", [False, True])
def test_it_is_quiet_once_the_last_write_has_ended_or_failed(fails: bool) -> None:
    fence = no_fence()
    sent, answered, found = threading.Event(), threading.Event(), []

    def write() -> None:
        with fence.passage():
            sent.set()
            answered.wait(60)
            if fails:
                raise ClusterError("no answer")

    def shielded() -> None:
        try:
            write()
        except ClusterError as error:
            found.append(error)

    writer = threading.Thread(target=shielded)
    writer.start()
    assert sent.wait(60)
    fence.close()
    assert not fence.is_quiet(0)
    answered.set()
    assert fence.is_quiet(60)
    writer.join(60)
    assert bool(found) is fails


def test_a_refused_write_is_not_under_way() -> None:
    fence = Fence(Clock())
    assert not passes(fence)
    assert fence.is_quiet(0)
