"""boto3's clients for SQS: which there are, and how they connect. `queues` asks through them.

Every request carries explicit time-outs. Where requests go is the operator's own setting (AWS_ENDPOINT_URL_SQS), for
botocore does not follow the host of a QueueUrl.
"""

import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
ATTEMPTS = 2

MOST_CLIENTS = 64
"""AWS has fewer regions. The region is a tenant's to name, and each client costs memory."""

RENEW_SECONDS = 15.0
"""A client that was made without credentials is made anew this much later."""


class Clients:
    """One client per region, all made by one session: a session for each would cost 8 MiB and 0.1 s every time."""

    def __init__(self, connections: int) -> None:
        self._config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=connections,
            # Tells AWS who asks. boto3's own text is put together anew for each call: a tenth of the call's cost.
            user_agent=f"queueworkerpool/{version('queueworkerpool')}",
            parameter_validation=False,  # the URL was validated by the CRD; saves a tenth of each call
        )
        self._made: dict[str | None, tuple[float, SQSClient]] = {}
        self._session: boto3.session.Session | None = None
        self._lock = threading.Lock()  # boto3's sessions are not safe to share between threads, its clients are

    def of(self, region: str | None) -> "SQSClient":
        """The region's client, made on first use. Raises BotoCoreError."""
        with self._lock:
            if region not in self._made:
                self._session = self._session or boto3.session.Session()
                made = self._session.client("sqs", region_name=region, config=self._config)
                if len(self._made) >= MOST_CLIENTS:  # not closed, for a thread may be using it
                    del self._made[next(iter(self._made))]
                self._made[region] = (time.monotonic(), made)
            return self._made[region][1]

    def renew(self, region: str | None) -> None:
        """Let the region's client be made anew, soon: one that was made without credentials never looks for them."""
        with self._lock:
            if region in self._made and time.monotonic() - self._made[region][0] >= RENEW_SECONDS:
                del self._made[region]

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            for _, client in self._made.values():
                client.close()
