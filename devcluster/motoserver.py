"""moto's SQS server as a program: `python -m devcluster.motoserver PORT HOLD`. Started by `devcluster.sqs`.

SIGUSR1 closes its port and keeps every message (an outage), SIGUSR2 opens it again, SIGTERM ends it. While there is a
file HOLD, requests for the number of messages wait.
"""

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from time import sleep, time
from typing import Any

from moto.server import ThreadedMotoServer
from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse

SIGNALS = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}
HELD_PAUSE_SECONDS = 0.005


def main() -> None:
    """Serve until SIGTERM."""
    _serialise_requests(Path(sys.argv[2]))
    _count_messages_fast()
    _show_at_once()
    # Before the server's threads exist, so that they inherit it and the signals wait for us.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    server: ThreadedMotoServer | None = _opened()
    while True:
        number = signal.sigwait(SIGNALS)
        if number == signal.SIGUSR2 and server is None:
            server = _opened()
        elif number != signal.SIGUSR2 and server is not None:
            server.stop()
            server = None
        if number == signal.SIGTERM:
            return


def _serialise_requests(hold: Path) -> None:
    """Let one request at a time change queues, except while it waits for messages.

    moto changes them from many threads without a lock: a delete was undone by another one, and a message that two
    requests asked for was received by both. While there is a file HOLD, requests for counts wait.
    """
    turn, answer, wait = threading.Lock(), SQSResponse.call_action, Queue.wait_for_messages

    def call_action(self: SQSResponse) -> Any:
        counts = self._get_action() == "GetQueueAttributes"
        while True:
            with turn:
                if not (counts and hold.exists()):
                    return answer(self)
            sleep(HELD_PAUSE_SECONDS)

    def wait_for_messages(self: Queue, timeout: int) -> None:
        turn.release()
        try:
            wait(self, timeout)
        finally:
            turn.acquire()

    SQSResponse.call_action = call_action  # type: ignore[method-assign, assignment]
    Queue.wait_for_messages = wait_for_messages  # type: ignore[method-assign]


def _count_messages_fast() -> None:
    """Make moto's counts cheap: it counts all messages of a queue for each one that comes or goes.

    A queue's retention period is looked up alone, and the time is asked without a detour over a calendar date.
    """

    def is_retained(self: SQSBackend, queue_name: str, message: Message) -> bool:
        period = self.get_queue(queue_name).message_retention_period  # type: ignore[attr-defined]  # set by its name
        return int(period or 0) + (message.sent_timestamp or 0) / 1000 > time()

    for name, per_second in (("unix_time", 1), ("unix_time_millis", 1000)):
        setattr(models, name, partial(_now, per_second))
    SQSBackend.is_message_valid_based_on_retention_period = is_retained  # type: ignore[method-assign]


def _show_at_once() -> None:
    """Let a message that is released be visible from then on.

    moto compares two readings of the clock for it. Where that has stood still or gone back in between, the message
    counts as in flight, and of a group whose messages all do, moto gives out the last one first.
    """
    change = Message.change_visibility

    def change_visibility(self: Message, visibility_timeout: int) -> None:
        change(self, visibility_timeout)
        if not int(visibility_timeout):
            self.visible_at = 0

    Message.change_visibility = change_visibility  # type: ignore[method-assign]


def _now(per_second: int) -> float:
    return time() * per_second


def _opened() -> ThreadedMotoServer:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False)
    server.start()
    return server


if __name__ == "__main__":
    main()
