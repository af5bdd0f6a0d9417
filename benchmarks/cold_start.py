"""Cold start on a real node: from a message sent to an empty pool's queue until a worker handles it, and where it goes.

Real containers, images present, one pool that is read every two seconds. Each part is dated where it is certain: the
write by the operator's log, pods by a watch, the worker's start and its handler by the worker's log. Needs root.
"""

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure as Picture
from rich.progress import Progress

from benchmarks.bench import Bench
from benchmarks.result import RESULTS, Figure, Result
from devcluster import commands, tools
from devcluster.errors import CommandFailedError
from devcluster.images import Build, Images
from devcluster.kubelet import requirements
from devcluster.kubelet.cluster import RealCluster
from devcluster.processes import wait_until

ROOT = Path(__file__).parent.parent
LONGEST_SECONDS = 6.0
POLL_SECONDS = 2
QUIET_SECONDS = 120
TARGETS = {"operator": ROOT, "worker": ROOT, "sqs": ROOT / "examples/kind"}
# What a worker does with a message: it says when it has begun, in seconds since 1970.
COMMAND = "sh -c 'date +begun=%s.%N'"
PARTS = ("sent", "written", "scheduled", "started", "ready", "handled")
NOTE = {"note": "all figures are of this run"}


@dataclass(frozen=True, slots=True)
class ColdStart:
    """When each part was reached, in seconds since the message was sent. A worker may handle it before it is ready."""

    written: float
    scheduled: float
    started: float
    ready: float
    handled: float


def measure(*, rounds: int) -> Result:
    """Start from zero, over and over."""
    requirements.check()
    images = Images()
    base = images.base()
    for target, context in TARGETS.items():
        stage = "" if target == "sqs" else target
        images.build(Build(_image(target), context, stage, arguments={"BASE": base}))
    archives = [*images.for_nodes(), *(images.archive(_image(target)) for target in TARGETS)]
    with (
        tempfile.TemporaryDirectory() as folder,
        RealCluster(Path(folder), archives) as cluster,
        Progress() as progress,
    ):
        _install(cluster)
        with PodWatch(cluster) as watch:
            found = [_cold_start(cluster, watch) for _ in progress.track(range(rounds), description="cold_start")]
    _draw(found, RESULTS / "cold_start.png")
    text = f"one real node, images present, pollSeconds {POLL_SECONDS}, {rounds} messages, each to a pool at zero"
    details = {"seconds_since_sent": [{part: round(getattr(each, part), 2) for part in PARTS[1:]} for each in found]}
    return Result("cold_start", text, _figures(found), NOTE, details)


def _image(target: str) -> str:
    return f"queueworkerpool-{target}:{version('queueworkerpool')}"


def _install(cluster: RealCluster) -> None:
    kubectl = cluster.kubectl
    kubectl("apply", "-f", str(ROOT / "examples/kind/sqs.yaml"))
    kubectl("rollout", "status", "deployment/sqs", "--timeout=2m")
    kubectl("exec", "deployment/sqs", "--", "sqs", "create", "thumbnails")
    cluster.helm(
        *("install", "queueworkerpool", str(ROOT / "charts/queueworkerpool"), "--wait", "--create-namespace"),
        *("-n", "queueworkerpool-system", "-f", str(ROOT / "examples/kind/values.yaml")),
    )
    kubectl("apply", "-f", str(ROOT / "examples/quickstart.yaml"))
    polls = {"spec": {"pollSeconds": POLL_SECONDS, "scaleToZeroAfterSeconds": POLL_SECONDS}}
    kubectl("patch", "qwp", "thumbnails", "--type=merge", f"--patch={json.dumps(polls)}")
    # `command` and not `args`, where the queue is.
    place = "/spec/template/spec/containers/0/args/1"
    patch = [{"op": "replace", "path": place, "value": f"--exec={COMMAND}"}]
    kubectl("patch", "deployment", "thumbnailer", "--type=json", f"--patch={json.dumps(patch)}")


