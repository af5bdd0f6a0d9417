"""The receive gate between threads: nobody is sent home while it is open, nobody gets what is not there."""

import threading
import time

from queueworker.receive.limiter import Slots


def test_receivers_that_compete_for_few_slots_go_on_until_the_gate_closes() -> None:
    slots = Slots(12)
    spare: list[int] = []
    ended: list[str] = []
    enough = threading.Event()

    def receive() -> None:
        while taken := slots.take(10):
            spare.append(taken)
            for _ in range(taken):
                slots.give_back()
            if len(spare) > 300:
                enough.set()
        ended.append("open" if not slots.closed else "closed")

    receivers = [threading.Thread(target=receive, daemon=True) for _ in range(3)]
    for receiver in receivers:
        receiver.start()
    assert enough.wait(30), f"after {len(spare)} turns they wait for each other; {ended} have ended"
    slots.close()
    for receiver in receivers:
        receiver.join(30)
    assert ended == ["closed"] * 3
    assert max(spare) <= 10


def test_a_receiver_that_finds_the_slot_taken_by_another_waits_for_the_next() -> None:
    slots, taken = Slots(10), []
    assert slots.take(10) == 10

    def receive() -> None:
        taken.append(slots.take(10))

    receivers = [threading.Thread(target=receive, daemon=True) for _ in range(2)]
    for receiver in receivers:
        receiver.start()
    slots.give_back()
    deadline = time.monotonic() + 10
    while not taken:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    receivers[0].join(0.1)
    receivers[1].join(0.1)
    assert taken == [1], "one slot was free, so one receiver goes on"
    slots.close()
    for receiver in receivers:
        receiver.join(10)
    assert sorted(taken) == [0, 1]
