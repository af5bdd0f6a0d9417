"""The command line `queueworker`: flags and variables become settings, the handler is found, the runtime runs."""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import click

from queueworker import logs
from queueworker.errors import UsageError
from queueworker.handlers.loading import Handler, load
from queueworker.model import ReportedError
from queueworker.runtime import Runtime
from queueworker.settings import ENV_PREFIX, Settings, reject_unknown

logger = logging.getLogger("queueworker")


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """One flag and one environment variable per setting, from the dataclass that explains them."""
    for setting in reversed(fields(Settings)):
        hints: dict[str, Any] = dict(setting.metadata)
        kind: Any = str
        also: dict[str, Any] = {}
        if setting.type is bool:
            kind = bool
            also["is_flag"] = True
        elif choices := hints.get("choices"):
            kind = click.Choice(choices)
        elif setting.type is int:
            kind = click.IntRange(hints["min"], hints["max"])
        # Click tells a missing default from one that is None.
        given = {"required": True} if setting.default is MISSING else {"default": setting.default}
        command = click.option(
            "--" + setting.name.replace("_", "-"),
            envvar=ENV_PREFIX + setting.name.upper(),
            type=kind,
            show_default=setting.default not in {MISSING, None},
            show_envvar=True,
            help=hints["help"],
            **given,
            **also,
        )(command)
    return command


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@_setting_options
def main(**given: Any) -> None:
    """Consume an SQS queue: each message is handled, kept hidden meanwhile, and deleted after success.

    Ends on SIGTERM: receives no more, lets running handlers finish, gives the rest back. A second SIGTERM hurries.
    """
    try:
        reject_unknown(os.environ)
        settings = Settings(**given)
        logs.configure(settings.log_level, settings.log_format)
        handler = _handler(settings)
        runtime = Runtime(settings, handler)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except ReportedError as error:
        logger.critical("the handler cannot be used", extra={"error": str(error)})
        sys.exit(1)
    except OSError as error:
        logger.critical("cannot serve the state", extra={"port": given["state_port"], "error": str(error)})
        sys.exit(1)
    logs.leave(runtime.run())


def _handler(settings: Settings) -> Handler:
    if settings.exec is not None:
        from queueworker.handlers.commands import Command  # noqa: PLC0415 -- loaded where it is needed

        return Command(settings.exec, settings.queue)
    if settings.isolate:
        from queueworker.handlers.isolation import Isolated  # noqa: PLC0415 -- as above

        return Isolated(str(settings.handler), settings.log_level, settings.log_format)
    return load(str(settings.handler))


if __name__ == "__main__":
    main()
