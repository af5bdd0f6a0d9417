"""One pod on the node: its address, files, credentials and containers; it reports its own status."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devcluster.node import environment
from devcluster.node.api import TOKEN_LIFETIME_SECONDS, Api, GoneError
from devcluster.node.container import Container, PodContext
from devcluster.node.files import PodFiles
from devcluster.node.http import Http, HttpError
from devcluster.node.status import Json, PodState, report

log = logging.getLogger(__name__)

# Changes that come together (started, ready) are reported together: writing status is what limits a burst of pods.
REPORT_DELAY_SECONDS = 0.05
TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path


@dataclass(frozen=True, kw_only=True)
class Host:
    """What a pod gets from its node."""

    api: Api
    http: Http
    folder: Path
    base_variables: Callable[[Mapping[str, Any], str], dict[str, str]]  # (pod, address)
    write_kubeconfig: Callable[[Path, str, str], Path]  # (path, token, namespace)


class Pod:
    """A pod that runs here; the node creates it when a Pod is bound to the node."""

    def __init__(self, manifest: Json, address: str, host: Host) -> None:
        self.manifest = manifest
        self.address = address
        self.files = PodFiles.of(host.folder, manifest["metadata"]["namespace"], manifest["metadata"]["name"])
        self._host = host
        self._start_time = datetime.now(UTC)
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._initialized = self._finished = False
        self._reported: Json = manifest.get("status", {})
        self._init_containers, self._containers = self._make_containers()
        self._life = asyncio.create_task(self._live())

    @property
    def _all_containers(self) -> list[Container]:
        return self._init_containers + self._containers

    @property
    def uid(self) -> str:
        """The pod's unique id."""
        return str(self.manifest["metadata"]["uid"])

    def update(self, manifest: Json) -> None:
        """Replace the manifest by that of a changed Pod; report a new status if it depends on the change."""
        if _gates_hold(manifest) != _gates_hold(self.manifest):
            self._changed.set()
        self.manifest = manifest

    def stop(self, grace_seconds: float) -> None:
        """Ask the containers to end; kill them after GRACE_SECONDS. Called again, the shorter grace wins."""
        if not self._stopping.is_set():
            self._stopping.set()
            for container in self._all_containers:
                container.terminate()
        asyncio.get_running_loop().call_later(grace_seconds, self._kill)

    async def ended(self) -> None:
        """Wait until nothing of the pod runs."""
        await asyncio.wait({self._life})
        self.files.clear()

    def _make_containers(self) -> tuple[list[Container], list[Container]]:
        spec, status = self.manifest["spec"], self.manifest.get("status", {})
        policy = spec.get("restartPolicy", "Always")
        # A restarted node restarts its pods: that counts as a restart of their containers.
        runs = {
            s["name"]: s.get("restartCount", 0) + 1 for s in status.get("containerStatuses", []) if s.get("started")
        }
        context = self._context()
        init_policy = "Never" if policy == "Never" else "OnFailure"
        return (
            [Container(c, context, init_policy) for c in spec.get("initContainers", [])],
            [Container(c, context, policy, runs.get(c["name"], 0)) for c in spec["containers"]],
        )

    def _context(self) -> PodContext:
        return PodContext(
            manifest=self.manifest,
            address=self.address,
            files=self.files,
            http=self._host.http,
            variables=self._variables,
            changed=self._changed.set,
            stopping=self._stopping,
        )

    async def _live(self) -> None:
        self.files.make()
        try:
            async with _background(self._report_changes()):
                await self._live_with_token()
                self._finished = not self._stopping.is_set()
                self._changed.set()
                # The result stays in the status until the pod is deleted.
                await self._stopping.wait()
        except GoneError:
            log.info("pod %s is gone before it could run", self.uid)
        except Exception:
            log.exception("pod %s failed because of an error of this node", self.uid)

    async def _live_with_token(self) -> None:
        if not self._has_token():
            await self._run_containers()
            return
        await self._renew_token()
        async with _background(self._keep_token_fresh()):
            await self._run_containers()

    async def _run_containers(self) -> None:
        for container in self._init_containers:
            await container.run()
            if container.state.exit_code != 0:
                return
            container.state.ready = True
        self._initialized = True
        await asyncio.gather(*(container.run() for container in self._containers))

    async def _report_changes(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(REPORT_DELAY_SECONDS)
            await self._report()

    async def _report(self) -> None:
        self._changed.clear()
        state = PodState(
            address=self.address,
            start_time=self._start_time,
            containers=[container.state for container in self._containers],
            init_containers=[container.state for container in self._init_containers],
            initialized=self._initialized,
            finished=self._finished,
            readiness_gates=_gates_hold(self.manifest),
        )
        status = report(state, self._reported.get("conditions", []), datetime.now(UTC))
        if status == self._reported:
            return
        try:
            await self._host.api.report(self.manifest, status)
            self._reported = status
        except (GoneError, HttpError) as error:
            log.warning("status of pod %s was refused: %s", self.uid, error)

    async def _variables(self, container: Mapping[str, Any]) -> dict[str, str]:
        namespace = self.manifest["metadata"]["namespace"]
        sources = {}
        for resource, name in environment.references(container):
            found = await self._host.api.source(namespace, resource, name)
            sources[resource, name] = environment.decoded(resource, found)
        base = self._host.base_variables(self.manifest, self.address)
        if self._has_token():
            base["KUBECONFIG"] = str(self.files.kubeconfig)
        seen = {**self.manifest, "status": {"podIP": self.address, "hostIP": "127.0.0.1"}}
        return environment.variables(container, seen, base, sources)

    def _has_token(self) -> bool:
        """Whether the service account's token is mounted: the API server's admission has decided that."""
        mounts = (mount for c in self.manifest["spec"]["containers"] for mount in c.get("volumeMounts", []))
        return any(mount["mountPath"] == TOKEN_MOUNT for mount in mounts)

    async def _renew_token(self) -> None:
        token = await self._host.api.token(self.manifest)
        self._host.write_kubeconfig(self.files.kubeconfig, token, self.manifest["metadata"]["namespace"])

    async def _keep_token_fresh(self) -> None:
        while True:
            await asyncio.sleep(TOKEN_LIFETIME_SECONDS * 0.8)
            await self._renew_token()

    def _kill(self) -> None:
        for container in self._all_containers:
            container.kill()


def _gates_hold(manifest: Mapping[str, Any]) -> bool:
    true = {c["type"] for c in manifest.get("status", {}).get("conditions", []) if c["status"] == "True"}
    return all(gate["conditionType"] in true for gate in manifest["spec"].get("readinessGates", []))


@contextlib.asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run WORK while the body runs; cancel it with the body."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
