"""What the type of a handler's parameter makes of a body, and what is said of a body that does not fit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict
from uuid import UUID

import pydantic
import pytest
import typing_extensions

from queueworker import Reject
from queueworker.bodies.failures import MAX_REASON_LENGTH, UnfitBodyError, UnservableTypeError
from queueworker.bodies.readers import reader_for

Sku = NewType("Sku", str)


class State(Enum):
    NEW = "new"
    PAID = "paid"


class Priority(IntEnum):
    LOW = 1


@dataclass(frozen=True)
class Item:
    sku: Sku
    price: Decimal
    amount: int = 1


@dataclass
class Order:
    id: UUID
    state: State
    placed: datetime
    items: list[Item]
    tags: set[str] = field(default_factory=set)
    note: str | None = None
    total: float = field(default=0.0, init=False)


@dataclass
class Checked:
    amount: int

    def __post_init__(self) -> None:
        if self.amount < 1:
            raise ValueError("the amount must be at least 1")


@dataclass
class Tree:
    name: str
    children: "list[Tree]" = field(default_factory=list)


@dataclass
class Created:
    type: Literal["created"]
    id: int


@dataclass
class Removed:
    type: Literal["removed"]
    at: date


class Address(TypedDict):
    city: str
    street: NotRequired[str]


class Model(pydantic.BaseModel):
    id: int
    name: str = pydantic.Field(min_length=1)


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    age: int


@dataclass
class Holder:
    model: Model


ID = "7f9c24e8-3b12-4fef-91e0-56a2d5a0b0c1"
ORDER = {
    "id": ID,
    "state": "paid",
    "placed": "2026-11-26T18:00:00Z",
    "items": [{"sku": "a", "price": "12.10"}, {"sku": "b", "price": 3, "amount": 2}],
    "added by a newer sender": {},
}


class Parcel(typing_extensions.TypedDict):
    model: Model


FITTING: dict[str, tuple[Any, str, object]] = {
    "text": (str, "päckchen", "päckchen"),
    "text that may be none": (str | None, "null", "null"),
    "bytes": (bytes, "päckchen", "päckchen".encode()),
    "an object": (dict, '{"a": [1]}', {"a": [1]}),
    "an object of anything": (dict[str, Any], '{"a": [1]}', {"a": [1]}),
    "an object of numbers": (Mapping[str, float], '{"a": 1}', {"a": 1.0}),
    "an array": (list, '[1, "a"]', [1, "a"]),
    "an array of dates": (Sequence[date], '["2026-11-26"]', [date(2026, 11, 26)]),
    "a set": (frozenset[int], "[1, 1]", frozenset({1})),
    "a tuple": (tuple[int, str], '[1, "a"]', (1, "a")),
    "a tuple of any length": (tuple[int, ...], "[1, 2]", (1, 2)),
    "a number": (int, " 5 ", 5),
    "an integer with a fraction of zero": (int, "5.0", 5),
    "true": (bool, "true", True),
    "a decimal number": (Decimal, "0.1", Decimal("0.1")),
    "a time of day": (time, '"18:30"', time(18, 30)),
    "one of several words": (Literal["a", "b"], '"b"', "b"),
    "a number that stands for a member": (Priority, "1", Priority.LOW),
    "an integer before a number": (float | int, "5", 5),
    "null": (Tree | None, "null", None),
    "a marked type": (Annotated[dict[str, int], "of counts"], '{"a": 1}', {"a": 1}),
    "the last of two values of a name": (dict, '{"a": 1, "a": 2}', {"a": 2}),
    "both halves of a surrogate pair": (dict, r'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
    "a dataclass with all it may hold": (
        Order,
        json.dumps(ORDER),
        Order(
            UUID(ID),
            State.PAID,
            datetime(2026, 11, 26, 18, tzinfo=UTC),
            [Item(Sku("a"), Decimal("12.10")), Item(Sku("b"), Decimal(3), 2)],
        ),
    ),
    "a dataclass that holds itself": (
        Tree,
        '{"name": "a", "children": [{"name": "b"}]}',
        Tree("a", [Tree("b")]),
    ),
    "one of two dataclasses, told by a field": (
        Created | Removed,
        '{"type": "removed", "at": "2026-11-26"}',
        Removed("removed", date(2026, 11, 26)),
    ),
    "a TypedDict": (Address, '{"city": "Ulm", "zip": 89}', {"city": "Ulm"}),
    "a model of pydantic": (Model, '{"id": "5", "name": "a"}', Model(id=5, name="a")),
    "several models": (list[Model], '[{"id": 5, "name": "a"}]', [Model(id=5, name="a")]),
    "one of two models, told by a field": (
        Annotated[Cat | Dog, pydantic.Field(discriminator="kind")],
        '{"kind": "dog", "age": 3}',
        Dog(kind="dog", age=3),
    ),
    "a TypedDict of a model": (Parcel, '{"model": {"id": 5, "name": "a"}}', {"model": Model(id=5, name="a")}),
    "a dataclass of a model": (Holder, '{"model": {"id": 5, "name": "a"}}', Holder(Model(id=5, name="a"))),
}


@pytest.mark.parametrize(("annotation", "body", "expected"), FITTING.values(), ids=FITTING)
def test_a_body_becomes_what_the_type_says(annotation: Any, body: str, expected: object) -> None:
    value = reader_for(annotation)(body)
    assert value == expected
    assert type(value) is type(expected)


DEEP = 100_000

MISFITS: dict[str, tuple[Any, str, str]] = {
    "nothing": (dict, " ", "the body does not fit dict: it is empty"),
    "text": (dict, "hello", "it is not JSON: expecting value in line 1, column 1"),
    "half of an object": (dict, '{\n"a": ', "it is not JSON: expecting value in line 2, column 6"),
    "two objects": (dict, "{}{}", "it is not JSON: extra data in line 1, column 3"),
    "a byte order mark": (dict, "\ufeff{}", "it begins with a byte order mark"),
    "no number": (dict, '{"a": NaN}', "NaN is no number of JSON"),
    "infinity": (dict[str, Any], '{"a": -Infinity}', "-Infinity is no number of JSON"),
    "more than any float": (float, "1e400", "expected a number, found another value"),
    "more than any integer": (int, "1e400", "expected an integer, found another value"),
    "a number of too many digits": (dict, '{"a": ' + "1" * 5000 + "}", "a number of too many digits"),
    "one half of a surrogate pair": (dict, r'{"a": "\uD83D"}', "one half of a surrogate pair"),
    "an array nested too deeply": (list, "[" * DEEP, "its JSON is nested too deeply"),
    "a value nested too deeply": (list, "[" * DEEP + "]" * DEEP, "its JSON is nested too deeply"),
    "a class nested too deeply": (
        Tree,
        '{"name": "", "children": [' * DEEP + "]}" * DEEP,
        "its JSON is nested too deeply",
    ),
    "an array in place of an object": (Order, "[]", "the body does not fit Order: expected an object, found an array"),
    "null in place of a list": (list[int], "null", "the body does not fit list[int]: expected an array, found null"),
    "a missing field": (Order, "{}", "the body does not fit Order: id: missing"),
    "a field of a part": (
        Order,
        json.dumps(ORDER | {"items": [{"sku": "a", "price": 1}, {"sku": "b", "price": 1, "amount": "2"}]}),
        "the body does not fit Order: items[1].amount: expected an integer, found a string",
    ),
    "a missing field of a part": (Order, json.dumps(ORDER | {"items": [{"sku": "a"}]}), "items[0].price: missing"),
    "no member": (
        Order,
        json.dumps(ORDER | {"state": "secret"}),
        "state: expected one of 'new', 'paid', found another",
    ),
    "no time": (Order, json.dumps(ORDER | {"placed": "secret"}), "placed: expected a time in ISO 8601, found another"),
    "no UUID": (Order, json.dumps(ORDER | {"id": "secret"}), "id: expected a UUID, found another value"),
    "no text": (Order, json.dumps(ORDER | {"note": 5}), "note: expected a string, found a number"),
    "no decimal number": (Decimal, '"secret"', "expected a decimal number, found another value"),
    "no finite decimal number": (Decimal, '"NaN"', "expected a decimal number, found another value"),
    "true in place of a number": (int, "true", "expected an integer, found a boolean"),
    "true in place of a member": (Priority, "true", "expected one of 1, found another value"),
    "a string in place of a number": (float, '"5"', "expected a number, found a string"),
    "half an integer": (int, "5.5", "expected an integer, found another value"),
    "a tuple of another length": (tuple[int, str], "[1]", "expected an array of 2, found one of 1"),
    "a value of an object": (dict[str, int], '{"a": null}', "a: expected an integer, found null"),
    "what a dataclass checks itself": (Checked, '{"amount": 0}', "Checked: the amount must be at least 1"),
    "none of two dataclasses": (Created | Removed, '{"type": "gone"}', "expected Created or Removed, found an object"),
    "neither of two types": (list[int | str], "[[]]", "[0]: expected an integer or a string, found an array"),
    "a TypedDict without a field": (Address, '{"street": "a"}', "city: missing"),
    "a model's field": (Model, '{"id": "secret", "name": "a"}', "the body does not fit Model: id: Input should be a"),
    "two of a model's fields": (Model, '{"name": ""}', "id: Field required (and 1 more)"),
    "no JSON for a model": (Model, "secret", "the body does not fit Model: Invalid JSON"),
    "JSON nested too deeply for a model": (list[Model], "[" * DEEP, "Invalid JSON: recursion limit exceeded"),
}


@pytest.mark.parametrize(("annotation", "body", "expected"), MISFITS.values(), ids=MISFITS)
def test_a_body_that_does_not_fit_is_rejected_with_a_sentence(annotation: Any, body: str, expected: str) -> None:
    with pytest.raises(Reject) as raised:
        reader_for(annotation)(body)
    assert isinstance(raised.value, UnfitBodyError)
    assert expected in raised.value.reason
    assert "secret" not in raised.value.reason, "a body may be secret"


def test_one_half_of_a_surrogate_pair_is_no_bytes() -> None:
    with pytest.raises(UnfitBodyError, match="one half of a surrogate pair"):
        reader_for(bytes)("\ud83d")


def test_the_sentence_is_short_however_long_the_names_in_the_body_are() -> None:
    with pytest.raises(UnfitBodyError) as raised:
        reader_for(dict[str, int])(json.dumps({"x" * 10_000: "a"}))
    assert len(raised.value.reason) == MAX_REASON_LENGTH
    assert raised.value.reason.endswith("…")


@dataclass
class Hurried:
    limit: timedelta


@dataclass
class Unfinished:
    id: int
    connection: InitVar[str]


@dataclass
class Unknown:
    order: "NoSuchOrder"  # type: ignore[name-defined]  # noqa: F821 -- as of an import for type checkers alone


class Connection:
    """What no JSON has."""


@dataclass
class Connected:
    model: Model
    connection: Connection


UNSERVABLE: dict[str, tuple[Any, str]] = {
    "a class": (Connection, "Connection"),
    "text or something else": (str | Tree, "and a body is always a string"),
    "a field": (Hurried, "Hurried, whose limit is timedelta"),
    "more than fields": (Unfinished, "Unfinished, which is made with connection beside its fields"),
    "an import for type checkers": (Unknown, "Unknown, in which NoSuchOrder is not known when the worker runs"),
    "names that are numbers": (dict[int, str], "dict[int, str], and names in JSON are strings"),
    "an array of what cannot be served": (list[timedelta], "timedelta"),
    "what pydantic does not know": (Connected, "it, as pydantic says: Unable to generate pydantic-core schema for"),
    "no type": ({"a": 1}, "{'a': 1}"),
}


@pytest.mark.parametrize(("annotation", "expected"), UNSERVABLE.values(), ids=UNSERVABLE)
def test_a_type_that_no_body_can_become_is_refused(annotation: Any, expected: str) -> None:
    with pytest.raises(UnservableTypeError) as raised:
        reader_for(annotation)
    assert expected in str(raised.value)
