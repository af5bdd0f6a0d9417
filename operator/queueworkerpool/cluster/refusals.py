"""What a refusal of the API server says: whether it lasts, and its sentence. Pure.

`connection` calls it with a decoded Status. The sentence is for people: no code looks into it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

LONGEST_SENTENCE = 256
"""An admission policy may answer with a message of any length, which would stand in the pool's status and Events."""

_PASSING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GONE})
"""Of 4xx, those that a new token, another try or another list ends."""


def is_lasting(code: int, status: Mapping[str, Any]) -> bool:
    """Return whether the answer is a verdict on the request, and not on the moment.

    500 is what the API server answers when an admission webhook cannot be asked; 503 and 504 are outages.
    """
    if code == HTTPStatus.TOO_MANY_REQUESTS:  # with a time to wait it is a limit of rates, else an admission's verdict
        details = status.get("details")
        return not (isinstance(details, Mapping) and details.get("retryAfterSeconds"))
    if code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    return HTTPStatus.BAD_REQUEST <= code < HTTPStatus.INTERNAL_SERVER_ERROR and code not in _PASSING


def sentence(status: Mapping[str, Any], otherwise: str) -> str:
    """Return the Status's message on one printable line of limited length; `otherwise` when it has none."""
    message = status.get("message")
    if not isinstance(message, str):
        return otherwise
    line = " ".join("".join(char if char.isprintable() else " " for char in message[: 8 * LONGEST_SENTENCE]).split())
    return (line if len(line) <= LONGEST_SENTENCE else f"{line[: LONGEST_SENTENCE - 1]}…") or otherwise
