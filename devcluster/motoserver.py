"""moto's SQS server as a program: `python -m devcluster.motoserver PORT`. Started by `devcluster.sqs`.

SIGUSR1 closes its port and keeps every message (an outage), SIGUSR2 opens it again, SIGTERM ends it.
"""

import signal
import sys

from moto.server import ThreadedMotoServer

SIGNALS = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}


def main() -> None:
    """Serve until SIGTERM."""
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


def _opened() -> ThreadedMotoServer:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]), verbose=False)
    server.start()
    return server


if __name__ == "__main__":
    main()
