"""The command line `qwp`: flags, settings and logging. `process` runs the operator, `cli` and `commands` hold
the others, `extra_commands` finds those of other distributions."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from importlib.metadata import version
from typing import Any

import click

from commandoutput import PrintingGroup
from queueworkerpool.cli import COMMANDS
from queueworkerpool.cli.failures import missing
from queueworkerpool.commands import validate_command
from queueworkerpool.errors import ClusterError, SettingsInvalidError
from queueworkerpool.extra_commands import ExtraCommands
from queueworkerpool.import_command import import_command
from queueworkerpool.model import Endpoints, parse_workloads
from queueworkerpool.settings import ENV_PREFIX, Settings, reject_unknown, tenants_of
from queueworkerpool.tenancy import Tenancy


class _Commands(PrintingGroup, ExtraCommands):
    """All commands."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("queueworkerpool"))
def main() -> None:
    """Keep pools of queue workers at the right size for their SQS backlog.

    Every command ends with exit code 74 when what it prints cannot be written, as on a full disk, and with 141 when
    nobody reads it any more.
    """


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """One flag and one environment variable per setting, from the dataclass that explains them."""
    for setting in reversed(fields(Settings)):
        hints: dict[str, Any] = dict(setting.metadata)
        kind: Any = str
        if choices := hints.get("choices"):
            kind = click.Choice(choices)
        elif setting.type is int:
            kind = click.IntRange(hints.get("min", 0), hints.get("max", 65535))
        default = ",".join(setting.default) if isinstance(setting.default, tuple) else setting.default
        option = click.option(
            "--" + setting.name.replace("_", "-"),
            envvar=ENV_PREFIX + setting.name.upper(),
            type=kind,
            default=default,
            show_default=bool(default),
            show_envvar=True,
            help=hints["help"],
        )
        command = option(command)
    return command


@main.command()
@_setting_options
def operator(namespaces: str, **given: Any) -> None:
    """Run the operator, by KUBECONFIG or inside a cluster, until SIGTERM."""
    try:
        from queueworkerpool.process import run  # noqa: PLC0415 -- it takes seconds, which the other commands must not
    except ModuleNotFoundError as error:
        raise click.ClickException(missing(error)) from error
    listed = tuple(name.strip() for name in namespaces.split(",") if name.strip())
    try:
        reject_unknown(os.environ)
        settings = Settings(namespaces=listed, **given)
        settings = replace(settings, tenants=tenants_of(settings), tenants_file="")
        Endpoints.parse(settings.sqs_endpoints)
        Tenancy.parse(settings.tenants)
        parse_workloads(settings.scale_targets)
    except SettingsInvalidError as error:
        raise click.UsageError(str(error)) from error
    _configure_logging(settings)
    try:
        asyncio.run(run(settings))
    except ClusterError as error:  # no KUBECONFIG that can be read: nothing to wait for
        raise click.ClickException(str(error)) from error
    _leave()


class _TextFormatter(logging.Formatter):
    """For people: the sentence, then the pairs that JSON lines carry as fields."""

    _PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        pairs = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in self._PLAIN)
        return f"{super().formatMessage(record)} {pairs}".rstrip()


def _configure_logging(settings: Settings) -> None:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 -- for the operator alone

    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        names = {"levelname": "level", "name": "logger"}
        fields = "{levelname}{name}{message}"
        handler.setFormatter(JsonFormatter(fields, style="{", rename_fields=names, timestamp="time"))
    else:
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    # It logs failures to get credentials with a traceback that quotes STS; conditions report them, too.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    # Their lines at INFO are one per object and request.
    for noisy in ("kopf", "aiohttp", "botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    # It warns at each start that it takes no signals in a thread; they are ours.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)


def _leave() -> None:
    """End at once, without waiting for threads that still wait for SQS or the API server."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)


for command in COMMANDS:
    main.add_command(command)
main.add_command(import_command)
main.add_command(validate_command)

if __name__ == "__main__":
    main()
