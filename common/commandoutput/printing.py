"""The group of which both programs make theirs. It sees to standard output and standard error, and to no other file.

Commands handle what the system says of files that they name, and settle what they have in hand before this ends them.
"""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, ClassVar

import click


class PrintingGroup(click.Group):
    """A group whose commands end with a code of their own when what they print cannot be written: 1 is a verdict."""

    def main(self, *arguments: Any, **others: Any) -> Any:
        """Do all of it, from the command line to the exit code; what is wrong is printed, too."""
        try:
            with _printed():
                return super().main(*arguments, **others)
        except NotPrintedError as error:
            error.show()
            sys.exit(error.exit_code)

    def make_context(self, *arguments: Any, **others: Any) -> click.Context:
        """Read the command line, and print what --help and --version say. Click would end with 1 for a closed pipe."""
        with _printed():
            return super().make_context(*arguments, **others)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command."""
        with _printed():
            return super().invoke(ctx)


class NotPrintedError(click.ClickException):
    """Standard output or standard error takes no more."""

    exit_code = 74
    """EX_IOERR of sysexits.h."""
    is_said: ClassVar[bool] = True

    def show(self, file: IO[Any] | None = None) -> None:
        """Say so, if that can still be read, and drop what is left: else Python would try to write it at its end."""
        if self.is_said:
            with suppress(OSError):
                super().show(file)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                _drop(stream)


class NotReadError(NotPrintedError):
    """Who read it has ended, as `head` does: that is nothing to complain of."""

    exit_code = 128 + signal.SIGPIPE
    """As of a program that this signal ends."""
    is_said = False


_NOT_PRINTED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@contextmanager
def _printed() -> Iterator[None]:
    """Turn what the system says of the output into click's errors. Commands handle those of files that they name."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise NotReadError("nobody reads what is printed") from error
        if error.errno in _NOT_PRINTED and error.filename is None:
            raise NotPrintedError(f"what is printed cannot be written: {error.strerror}") from error
        raise


def _drop(stream: IO[Any]) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
