"""Chooses by dice what goes wrong with which request: single faults, and episodes in which all of a worker's do.

`proxy` asks it, in many threads. The seed decides what follows what; which request meets which fault is up to the
machine's timing.
"""

import random
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

SHARE_OF_REQUESTS = 0.05
SHARE_OF_ENTRIES = 0.02


class Fault(StrEnum):
    """What goes wrong with a request to SQS."""

    SLOW = "slow"  # SQS gets it late, and answers
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    TOO_MANY = "429"
    FAILED = "500"
    UNAVAILABLE = "503"
    THROTTLED = "throttled"  # as SQS says it
    RESET_BEFORE = "reset before"  # SQS never gets it
    HANGING_BEFORE = "hanging before"
    RESET_AFTER = "reset after"  # SQS has done it, the answer is lost
    HANGING_AFTER = "hanging after"
    TRUNCATED = "truncated"
    GARBLED = "garbled"


AFTER = {Fault.RESET_AFTER, Fault.HANGING_AFTER, Fault.TRUNCATED, Fault.GARBLED}
"""SQS has done what was requested."""


class EntryFault(StrEnum):
    """What goes wrong with one message of a batch; SQS is not asked about it."""

    INTERNAL = "entry failed"
    SENDER = "entry refused"  # SenderFault: as if the worker had done it wrong


class CredentialFault(StrEnum):
    """What goes wrong with a request for credentials."""

    DENIED = "credentials denied"
    THROTTLED = "credentials throttled"
    LATE = "credentials late"
    FAILED = "credentials failed"
    GARBLED = "credentials garbled"
    RESET = "credentials reset"


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which every request of a worker to SQS, or for credentials, meets the same fault.

    Before a time without credentials begins, the worker gets some that end soon: else it would not miss them.
    """

    begins: float
    ends: float
    fault: Fault | CredentialFault

    def under_way(self, now: float) -> bool:
        """Return whether requests meet the fault now."""
        return self.begins <= now < self.ends


class Faults:
    """The dice of the proxy. `quiet`: nothing goes wrong any more, for all workers or for those that are named."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self._episodes: dict[str, Episode] = {}
        self._credential_episodes: dict[str, Episode] = {}
        self._quiet: set[str] = set()
        self.everyone_quiet = True
        self.everyone_slow = False
        self.counts: Counter[str] = Counter()

    def begin_episode(self, worker: str, episode: Episode) -> None:
        """Let every request of a worker meet a fault until the episode ends."""
        with self._lock:
            kind = self._episodes if isinstance(episode.fault, Fault) else self._credential_episodes
            kind[worker] = episode

    def spare(self, worker: str) -> None:
        """Let nothing go wrong any more for one worker."""
        with self._lock:
            self._quiet.add(worker)

    def of_request(self, worker: str, now: float) -> Fault | None:
        """Return what goes wrong with a request to SQS, and count it."""
        with self._lock:
            fault = self._of_request(worker, now)
            if fault:
                self.counts[fault] += 1
            return fault

    def _of_request(self, worker: str, now: float) -> Fault | None:
        if self.everyone_slow:
            return Fault.SLOW
        if self.everyone_quiet or worker in self._quiet:
            return None
        episode = self._episodes.get(worker)
        if episode and episode.under_way(now) and isinstance(episode.fault, Fault):
            return episode.fault
        return self._dice.choice(list(Fault)) if self._dice.random() < SHARE_OF_REQUESTS else None

    def of_entry(self, worker: str) -> EntryFault | None:
        """Return what goes wrong with one message of a batch, and count it."""
        with self._lock:
            if self.everyone_quiet or worker in self._quiet or self._dice.random() >= SHARE_OF_ENTRIES:
                return None
            fault = self._dice.choice(list(EntryFault))
            self.counts[fault] += 1
            return fault

    def of_credentials(self, worker: str, now: float) -> CredentialFault | None:
        """Return what goes wrong with a request for credentials, and count it."""
        with self._lock:
            episode = self._credential_episodes.get(worker)
            spared = self.everyone_quiet or worker in self._quiet
            if spared or not episode or not episode.under_way(now) or isinstance(episode.fault, Fault):
                return None
            self.counts[episode.fault] += 1
            return episode.fault

    def short_lived(self, worker: str, now: float) -> bool:
        """Return whether credentials that a worker gets now are to end soon."""
        with self._lock:
            episode = self._credential_episodes.get(worker)
            return episode is not None and now < episode.ends

    def seconds(self, shortest: float, longest: float) -> float:
        """Choose a time."""
        with self._lock:
            return self._dice.uniform(shortest, longest)
