"""The worker's AWS credentials, and what it means when they cannot be had: never SQS's fault, whatever botocore raises.

`requests` signs with them. They come from botocore's providers, which renew them: STS for a web identity, the Pod
Identity agent, variables, files. The operator has a table of its own; both must understand the same codes.
"""

from dataclasses import dataclass
from http import HTTPStatus
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

from queueworker.errors import CredentialsDeniedError, CredentialsUnavailableError, SqsError
from queueworker.sqs.failures import THROTTLED_CODES, is_plain

STS_TIMEOUT_SECONDS = 5.0

NOBODY: Final = "nobody"
"""Key and secret of botocore's client, so that it looks for none while it is made; nothing is signed with them."""


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
        codes=THROTTLED_CODES,
        statuses=frozenset({HTTPStatus.TOO_MANY_REQUESTS}),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS cannot reach the cluster's OIDC issuer",
        codes=frozenset({"IDPCommunicationError"}),
    ),
    Failure(
        error=CredentialsUnavailableError,
        text="STS failed, so the worker has no credentials",
        statuses=frozenset(range(500, 1000)),
    ),
    Failure(
        error=CredentialsDeniedError,
        text="the worker's web identity token has expired",
        codes=frozenset({"ExpiredToken", "ExpiredTokenException"}),
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS does not accept the worker's web identity",
        codes=frozenset({"IDPRejectedClaim", "InvalidIdentityToken"}),
    ),
    Failure(
        error=CredentialsDeniedError,
        text="STS is not activated in the worker's region",
        codes=frozenset({"RegionDisabledException"}),
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


def open_session() -> Session:
    """Return botocore's session, whose requests for credentials end within seconds."""
    session = Session()
    timeouts = Config(
        connect_timeout=STS_TIMEOUT_SECONDS,
        read_timeout=STS_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    session.set_default_client_config(timeouts)
    return session


def frozen_credentials(session: Session) -> ReadOnlyCredentials:
    """Return credentials that sign now, renewed when they end soon.

    Raises:
        CredentialsDeniedError: STS refuses them.
        CredentialsUnavailableError: they are not to be had for another reason.
    """
    try:
        credentials = session.get_credentials()
        if credentials is None:
            raise NoCredentialsError  # noqa: TRY301 -- a row of the table like what the providers raise
        return credentials.get_frozen_credentials()
    except Exception as error:  # a provider raises anything
        raise error_for(error) from error


def error_for(error: Exception) -> SqsError:
    """Return our error for what was raised on the way to credentials."""
    code, status, shown = _described(error)
    failure = next(
        row for row in FAILURES if isinstance(error, row.raised) or code in row.codes or status in row.statuses
    )
    return failure.error(f"{failure.text} ({shown})")


def _described(error: Exception) -> tuple[str, int, str]:
    """Return the code and status of STS's answer, and what of the error may be logged."""
    if not isinstance(error, ClientError):
        return "", 0, type(error).__name__
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code, status, code if is_plain(code) else f"status {status}"
