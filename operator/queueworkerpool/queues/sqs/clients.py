"""boto3's clients of SQS and STS: one per region, their connections, and the credentials that sign a request.

`reader` sends requests through them. Every request has explicit time-outs. Where it goes is the operator's own setting
(AWS_ENDPOINT_URL_SQS, QWP_SQS_ENDPOINTS), never the host of a QueueUrl, which botocore ignores. What goes to a server
of QWP_SQS_ENDPOINTS that is not AWS's is signed by nobody: neither the operator's credentials nor a role's reach it.
One client serves all identities of its region, because a client costs 150 KiB and a role's credentials 2 KiB
(measured): each request is signed by an identity that is chosen for it, a tenant's role or the operator. A client by
itself has none. It handles no failure.
"""

import contextlib
import threading
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, InvalidRegionError, NoRegionError
from botocore.utils import validate_region_name

from awsaccess import RenewedCredentials
from queueaddress import is_at_aws, is_listed
from queueworkerpool.model import Role
from queueworkerpool.queues.sqs.roles import Roles

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
ATTEMPTS = 2
"""Tries per request: a reading that fails costs at most this many time-outs, and the pauses between them."""

_ANY_REGION: Final = "us-east-1"
_NOBODY: Final = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
"""Given to each client, so that it looks for no credentials; what is signed by them is refused everywhere."""


class Clients:
    """The clients per region, all of one boto3 session: a session each would cost 8 MiB and 0.1 s.

    There is one for each region that botocore lists or the operator is set to. All others share one, whose requests
    are signed for the region that is asked: at AWS there is no such region, and another server has one address for all.
    """

    def __init__(self, connections: int, home: str | None = None) -> None:
        """Create no client yet.

        Args:
            connections: Requests to one region that may be under way at the same time.
            home: The region that the operator is set to.
        """
        self._home = home
        self._config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=connections,
            # boto3's own text is composed again for each call, which is a tenth of the call's cost.
            user_agent=f"queueworkerpool/{version('queueworkerpool')}",
            parameter_validation=False,  # the URL was validated by the CRD; saves a tenth of each call
        )
        self._made: dict[tuple[str, str | None], Any] = {}
        self._session: boto3.session.Session | None = None
        self._lock = threading.Lock()  # boto3's sessions are not safe to share between threads, its clients are
        self._own = RenewedCredentials(self._find_credentials)
        self._roles = Roles(lambda region: self._of("sts", region))
        self._signing = threading.local()

    @property
    def default_region(self) -> str | None:
        """The region that AWS's own settings name; None when they name none, or cannot be read."""
        with self._lock, contextlib.suppress(BotoCoreError):
            return self._opened().region_name
        return None

    @contextlib.contextmanager
    def of(self, region: str | None, role: Role | None, endpoint: str | None = None) -> Iterator["SQSClient"]:
        """Yield the region's client, which signs in this thread with the credentials of the role, else the operator's.

        With an endpoint, yield that endpoint's.

        Raises BotoCoreError, CredentialsError when the operator has no credentials, and RoleRefusedError when the
        role's cannot be had; its requests raise CredentialsError, too.
        """
        region = region or (self.default_region if endpoint else None)  # an endpoint's client has none of its own
        self._signing.region, self._signing.credentials = region, None
        client = self._at(endpoint, region) if endpoint else self._of("sqs", region)
        if endpoint and not is_at_aws(endpoint):
            self._signing.credentials = Credentials(*_NOBODY.values())
        elif role:
            self._signing.credentials = self._roles.credentials(role, region)
        try:
            yield client
        finally:
            self._signing.credentials = None

    def is_aws_asked(self, region: str | None) -> bool:
        """Return whether requests to a region go to AWS, or would if AWS had it. Raises BotoCoreError."""
        if region:
            validate_region_name(region)
        try:
            return is_at_aws(self._of("sqs", region).meta.endpoint_url)
        except InvalidRegionError:  # a name that could be one, which AWS is asked for and has not
            return True

    @property
    def has_one_endpoint(self) -> bool:
        """Whether AWS's own settings name one endpoint for all queues (AWS_ENDPOINT_URL_SQS and its like)."""
        with self._lock, contextlib.suppress(BotoCoreError):
            session = self._opened()._session  # noqa: SLF001 -- boto3 shows it nowhere
            if session.get_config_variable("ignore_configured_endpoint_urls"):
                return False
            provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "sqs")
            return provider.provide() is not None
        return False

    def _at(self, endpoint: str, region: str | None) -> Any:
        """Return the client of an endpoint, whose requests are signed for the region that is asked."""
        if region is None:
            raise NoRegionError
        validate_region_name(region)
        return self._made.get(("sqs", endpoint)) or self._make("sqs", _ANY_REGION, endpoint)

    def _of(self, service: str, region: str | None) -> Any:
        """Return the service's client in a region, made on first use; one that exists needs no lock."""
        if region is None or region == self._home or is_listed(region):
            return self._made.get((service, region)) or self._make(service, region)
        validate_region_name(region)
        shared = self._made.get((service, _ANY_REGION)) or self._make(service, _ANY_REGION)
        if is_at_aws(shared.meta.endpoint_url):
            raise InvalidRegionError(region_name=region)
        return shared

    def _make(self, service: str, region: str | None, endpoint: str | None = None) -> Any:
        key = (service, endpoint or region)
        with self._lock:
            if key not in self._made:
                given = {"region_name": region, "endpoint_url": endpoint, "config": self._config, **_NOBODY}
                made = self._opened().client(service, **given)  # type: ignore[call-overload] # the stubs want the service as a literal
                made.meta.events.register(f"before-sign.{service}", self._sign)
                self._made[key] = made
            return self._made[key]

    def _sign(self, request: AWSRequest, **_: object) -> None:
        # As botocore itself signs for S3 Express. Tests check the signature that arrives.
        chosen = {"request_credentials": self._signing.credentials or Credentials(*self._own.get()[:3])}  # type: ignore[arg-type] # the stubs say that they may be None
        if self._signing.region:
            chosen["region"] = self._signing.region
        request.context["signing"] = {**request.context.get("signing", {}), **chosen}

    def _opened(self) -> boto3.session.Session:
        self._session = self._session or boto3.session.Session()
        return self._session

    def _find_credentials(self) -> Any:
        """Return what botocore's providers find now: by a session of its own, so that settings are read anew."""
        session = botocore.session.get_session()
        with self._lock:
            loader = self._opened()._session.get_component("data_loader")  # noqa: SLF001 -- boto3 shows it nowhere
        session.register_component("data_loader", loader)  # it keeps what it has read, which is the most of a session
        session.set_default_client_config(self._config)
        return session.get_credentials()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for client in self._made.values():
                client.close()
