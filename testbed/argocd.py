"""What Argo CD thinks of a pool: the health check of examples/gitops, run by the Lua that Argo CD runs it with."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from devcluster import tools

SETTINGS = Path(__file__).parents[1] / "examples" / "gitops" / "argocd" / "argocd-cm.yaml"
KEY = "resource.customizations.health.queueworker.dev_QueueWorkerPool"


def health(manifest: dict[str, Any]) -> tuple[str, str]:
    """Return Argo CD's word for the pool's health, and the sentence that it shows. Raises UnavailableError."""
    check = yaml.safe_load(SETTINGS.read_text())["data"][KEY]
    called = f"local obj = {_literal(manifest)}\nlocal hs = (function()\n{check}\nend)()"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(f"{called}\nprint(hs.status)\nprint(hs.message)\n")
        file.flush()
        done = subprocess.run([tools.lua(), file.name], capture_output=True, text=True, timeout=30, check=True)
    status, message = done.stdout.splitlines()
    return status, message


def _literal(value: Any) -> str:
    """Write a JSON value in Lua."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_literal(key)}] = {_literal(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(_literal, value)) + "}"
    if isinstance(value, str):
        # Lua knows decimal escapes of bytes, and not JSON's.
        return '"' + "".join(f"\\{byte:03}" for byte in value.encode()) + '"'
    return "nil" if value is None else json.dumps(value)
