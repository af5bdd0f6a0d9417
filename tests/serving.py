"""HTTP servers in the test's own process, for answers that no real server can be made to give."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from pathlib import Path

import yaml


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    """Serve at the yielded `host:port` while the body runs; a failing test leaves no thread that the run waits for."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    with server:
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def kubeconfig(path: Path, port: int, namespace: str = "default") -> Path:
    """Write a kubeconfig that leads to a server on this port of the loopback address; return its path."""
    context = {"cluster": "test", "user": "test", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": context}],
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "test", "user": {}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path
