"""Removes from the operator's environment what nothing there ever loads: most of two libraries' generated parts.

The Dockerfile runs it: `prune.py SITE_PACKAGES`. The list goes with the locked versions: an entry that is not there
stops the build, so that the list is looked at again. tests/cluster/ha/test_pruned.py runs the operator on what remains.
The worker's environment stays whole: the handlers in it are its users' code, and may call any service of AWS.
"""

import shutil
import sys
from pathlib import Path

KEPT: dict[str, frozenset[str]] = {
    # The same client once more, for asyncio.
    "kubernetes/aio": frozenset(),
    # A class per group of the API, and one per kind, loaded when they are named. We send JSON; kopf asks for two kinds.
    "kubernetes/client/api": frozenset({"__init__.py"}),
    "kubernetes/client/models": frozenset(
        {"__init__.py", "v1_managed_fields_entry.py", "v1_object_meta.py", "v1_owner_reference.py"}
    ),
    # A description per service of AWS: SQS, and those that credentials come from. The files describe all of AWS.
    "botocore/data": frozenset(
        {"sqs", "sts", "sso", "sso-oidc", "signin"}
        | {"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}
    ),
    # Descriptions of boto3's resources, which are objects above clients.
    "boto3/data": frozenset(),
}
"""The folders of which only these entries are kept."""


def prune(site_packages: Path) -> None:
    """Remove what is not kept. Raises FileNotFoundError when a folder or an entry that is kept is not there."""
    for folder, kept in KEPT.items():
        for name in kept:
            (site_packages / folder / name).stat()
        for entry in (site_packages / folder).iterdir():
            if entry.name not in kept:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
