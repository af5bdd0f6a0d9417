"""The shapes of loads by name, with what people can set of each: for `qwp simulate --shape`. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

from queueplanner.loads.bursts import Burst, FlashCrowd, HourlyBatch, RetryStorm, Sparse
from queueplanner.loads.load import PARAMETER, MadeUp, Parameter, ShapeError, Unit
from queueplanner.loads.phases import OnOff, SelfSimilar
from queueplanner.loads.poisson import Daily, Ramp, Steady, Weekly


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of load.

    Args:
        name: What people call it.
        load: Makes it of the values of its parameters.
        meaning: What it is, in a sentence.
        parameters: What can be set, by name.
    """

    name: str
    load: Callable[..., MadeUp]
    meaning: str
    parameters: Mapping[str, Parameter]

    def parse(self, pairs: Iterable[str]) -> MadeUp:
        """Make the load of texts such as `per_second=5`; what is not given has its default. Raises ShapeError."""
        given: dict[str, float] = {}
        for name, number in map(self._parsed, pairs):
            if given.setdefault(name, number) != number:
                raise ShapeError(f"{self.name}: {name} is given twice: {given[name]:g} and {number:g}")
        values = {name: given.get(name, parameter.default) for name, parameter in self.parameters.items()}
        self._check_moments(values)
        return self.load(**values)

    def _parsed(self, pair: str) -> tuple[str, float]:
        written, equals, value = pair.partition("=")
        name = written.strip().replace("-", "_")
        if not equals:
            raise ShapeError(f"{self.name}: {pair!r} is no parameter with a value: write {name or 'seconds'}=NUMBER")
        if name not in self.parameters:
            raise ShapeError(f"{self.name} has no parameter {written.strip()!r}: it has {', '.join(self.parameters)}")
        try:
            return name, self.parameters[name].parse(value)
        except ShapeError as error:
            raise ShapeError(f"{self.name}: {name}: {error}") from None

    def _check_moments(self, values: Mapping[str, float]) -> None:
        end = values["seconds"]
        for name, value in values.items():
            if self.parameters[name].unit is Unit.MOMENT and value >= end:
                remedy = f"give less, or more than seconds={end:g}"
                raise ShapeError(f"{self.name}: {name}={value:g} is after the load's end: {remedy}")


def _shape(name: str, load: type) -> Shape:
    parameters = {each.name: each.metadata[PARAMETER] for each in fields(load) if PARAMETER in each.metadata}
    return Shape(name, load, (load.__doc__ or "").partition("\n")[0], parameters)


_SHAPES = (
    _shape("steady", Steady),
    _shape("burst", Burst),
    _shape("ramp", Ramp),
    _shape("daily", Daily),
    _shape("weekly", Weekly),
    _shape("sparse", Sparse),
    _shape("on-off", OnOff),
    _shape("self-similar", SelfSimilar),
    _shape("hourly-batch", HourlyBatch),
    _shape("flash-crowd", FlashCrowd),
    _shape("retry-storm", RetryStorm),
)

SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in _SHAPES}
