"""One container of a pod: start it, probe it, start it again when it ends. Writes its ContainerState, nothing else."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devcluster.node import environment
from devcluster.node.asking import Target, asker
from devcluster.node.backoff import Backoff
from devcluster.node.environment import UnsupportedError
from devcluster.node.files import PodFiles
from devcluster.node.http import Http
from devcluster.node.probes import Prober, Timing
from devcluster.node.process import Process
from devcluster.node.status import ContainerState

# A config map or secret that is missing now may be there soon.
CONFIG_RETRY_SECONDS = 3.0
START_ERROR = 128
LIVENESS_GRACE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class PodContext:
    """What a container gets from its pod.

    Args:
        manifest: The Pod, as the API server has it.
        address: The pod's IP address.
        files: Where the pod's files are.
        http: Sends the requests of probes.
        variables: Returns the environment variables of a container.
        changed: To be called after each change of the container's state.
        stopping: Set when the pod is to stop.
    """

    manifest: Mapping[str, Any]
    address: str
    files: PodFiles
    http: Http
    variables: Callable[[Mapping[str, Any]], Awaitable[dict[str, str]]]
    changed: Callable[[], None]
    stopping: asyncio.Event


class Container:
    """One container; `run` is its whole life."""

    def __init__(self, spec: Mapping[str, Any], pod: PodContext, restart_policy: str, restarts: int = 0) -> None:
        self.state = ContainerState(spec["name"], spec.get("image", ""), restarts=restarts)
        self._spec = spec
        self._pod = pod
        self._policy = restart_policy
        self._process: Process | None = None

    async def run(self) -> None:
        """Run the container until it has ended for good by its restart policy, or its pod is stopped."""
        backoff = Backoff()
        while not self._pod.stopping.is_set():
            begun = asyncio.get_running_loop().time()
            try:
                code = await self._run_once()
            except UnsupportedError as error:
                self._show_waiting("CreateContainerConfigError", str(error))
                await self._pause(CONFIG_RETRY_SECONDS)
                continue
            if not restarts(self._policy, code) or self._pod.stopping.is_set():
                return
            backoff = backoff.ended(asyncio.get_running_loop().time() - begun)
            await self._back_off(backoff.delay_seconds)
            self.state.restarts += 1

    def terminate(self) -> None:
        """Ask the container to end, if it runs."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the container, if it runs."""
        if self._process is not None:
            self._process.kill()

    async def _run_once(self) -> int:
        variables = await self._pod.variables(self._spec)
        argv = environment.command(self._spec, variables)
        folder = Path(self._spec.get("workingDir") or self._pod.files.work)
        target = Target(self._pod.address, self._spec, variables, folder, self._pod.http)
        probers = self._probers(target)
        if self._pod.stopping.is_set():
            return 0
        try:
            process = Process(argv, variables, folder, self._pod.files.log(self._spec["name"]))
        except OSError as error:
            return self._show_ended(START_ERROR, "StartError", f"{error}\n")
        return await self._live(process, probers)

    async def _live(self, process: Process, probers: Mapping[str, Prober]) -> int:
        """Probe a started process until it has ended; return its exit code."""
        self._process = process
        pid_file = self._pod.files.pid(self._spec["name"])
        pid_file.write_text(str(process.pid))
        self.state.running(datetime.now(UTC))
        probing = asyncio.create_task(self._probe(process, probers))
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await probing
            pid_file.unlink(missing_ok=True)
            self._process = None
        return self._show_ended(code, "Completed" if code == 0 else "Error")

    def _probers(self, target: Target) -> dict[str, Prober]:
        probes = {kind: self._spec.get(f"{kind}Probe") for kind in ("startup", "readiness", "liveness")}
        return {kind: Prober(Timing.parse(probe), asker(probe, target)) for kind, probe in probes.items() if probe}

    async def _probe(self, process: Process, probers: Mapping[str, Prober]) -> None:
        startup = probers.get("startup")
        if startup:
            self._pod.changed()
            if not await startup.verdict():
                return await self._end(process)
        self.state.started = True
        self._show_ready("readiness" not in probers)
        async with asyncio.TaskGroup() as group:
            if "readiness" in probers:
                group.create_task(self._follow_readiness(probers["readiness"]))
            if "liveness" in probers:
                group.create_task(self._guard_liveness(probers["liveness"], process))
        return None

    async def _follow_readiness(self, prober: Prober) -> None:
        while True:
            self._show_ready(await prober.verdict())

    async def _guard_liveness(self, prober: Prober, process: Process) -> None:
        while await prober.verdict():
            pass
        await self._end(process)

    async def _end(self, process: Process) -> None:
        """End a process that failed its probe; this task is cancelled as soon as the process is gone."""
        process.terminate()
        await asyncio.sleep(self._pod.manifest["spec"].get("terminationGracePeriodSeconds", LIVENESS_GRACE_SECONDS))
        process.kill()

    async def _back_off(self, seconds: float) -> None:
        if seconds:
            self._show_waiting("CrashLoopBackOff", f"waits {seconds:.0f} s before its next start")
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until the pod is stopped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._pod.stopping.wait()

    def _show_ready(self, ready: bool) -> None:  # noqa: FBT001 - the value of a condition
        self.state.ready = ready
        self._pod.changed()

    def _show_waiting(self, reason: str, message: str) -> None:
        self.state.waiting(reason, message)
        self._pod.changed()

    def _show_ended(self, code: int, reason: str, log_line: str = "") -> int:
        if log_line:
            with self._pod.files.log(self._spec["name"]).open("a") as log:
                log.write(log_line)
        self.state.terminated(code, reason, datetime.now(UTC))
        self._pod.changed()
        return code


def restarts(policy: str, code: int) -> bool:
    """Return whether a container that ended with CODE is started again under restart POLICY."""
    return policy == "Always" or (policy == "OnFailure" and code != 0)
