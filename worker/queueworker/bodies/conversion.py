"""Which kind of value a type asks for: dataclasses and TypedDicts, with all that their fields may be. `readers` asks.

It reads types, once for each handler, and no bodies. What it does not know is refused then, and not when the first
message comes. There are libraries that know more types; the worker has this one thing less to install and to keep.
"""

import types
from collections import abc
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from inspect import signature
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NewType,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from queueworker.bodies import kinds
from queueworker.bodies.failures import UnservableTypeError
from queueworker.bodies.kinds import ANYTHING, SCALARS, Field, Kind

_ARRAYS: Final[Mapping[Any, Callable[[list[Any]], Any]]] = {
    list: lambda converted: converted,
    abc.Sequence: lambda converted: converted,
    abc.Collection: lambda converted: converted,
    abc.Iterable: lambda converted: converted,
    set: set,
    frozenset: frozenset,
}
_OBJECTS: Final = (dict, abc.Mapping, abc.MutableMapping)
_MARKERS: Final = (Annotated, Required, NotRequired)


def unmarked(annotation: Any) -> Any:
    """Return the type that stands in Annotated, NewType or an alias, which say nothing about its values."""
    while True:
        if get_origin(annotation) in _MARKERS:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__") and type(annotation).__name__ == "TypeAliasType":  # Python 3.12's `type`
            annotation = annotation.__value__
        else:
            return annotation


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union; of any other type, that type alone."""
    annotation = unmarked(annotation)
    return get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)


def is_typed_dict(annotation: Any) -> bool:
    """Return whether it is a TypedDict: of `typing`, or of `typing_extensions`, as pydantic wants it on Python 3.11."""
    return hasattr(annotation, "__required_keys__")


def name_of(annotation: Any) -> str:
    """Return a type as people write it."""
    plain = unmarked(annotation)
    return plain.__name__ if isinstance(plain, type) and not get_args(plain) else str(plain).replace("typing.", "")


class Converter:
    """Finds the kinds of types; those of classes once, because a class may be part of itself."""

    def __init__(self) -> None:
        self._records: dict[Any, Kind] = {}

    def kind_of(self, annotation: Any) -> Kind:
        """Return the kind of values that a type asks for.

        Raises:
            UnservableTypeError: no value of JSON can become one.
        """
        plain = unmarked(annotation)
        if not isinstance(plain, abc.Hashable):  # what is no type at all
            raise UnservableTypeError(name_of(plain))
        if plain in {Any, object}:
            return ANYTHING
        if plain in SCALARS:
            return SCALARS[plain]
        if len(members(plain)) > 1:
            return self._union(members(plain))
        return self._special(plain) or self._container(plain) or self._record(plain)

    def _union(self, found: tuple[Any, ...]) -> Kind:
        # An integer is also a number: as a float it would fit, too.
        others = sorted((each for each in found if each is not type(None)), key=lambda each: each is float)
        kind = self.kind_of(others[0]) if len(others) == 1 else kinds.first_of([self.kind_of(each) for each in others])
        return kinds.optional(kind) if type(None) in found else kind

    def _special(self, plain: Any) -> Kind | None:
        if get_origin(plain) is Literal:
            return kinds.one_of(get_args(plain), lambda value: value)
        if isinstance(plain, type) and issubclass(plain, Enum):
            return kinds.one_of([member.value for member in plain], plain)
        return None

    def _container(self, plain: Any) -> Kind | None:
        origin, arguments = get_origin(plain) or plain, get_args(plain)
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            return kinds.tuple_of([self.kind_of(each) for each in arguments])
        if origin is tuple or origin in _ARRAYS:
            item = self.kind_of(arguments[0]) if arguments else ANYTHING
            return kinds.array_of(item, _ARRAYS.get(origin, tuple))
        if origin in _OBJECTS:
            key, value = arguments or (str, Any)
            if unmarked(key) not in {str, Any}:
                raise UnservableTypeError(f"{name_of(plain)}, and names in JSON are strings")
            return kinds.object_of(self.kind_of(value)) if value is not Any else kinds.OBJECT
        return None

    def _record(self, cls: Any) -> Kind:
        if not isinstance(cls, type) or not (is_dataclass(cls) or is_typed_dict(cls)):
            raise UnservableTypeError(name_of(cls))
        if cls not in self._records:
            # For fields of its own type, which ask for it before it is made; looked up when it is called.
            self._records[cls] = Kind(cls.__name__, lambda value: self._records[cls].convert(value))  # noqa: PLW0108
            self._records[cls] = self._typed_dict(cls) if is_typed_dict(cls) else self._dataclass(cls)
        return self._records[cls]

    def _dataclass(self, cls: Any) -> Kind:
        hints, taken = hints_of(cls), [field for field in fields(cls) if field.init]
        names = {field.name for field in taken}
        if unknown := [
            each.name
            for each in signature(cls).parameters.values()
            if each.name not in names and each.default is each.empty
        ]:
            raise UnservableTypeError(f"{cls.__name__}, which is made with {', '.join(unknown)} beside its fields")
        rows = [
            self._field(cls, field.name, hints[field.name], required=field.default is field.default_factory is MISSING)
            for field in taken
        ]
        return kinds.record_of(cls.__name__, rows, lambda arguments: cls(**arguments))

    def _typed_dict(self, cls: Any) -> Kind:
        rows = [
            # Where annotations are strings, Python 3.11 does not see what is marked as not required.
            self._field(cls, name, hint, required=name in cls.__required_keys__ and get_origin(hint) is not NotRequired)
            for name, hint in hints_of(cls).items()
        ]
        return kinds.record_of(cls.__name__, rows, dict)

    def _field(self, cls: Any, name: str, hint: Any, *, required: bool) -> Field:
        try:
            return Field(name, self.kind_of(hint).convert, required)
        except UnservableTypeError as error:
            raise UnservableTypeError(f"{cls.__name__}, whose {name} is {error}") from error


def hints_of(cls: Any) -> dict[str, Any]:
    """Return the types of a class's fields. Raises UnservableTypeError for one that is not known."""
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise UnservableTypeError(f"{cls.__name__}, in which {error.name} is not known when the worker runs") from error
