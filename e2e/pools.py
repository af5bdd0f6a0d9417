"""A pool of a test's own: a namespace with a Deployment, a queue in the stand-in, and what is to be seen of them."""

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from e2e.world import WORKER_IMAGE, World, eventually

ACCOUNT = "https://sqs.eu-west-1.amazonaws.com/123456789012"
READMES_QUEUE = "thumbnails"
EMPTY = "visible 0, in flight 0, delayed 0"
"""What the stand-in says of a queue without a message."""


_NUMBERS = itertools.count(1)


def own_name(name: str) -> str:
    """Return NAME with a number that no other has: a namespace takes a while to go, and nobody waits for that."""
    return f"{name}-{next(_NUMBERS)}"


def sqs(world: World, *arguments: str) -> str:
    """Run the stand-in's own command."""
    return world.kubectl("exec", "deployment/sqs", "--", "sqs", *arguments).strip()


@dataclass(frozen=True)
class Pool:
    """A pool; its namespace, Deployment and queue have its name."""

    world: World
    name: str

    def get(self) -> Any:
        """Return the pool."""
        return self.world.get("queueworkerpool", self.name, namespace=self.name)

    def status(self) -> Mapping[str, Any]:
        """Return the pool's status."""
        return dict(self.get().get("status", {}))

    def condition(self, kind: str) -> Mapping[str, Any]:
        """Return one condition; empty when it is not there yet."""
        return next((each for each in self.status().get("conditions", []) if each["type"] == kind), {})

    def size(self) -> int:
        """Return how many pods its Deployment is to have."""
        return self.world.replicas(self.name, self.name)

    def send(self, count: int) -> None:
        """Send messages to its queue."""
        sqs(self.world, "send", self.name, str(count))

    def decide(self, seconds: float) -> float:
        """Change something that makes no difference; return how long it took until a decision about it was reported."""
        changed = self.get()["spec"]["maxReplicas"] + 1
        patch = json.dumps({"spec": {"maxReplicas": changed}})
        self.world.kubectl("-n", self.name, "patch", "qwp", self.name, "--type=merge", f"--patch={patch}")
        return eventually(self.is_up_to_date, seconds, f"a decision about pool {self.name}")

    def is_up_to_date(self) -> bool:
        """Return whether the status is about the spec as it is now."""
        pool = self.get()
        return bool(pool.get("status", {}).get("observedGeneration") == pool["metadata"]["generation"])

    def is_reachable(self) -> bool:
        """Return whether its queue could be read."""
        return self.condition("QueueReachable").get("status") == "True"


@contextlib.contextmanager
def pool_of_its_own(world: World, name: str, image: str = WORKER_IMAGE) -> Iterator[Pool]:
    """Make a pool; its pods take no message: their number alone matters. It goes with the body."""
    name = own_name(name)
    pool = Pool(world, name)
    with queue(world, name), namespace(world, name):
        world.apply(_deployment(name, image), _pool(name), namespace=name)
        eventually(pool.is_reachable, 60, f"the first decision about pool {name}")
        yield pool


@contextlib.contextmanager
def queue(world: World, name: str) -> Iterator[None]:
    """Make a queue; it goes with the body."""
    sqs(world, "create", name)
    try:
        yield
    finally:
        sqs(world, "create", name)  # it may have gone meanwhile, with the stand-in's memory
        sqs(world, "delete", name)


@contextlib.contextmanager
def namespace(world: World, name: str) -> Iterator[None]:
    """Make a namespace; it goes some time after the body, and all that is in it."""
    world.kubectl("create", "namespace", name)
    try:
        yield
    finally:
        world.kubectl("delete", "namespace", name, "--wait=false")


def _deployment(name: str, image: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "worker", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}
    # Nothing in it needs time to end.
    pod = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _pool(name: str) -> dict[str, Any]:
    spec = {
        "scaleTargetRef": {"name": name},
        "queues": [{"url": f"{ACCOUNT}/{name}"}],
        "minReplicas": 0,
        "maxReplicas": 5,
        "target": {"messagesPerPod": 20},
        "pollSeconds": 2,
        "scaleToZeroAfterSeconds": 5,
        "scaleIn": {"busyWorkers": "Drain"},
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}},
    }
    return {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": name},
        "spec": spec,
    }
