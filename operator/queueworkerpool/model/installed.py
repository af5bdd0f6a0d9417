"""What of this product is installed in a cluster, as it is read for `qwp version`."""

from dataclasses import dataclass

from queueworkerpool.model.identity import NamespacedName


@dataclass(frozen=True, slots=True)
class InstalledOperator:
    """An operator's Deployment: its name, its version by its label (empty: none), and its image."""

    key: NamespacedName
    version: str
    image: str
