"""Two rules that the sources keep: sizing rules are used through their interface, and one module reads the status.

Each check has rows of code that it must find, so that it cannot pass by finding nothing.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from queueworkerpool.sizing import RULES
from queueworkerpool.validate.crd import pool_schema

SOURCES = Path(__file__).parents[3] / "operator" / "queueworkerpool"
STATUS = pool_schema()["properties"]["status"]["properties"]
FIELDS = {*STATUS, *STATUS["memory"]["properties"]}

MAY_READ: dict[str, set[str]] = {
    "model/status.py": set(STATUS),
    "model/memory.py": set(STATUS["memory"]["properties"]),
    "report/status.py": {"lastDecision"},  # whether the status about to be written differs from the stored one
    "model/targets.py": {"conditions", "observedGeneration", "replicas", "readyReplicas"},  # of a Deployment
    "model/spec.py": {"replicas"},  # of spec.fallback
    "cluster/objects.py": {"conditions"},  # of a Pod
    "validate/workloads.py": {"replicas"},  # of a workload in a manifest
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCES.rglob("*.py")):
        yield path.relative_to(SOURCES).as_posix(), ast.parse(path.read_text())


def named_rules(tree: ast.AST) -> set[str]:
    """The concrete sizing rules that code names."""
    rules = {rule.__name__ for rule in RULES}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    return rules & names


def branches_on_targets(tree: ast.AST) -> list[str]:
    """The expressions that ask for the class of a target."""
    asked = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "type"}:
            asked += node.args[:1]
        elif isinstance(node, ast.Match):
            asked.append(node.subject)
        elif isinstance(node, ast.Attribute) and node.attr == "__class__":
            asked.append(node.value)
    return [text for text in map(ast.unparse, asked) if text.rpartition(".")[2] == "target"]


def fields_read(tree: ast.AST) -> set[str]:
    """The status fields that code reads from a dictionary, other than from one that `dump` has just written."""
    found: set[object] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            found |= literals(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr in {"get", "pop"} and not ast.unparse(node.func.value).endswith(".dump()"):
                found |= literals(node.args[0])
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            found |= literals(node.left)
        elif isinstance(node, ast.MatchMapping):
            found |= {literal for key in node.keys for literal in literals(key)}
    return {field for field in FIELDS if field in found}


def literals(node: ast.AST) -> set[object]:
    return {node.value} if isinstance(node, ast.Constant) else set()


def test_only_sizing_names_a_concrete_rule() -> None:
    assert {path: found for path, tree in modules() if not is_sizing(path) and (found := named_rules(tree))} == {}


def test_only_sizing_asks_for_the_class_of_a_target() -> None:
    assert {
        path: found for path, tree in modules() if not is_sizing(path) and (found := branches_on_targets(tree))
    } == {}


def is_sizing(path: str) -> bool:
    return path.startswith("sizing/")


def test_only_the_model_reads_the_raw_status() -> None:
    assert {path: found for path, tree in modules() if (found := fields_read(tree))} == MAY_READ


@pytest.mark.parametrize(
    "code",
    [
        "from queueworkerpool.sizing import Latency",
        "from queueworkerpool.sizing import MessagesPerPod as M",
        "isinstance(spec.target, sizing.Latency)",
        "def window(target: MessagesPerPod) -> int: ...",
    ],
)
def test_the_check_finds_a_named_rule(code: str) -> None:
    assert named_rules(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "if isinstance(facts.spec.target, rule): pass",
        "isinstance(target, (A, B))",
        "type(pool.spec.target) is rule",
        "pool.spec.target.__class__.__name__",
        "match spec.target:\n    case A(): pass",
    ],
)
def test_the_check_finds_a_question_for_the_class(code: str) -> None:
    assert branches_on_targets(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        'raw["lastDecision"]["reason"]',
        'pool.status.stored.get("conditions", ())',
        'body.get("status", {}).get("memory")',
        'before.pop("backlog", None)',
        '"competingWriter" in memory',
        'match raw:\n    case {"emptySince": since}: pass',
    ],
)
def test_the_check_finds_a_reader_of_the_status(code: str) -> None:
    assert fields_read(ast.parse(code))


def test_the_check_permits_what_was_just_written() -> None:
    assert fields_read(ast.parse('raw = {"backlog": 1}\nstatus.dump().get("backlog")\nraw["memory"] = 1')) == set()
