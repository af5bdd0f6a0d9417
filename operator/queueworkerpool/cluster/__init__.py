"""The only adapter to the Kubernetes client: reads and writes, while kopf watches. Decides and remembers nothing.

`reconcile` and `leader` call it; it raises our errors. The parts: `client` (pools, Deployments, pods, Events), `lease`
(the Lease), `connection` (requests), `pages` (lists), `objects` (the raw objects that are sent and received).
"""

from queueworkerpool.cluster.client import KubernetesCluster
from queueworkerpool.cluster.lease import LeaseClient

__all__ = ["KubernetesCluster", "LeaseClient"]
