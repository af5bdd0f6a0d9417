"""An image of a user's own, by the four lines of docs/worker.md: without rights, it works as ours does."""

from datetime import datetime

import pytest

from devcluster.errors import CommandFailedError
from devcluster.images import Build
from docs.markdown import blocks
from e2e.backends import Backend
from e2e.pools import ACCOUNT, own_name
from e2e.workers import AWS, HERE, RESTRICTED, Workers, started_workers
from e2e.world import ROOT, World, eventually
from testbed.interpreters import wheel_of

IMAGE, PYTHON_IMAGE = "own-worker:1", "own-worker-python:1"
BASE = "python:3.12-slim"
[DOCKERFILE] = [each.text for each in blocks((ROOT / "docs/worker.md").read_text()) if each.language == "dockerfile"]
# BASE as it is once an index has this version's wheel. The Debian that may stand for it guards its own Python from pip.
PYTHON_DOCKERFILE = f"""\
ARG BASE={BASE}
FROM ${{BASE}}
COPY wheel/ /wheel/
ENV PIP_FIND_LINKS=/wheel PIP_BREAK_SYSTEM_PACKAGES=1
"""


@pytest.fixture(scope="module")
def image(backend: Backend, world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image, which the cluster has; its module is that of the other workers, under the page's name."""
    assert world, "there is a cluster to load it into"
    python, own = tmp_path_factory.mktemp("python"), tmp_path_factory.mktemp("own")
    wheel_of(ROOT / "worker", python / "wheel")
    (python / "Dockerfile").write_text(PYTHON_DOCKERFILE)
    base = backend.base()
    backend.build(Build(PYTHON_IMAGE, python, arguments={"BASE": base} if base else {}))
    (own / "handlers.py").write_text((HERE / "handler.py").read_text())
    (own / "Dockerfile").write_text(DOCKERFILE)
    backend.build(Build(IMAGE, own, bases={BASE: PYTHON_IMAGE}))
    backend.load([IMAGE])
    return IMAGE


def seconds_until_logged(world: World, workers: Workers, name: str) -> float:
    """Wait until the log has what a handler printed about a message; return how much later it had that."""
    logs = ("-n", workers.namespace, "logs", "deployment/worker", "--timestamps")
    found: list[tuple[str, str]] = []

    def printed() -> bool:
        lines = [line.split() for line in world.kubectl(*logs).splitlines()]
        found[:] = [(line[0], line[2]) for line in lines if line[1:2] == [name]]
        return bool(found)

    eventually(printed, 60, f"a line about {name}")
    logged, at = found[0]
    return datetime.fromisoformat(logged).timestamp() - float(at)


@pytest.mark.parametrize("flags", [[], ["--isolate"]], ids=["in threads", "in child processes"])
def test_it_handles_what_it_prints_is_seen_within_a_second_and_it_ends_in_order(
    world: World, image: str, flags: list[str]
) -> None:
    name = own_name("own-image")
    environment = AWS | {"QUEUEWORKER_QUEUE": f"{ACCOUNT}/{name}", "QUEUEWORKER_GRACE_SECONDS": "50"}
    own = {
        "image": image,
        "args": flags,
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "securityContext": RESTRICTED | {"runAsUser": 65532, "runAsGroup": 65532},
        "volumeMounts": [],
    }
    with started_workers(world, name, replicas=1, **own) as workers:
        workers.send({"name": "m0", "seconds": 10})
        assert seconds_until_logged(world, workers, "m0") < 1
        with pytest.raises(CommandFailedError, match="Read-only file system"):
            world.kubectl("-n", name, "exec", "deployment/worker", "--", "touch", "/written")
        world.kubectl("-n", name, "scale", "deployment/worker", "--replicas=0")
        workers.wait_until_done()
        assert workers.reports() == {"begin": {"m0": 1}, "end": {"m0": 1}}


def test_the_image_is_of_four_lines() -> None:
    assert len(DOCKERFILE.splitlines()) == 4
    assert (ROOT / "worker/README.md").read_text().count(DOCKERFILE) == 1
