"""`queueworker run`: parses flags and variables into settings, loads the handler, runs the runtime.

`group` loads it.
"""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import click

from queueworker import logs
from queueworker.commands.development import development_options, keep_reloading, settings_of
from queueworker.errors import UsageError
from queueworker.handlers.handler import BatchHandler, Handler
from queueworker.handlers.loading import load
from queueworker.model import ReportedError
from queueworker.process import Process
from queueworker.runtime import Runtime
from queueworker.settings import ENV_PREFIX, QueueShare, Settings, flag_of, reject_unknown

logger = logging.getLogger("queueworker")


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add one flag and one environment variable per setting, from the dataclass that explains them."""
    for setting in reversed(fields(Settings)):
        metadata: dict[str, Any] = dict(setting.metadata)
        kind: Any = str
        options: dict[str, Any] = {}
        if setting.type is bool:
            kind = bool
            options["is_flag"] = True
        elif choices := metadata.get("choices"):
            kind = click.Choice(choices)
        elif setting.type is int:
            kind = click.IntRange(metadata["min"], metadata["max"])
        if metadata.get("multiple"):
            options["multiple"] = True
        if setting.name == "queues":
            options["callback"] = _queue_shares
        # Click distinguishes a missing default from one that is None.
        options |= {"required": True} if setting.default is MISSING else {"default": setting.default}
        command = click.option(
            setting.name,
            "--" + flag_of(setting).replace("_", "-"),
            envvar=ENV_PREFIX + flag_of(setting).upper(),
            type=kind,
            show_default=setting.default not in {MISSING, None, ()},
            show_envvar=True,
            help=metadata["help"],
            **options,
        )(command)
    return command


def _queue_shares(_ctx: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[QueueShare, ...]:
    try:
        return tuple(map(QueueShare.parse, given))
    except UsageError as error:
        raise click.UsageError(str(error)) from error


@click.command()
@_setting_options
@development_options
def run(*, local: bool, send: str | None, reload: bool, **flags: Any) -> None:
    """Consume SQS queues: handle each message, keep it hidden meanwhile, and delete it after success.

    On SIGTERM the worker receives no more, lets running handlers finish and releases all other messages. A second
    SIGTERM releases those of running handlers, too.
    """
    try:
        reject_unknown(os.environ)
        settings = settings_of(flags, send, local=local)
        logs.configure(settings.log_level, settings.log_format)
        if reload:
            keep_reloading()
        logs.pass_on_prints()
        handler = _load_handler(settings)
        settings.check_batch_size(for_batches=isinstance(handler, BatchHandler))
        runtime = Runtime(settings, handler, Process(settings))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except ReportedError as error:
        logger.critical("handler cannot be loaded", extra={"error": str(error)})
        sys.exit(1)
    except OSError as error:
        logger.critical("state port cannot be bound", extra={"port": flags["state_port"], "error": str(error)})
        sys.exit(1)
    logs.exit_process(runtime.run())


def _load_handler(settings: Settings) -> Handler:
    if settings.exec is not None:
        from queueworker.handlers.commands import CommandHandler  # noqa: PLC0415 -- loaded where it is needed

        return CommandHandler(settings.exec)
    if settings.serve is not None:
        from queueworker.handlers.programs import ProgramHandler  # noqa: PLC0415 -- as above

        return ProgramHandler(settings.serve)
    if settings.isolate:
        from queueworker.handlers.isolation import IsolatedHandler  # noqa: PLC0415 -- as above

        isolated = IsolatedHandler(str(settings.handler), settings.log_level, settings.log_format)
        return BatchHandler(isolated) if isolated.takes_batches else isolated
    return load(str(settings.handler))
