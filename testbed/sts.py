"""Answers of STS, for servers that stand in its place."""

from datetime import UTC, datetime, timedelta
from typing import Final

TOKEN_TEXT: Final = "a-web-identity-token"


def granted(operation: str, key: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    """Return the body with which STS gives credentials; `operation` is such as AssumeRole."""
    expires = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>token</SessionToken>"
    given = f"<Credentials>{keys}<Expiration>{expires}</Expiration></Credentials>"
    return f"<{operation}Response><{operation}Result>{given}</{operation}Result></{operation}Response>"


def refused(code: str, message: str) -> str:
    """Return the body with which STS refuses a request."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{error}</ErrorResponse>"
