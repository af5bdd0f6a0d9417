"""The flags of `run` for development: a queue on this machine, messages for it, and a new worker after each change.

`run` calls it. They are no settings: a worker in a cluster has no variables for them. What they need is loaded only
where they are given.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from queueworker.errors import SqsError, UsageError
from queueworker.settings import QueueShare, Settings

logger = logging.getLogger("queueworker")

LOCAL_DEFAULTS: Final = {
    "queues": ("jobs",),
    "log_format": "text",
    "state_host": "127.0.0.1",
    "state_port": 0,
    "wait_seconds": 1,
}
"""Settings that are otherwise where a worker runs on a developer's machine, unless they are given."""

_IN_A_POD: Final = ("KUBERNETES_SERVICE_HOST", "POD_NAME")


def _take_local_defaults(ctx: click.Context, _option: click.Parameter, given: bool) -> bool:  # noqa: FBT001 -- click's
    if given:
        ctx.default_map = LOCAL_DEFAULTS
    return given


_OPTIONS: Final = (
    click.option(
        "--local",
        is_flag=True,
        is_eager=True,
        callback=_take_local_defaults,
        help="For development: use an SQS server on this machine (that of AWS_ENDPOINT_URL_SQS, ElasticMQ on port"
        " 9324, or moto's, which is started), and make the queue that --queue names (`jobs`). Never talks to AWS.",
    ),
    click.option(
        "--send",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="With --local: a file of which each line is sent as a message; - is standard input.",
    ),
    click.option(
        "--reload",
        is_flag=True,
        help="For development: drain the worker and start it anew whenever a Python file below this folder changes.",
    ),
)


def development_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the flags."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_of(flags: Mapping[str, Any], send: str | None, *, local: bool) -> Settings:
    """Return the settings; with `--local`, after its queues are made. Raises UsageError where they cannot be."""
    if send is not None and not local:
        raise UsageError("--send is for --local")
    return Settings(**(_localized(flags, send) if local else flags))


def _localized(flags: Mapping[str, Any], send: str | None) -> dict[str, Any]:
    """Return the flags with the URLs of local queues, and make these; this process reaches no other server from now on.

    Args:
        flags: the settings; names of queues stand in place of URLs.
        send: a file of bodies to send.

    Raises:
        UsageError: there is no server, or a URL is one of another machine.
    """
    from queueworker.sqs import WorkerCredentials  # noqa: PLC0415 -- see the module's docstring
    from queueworker.sqs.account import SqsAccount  # noqa: PLC0415
    from queueworker.tools import local  # noqa: PLC0415

    server = local.find_server(os.environ)
    os.environ.update(local.local_environment(os.environ, server.endpoint))
    account = SqsAccount(os.environ["AWS_REGION"], WorkerCredentials())
    shares: tuple[QueueShare, ...] = flags["queues"]
    try:
        queues = [local.make_queue(account, share.url) for share in shares]
    except SqsError as error:
        raise UsageError(f"{server.described} did not make the queue: {error}") from error
    for queue in queues:
        for line in local.explanations(server, queue, os.environ):
            click.echo(line, err=True)
    if send is not None:
        local.send_from(send, queues[0].url, account.send)
    return {
        **flags,
        "queues": tuple(replace(share, url=queue.url) for share, queue in zip(shares, queues, strict=True)),
        "dead_letter_queue": flags["dead_letter_queue"] or queues[0].dead_letter_url,
    }


def keep_reloading() -> None:
    """Start workers anew after each change; return in each of them, and never in this process."""
    from queueworker.tools.reload import supervise  # noqa: PLC0415 -- see the module's docstring

    if any(os.environ.get(name) for name in _IN_A_POD):
        logger.warning("--reload is for development: leave it out where a pod's files do not change")
    supervise(Path.cwd())
    sys.dont_write_bytecode = True  # a file that is changed twice within a second would be taken from its bytecode
