"""The credentials of the roles that tenants' queues are read by.

`clients` signs with them. A set per pool, for each pool has an external ID of its own. They are renewed before they
expire.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from botocore.credentials import Credentials, DeferredRefreshableCredentials

from queueworkerpool.model import Role

MOST_ROLES = 5000
"""Pools with a role whose credentials are kept; the one that was asked for longest ago goes first."""


class RoleRefusedError(Exception):
    """STS gave no credentials for a role; `why` is what boto3 raised."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self.why = why


class Roles:
    """Credentials per role and pool."""

    def __init__(self, sts: Callable[[str | None], Any]) -> None:
        """Take who makes the STS client of a region."""
        self._sts = sts
        self._kept: OrderedDict[Role, DeferredRefreshableCredentials] = OrderedDict()
        self._lock = threading.Lock()

    def credentials(self, role: Role, region: str | None) -> Credentials:
        """Credentials that are good for some minutes at least. Raises RoleRefusedError."""
        with self._lock:
            kept = self._kept.get(role)
            if kept is None:
                kept = DeferredRefreshableCredentials(lambda: self._assume(role, region), "assume-role")
                if len(self._kept) >= MOST_ROLES:
                    self._kept.popitem(last=False)
            self._kept[role] = kept
            self._kept.move_to_end(role)
        try:
            frozen = kept.get_frozen_credentials()
            return Credentials(*frozen[:3])  # type: ignore[arg-type] # they are None only before the first refresh
        except Exception as error:  # whatever boto3 raises, and what botocore makes of an answer without credentials
            raise RoleRefusedError(error) from error

    def _assume(self, role: Role, region: str | None) -> Mapping[str, str]:
        name = f"queueworkerpool-{role.uid}"  # at most 64 letters
        told = self._sts(region).assume_role(RoleArn=role.arn, RoleSessionName=name, ExternalId=role.external_id)
        given = told["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }
