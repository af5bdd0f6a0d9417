"""The capacity limiter between threads: no receiver ends while it is open, none acquires what is not available."""

import threading
import time

from queueworker.receive.limiter import CapacityLimiter


def test_receivers_that_compete_for_little_capacity_continue_until_the_limiter_is_closed() -> None:
    limiter = CapacityLimiter(12)
    acquisitions: list[int] = []
    ended: list[str] = []
    enough = threading.Event()

    def receive() -> None:
        while acquired := limiter.acquire(10):
            acquisitions.append(acquired)
            for _ in range(acquired):
                limiter.release()
            if len(acquisitions) > 300:
                enough.set()
        ended.append("open" if not limiter.closed else "closed")

    receivers = [threading.Thread(target=receive, daemon=True) for _ in range(3)]
    for receiver in receivers:
        receiver.start()
    assert enough.wait(60), f"after {len(acquisitions)} turns they wait for each other; {ended} have ended"
    limiter.close()
    for receiver in receivers:
        receiver.join(60)
    assert ended == ["closed"] * 3
    assert max(acquisitions) <= 10


def test_a_receiver_waits_on_when_another_acquires_the_capacity_first() -> None:
    limiter, acquisitions = CapacityLimiter(10), []
    assert limiter.acquire(10) == 10

    def receive() -> None:
        acquisitions.append(limiter.acquire(10))

    receivers = [threading.Thread(target=receive, daemon=True) for _ in range(2)]
    for receiver in receivers:
        receiver.start()
    limiter.release()
    deadline = time.monotonic() + 60
    while not acquisitions:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    receivers[0].join(0.1)
    receivers[1].join(0.1)
    assert acquisitions == [1], "there was capacity for one message, so one receiver continues"
    limiter.close()
    for receiver in receivers:
        receiver.join(60)
    assert sorted(acquisitions) == [0, 1]
