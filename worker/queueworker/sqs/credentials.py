"""The worker's AWS credentials, and what it means when they cannot be had: never SQS's fault, whatever botocore raises.

`requests` signs with them. They come from botocore's providers: STS for a web identity, the Pod Identity agent,
variables, files. `awsaccess` renews them. The operator has a table of its own for their failures; which codes mean the
same is `awsaccess.codes`' for both.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 -- botocore's name; ours are spelled out
    CredentialRetrievalError,
    HTTPClientError,
    MetadataRetrievalError,
    NoCredentialsError,
)
from botocore.session import Session

from awsaccess import CredentialsError, RenewedCredentials, codes
from queueworker.errors import ClockSkewedError, CredentialsDeniedError, CredentialsUnavailableError, SqsError
from queueworker.sqs.failures import is_plain

logger = logging.getLogger(__name__)

STS_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row: the failures that mean the same. It fits by any of `codes`, `statuses` and `raised`.

    Args:
        error: our error for them.
        text: its text, to which the code, the status or the exception's name is added.
        codes: error codes of STS.
        statuses: HTTP statuses of STS.
        raised: what botocore raises.
    """

    error: type[SqsError]
    text: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    raised: tuple[type[Exception], ...] = ()


FAILURES: Final = (
    Failure(
        error=CredentialsUnavailableError,
        text="STS throttles the requests for the worker's credentials",
        codes=codes.THROTTLED,
        statuses=codes.TOO_MANY_REQUESTS,
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS cannot reach the cluster's OIDC issuer",
        codes=codes.ISSUER_SILENT,
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS failed, so the worker has no credentials",
        statuses=codes.SERVER_ERRORS,
    ),
    Failure(
        error=ClockSkewedError,
        text="STS refuses the worker its role, because the worker's clock is wrong",
        codes=codes.CLOCK_SKEWED,
    ),
    Failure(
        error=CredentialsDeniedError,
        text="the worker's web identity token has expired",
        codes=codes.TOKEN_EXPIRED,
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS does not accept the worker's web identity",
        codes=codes.TOKEN_REFUSED,
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS is not activated in the worker's region",
        codes=codes.REGION_DISABLED,
    ),
    Failure(error=CredentialsDeniedError, text="STS refuses the worker its role", raised=(ClientError,)),
    Failure(error=CredentialsUnavailableError, text="the worker has no AWS credentials", raised=(NoCredentialsError,)),
    Failure(
        error=CredentialsUnavailableError,
        text="the provider of the worker's credentials failed, the Pod Identity agent or another",
        raised=(CredentialRetrievalError, MetadataRetrievalError),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS did not answer, so the worker has no credentials",
        raised=(HTTPClientError, ConnectionError),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="a file of the worker's credentials cannot be read, such as AWS_WEB_IDENTITY_TOKEN_FILE",
        raised=(OSError,),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="the worker's AWS credentials cannot be used",
        raised=(Exception,),  # ValueError, KeyError, RuntimeError: botocore's providers raise whatever comes
    ),
)
"""Every failure to get credentials; the first row that fits counts."""


def _open_session() -> Session:
    """Return botocore's session, whose requests for credentials end within seconds."""
    session = Session()
    timeouts = Config(
        connect_timeout=STS_TIMEOUT_SECONDS,
        read_timeout=STS_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    session.set_default_client_config(timeouts)
    return session


class WorkerCredentials:
    """The credentials of this worker, one for all of its queues. Safe to share between threads."""

    def __init__(self) -> None:
        """Ask for nothing yet."""
        self.session = _open_session()
        """botocore's; it has AWS's settings."""
        self._renewed = RenewedCredentials(self.session.get_credentials, renewal_failed=_log_failed_renewal)

    def get(self) -> ReadOnlyCredentials:
        """Return credentials that sign now.

        Raises:
            SqsError: there are none: CredentialsDeniedError, CredentialsUnavailableError or ClockSkewedError.
        """
        try:
            return self._renewed.get()
        except CredentialsError as error:
            raise error_for(error.cause, datetime.now(UTC)) from error


def _log_failed_renewal(cause: Exception) -> None:
    error = error_for(cause, datetime.now(UTC))
    logger.warning("credentials not renewed: the last ones are used until they end", extra=error.log_fields)


def error_for(error: Exception, now: datetime) -> SqsError:
    """Return our error for what was raised on the way to credentials; `now` is when."""
    code, status, shown = _described(error, now)
    failure = next(
        row for row in FAILURES if isinstance(error, row.raised) or code in row.codes or status in row.statuses
    )
    return failure.error(f"{failure.text} ({shown})")


def _described(error: Exception, now: datetime) -> tuple[str, int, str]:
    """Return the code and status by which STS's answer is looked up, and what of the error may be logged."""
    if not isinstance(error, ClientError):
        return "", 0, type(error).__name__
    code = str(error.response.get("Error", {}).get("Code", ""))
    metadata = error.response.get("ResponseMetadata", {})
    status, date = metadata.get("HTTPStatusCode", 0), metadata.get("HTTPHeaders", {}).get("date")
    return codes.code_by_clock(code, date, now), status, code if is_plain(code) else f"status {status}"
