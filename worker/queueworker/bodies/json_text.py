"""Reads JSON as its standard has it: Python's own reader takes more, and fails in more ways.

`readers` and `envelopes` call it. Of a name that an object has twice, the last value counts, as in Python.
"""

import json
from typing import Any, Final, NoReturn

from queueworker.bodies.failures import NotJsonError

BYTE_ORDER_MARK: Final = "\ufeff"
NESTED_TOO_DEEPLY: Final = "its JSON is nested too deeply"
HALF_PAIR: Final = "it holds one half of a surrogate pair, which is no character"


def parse_json(text: str) -> Any:
    """Return the value.

    Raises:
        NotJsonError: the text is not JSON, or holds half of a character.
    """
    try:
        value = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise NotJsonError(NESTED_TOO_DEEPLY) from error
    except json.JSONDecodeError as error:
        raise NotJsonError(_why(text, error)) from error
    except UnicodeEncodeError as error:
        raise NotJsonError(HALF_PAIR) from error
    except ValueError as error:  # a number of more digits than Python reads
        raise NotJsonError("it has a number of too many digits") from error
    return value


def _why(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    if text.startswith(BYTE_ORDER_MARK):
        return "it begins with a byte order mark, which JSON does not allow"
    return f"it is not JSON: {error.msg.removesuffix(':').lower()} in line {error.lineno}, column {error.colno}"


def _refuse(constant: str) -> NoReturn:
    raise NotJsonError(f"it is not JSON: {constant} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
