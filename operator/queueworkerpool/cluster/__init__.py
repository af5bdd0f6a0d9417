"""The only adapter to the Kubernetes client: it writes (kopf watches). Raises our errors; decides, remembers nothing.

`reconcile` and `leader` call it. The parts: `client` (pools, Deployments, pods, Events), `lease` (the Lease),
`connection` (requests), `objects` (the raw objects that are sent and received).
"""

from queueworkerpool.cluster.client import KubernetesCluster
from queueworkerpool.cluster.lease import LeaseClient

__all__ = ["KubernetesCluster", "LeaseClient"]
