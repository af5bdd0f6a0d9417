"""Makes QueueWorkerPools of what KEDA, the HPA and worker-pod-autoscaler are told. Pure.

The command `qwp import` calls `convert`. One module per kind maps its fields, each by a table that says what becomes of
every field (`RULES`); docs/coming-from-keda.md is made from those tables. `manifests` holds the library that writes.
"""

from queueworkerpool.importing.conversion import Imported, Options, Remark, convert
from queueworkerpool.importing.source import SourceObject

__all__ = ["Imported", "Options", "Remark", "SourceObject", "convert"]
