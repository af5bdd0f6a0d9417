"""Who asks which endpoint of SQS for a queue's attributes, and with whose signature.

`reader` asks it. Where a request goes is the operator's own setting (AWS_ENDPOINT_URL_SQS, QWP_SQS_ENDPOINTS), never
the host of a QueueUrl. What goes to a server of QWP_SQS_ENDPOINTS that is not AWS's is signed by nobody: neither the
operator's credentials nor a role's reach it. What blocks (files, STS) is apart from what does not: `prepare` runs in a
thread, and is needed rarely. It handles no failure.
"""

import asyncio
import contextlib
import threading
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import (
    BotoCoreError,
    ConnectionError,  # noqa: A004 -- botocore's name; ours are spelled out
    HTTPClientError,
    InvalidRegionError,
    NoRegionError,
)
from botocore.utils import validate_region_name

from awsaccess import RenewedCredentials
from queueaddress import is_at_aws, is_listed
from queueworkerpool.model import Role
from queueworkerpool.queues.sqs.attempts import Attempts, refusal
from queueworkerpool.queues.sqs.connections import Connections, TimeOuts
from queueworkerpool.queues.sqs.roles import Roles
from sqsrequest import Answer, Endpoint, Route, configured_endpoint, endpoint_at, find_endpoint, find_route, sign

CONNECT_TIMEOUT_SECONDS = 2.0
READ_TIMEOUT_SECONDS = 5.0
ATTEMPTS = 2
"""Tries per request: a reading that fails costs at most this many time-outs, and the pauses between them."""

_ANY_REGION: Final = "us-east-1"
_NOBODY: Final = ReadOnlyCredentials("nobody", "nobody", None)
"""What is signed by them is refused everywhere."""


class Target(NamedTuple):
    """Where requests to one region, or to one listed endpoint, go."""

    endpoint: Endpoint
    route: Route
    attempts: Attempts
    at_aws: bool


class Signed(NamedTuple):
    """What a request needs: where it goes, the region that it is signed for, and by whom."""

    target: Target
    region: str
    credentials: ReadOnlyCredentials


