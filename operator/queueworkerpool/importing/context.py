"""What else is known while one object is imported: the other objects, and what the caller said. Pure."""

from dataclasses import dataclass

from queueworkerpool.importing.source import SourceObject


@dataclass(frozen=True, slots=True)
class Context:
    """The objects that are imported together, and the caller's words.

    Args:
        objects: All objects, in order.
        queues_at: The URL below which queues are of which a source says only the name; empty without one.
    """

    objects: tuple[SourceObject, ...] = ()
    queues_at: str = ""

    def find(self, group: str, kind: str, namespace: str, name: str) -> SourceObject | None:
        """Return the object of this group, kind and name, whatever its version; None when it is not there."""
        wanted = (group, kind, namespace, name)
        return next(
            (each for each in self.objects if (each.group, each.kind, each.namespace, each.name) == wanted), None
        )
