"""Handlers whose annotations are strings, and name what only type checkers import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from decimal import Decimal

    import queueworker
    from queueworker import Message


@dataclass
class Order:
    id: int
    parts: list[Part]


@dataclass
class Part:
    name: str


class Address(TypedDict):
    city: str
    street: NotRequired[str]


def take_order(order: Order) -> Decimal | Order:
    return order


def take_address(address: Address | None) -> Address | None:
    return address


def take_message(message: Message) -> None: ...


def take_message_of_module(message: queueworker.Message | None) -> None: ...


def take_batch(messages: list[Message]) -> None: ...


def take_unknown(amount: Decimal) -> None: ...
