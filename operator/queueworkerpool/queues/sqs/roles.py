"""The credentials of the roles by which tenants' queues are read.

`clients` signs with them. Each pool has its own, because each pool has its own external ID. They are renewed before
they expire. It decides nothing about who may use which role: that is `tenancy`'s.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from botocore.credentials import DeferredRefreshableCredentials, ReadOnlyCredentials

from queueworkerpool.model import Role

MOST_ROLES = 5000
"""Pools whose credentials are kept; the one used longest ago is dropped first."""


class RoleRefusedError(Exception):
    """STS gave no credentials for a role; `cause` is what boto3 raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class Roles:
    """Credentials per role and pool."""

    def __init__(self, sts: Callable[[str], Any]) -> None:
        """Create an empty cache of credentials.

        Args:
            sts: Returns the STS client of a region.
        """
        self._sts = sts
        self._kept: OrderedDict[Role, DeferredRefreshableCredentials] = OrderedDict()
        self._lock = threading.Lock()

    def current(self, role: Role) -> ReadOnlyCredentials | None:
        """Return the role's credentials if they need no renewal, and so no request; else None."""
        with self._lock:
            kept = self._kept.get(role)
            if kept is None:
                return None
            self._kept.move_to_end(role)
        return None if kept.refresh_needed() else kept.get_frozen_credentials()

    def credentials(self, role: Role, region: str) -> ReadOnlyCredentials:
        """Return the role's credentials, valid for some minutes at least. Raises RoleRefusedError."""
        with self._lock:
            kept = self._kept.get(role)
            if kept is None:
                kept = DeferredRefreshableCredentials(lambda: self._assume(role, region), "assume-role")
                if len(self._kept) >= MOST_ROLES:
                    self._kept.popitem(last=False)
            self._kept[role] = kept
            self._kept.move_to_end(role)
        try:
            return kept.get_frozen_credentials()
        except Exception as error:  # anything boto3 raises, and what botocore makes of an answer without credentials
            raise RoleRefusedError(error) from error

    def _assume(self, role: Role, region: str) -> Mapping[str, str]:
        name = f"queueworkerpool-{role.uid}"  # at most 64 letters
        answer = self._sts(region).assume_role(RoleArn=role.arn, RoleSessionName=name, ExternalId=role.external_id)
        given = answer["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }
