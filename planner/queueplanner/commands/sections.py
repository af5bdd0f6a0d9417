"""Options in named sections, and in groups that a command gets as one value: for commands that have many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import update_wrapper
from itertools import groupby
from typing import Any, TypeVar

import click

_Decorated = TypeVar("_Decorated", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a help, by its title."""

    title: str

    def option(self, *names: str, **attributes: Any) -> Callable[[_Decorated], _Decorated]:
        """Return click's decorator for an option in this section."""
        return click.option(*names, cls=_SectionOption, section=self, **attributes)


LAST = Section("Help")
"""The section of options that are in no other: that of --help."""


class _SectionOption(click.Option):
    def __init__(self, *names: Any, section: Section, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.section = section


class SectionCommand(click.Command):
    """A command whose help shows its options by section, in the order in which they are defined."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections one after the other."""
        for section, options in groupby(self.get_params(ctx), lambda each: getattr(each, "section", LAST)):
            records = [record for option in options if (record := option.get_help_record(ctx))]
            with formatter.section(section.title):
                formatter.write_dl(records, col_max=32)


def grouped(name: str, group: type, options: Sequence[Callable[..., Any]]) -> Callable[[_Decorated], _Decorated]:
    """Return a decorator that gives a command some options, and their values as one.

    Args:
        name: What the command calls the value.
        group: A dataclass with a field for each option.
        options: The options, in the order of the help.
    """
    names = tuple(field.name for field in fields(group))

    def decorated(command: _Decorated) -> _Decorated:
        def packed(*arguments: Any, **given: Any) -> None:
            value = group(**{name: given.pop(name) for name in names})
            command(*arguments, **{name: value}, **given)

        wrapped: Any = update_wrapper(packed, command)
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[no-any-return] # it takes what the command takes

    return decorated
