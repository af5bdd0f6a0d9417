"""The files of manifests that -f names. The commands share it. Raises ClickException for what cannot be read."""

from collections.abc import Sequence
from datetime import UTC, datetime

from queueplanner.commands.texts import read
from queueplanner.manifests import File, ManifestError, Manifests, read_manifests
from queueworkerpool.commands import NothingDoneError


def files_of(paths: Sequence[str]) -> list[File]:
    """Return the files with their texts. Raises ClickException."""
    return [("<stdin>" if path == "-" else path, read("-f", path)) for path in paths]


def manifests_in(files: Sequence[File]) -> Manifests:
    """Return what they say. Raises ClickException."""
    try:
        return read_manifests(files, datetime.now(UTC))
    except ManifestError as error:
        raise NothingDoneError(str(error)) from error
