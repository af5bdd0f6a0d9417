"""A real Kubernetes control plane and a node whose pods are local processes: for demos, tests and benchmarks.

Not a distribution of Kubernetes: one machine, loopback only, no containers, every start is a new cluster.
The demo and the tests use `Cluster`; people use the `devcluster` command.
"""

from devcluster.cluster import Cluster
from devcluster.errors import CommandFailedError, DevclusterError, StartFailedError, UnavailableError

__all__ = ["Cluster", "CommandFailedError", "DevclusterError", "StartFailedError", "UnavailableError"]
