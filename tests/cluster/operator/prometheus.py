"""A real Prometheus server, for tests that ask it."""

import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

import yaml

from devcluster.processes import Program, free_port

ALERTS = Path(__file__).parents[3] / "charts" / "queueworkerpool" / "alerts.yaml"
MISSING = "Prometheus is missing: install prometheus and promtool (Debian: apt-get install prometheus)."

PAST_SECONDS = 300


class Prometheus:
    """A Prometheus server that scrapes every second and evaluates the alerts."""

    def __init__(self, folder: Path, scrape_configs: Sequence[Mapping[str, Any]]) -> None:
        intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        settings = {"global": intervals, "rule_files": [str(ALERTS)], "scrape_configs": list(scrape_configs)}
        self.config = folder / "prometheus.yml"
        self.config.write_text(yaml.safe_dump(settings))
        self._address = f"127.0.0.1:{free_port()}"
        argv = [
            str(shutil.which("prometheus")),
            f"--config.file={self.config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self._address}",
        ]
        self.program = Program(argv, folder / "prometheus.log")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self._address}"

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series; empty while the server does not answer."""
        found = self._get(f"query?{urllib.parse.urlencode({'query': promql})}").get("result", [])
        return [(series["metric"], float(series["value"][1])) for series in found]

    def past(self, promql: str) -> list[float]:
        """Return the values that a query had at the seconds of the last minutes; as long as a panel shows."""
        end = time.time()
        grid = {"query": promql, "start": end - PAST_SECONDS, "end": end, "step": 1}
        found = self._get(f"query_range?{urllib.parse.urlencode(grid)}").get("result", [])
        return [float(value) for series in found for _, value in series["values"]]

    def label_values(self, label: str, selector: str) -> list[str]:
        """Return the values of a label in some series."""
        found = self._ask(f"label/{label}/values?{urllib.parse.urlencode({'match[]': selector})}")
        return list(found or ())

    def rules(self) -> dict[str, str]:
        """The health of each loaded rule, by its name; empty while the server does not answer."""
        return {
            rule["name"]: rule["health"] for group in self._get("rules").get("groups", []) for rule in group["rules"]
        }

    def _get(self, path: str) -> dict[str, Any]:
        return dict(self._ask(path) or {})

    def _ask(self, path: str) -> Any:
        """Return what the server answers; None while it does not. Raises ValueError when it refuses the question."""
        try:
            with urllib.request.urlopen(f"http://{self._address}/api/v1/{path}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.SERVICE_UNAVAILABLE:  # it starts
                    return None
                raise ValueError(error.read().decode()) from error
        except (OSError, HTTPException):
            return None
