"""Run the process node: `python -m devcluster.node`. Started by `devcluster.cluster`; ends with it."""

import argparse
import asyncio
import functools
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devcluster import cache, kubeconfig
from devcluster.node import leftovers
from devcluster.node.addresses import Addresses, claim_network
from devcluster.node.api import Api
from devcluster.node.http import Http, Server
from devcluster.node.node import Node
from devcluster.node.pod import Host
from devcluster.node.registration import keep_registered

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="devcluster.node", description=__doc__)
    for name in ("server", "authority", "certificate", "key", "name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where the files of the pods are kept")
    parser.add_argument("--capacity", type=int, default=500, help="how many pods the node takes")
    parser.add_argument("--pod-env", action="append", default=[], metavar="NAME=VALUE", help="may hold {podIP}")
    return parser.parse_args()


def base_variables(folder: Path, extra: list[str]) -> Callable[[Mapping[str, Any], str], dict[str, str]]:
    """Return the function that gives every pod's environment, before the pod's own settings."""
    additions = dict(pair.split("=", 1) for pair in extra)
    path = f"{Path(sys.executable).parent}:{SYSTEM_PATH}"

    def variables(pod: Mapping[str, Any], address: str) -> dict[str, str]:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        home = folder / "pods" / namespace / name / "work"
        fixed = {"PATH": path, "HOME": str(home), "HOSTNAME": name, "LANG": "C.UTF-8", **leftovers.mark(folder)}
        return fixed | {key: value.replace("{podIP}", address) for key, value in additions.items()}

    return variables


async def run(options: argparse.Namespace) -> None:
    """Be the node until SIGTERM or SIGINT."""
    server = Server(options.server, options.authority, options.certificate, options.key)
    network, lock = claim_network(cache.folder() / "loopback")
    with lock:
        async with Http(server) as http:
            host = Host(
                api=Api(http, options.name),
                http=http,
                folder=options.folder,
                base_variables=base_variables(options.folder, options.pod_env),
                write_kubeconfig=functools.partial(
                    kubeconfig.write_for_token, server=options.server, authority=Path(options.authority)
                ),
            )
            await serve(Node(host, Addresses(network)), keep_registered(host.api, options.name, options.capacity))


async def serve(node: Node, registration: Any) -> None:
    """Follow the API server and stay registered until a signal; then end all pods."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(coroutine) for coroutine in (registration, node.follow(), stop.wait())]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await node.shut_down()
    for task in done:
        task.result()


def main() -> None:
    """Run the node; what an earlier node with the same folder left running is ended first."""
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    leftovers.end(options.folder)
    try:
        asyncio.run(run(options))
    finally:
        leftovers.end(options.folder)


if __name__ == "__main__":
    main()
