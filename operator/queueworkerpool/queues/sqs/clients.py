"""boto3's clients of SQS and STS: one per region, their connections, and the credentials that sign a request.

`reader` sends requests through them. Every request has explicit time-outs. Where it goes is the operator's own setting
(AWS_ENDPOINT_URL_SQS), never the host of a QueueUrl, which botocore ignores. One client serves all identities of its
region, because a client costs 150 KiB and a role's credentials 2 KiB (measured): a request for a tenant's role is
signed with the role's credentials instead of the client's own. It handles no failure.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from queueworkerpool.model import Role
from queueworkerpool.queues.sqs.roles import Roles

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
ATTEMPTS = 2
"""Tries per request: a reading that fails costs at most this many time-outs, and the pauses between them."""

MOST_CLIENTS = 64
"""More than AWS has regions. Tenants name the region, and each client costs memory."""

CREDENTIALS_RETRY_SECONDS = 15.0
"""The least age of a client that was made without credentials before it is made again."""


class Clients:
    """The clients per region, all of one boto3 session: a session each would cost 8 MiB and 0.1 s."""

    def __init__(self, connections: int) -> None:
        """Create no client yet.

        Args:
            connections: Requests to one region that may be under way at the same time.
        """
        self._config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=connections,
            # boto3's own text is composed again for each call, which is a tenth of the call's cost.
            user_agent=f"queueworkerpool/{version('queueworkerpool')}",
            parameter_validation=False,  # the URL was validated by the CRD; saves a tenth of each call
        )
        self._made: dict[tuple[str, str | None], tuple[float, Any]] = {}
        self._session: boto3.session.Session | None = None
        self._lock = threading.Lock()  # boto3's sessions are not safe to share between threads, its clients are
        self._roles = Roles(lambda region: self._of("sts", region))
        self._signing = threading.local()

    @property
    def default_region(self) -> str | None:
        """The region that AWS's own settings name; None when they name none, or cannot be read."""
        with self._lock, contextlib.suppress(BotoCoreError):
            return self._opened().region_name
        return None

    @contextlib.contextmanager
    def of(self, region: str | None, role: Role | None) -> Iterator["SQSClient"]:
        """Yield the region's client, which signs in this thread with the role's credentials when a role is given.

        Raises BotoCoreError, and RoleRefusedError when the role's credentials cannot be had.
        """
        client = self._of("sqs", region)
        self._signing.credentials = self._roles.credentials(role, region) if role else None
        try:
            yield client
        finally:
            self._signing.credentials = None

    def _of(self, service: str, region: str | None) -> Any:
        """Return the service's client in a region, made on first use."""
        with self._lock:
            if (service, region) not in self._made:
                made = self._opened().client(service, region_name=region, config=self._config)  # type: ignore[call-overload] # the stubs want the service as a literal
                if service == "sqs":
                    made.meta.events.register("before-sign.sqs", self._sign_with_the_role)
                if len(self._made) >= MOST_CLIENTS:  # not closed, for a thread may be using it
                    del self._made[next(iter(self._made))]
                self._made[service, region] = (time.monotonic(), made)
            return self._made[service, region][1]

    def _sign_with_the_role(self, request: AWSRequest, **_: object) -> None:
        # As botocore itself signs for S3 Express. A test checks the signature that arrives.
        if self._signing.credentials:
            signing = request.context.get("signing", {})
            request.context["signing"] = {**signing, "request_credentials": self._signing.credentials}

    def _opened(self) -> boto3.session.Session:
        self._session = self._session or boto3.session.Session()
        return self._session

    def renew(self, region: str | None) -> None:
        """Make the region's clients again at the next use: one made without credentials never looks for them later."""
        with self._lock:
            for key in [("sqs", region), ("sts", region)]:
                if key in self._made and time.monotonic() - self._made[key][0] >= CREDENTIALS_RETRY_SECONDS:
                    del self._made[key]

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for _, client in self._made.values():
                client.close()
