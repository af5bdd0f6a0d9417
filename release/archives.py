"""Archives that come out the same each time, and what an image's archive says of itself. Files in, files out.

`main` calls it. An image is read from its OCI archive, so that it needs no container engine.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Image:
    """An image in an OCI archive.

    Args:
        digest: The digest of its manifest, by which registries name it.
        unpacked_bytes: The size of the files of all its layers.
        environment: Its variables.
        files: The texts of those of the files asked for that it has, by their paths.
    """

    digest: str
    unpacked_bytes: int
    environment: dict[str, str]
    files: dict[str, str]


def normalise(archive: Path, epoch: int) -> None:
    """Write a tar archive anew: entries in the order of their names, and nothing that differs by machine or hour.

    Args:
        archive: A tar archive; one whose name ends in `gz` is compressed.
        epoch: The time of all its files, in seconds since 1970.
    """
    compressed = archive.suffix.endswith("gz")
    written = archive.with_name(f".{archive.name}")
    with tarfile.open(archive) as read, written.open("wb") as raw:
        output = gzip.GzipFile("", "wb", mtime=epoch, fileobj=raw) if compressed else raw
        with output, tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for member in sorted(read.getmembers(), key=lambda member: member.name):
                member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
                member.pax_headers = {}
                tar.addfile(member, read.extractfile(member) if member.isfile() else None)
    written.replace(archive)


def read_image(archive: Path, *paths: str) -> Image:
    """Return the image in an OCI archive, with the texts of the files at these paths, without a leading slash."""
    with tarfile.open(archive) as tar:
        digest = str(_json(tar, "index.json")["manifests"][0]["digest"])
        manifest = _json(tar, _blob(digest))
        config = _json(tar, _blob(manifest["config"]["digest"]))["config"]
        files: dict[str, str] = {}
        unpacked = 0
        for layer in manifest["layers"]:  # a later layer replaces the files of those before
            for name, size, text in _files(_opened(tar, _blob(layer["digest"])), paths):
                unpacked += size
                files |= {name: text} if text is not None else {}
    return Image(digest, unpacked, dict(entry.split("=", 1) for entry in config.get("Env", ())), files)


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _opened(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    return found if found is not None else io.BytesIO()


def _json(tar: tarfile.TarFile, name: str) -> Any:
    return json.load(_opened(tar, name))


def _files(layer: IO[bytes], paths: tuple[str, ...]) -> Iterator[tuple[str, int, str | None]]:
    """Yield the path and size of each entry of a layer, and the text of those that are asked for."""
    with tarfile.open(fileobj=layer) as tar:
        for member in tar:
            name = member.name.removeprefix("./").removeprefix("/")
            content = tar.extractfile(member) if name in paths else None
            yield name, member.size, content.read().decode() if content else None
