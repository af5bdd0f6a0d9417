"""The command line `qwp`: wiring, the clock, and the life of the process. The only module that knows all the others."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import click
from pythonjsonlogger.json import JsonFormatter

from queueworkerpool import handlers
from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.commands import explain_command, validate_command
from queueworkerpool.errors import ClusterError, SettingsInvalidError
from queueworkerpool.health import Vitals
from queueworkerpool.metrics import Metrics, process_registry
from queueworkerpool.model import Key, Pool
from queueworkerpool.names import PLURAL
from queueworkerpool.news import Told
from queueworkerpool.reconcile import World, reconcile
from queueworkerpool.scheduler import Crews, Roster, Samples, Scheduler, SharedReadings, Written
from queueworkerpool.server import Answers, HttpServer
from queueworkerpool.settings import ENV_PREFIX, Settings, reject_unknown
from queueworkerpool.sqs import SqsQueues
from queueworkerpool.workers import WorkerStates

logger = logging.getLogger("queueworkerpool")

BEAT_SECONDS = 1.0
CRD_RETRY_SECONDS = 2.0
STATE_QUESTIONS = 64
"""Workers that are asked for their /state at the same time."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("queueworkerpool"))
def main() -> None:
    """Keep pools of queue workers at the right size for their SQS backlog."""


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
        reject_unknown(os.environ)
    except SettingsInvalidError as error:
        raise click.UsageError(str(error)) from error
    listed = tuple(name.strip() for name in namespaces.split(",") if name.strip())
    settings = Settings(namespaces=listed, **given)
    _configure_logging(settings)
    try:
        code = asyncio.run(_run(settings))
    except ClusterError as error:  # no KUBECONFIG that can be read: nothing to wait for
        raise click.ClickException(str(error)) from error
    _leave(code)


class _TextFormatter(logging.Formatter):
    """For people: the sentence, then the pairs that JSON lines carry as fields."""

    _PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        pairs = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in self._PLAIN)
        return f"{super().formatMessage(record)} {pairs}".rstrip()


def _configure_logging(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        handler.setFormatter(JsonFormatter("{asctime}{levelname}{name}{message}", style="{", rename_fields=names))
    else:
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    # Their lines at INFO are one per object and request.
    for noisy in ("kopf", "aiohttp", "botocore", "urllib3"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))


async def _run(settings: Settings) -> int:
    """Run until SIGTERM; returns the exit code."""
    stop = asyncio.Event()
    _stop_on_signals(stop)
    vitals = Vitals(loop=time.monotonic())
    metrics = Metrics(process_registry(), version("queueworkerpool"), _now)
    try:
        server = HttpServer(settings.http_host, settings.http_port, _answers(metrics, vitals))
    except OSError as error:
        address = f"{settings.http_host}:{settings.http_port}"
        raise click.ClickException(
            f"cannot serve on {address}: {error.strerror}; see --http-host, --http-port"
        ) from error
    logger.info("operator started", extra={"version": version("queueworkerpool"), "port": server.port})
    try:
        return await _serve(settings, (metrics, vitals), stop)
    finally:
        server.close()
        logger.info("operator stopped")


async def _serve(settings: Settings, gauges: tuple[Metrics, Vitals], stop: asyncio.Event) -> int:
    metrics, vitals = gauges
    cluster = KubernetesCluster(settings.write_workers)
    queues = SqsQueues(settings.region, settings.read_workers, _now)
    deployments = handlers.Deployments()
    readings = SharedReadings(queues, metrics.queue_read)
    states = WorkerStates(STATE_QUESTIONS)
    crews = Crews(cluster, states)
    samples = Samples(cluster, states, _now, crews.spotted)
    told = Told()
    world = World(readings, Written(deployments), samples, crews, cluster, metrics, told, _now)

    async def tick(pool: Pool, owner: Key | None) -> tuple[Pool, float | None]:
        return await reconcile(pool, owner, world)

    scheduler = Scheduler(Roster(), tick, metrics, samples, told)
    stopped = asyncio.create_task(stop.wait(), name="stop")
    beat = asyncio.create_task(_beat(vitals), name="beat")
    try:
        await _until_served(cluster, stopped)
        metrics.leads(leading=True)
        return await _watch(handlers.Watched(scheduler, deployments, vitals), settings.namespaces, stop)
    finally:
        metrics.leads(leading=False)
        await scheduler.close()
        for task in (beat, stopped):
            task.cancel()
        await states.close()
        queues.close()
        cluster.close()


def _stop_on_signals(stop: asyncio.Event) -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)


async def _until_served(cluster: KubernetesCluster, stopped: "asyncio.Task[Any]") -> None:
    """Wait until the API server knows our custom resource: kopf does not look for it again."""
    said = None
    while not stopped.done():
        try:
            if await asyncio.to_thread(cluster.is_served):
                return
            problem = f"the API server does not know {PLURAL} yet: is the CRD installed?"
        except ClusterError as error:
            problem = str(error)
        if problem != said:
            logger.warning("waiting for the API server", extra={"problem": problem})
            said = problem
        await asyncio.wait((stopped,), timeout=CRD_RETRY_SECONDS)


async def _watch(watched: handlers.Watched, namespaces: tuple[str, ...], stop: asyncio.Event) -> int:
    """Watch until stopped; returns the exit code. The watch ends by itself only when a task of kopf's has failed."""
    if stop.is_set():
        return 0
    started = asyncio.Event()
    watching = asyncio.create_task(handlers.watch(watched, namespaces, started, stop), name="watch")
    starting = asyncio.create_task(started.wait(), name="starting")
    await asyncio.wait((watching, starting), return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    _stop_on_signals(stop)  # again, for kopf's own handlers fail at the second signal
    try:
        await watching
    except Exception:  # whatever ended kopf: a new process is the remedy
        logger.exception("the watch failed")
        return 1
    return 0


async def _beat(vitals: Vitals) -> None:
    while True:
        vitals.loop = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)


def _answers(metrics: Metrics, vitals: Vitals) -> Answers:
    return Answers(
        metrics=metrics.render,
        livez=lambda: vitals.trouble(time.monotonic()),
        readyz=lambda: vitals.blindness(time.monotonic(), handlers.WATCHED),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _leave(code: int) -> None:
    """End at once: a thread that still waits for SQS or the API server has nothing left to say."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


main.add_command(explain_command)
main.add_command(validate_command)

if __name__ == "__main__":
    main()
