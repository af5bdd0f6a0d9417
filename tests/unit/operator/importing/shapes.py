"""The fixtures: a source as people have it, the pools that it becomes, and what is said on the way."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from queueworkerpool.importing import Imported, Options, convert

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@dataclass(frozen=True)
class Shape:
    """One fixture."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    def imported(self) -> Imported:
        options = dict(line.split() for line in self._read("options.txt").splitlines())
        source = [("source.yaml", self._read("source.yaml"))]
        return convert(source, [], Options(queues_at=options.get("queues-at", "")), NOW)

    @property
    def pools(self) -> str:
        return self._read("pools.yaml")

    @property
    def remarks(self) -> str:
        return self._read("remarks.txt")

    def _read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


SHAPES = [Shape(folder) for folder in sorted(FIXTURES.iterdir())]


def pools_of(imported: Imported) -> str:
    return "".join(imported.manifests)


def remarks_of(imported: Imported) -> str:
    return "".join(f"{remark}\n" for remark in (*imported.refusals, *imported.notes))
