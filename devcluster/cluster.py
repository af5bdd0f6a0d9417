"""One cluster: control plane and process node, started and ended together. Tests and the demo use it."""

import json
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from devcluster import controlplane, kubeconfig, tools
from devcluster.administration import Administered
from devcluster.certificates import Authority, KeyPair
from devcluster.client import Client
from devcluster.errors import CommandFailedError, StartFailedError
from devcluster.parts import READY_TIMEOUT_SECONDS, ApiServer, Node
from devcluster.processes import Program, free_port, wait_until

NODE_NAME = "processes"
ADMINS = "system:masters"
# A process in a pod has an address of its own; what it serves must not sit on everybody's.
POD_ENV = {"QWP_HTTP_HOST": "{podIP}", "QUEUEWORKER_STATE_HOST": "{podIP}"}
OWN_FOLDERS = ("etcd", "keys", "logs", "node", "nodes", "command-cache")


class Cluster(Administered):
    """A cluster that lives in DIRECTORY while the `with` body runs; every start is a new, empty cluster.

    Start it from a thread that outlives it: its programs end with that thread. `capacity` is the number of pods that
    the node takes; `node=False` leaves pods unscheduled; `audit=True` writes DIRECTORY/audit.log; `controller_manager`
    and `apiserver` are further arguments of theirs, such as the HPA's. `address` is the API server's as others see it.
    """

    def __init__(  # noqa: PLR0913 - all but the first are options, given by name
        self,
        directory: Path,
        *,
        node: bool = True,
        capacity: int = 500,
        audit: bool = False,
        pod_env: Mapping[str, str] = POD_ENV,
        controller_manager: Sequence[str] = (),
        apiserver: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        super().__init__(directory)
        self._with_node = node
        self._audit = audit
        self._controller_manager = controller_manager
        self._apiserver = apiserver
        self._address = address
        self._node_options = [
            f"--capacity={capacity}",
            *(f"--pod-env={name}={value}" for name, value in pod_env.items()),
        ]
        self._port = port or free_port()
        self._programs: list[Program] = []

    @property
    def url(self) -> str:
        """The address of the API server."""
        return f"https://{self._address}:{self._port}"

    def start(self) -> None:
        """Start everything; return when a pod could be created and run. Raises UnavailableError, StartFailedError."""
        self._clean()
        self._make_keys()
        self._start_server()
        self.apiserver.wait_until_ready()
        self._start_clients()  # not before: the controller manager waits for an API server no longer than ten seconds
        wait_until(
            self._usable,
            READY_TIMEOUT_SECONDS,
            f"the cluster did not become usable; its logs are in {self.directory}/logs",
        )

    def stop(self) -> None:
        """End everything that was started; the logs stay."""
        if "node" in self.__dict__:
            self.node.stop()
        for program in reversed(self._programs):
            program.kill()  # its state is not needed any more

    def wait_until_served(self, definition: str) -> None:
        """Wait until the API server serves what a CustomResourceDefinition defines. Raises StartFailedError.

        `kubectl wait` and jsonpath fail at a definition whose conditions are null, as they are at first. And what is
        established is found by kubectl only some time later.
        """

        def established() -> bool:
            status = json.loads(self.kubectl("get", "crd", definition, "-o", "json")).get("status", {})
            return ("Established", "True") in {
                (each["type"], each["status"]) for each in status.get("conditions") or ()
            }

        def served() -> bool:
            try:
                self.kubectl("get", definition, "-A", "-o", "name")
            except CommandFailedError:
                return False
            return True

        wait_until(lambda: established() and served(), READY_TIMEOUT_SECONDS, f"{definition} is not served")

    def pid_of(self, namespace: str, pod: str) -> int:
        """Return the process id of a pod's first container; raises StartFailedError when none runs."""
        pids = self.node.files(namespace, pod).pids()
        if not pids:
            raise StartFailedError(f"pod {namespace}/{pod} has no running process")
        return pids[0]

    def identity(self, user: str, group: str = ADMINS) -> Path:
        """Return a new kubeconfig of USER in GROUP, such as a part of the cluster."""
        pair = self._authority.issue(user, group=group)
        return self._write_kubeconfig(self.directory / "keys" / f"{user.replace(':', '-')}.kubeconfig", pair)

    @property
    def authority(self) -> Path:
        """The certificate of the authority that signs for this cluster."""
        return self._keys.authority

    def check(self) -> None:
        """Raise StartFailedError when a program of the control plane has ended."""
        for program in self._programs:
            program.check()

    @cached_property
    def apiserver(self) -> ApiServer:
        """The API server."""
        argv = controlplane.apiserver(self._port, self._etcd_port, self._keys)
        audit = controlplane.audit(self.directory) if self._audit else []
        return ApiServer(self._program("kube-apiserver", [*argv, *audit, *self._apiserver]), self._client)

    @cached_property
    def node(self) -> Node:
        """The process node."""
        folder = self.directory / "node"
        pair = self._authority.issue(f"system:node:{NODE_NAME}", group=ADMINS)
        argv = [
            *(sys.executable, "-m", "devcluster.node"),
            *(
                f"--server={self.url}",
                f"--authority={self._keys.authority}",
                f"--name={NODE_NAME}",
                f"--folder={folder}",
            ),
            *(f"--certificate={pair.certificate}", f"--key={pair.key}"),
            *self._node_options,
        ]
        # SIGTERM even when we die badly: the node ends its pods before itself.
        return Node(Program(argv, self.directory / "logs" / "node.log", death=signal.SIGTERM), folder)

    def _clean(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        for name in OWN_FOLDERS:
            shutil.rmtree(self.directory / name, ignore_errors=True)
        (self.directory / "audit.log").unlink(missing_ok=True)

    def _make_keys(self) -> None:
        self._authority = Authority(self.directory / "keys", [self._address])
        self._keys = controlplane.Keys.make(self._authority)
        admin = self._authority.issue("admin", group=ADMINS)
        self._client = Client(self._port, self._keys.authority, admin)
        self._write_kubeconfig(self.kubeconfig, admin)

    def _start_server(self) -> None:
        self._etcd_port = free_port()
        argv = controlplane.etcd(self.directory / "etcd", self._etcd_port, free_port(), self._keys)
        self._program("etcd", argv).start()
        self.apiserver.program.start()

    def _start_clients(self) -> None:
        manager = self.identity("system:kube-controller-manager")
        argv = controlplane.controller_manager(manager, self._keys, self._controller_manager)
        self._program("kube-controller-manager", argv).start()
        scheduler = self.identity("system:kube-scheduler")
        self._program("kube-scheduler", controlplane.scheduler(scheduler)).start()
        if self._with_node:
            self.node.program.start()

    def _program(self, name: str, argv: list[str]) -> Program:
        program = Program([str(tools.control_plane(name)), *argv], self.directory / "logs" / f"{name}.log")
        self._programs.append(program)
        return program

    def _write_kubeconfig(self, path: Path, pair: KeyPair) -> Path:
        return kubeconfig.write_for_certificate(path, self.url, self._keys.authority, pair)

    def _usable(self) -> bool:
        self.check()
        if self._client.json("/api/v1/namespaces/default/serviceaccounts/default") is None:
            return False
        if not self._with_node:
            return True
        self.node.program.check()
        node = self._client.json(f"/api/v1/nodes/{NODE_NAME}")
        return node is not None and not node["spec"].get("taints")
