"""Parses what workers answer on /state: the contract of docs/scale-in.md. Pure.

`states` calls it. Workers belong to tenants: an error names the field, and repeats nothing of the answer.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from queueworkerpool.model import Pod, WorkerState

MOST_SLOTS = 100_000
"""The highest concurrency that is believed."""


class AnswerRefusedError(Exception):
    """An answer does not keep to the contract."""


class OtherPodError(AnswerRefusedError):
    """An answer names another pod than the one that was asked: its address was given to another one meanwhile."""


def parse(body: bytes, pod: Pod) -> WorkerState:
    """Parse the answer of a pod. Raises AnswerRefusedError."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerRefusedError("the answer is not JSON") from error
    if not isinstance(raw, Mapping):
        raise AnswerRefusedError("the answer is no JSON object")
    _check_pod(raw, pod)
    concurrency = 1.0 if raw.get("concurrency") is None else _needed(raw, "concurrency")
    if not 1 <= concurrency <= MOST_SLOTS:
        raise AnswerRefusedError(f"concurrency is not between 1 and {MOST_SLOTS}")
    return WorkerState(
        busy=math.ceil(_needed(raw, "busy")),  # whatever is above 0 is work that a stop would cost
        concurrency=int(concurrency),
        finished=int(_number(raw.get("processed")) or 0) + int(_number(raw.get("failed")) or 0),
        busy_seconds=_number(raw.get("busySeconds")) or 0.0,
        oldest_busy_seconds=_number(raw.get("oldestBusySeconds")) or 0.0,
    )


def _check_pod(raw: Mapping[str, Any], pod: Pod) -> None:
    """Check which pod the answer is of, where it says so. Raises OtherPodError."""
    # Empty is what a worker says whose pod template does not set the variables.
    uid, name = (None if raw.get(field) == "" else raw.get(field) for field in ("uid", "pod"))
    if uid is not None and uid != pod.uid:
        raise OtherPodError("uid is another pod's")
    if name is not None and not (isinstance(name, str) and pod.is_called(name)):
        raise OtherPodError("pod is another pod's name")


def _needed(raw: Mapping[str, Any], name: str) -> float:
    """Return the number of a field. Raises AnswerRefusedError when there is none."""
    if name not in raw:
        raise AnswerRefusedError(f"{name} is missing")
    value = raw[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AnswerRefusedError(f"{name} is no number")
    if (number := _number(value)) is None:
        raise AnswerRefusedError(f"{name} is negative, or no number that is possible")
    return number


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # NaN is not between any two numbers, and an integer may be too large to become a float.
    return float(value) if 0 <= value < 2**53 else None
