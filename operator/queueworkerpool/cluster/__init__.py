"""The only door to the Kubernetes client: it writes (kopf watches). Raises our errors; decides and remembers nothing.

`reconcile` and `leadership` call it. The parts: `door` (pools, Deployments, pods, Events), `lease` (the Lease),
`connection` (requests), `objects` (the raw objects that are sent and received).
"""

from queueworkerpool.cluster.door import KubernetesCluster
from queueworkerpool.cluster.lease import LeaseDoor

__all__ = ["KubernetesCluster", "LeaseDoor"]
