"""The memory in a status: the previous version of the operator reads what this one writes, and the other way round."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from queueworkerpool.model import Change, CompetingWriter, Memory, MemoryOwner, RecommendedSince, ScaleDownStabilization
from queueworkerpool.model.memory import ScaleUpStabilization
from queueworkerpool.sizing import WorkerEstimates
from testbed import previous
from tests.unit.operator.builders import ago

FULL = Memory(
    scale_down_stabilization=ScaleDownStabilization(ago(100), 10, ago(7), (RecommendedSince(ago(70), 8),)),
    scale_up_stabilization=ScaleUpStabilization(ago(90), 20),
    changes=(Change(ago(50), 4, since=ago(80)), Change(ago(40), -1)),
    empty_since=ago(30),
    activation_pending_since=ago(20),
    unreadable_since=ago(19),
    waiting_since=ago(18),
    held_since=ago(17),
    competing_writer=CompetingWriter("kubectl", 2, ago(16)),
    workers=WorkerEstimates(
        service_seconds=12.5,
        concurrency=4,
        startup_seconds=20,
        service_messages=100,
        startup_changes=2,
        service_before=3.5,
    ),
    quiet_spells=(12.5, 2400),
    belongs_to=MemoryOwner("uid-1", "uid-2", "0123456789abcdef"),
)
READ_AND_WRITE = """
import json, sys
from queueworkerpool.model import Memory
print(json.dumps(Memory.parse(json.load(sys.stdin)).dump()))
"""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return previous.unpack(tmp_path_factory.mktemp("previous"))


@pytest.fixture(scope="module")
def rewritten(old: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What the previous version writes after it has read a raw memory."""
    interpreter = previous.interpreter_of(old)

    def run(raw: dict[str, Any]) -> dict[str, Any]:
        argv = [str(interpreter.python), "-c", READ_AND_WRITE]
        env = {**os.environ, **interpreter.variables}
        done = subprocess.run(argv, input=json.dumps(raw), env=env, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    return run


def kept(raw: Any, schema: Mapping[str, Any]) -> Any:
    """What an API server with this schema keeps."""
    if isinstance(raw, dict) and "properties" in schema:
        return {name: kept(value, found) for name, value in raw.items() if (found := schema["properties"].get(name))}
    return [kept(each, schema["items"]) for each in raw] if isinstance(raw, list) else raw


def schema_of_memory(root: Path) -> Mapping[str, Any]:
    (version,) = yaml.safe_load((root / "crds" / "queueworkerpools.yaml").read_text())["spec"]["versions"]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return dict(status["properties"]["memory"])


def test_the_example_has_every_field() -> None:
    assert [field.name for field in fields(FULL) if getattr(FULL, field.name) == field.default] == []


def test_it_ignores_what_is_new_and_keeps_all_that_it_knows(
    old: Path, rewritten: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    known = kept(FULL.dump(), schema_of_memory(old))
    assert known != FULL.dump()
    assert rewritten(FULL.dump()) == known


def test_what_it_writes_is_understood_and_kept(
    old: Path, rewritten: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    known = kept(FULL.dump(), schema_of_memory(old))
    assert Memory.parse(rewritten(known)).dump() == known
