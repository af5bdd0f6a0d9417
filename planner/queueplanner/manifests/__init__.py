"""Makes candidates of manifests: of our pools, and of what KEDA, the HPA and worker-pod-autoscaler are told. Pure.

The commands call `read_manifests`. Pools are read by the operator's own validation and parser, the others' fields by
the readers of `qwp import`. What a policy's model does not have is refused, never left out silently.
"""

from queueplanner.manifests.reading import File, ManifestError, Manifests, read_manifests

__all__ = ["File", "ManifestError", "Manifests", "read_manifests"]
