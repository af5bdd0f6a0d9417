"""AWS's partitions, their regions and DNS suffixes: the only reader of botocore's data.

`address` calls it. It reads the file itself, in a few milliseconds: to import botocore takes 0.1 s or more, which
`qwp validate` needs for nothing else, and botocore's endpoints.json takes as long again.
"""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

DEFAULT_PARTITION = "aws"


class Partition(NamedTuple):
    """A group of AWS's regions that share accounts and DNS suffixes.

    Args:
        id: Its name, as ARNs have it.
        dns_suffix: What the hosts of its services end with.
        dual_stack_suffix: What those that answer by IPv6 too end with.
        regions: The regions that botocore lists.
        region_pattern: What the names of its regions match, those that are yet to come included.
    """

    id: str
    dns_suffix: str
    dual_stack_suffix: str
    regions: frozenset[str]
    region_pattern: re.Pattern[str]

    def has(self, region: str) -> bool:
        """Return whether a region is in it, or would be if it existed."""
        return region in self.regions or self.region_pattern.fullmatch(region) is not None


@cache
def partitions() -> tuple[Partition, ...]:
    """Return AWS's partitions."""
    spec = find_spec("botocore")  # finds the package without importing it
    folders = spec.submodule_search_locations if spec else None
    assert folders  # noqa: S101 -- both programs depend on it
    raw = json.loads((Path(folders[0]) / "data" / "partitions.json").read_text(encoding="utf-8"))
    return tuple(
        Partition(
            id=each["id"],
            dns_suffix=each["outputs"]["dnsSuffix"],
            dual_stack_suffix=each["outputs"]["dualStackDnsSuffix"],
            # The list holds `aws-global` and the like too, which are no regions.
            regions=frozenset(name for name in each["regions"] if not name.endswith("-global")),
            region_pattern=re.compile(each["regionRegex"].strip("^$"), re.ASCII),
        )
        for each in raw["partitions"]
    )


def partition_of(region: str) -> str:
    """Return the name of a region's partition; the default one for a region of an SQS-compatible server."""
    return next((each.id for each in partitions() if each.has(region)), DEFAULT_PARTITION)


def is_listed(region: str) -> bool:
    """Return whether botocore lists the region: the number of those is small."""
    return any(region in each.regions for each in partitions())
