"""The only door to the Kubernetes client: it writes (kopf watches). Raises our errors; decides and remembers nothing.

`reconcile` calls it. The parts: `door` (requests), `objects` (the raw objects that it sends and receives).
"""

from queueworkerpool.cluster.door import KubernetesCluster

__all__ = ["KubernetesCluster"]
