"""Kubernetes' quantities, such as 5, 500m and 2k. Pure."""

import re
from decimal import Decimal
from typing import Any

_QUANTITY = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(m|k|M|G|Ki|Mi|Gi|[eE][+-]?[0-9]{1,2})?")
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
}
_LONGEST = 40


def quantity(value: Any) -> Decimal | None:
    """Return the number that a quantity is; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value)
    found = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    digits, suffix = found[1], found[2] or ""
    if suffix in _FACTORS:
        return Decimal(digits) * _FACTORS[suffix]
    return Decimal(digits + suffix)
