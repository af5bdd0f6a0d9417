"""Write kubeconfig files (as JSON, which is YAML): for a user with a certificate, or for a pod with a token."""

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path

from devcluster.certificates import KeyPair


def write_for_certificate(path: Path, server: str, authority: Path, pair: KeyPair) -> Path:
    """Write to PATH the kubeconfig of the user that PAIR names; everything is inside the file."""
    user = {
        "client-certificate-data": _encoded(pair.certificate.read_bytes()),
        "client-key-data": _encoded(pair.key.read_bytes()),
    }
    return _write(path, server, authority, user, "default")


def write_for_token(path: Path, token: str, namespace: str, *, server: str, authority: Path) -> Path:
    """Write to PATH the kubeconfig of a pod, with its token both in a file beside it and inside.

    Clients that support `tokenFile` read it again when it changes; the others use the token itself.
    """
    token_file = path.with_name("token")
    _replace(token_file, token)
    return _write(path, server, authority, {"token": token, "tokenFile": str(token_file)}, namespace)


def _write(path: Path, server: str, authority: Path, user: Mapping[str, str], namespace: str) -> Path:
    cluster = {"server": server, "certificate-authority-data": _encoded(authority.read_bytes())}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "devcluster", "cluster": cluster}],
        "users": [{"name": "devcluster", "user": user}],
        "contexts": [
            {"name": "devcluster", "context": {"cluster": "devcluster", "user": "devcluster", "namespace": namespace}}
        ],
        "current-context": "devcluster",
    }
    _replace(path, json.dumps(document, indent=2) + "\n")
    return path


def _replace(path: Path, text: str) -> None:
    """Write TEXT so that a reader sees the old file or the new one, never half of it; readable by its owner only."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.touch(mode=0o600)
    scratch.write_text(text)
    os.replace(scratch, path)  # noqa: PTH105 - atomic on purpose, and Path.replace says so less clearly


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