class PodWatch:
    """Dates what happens to the workers' pods, as the API server tells it."""

    def __init__(self, cluster: RealCluster) -> None:
        self._cluster = cluster
        self._process: subprocess.Popen[str] | None = None
        self.times: dict[str, dict[str, float]] = {}

    def __enter__(self) -> "PodWatch":
        argv = [str(tools.kubectl()), "get", "pods", "--selector=app=thumbnailer", "--watch", "-o", "json"]
        environment = commands.environment(self._cluster.kubeconfig)
        self._process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        decoder, text = json.JSONDecoder(), ""
        for line in self._process.stdout:
            text += line
            if line == "}\n":  # the end of a pod, since they are indented
                self._date(decoder.decode(text))
                text = ""

    def _date(self, pod: Mapping[str, Any]) -> None:
        times = self.times.setdefault(pod["metadata"]["name"], {})
        true = {each["type"] for each in pod["status"].get("conditions", []) if each["status"] == "True"}
        for condition in true:
            times.setdefault(condition, time.time())


def _cold_start(cluster: RealCluster, watch: PodWatch) -> ColdStart:
    wait_until(lambda: _is_at_rest(cluster), QUIET_SECONDS, "the pool did not return to zero")
    earlier = set(watch.times)
    # Dated in the container: kubectl and the sender's libraries take a second before anything is sent.
    send = "sqs send thumbnails 1 >/dev/null && date +%s.%N"
    sent = float(cluster.kubectl("exec", "deployment/sqs", "--", "sh", "-c", send))
    wait_until(lambda: bool(_logged(cluster, watch, earlier).get("begun")), QUIET_SECONDS, "nobody handled the message")
    [pod] = set(watch.times) - earlier
    times, logged = watch.times[pod], _logged(cluster, watch, earlier)
    wait_until(lambda: "Ready" in times, QUIET_SECONDS, "the worker did not become ready")
    return ColdStart(
        written=_written(cluster) - sent,
        scheduled=times["PodScheduled"] - sent,
        started=logged["started"] - sent,
        ready=times["Ready"] - sent,
        handled=logged["begun"] - sent,
    )


def _is_at_rest(cluster: RealCluster) -> bool:
    pods = cluster.kubectl("get", "pods", "--selector=app=thumbnailer", "-o", "name")
    return not pods.strip()


def _logged(cluster: RealCluster, watch: PodWatch, earlier: set[str]) -> dict[str, float]:
    """Return when the new pod's worker has started, and begun with its message, as far as its log says so."""
    found: dict[str, float] = {}
    for pod in set(watch.times) - earlier:
        try:
            log = cluster.kubectl("logs", pod)
        except CommandFailedError:  # its container is not there yet
            continue
        for line in log.splitlines():
            if line.startswith("begun="):
                found.setdefault("begun", float(line.removeprefix("begun=")))
            elif line.startswith("{"):
                found.setdefault("started", datetime.fromisoformat(json.loads(line)["time"]).timestamp())
    return found


def _written(cluster: RealCluster) -> float:
    """Return when the operator last scaled out."""
    log = cluster.kubectl("-n", "queueworkerpool-system", "logs", "deployment/queueworkerpool")
    lines = [json.loads(line) for line in log.splitlines() if '"pool rescaled"' in line]
    ups = [line for line in lines if line["to"] > line["from"]]
    return datetime.fromisoformat(ups[-1]["time"]).timestamp()


def _figures(found: Sequence[ColdStart]) -> list[Figure]:
    handled = [each.handled for each in found]
    parts = [
        Figure(f"seconds until {part} (median)", round(median(getattr(each, part) for each in found), 2))
        for part in PARTS[1:-1]
    ]
    whole = Figure("seconds from sent to handled (median)", round(median(handled), 2), LONGEST_SECONDS)
    return [*parts, whole, Figure("seconds from sent to handled (longest)", round(max(handled), 2))]


def _draw(found: Sequence[ColdStart], path: Path) -> None:
    """Draw each start as one bar: where its time has gone."""
    picture = Picture(figsize=(9, 0.5 * len(found) + 1.5))
    axes = picture.subplots()
    order = ("written", "scheduled", "started", "handled")
    for number, each in enumerate(found):
        ends = [0.0, *(getattr(each, part) for part in order)]
        for index, (begun, ended) in enumerate(pairwise(ends)):
            label = f"until {order[index]}" if number == 0 else None
            axes.barh(number, ended - begun, left=begun, color=f"C{index}", label=label)
        axes.plot(each.ready, number, "k|", markersize=14, label="ready" if number == 0 else None)
    axes.set_xlabel("seconds since the message was sent")
    axes.set_yticks(range(len(found)), [str(number + 1) for number in range(len(found))])
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.25), ncols=5)
    picture.tight_layout()
    picture.savefig(path)


BENCH = Bench(name="cold_start", measure=measure, options=("rounds",), by_default=False)
"""Not by default: it needs root, and containerd and buildah of the system."""
