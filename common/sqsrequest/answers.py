"""What an answer of SQS says: its parameters, or the code of its error. Pure."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """An answer to a request.

    Args:
        status: The HTTP status.
        headers: The HTTP headers; their names are looked up in lower case.
        content: The JSON object of its body, an empty one for no body; None when the body is no JSON object.
    """

    status: int
    headers: Mapping[str, str]
    content: dict[str, Any] | None

    @classmethod
    def parse(cls, status: int, headers: Mapping[str, str], body: bytes) -> "Answer":
        """Return what was received, whatever it is."""
        return cls(status, headers, _object(body))

    @property
    def succeeded(self) -> bool:
        """Whether SQS did what it was asked for."""
        return self.status == HTTPStatus.OK

    @property
    def date(self) -> str | None:
        """The server's time."""
        return self.headers.get("date")

    @property
    def code(self) -> str:
        """The error's code: that of the query protocol where SQS sends it, else the type without its namespace."""
        query_code = self.headers.get("x-amzn-query-error", "").partition(";")[0]
        return query_code or str((self.content or {}).get("__type", "")).rpartition("#")[2].partition(":")[0]


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
