"""The operator's own AWS credentials: found by botocore's providers, renewed before they end.

`clients` signs with them. What fails here is never SQS's fault: STS, the Pod Identity agent, a token file or a profile.
So each failure is raised as CredentialsError, however botocore says it. It words nothing: that is `failures`' part.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

PAUSE_SECONDS = 2.0
"""How long a failure counts for all requests: a provider that does not answer takes up to ten seconds to fail."""

RENEWAL_SECONDS = 600
"""botocore does not sign with credentials that end sooner, unless they are renewed."""


class CredentialsError(Exception):
    """The operator has no credentials; `cause` is what botocore raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class OwnCredentials:
    """The operator's credentials. Safe to share between threads: one asks for new ones, the others get its answer."""

    def __init__(self, find: Callable[[], Any]) -> None:
        """Look for nothing yet.

        Args:
            find: Returns botocore's credentials, or None; called again as long as there are none.
        """
        self._find = find
        self._found: Any = None
        self._last: Credentials | None = None
        self._failure: tuple[float, Exception] | None = None
        self._lock = threading.Lock()

    def get(self) -> Credentials:
        """Return credentials that sign now. Raises CredentialsError."""
        if self._found is not None and not self._ends_within(RENEWAL_SECONDS):
            return self._asked()
        # While the last ones are still valid, nobody waits for new ones but the thread that asks.
        if not self._lock.acquire(blocking=not self._is_last_valid()):
            return self._last_or_raise(NoCredentialsError())
        try:
            if self._failure and time.monotonic() - self._failure[0] < PAUSE_SECONDS:
                return self._last_or_raise(self._failure[1])
            return self._asked()
        finally:
            self._lock.release()

    def _asked(self) -> Credentials:
        try:
            self._found = self._found or self._find()
            if self._found is None:
                raise NoCredentialsError  # noqa: TRY301 -- to be remembered like the providers' own failures
            self._last = Credentials(*self._found.get_frozen_credentials()[:3])
        except Exception as error:  # a provider raises anything: ValueError, KeyError, RuntimeError, OSError
            self._failure = time.monotonic(), error
            return self._last_or_raise(error)
        self._failure = None
        return self._last

    def _last_or_raise(self, cause: Exception) -> Credentials:
        if self._last is not None and self._is_last_valid():
            return self._last
        raise CredentialsError(cause) from cause

    def _is_last_valid(self) -> bool:
        return self._last is not None and not self._ends_within(0)

    def _ends_within(self, seconds: int) -> bool:
        """Return whether the credentials end so soon, by the clock that their end is told by; static ones never do."""
        return isinstance(self._found, RefreshableCredentials) and self._found.refresh_needed(seconds)
