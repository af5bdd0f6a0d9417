"""The only adapter to CEL: evaluates the CRD's x-kubernetes-validations. Pure.

`verdicts` calls it on values that have passed the structural checks, and imports it only then, so that the operator
itself never loads the library. The library is cel-expr-python, Google's C++ implementation: its regular expressions
are RE2's, like the API server's, it needs no other package, and it loads in milliseconds. Its values are dynamic, so
types are kept here: a whole number becomes a float where the schema says `number`, as in the API server.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from queueworkerpool.errors import RulesUnavailableError
from queueworkerpool.validate import problems
from queueworkerpool.validate.problems import OMITTED, Problem
from queueworkerpool.validate.schema import Schema, parts

try:
    from cel_expr_python import cel
except ModuleNotFoundError as error:
    raise RulesUnavailableError(
        "`qwp validate` needs the library cel-expr-python, which is not installed here, nor in the operator's image: "
        "install `queueworkerpool[cli]` with pip where you call it"
    ) from error


def broken_rules(value: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Yield the rules that do not hold, in the API server's order: an object's own before those of its fields."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if (answer := _answer(rule["rule"], _typed(value, schema))) is not True:
            detail = rule.get("message", f"failed rule: {rule['rule']}") if answer is False else str(answer)
            named = OMITTED if isinstance(value, (dict, list)) else value
            yield problems.invalid(path + rule.get("fieldPath", ""), named, detail)
    for part, sub, where in parts(value, schema, path):
        yield from broken_rules(part, sub, where)


def _answer(rule: str, value: Any) -> Any:
    """Evaluate a rule; return True, False, or the error."""
    return _compiled(rule).eval(data={"self": value}).value()


@cache
def _compiled(rule: str) -> Any:
    return cel.NewEnv(variables={"self": cel.Type.DYN}).compile(rule)


def _typed(value: Any, schema: Schema) -> Any:
    if isinstance(value, dict):
        return {name: _typed(value[name], sub) for name, sub in schema.get("properties", {}).items() if name in value}
    if isinstance(value, list):
        return [_typed(item, schema.get("items", {})) for item in value]
    return float(value) if schema.get("type") == "number" else value
