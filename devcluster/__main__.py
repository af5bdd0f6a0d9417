"""The command line: `devcluster build | up | logs POD`. Prints for people; results on stdout, progress on stderr."""

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path

from devcluster import cache, tools
from devcluster.cluster import POD_ENV, Cluster
from devcluster.errors import DevclusterError
from devcluster.images import Images
from devcluster.kubelet import requirements
from devcluster.kubelet.cluster import RealCluster
from devcluster.node.files import PodFiles

KUBELET = "kubelet"
WAIT_SECONDS = 1
OF_KUBELETS = ("nodes", "image")
OF_PROCESSES = ("capacity", "no_node", "audit", "pod_env", "controller_manager")
"""Options of `up` that only one kind of node has."""


def main() -> None:
    """Run one command; exit code 1 and one sentence when it cannot be done."""
    options = _parser().parse_args()
    # Ending by SIGTERM must unwind like Ctrl-C, so that nothing is left running.
    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT too: whoever is started in the background ignores it
        signal.signal(number, signal.default_int_handler)
    try:
        options.command(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except DevclusterError as error:
        sys.exit(f"devcluster: {error}")


def build(options: argparse.Namespace) -> None:
    """Build or find every program that a cluster needs; print where they are."""
    for path in tools.build_everything(real_node=options.node == KUBELET):
        print(path)


def up(options: argparse.Namespace) -> None:
    """Be a cluster until SIGTERM or SIGINT."""
    _refuse_what_does_not_apply(options)
    begun = time.monotonic()
    making = _with_kubelets if options.node == KUBELET else _with_processes
    with cache.exclusive(options.dir, "another devcluster runs there"), making(options) as cluster:
        print(f"The cluster is up after {time.monotonic() - begun:.1f} s; Ctrl-C ends it.", file=sys.stderr)
        # The signal may come as soon as the line is read: before anybody waits for it.
        with contextlib.suppress(KeyboardInterrupt):
            print(f"KUBECONFIG={cluster.kubeconfig}", flush=True)
            while True:
                time.sleep(WAIT_SECONDS)
        print("Ending the cluster.", file=sys.stderr)


def _refuse_what_does_not_apply(options: argparse.Namespace) -> None:
    """Raise DevclusterError when an option was given that the other kind of node has."""
    defaults = _parser().parse_args(["up"])
    others = OF_PROCESSES if options.node == KUBELET else OF_KUBELETS
    given = [name for name in others if getattr(options, name) != getattr(defaults, name)]
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise DevclusterError(f"--node {options.node} has no {flags}: leave it out, or choose the other kind of node")


def _with_processes(options: argparse.Namespace) -> Cluster:
    settings = dict(pair.split("=", 1) for pair in options.pod_env)
    return Cluster(
        options.dir,
        node=not options.no_node,
        capacity=options.capacity,
        audit=options.audit,
        pod_env=POD_ENV | settings,
        controller_manager=options.controller_manager,
    )


def _with_kubelets(options: argparse.Namespace) -> RealCluster:
    requirements.check()
    images = Images()
    return RealCluster(options.dir, [*images.for_nodes(), *options.image], options.nodes)


def logs(options: argparse.Namespace) -> None:
    """Print what the containers of a pod have written."""
    found = PodFiles.of(options.dir / "node", options.namespace, options.pod).logs()
    if not found:
        raise DevclusterError(f"no log of pod {options.namespace}/{options.pod} in {options.dir}")
    for log in found:
        sys.stdout.write(log.read_text(errors="replace"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="devcluster",
        description="Kubernetes for tests and demos: a real control plane, and pods that are local processes, "
        "or containers on real kubelets.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    building = commands.add_parser("build", help="build or find every program that is needed")
    building.set_defaults(command=build)
    _add_node(building)
    _add_up(commands.add_parser("up", help="start a cluster; it lives until SIGTERM or Ctrl-C"))
    logging = commands.add_parser("logs", help="print a pod's output")
    logging.set_defaults(command=logs)
    logging.add_argument("pod", metavar="POD")
    logging.add_argument("-n", "--namespace", default="default")
    _add_directory(logging)
    return parser


def _add_up(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=up)
    _add_directory(parser)
    _add_node(parser)
    parser.add_argument("--nodes", type=int, default=1, help="with --node kubelet: how many (default: %(default)s)")
    parser.add_argument(
        "--image",
        type=Path,
        action="append",
        default=[],
        metavar="ARCHIVE",
        help="with --node kubelet: an image (docker-archive or oci-archive) that every node has from the start",
    )
    parser.add_argument("--capacity", type=int, default=500, help="how many pods the node takes (default: %(default)s)")
    parser.add_argument("--no-node", action="store_true", help="a control plane only: pods stay pending")
    parser.add_argument("--audit", action="store_true", help="log every API request to DIR/audit.log")
    parser.add_argument(
        "--pod-env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="environment of every pod; {podIP} is its address",
    )
    parser.add_argument(
        "--controller-manager",
        action="append",
        default=[],
        metavar="ARGUMENT",
        help="a further argument of kube-controller-manager, as in --controller-manager=--v=4",
    )


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--node",
        choices=["processes", KUBELET],
        default="processes",
        help="what pods are: local processes (default), or containers on real kubelets, which needs root on Linux",
    )


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dir",
        type=Path,
        default=cache.folder() / "cluster",
        help="where the cluster keeps its files (default: %(default)s)",
    )


if __name__ == "__main__":
    main()
