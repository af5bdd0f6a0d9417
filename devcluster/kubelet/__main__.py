"""What runs inside of the cluster's namespaces: `RealCluster` starts it, by `unshare`. The first process there.

It prepares mounts and network, starts the control plane and the nodes, says that it is ready by making the file
DIR/ready, and lives until it is ended. As the first process it reaps what others leave behind.
"""

import argparse
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

from devcluster import commands, tools
from devcluster.certificates import KeyPair
from devcluster.cluster import Cluster
from devcluster.kubelet import cgroups, documents, requirements
from devcluster.kubelet.cluster import UPLINK
from devcluster.kubelet.documents import NodePlace
from devcluster.processes import Program, wait_until

SOCKET_SECONDS = 30
NODES_SECONDS = 120
REAP_SECONDS = 0.5


def main() -> None:
    """Be the inside of a cluster until SIGTERM."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _prepare_mounts(options.dir)
    _prepare_network(options.nodes, options.address)
    with ExitStack() as stack:
        cluster = stack.enter_context(_control_plane(options.dir, options.address))
        nodes = [NodePlace(number, options.dir / "nodes" / f"node-{number}") for number in range(1, options.nodes + 1)]
        programs = [_proxy(cluster)]
        for node in nodes:
            programs += _start_node(cluster, node, options.image)
        cluster.apply(documents.manifests(documents.dns()))
        wait_until(
            lambda: _is_ready(cluster, programs, len(nodes)), NODES_SECONDS, "the nodes or the DNS are not ready"
        )
        (options.dir / "ready").touch()
        _live(cluster, programs)


def _live(cluster: Cluster, programs: list[Program]) -> None:
    """Stay until a signal comes or a program has ended. Raises StartFailedError."""
    while True:
        time.sleep(REAP_SECONDS)
        cluster.check()
        for program in programs:
            program.check()
        _reap()


def _reap() -> None:
    """Wait for ended processes that are not ours by `Popen`: orphans, such as a container's shim."""
    while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
        pass


def _prepare_mounts(folder: Path) -> None:
    """Hide from the machine what kubelet and containerd write outside of their folders."""
    commands.call("mount", "--make-rshared", "/")
    for place in ("/run", "/var/log"):
        commands.call("mount", "-t", "tmpfs", "tmpfs", place)
    Path("/run/devcluster").mkdir()
    Path("/run/lock").mkdir()
    # The kubelet changes these settings of the machine unless they are as it wants them; so it reads that they are.
    settings = Path("/run/devcluster/sysctls")
    settings.mkdir()
    for name, value in documents.SYSCTLS.items():
        if (Path("/proc/sys") / name).exists():
            (copy := settings / name.replace("/", ".")).write_text(f"{value}\n")
            commands.call("mount", "--bind", str(copy), f"/proc/sys/{name}")
    folder.mkdir(parents=True, exist_ok=True)


def _prepare_network(nodes: int, address: str) -> None:
    commands.call("ip", "link", "set", "lo", "up")
    for number in range(1, nodes + 1):
        commands.call("ip", "address", "add", f"10.244.0.{number}/32", "dev", "lo")
    # What the nodes send to Services needs a route before kube-proxy's rules can give it another address.
    source = ("src", documents.GATEWAY)
    commands.call("ip", "route", "add", "10.96.0.0/16", "dev", "lo", *source)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    wait_until(_has_uplink, 10, "there is no uplink")
    commands.call("ip", "address", "add", f"{address}/30", "dev", UPLINK)
    commands.call("ip", "link", "set", UPLINK, "up")


def _has_uplink() -> bool:
    # Not by /sys, which shows the interfaces of the namespace in which it was mounted: the machine's.
    return UPLINK in commands.call("ip", "-brief", "link")


def _control_plane(folder: Path, address: str) -> Cluster:
    admin = KeyPair(folder / "keys" / "admin.crt", folder / "keys" / "admin.key")
    return Cluster(
        folder,
        node=False,
        apiserver=documents.apiserver(admin),
        controller_manager=documents.controller_manager(),
        address=address,
        port=documents.API_PORT,
    )


def _proxy(cluster: Cluster) -> Program:
    configuration = cluster.directory / "nodes" / "proxy.json"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.write_text(documents.proxy(cluster.identity("system:kube-proxy", group="")))
    argv = [str(tools.node("kube-proxy")), f"--config={configuration}", "--hostname-override=node-1"]
    return _started(cluster, "kube-proxy", argv)


def _start_node(cluster: Cluster, node: NodePlace, images: list[Path]) -> list[Program]:
    for folder in (node.folder / "cni", node.folder / "kubelet", node.kubelet_root):
        folder.mkdir(parents=True)
    commands.call("mount", "--bind", str(node.folder / "kubelet"), str(node.kubelet_root))
    (node.folder / "containerd.toml").write_text(documents.containerd(node, requirements.plugins()))
    (node.folder / "cni" / "pods.conflist").write_text(documents.network(node))
    (node.folder / "resolv.conf").write_text("")
    group = f"{cgroups.name(cluster.directory)}/{node.name}"
    cgroups.make(group)
    (node.folder / "kubelet.json").write_text(documents.kubelet(node, cluster.authority, f"/{group}"))
    kubeconfig = cluster.identity(f"system:node:{node.name}", group="system:nodes")
    runtime = _started(
        cluster, f"containerd-{node.number}", ["containerd", f"--config={node.folder / 'containerd.toml'}"]
    )
    wait_until(node.socket.is_socket, SOCKET_SECONDS, f"containerd of {node.name} does not listen")
    for image in images:
        commands.call(*documents.image_import(node, image))
    argv = documents.kubelet_arguments(node, node.folder / "kubelet.json", kubeconfig)
    return [runtime, _started(cluster, f"kubelet-{node.number}", [str(tools.node("kubelet")), *argv])]


def _started(cluster: Cluster, name: str, argv: list[str]) -> Program:
    program = Program(argv, cluster.directory / "logs" / f"{name}.log")
    program.start()
    return program


def _is_ready(cluster: Cluster, programs: list[Program], nodes: int) -> bool:
    for program in programs:
        program.check()
    wanted = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
    if cluster.kubectl("get", "nodes", "-o", wanted).split() != ["True"] * nodes:
        return False
    names = ("-n", "kube-system", "get", "deployment", "coredns", "-o", "jsonpath={.status.readyReplicas}")
    return cluster.kubectl(*names) == "1"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devcluster.kubelet")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--image", type=Path, action="append", default=[])
    return parser


if __name__ == "__main__":
    main()
