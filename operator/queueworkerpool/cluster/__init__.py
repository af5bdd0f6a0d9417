"""The only adapter to the Kubernetes client: reads and writes, while kopf watches. Decides and remembers nothing.

`reconcile`, `leader` and the commands of `cli` call it; it raises our errors. The parts: `client` (pools, Deployments,
pods, Events), `lease` (the Leases), `reader` (what only people ask for), `login` (which cluster, as whom), `connection`
(requests), `pages` (lists), `objects` (the raw objects that are sent and received).
"""

from queueworkerpool.cluster.client import KubernetesCluster
from queueworkerpool.cluster.lease import LeaseClient, ShardLeaseClients
from queueworkerpool.cluster.login import Login
from queueworkerpool.cluster.reader import ClusterReader

__all__ = ["ClusterReader", "KubernetesCluster", "LeaseClient", "Login", "ShardLeaseClients"]
