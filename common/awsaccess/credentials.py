"""AWS credentials that sign now: found by botocore's providers, renewed before they end, used until they end.

botocore wants new ones ten minutes before the end: then each request asks for them, and none is signed without. Here
nobody waits for new ones while the last are valid, and a provider that fails is left alone for seconds, however many
requests there are. Operator and worker sign with them. What fails here is never SQS's fault: STS, the Pod Identity
agent, a token file or a profile. So each failure is raised as CredentialsError, however botocore says it.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError

PAUSE_SECONDS = 2.0
"""How long the answer of a provider counts for all requests. Doubles with each failure in a row."""
MAX_PAUSE_SECONDS = 5.0

RENEWAL_SECONDS = 600
"""How long before the end of credentials others are asked for: botocore asks for none earlier, unless it may fail."""


class CredentialsError(Exception):
    """There are no credentials; `cause` is what botocore raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class RenewedCredentials:
    """The credentials of this process. Safe to share between threads: one asks for new ones, the others get its answer.

    Args:
        find: Returns botocore's credentials, or None; called again as long as there are none.
        renewal_failed: Called with what botocore raised when the last credentials, still valid, could not be renewed.
        clock: A monotonic clock, in seconds.
        jitter: Returns a number from 0 to 1, by which the pauses after failures are spread.
    """

    def __init__(
        self,
        find: Callable[[], Any],
        *,
        renewal_failed: Callable[[Exception], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._find = find
        self._renewal_failed = renewal_failed
        self._clock = clock
        self._jitter = jitter
        self._found: Any = None
        self._last: ReadOnlyCredentials | None = None
        self._failure: Exception | None = None
        self._failures = 0
        self._paused_until = 0.0
        self._asking = threading.Lock()

    def get(self) -> ReadOnlyCredentials:
        """Return credentials that sign now. Raises CredentialsError."""
        if self._last is None or self._ends_within(0):
            return self._wait()
        if self._ends_within(RENEWAL_SECONDS):
            self._renew()
        return self._last

    def current(self) -> ReadOnlyCredentials | None:
        """Return credentials that sign now, if that takes no wait; else None."""
        return None if self._last is None or self._ends_within(0) else self.get()

    def _wait(self) -> ReadOnlyCredentials:
        with self._asking:
            if self._last is not None and not self._ends_within(0):
                return self._last  # another thread has just got them
            if self._failure and self._clock() < self._paused_until:
                raise CredentialsError(self._failure) from self._failure
            return self._ask()

    def _renew(self) -> None:
        """Ask for new ones in a thread: the provider may be silent for longer than a message stays hidden."""
        if self._clock() >= self._paused_until and self._asking.acquire(blocking=False):
            try:
                threading.Thread(target=self._renew_now, name="credentials", daemon=True).start()
            except RuntimeError:  # no thread is to be had now
                self._asking.release()

    def _renew_now(self) -> None:
        try:
            self._ask()
        except CredentialsError as error:
            self._renewal_failed(error.cause)
        finally:
            self._asking.release()

    def _ask(self) -> ReadOnlyCredentials:
        try:
            self._found = self._found or self._find()
            if self._found is None:
                raise NoCredentialsError  # noqa: TRY301 -- to be remembered like the providers' own failures
            self._last = self._found.get_frozen_credentials()
        except Exception as error:  # a provider raises anything: ValueError, KeyError, RuntimeError, OSError
            self._failure = error
            pause = min(PAUSE_SECONDS * 2.0 ** min(self._failures, 20), MAX_PAUSE_SECONDS) * (1 - self._jitter() / 2)
            self._failures += 1
            self._paused_until = self._clock() + pause
            raise CredentialsError(error) from error
        self._failure, self._failures = None, 0
        self._paused_until = self._clock() + PAUSE_SECONDS
        return self._last

    def _ends_within(self, seconds: int) -> bool:
        """Return whether the credentials end so soon, by the clock that their end is told by; static ones never do."""
        return isinstance(self._found, RefreshableCredentials) and self._found.refresh_needed(seconds)