class Clients:
    """Targets per region, and the credentials of the operator and of tenants' roles.

    There is a target for each region that botocore lists or the operator is set to. All others share one, whose
    requests are signed for the region that is asked: at AWS there is no such region, and another server has one
    address for all.
    """

    def __init__(self, home: str | None = None) -> None:
        """Open nothing yet.

        Args:
            home: The region that the operator is set to.
        """
        self._home = home
        self._user_agent = f"queueworkerpool/{version('queueworkerpool')}"
        self._config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            user_agent=self._user_agent,
        )
        self._connections = Connections(TimeOuts(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS))
        self._targets: dict[str, Target] = {}  # by region, or by listed endpoint
        self._sts: dict[str, Any] = {}
        self._found_default: str | None = None
        self._session: botocore.session.Session | None = None
        self._lock = threading.Lock()  # botocore's sessions are not safe to share between threads
        self._own = RenewedCredentials(self._find_credentials)
        self._roles = Roles(self._sts_of)
        self._signing = threading.local()

    @property
    def default_region(self) -> str | None:
        """The region that AWS's own settings name; None when they name none, or cannot be read."""
        with self._lock, contextlib.suppress(BotoCoreError):
            region: str | None = self._opened().get_config_variable("region")
            return region
        return None

    @property
    def has_one_endpoint(self) -> bool:
        """Whether AWS's own settings name one endpoint for all queues (AWS_ENDPOINT_URL_SQS and its like)."""
        with self._lock, contextlib.suppress(BotoCoreError):
            return configured_endpoint(self._opened()) is not None
        return False

    def prepare(self, region: str | None, role: Role | None, endpoint: str | None = None) -> Signed:
        """Return what a request needs, as soon as it is there; `endpoint`: a listed server's.

        Raises BotoCoreError, ValueError, CredentialsError when the operator has no credentials, and RoleRefusedError
        when the role's cannot be had.
        """
        region = region or self._default()
        target = self._made(region, endpoint)
        if endpoint and not target.at_aws:
            credentials = _NOBODY
        else:
            credentials = self._roles.credentials(role, region) if role else self._own.get()
        return Signed(target, region, credentials)

    def prepared(self, region: str | None, role: Role | None, endpoint: str | None = None) -> Signed | None:
        """Return what a request needs if that takes no wait and nothing is wrong with it, else None.

        Raises BotoCoreError for a region that is none.
        """
        region = region or self._found_default
        key = self._key(region, endpoint) if region else ""
        target = self._targets.get(key)
        if target is None or region is None or _is_missing(key, region, at_aws=target.at_aws):
            return None
        if endpoint and not target.at_aws:
            return Signed(target, region, _NOBODY)
        credentials = self._roles.current(role) if role else self._own.current()
        return credentials and Signed(target, region, credentials)

    def is_aws_asked(self, region: str | None) -> bool:
        """Return whether requests to a region go to AWS, or would if AWS had it. Raises BotoCoreError, ValueError."""
        try:
            return self._made(region or self._default(), None).at_aws
        except InvalidRegionError as error:
            validate_region_name(error.kwargs["region_name"])  # a name that could be one, and that AWS has not
            return True

    async def send(self, signed: Signed, operation: str, content: bytes) -> Answer:
        """Send a request, and again where botocore's client would; return the answer. Raises what that client does."""
        target, number, context = signed.target, 0, dict[str, Any]()
        endpoint = target.endpoint._replace(region=signed.region)
        while True:
            number += 1
            answer = None
            headers = sign(endpoint, operation, content, signed.credentials, self._user_agent)
            try:
                answer = await self._connections.post(endpoint, target.route, headers, content)
            except (ConnectionError, HTTPClientError) as error:
                failure: Exception = error
            else:
                if answer.succeeded:
                    target.attempts.succeeded(answer, context)
                    return answer
                failure = refusal(answer)
            pause = target.attempts.pause(number, failure, answer, context)
            if pause is None:
                raise failure
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()
        for client in self._sts.values():
            client.close()

    def _key(self, region: str, endpoint: str | None) -> str:
        """Return by which name a target is kept. Raises BotoCoreError for a region that is none."""
        if endpoint is None and (is_listed(region) or region in {self._home, self._found_default}):
            return region
        validate_region_name(region)
        return endpoint or _ANY_REGION

    def _made(self, region: str, endpoint: str | None) -> Target:
        """Return a target, made on first use. Raises BotoCoreError, ValueError."""
        key = self._key(region, endpoint)
        target = self._targets.get(key)
        if target is None:
            with self._lock:
                target = self._targets[key] = self._targets.get(key) or self._make(key, endpoint)
        _check(key, region, at_aws=target.at_aws)
        return target

    def _make(self, key: str, endpoint: str | None) -> Target:
        session = self._opened()
        found = endpoint_at(_ANY_REGION, endpoint) if endpoint else find_endpoint(key, session)
        return Target(found, find_route(found.url, session), Attempts(ATTEMPTS), is_at_aws(found.url))

    def _opened(self) -> botocore.session.Session:
        self._session = self._session or botocore.session.get_session()
        return self._session

    def _default(self) -> str:
        """Return the region that AWS's own settings name. Raises BotoCoreError when there is none."""
        with self._lock:
            self._found_default = self._opened().get_config_variable("region")
        if not self._found_default:
            raise NoRegionError
        return self._found_default

    def _sts_of(self, region: str) -> Any:
        """Return the client of STS by which a role is assumed; in this thread it signs for the region."""
        self._signing.region = region
        key = self._key(region, None)
        with self._lock:
            client = self._sts[key] = self._sts.get(key) or self._make_sts(key)
        _check(key, region, at_aws=is_at_aws(client.meta.endpoint_url))
        return client

    def _make_sts(self, region: str) -> Any:
        import boto3  # noqa: PLC0415 -- 40 ms and 5 MiB, which only tenants' roles need

        session = boto3.session.Session(botocore_session=self._opened())
        # Given credentials, so that it looks for none; `_sign` chooses those that count.
        key, secret = _NOBODY[:2]
        made = session.client("sts", region, config=self._config, aws_access_key_id=key, aws_secret_access_key=secret)
        made.meta.events.register("before-sign.sts", self._sign)
        return made

    def _sign(self, request: AWSRequest, **_: object) -> None:
        # As botocore itself signs for S3 Express. Tests check the signature that arrives.
        chosen = {"request_credentials": Credentials(*self._own.get()[:3]), "region": self._signing.region}  # type: ignore[arg-type] # the stubs say that they may be None
        request.context["signing"] = {**request.context.get("signing", {}), **chosen}

    def _find_credentials(self) -> Any:
        """Return what botocore's providers find now: by a session of its own, so that settings are read anew."""
        session = botocore.session.get_session()
        with self._lock:
            loader = self._opened().get_component("data_loader")
        session.register_component("data_loader", loader)  # it keeps what it has read, which is the most of a session
        session.set_default_client_config(self._config)
        return session.get_credentials()


def _check(key: str, region: str, *, at_aws: bool) -> None:
    """Raise InvalidRegionError for a region that AWS has not, where AWS would be asked."""
    if _is_missing(key, region, at_aws=at_aws):
        raise InvalidRegionError(region_name=region)


def _is_missing(key: str, region: str, *, at_aws: bool) -> bool:
    """Return whether what all unlisted regions share is AWS's, which has no such region."""
    return at_aws and key == _ANY_REGION != region
