"""A row of the tables of failures, and the codes that SQS and STS have in common. Pure.

`failures` and `identity_failures` hold the tables.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from queueworkerpool.errors import QueueUnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row: the failures that mean the same. It fits by any of `codes`, `statuses` and `raised`.

    Args:
        error: Our error for them.
        text: What is wrong. `{shown}` is the error code, else the HTTP status, or the exception's name.
        fix: What to do. `{external_id}` is the external ID by which the role's trust policy knows the pool.
        codes: Error codes of SQS or STS, with and without the namespace of SQS's query protocol.
        statuses: HTTP statuses.
        raised: What boto3 raises.
    """

    error: type[QueueUnreadableError]
    text: str
    fix: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    raised: tuple[type[Exception], ...] = ()


THROTTLED_CODES: Final = frozenset(
    {"RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
REFUSED_SIGNATURE_CODES: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IDPRejectedClaim",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidIdentityToken",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
"""What SQS and STS answer to credentials that are none, have expired, or signed by a wrong clock."""
REGION_DISABLED_CODES: Final = frozenset({"RegionDisabledException"})
TOO_MANY_REQUESTS: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS})
SERVER_ERRORS: Final = frozenset(range(500, 1000))  # a strange server may send more than HTTP knows
