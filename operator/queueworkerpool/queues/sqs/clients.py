"""boto3's clients for SQS and STS: which there are, how they connect, and whose name they sign with. `queues` asks
through them.

Every request carries explicit time-outs. Where requests go is the operator's own setting (AWS_ENDPOINT_URL_SQS), for
botocore does not follow the host of a QueueUrl. A client serves all identities of its region, for one costs 150 KiB
and a role's credentials 2 KiB (measured): a request for a tenant's role is signed with the role's credentials in place
of the client's own.
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

MOST_CLIENTS = 64
"""AWS has fewer regions. The region is a tenant's to name, and each client costs memory."""

RENEW_SECONDS = 15.0
"""A client that was made without credentials is made anew this much later."""


class Clients:
    """Clients per region, all made by one session: a session for each would cost 8 MiB and 0.1 s every time."""

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
        self._made: dict[tuple[str, str | None], tuple[float, Any]] = {}
        self._session: boto3.session.Session | None = None
        self._lock = threading.Lock()  # boto3's sessions are not safe to share between threads, its clients are
        self._roles = Roles(lambda region: self._of("sts", region))
        self._signing = threading.local()

    @property
    def default_region(self) -> str | None:
        """The region that AWS's own settings name; None when they name none, or make no sense."""
        with self._lock, contextlib.suppress(BotoCoreError):
            return self._opened().region_name
        return None

    @contextlib.contextmanager
    def of(self, region: str | None, role: Role | None) -> Iterator["SQSClient"]:
        """The region's client, which signs in this thread with the role's credentials, if there is a role.

        Raises BotoCoreError, and RoleRefusedError when there are no credentials of the role.
        """
        client = self._of("sqs", region)
        self._signing.credentials = self._roles.credentials(role, region) if role else None
        try:
            yield client
        finally:
            self._signing.credentials = None

    def _of(self, service: str, region: str | None) -> Any:
        """The service's client in a region, made on first use."""
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
        # As botocore itself signs for S3 Express. A door test looks at the signature that arrives.
        if self._signing.credentials:
            signing = request.context.get("signing", {})
            request.context["signing"] = {**signing, "request_credentials": self._signing.credentials}

    def _opened(self) -> boto3.session.Session:
        self._session = self._session or boto3.session.Session()
        return self._session

    def renew(self, region: str | None) -> None:
        """Let the region's clients be made anew, soon: those made without credentials never look for them."""
        with self._lock:
            for key in [("sqs", region), ("sts", region)]:
                if key in self._made and time.monotonic() - self._made[key][0] >= RENEW_SECONDS:
                    del self._made[key]

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            for _, client in self._made.values():
                client.close()
