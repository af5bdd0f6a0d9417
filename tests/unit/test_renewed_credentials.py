"""Credentials are used until they end, renewed before, and their provider is not asked more often than it may help."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from awsaccess import CredentialsError, RenewedCredentials
from awsaccess.credentials import MAX_PAUSE_SECONDS, PAUSE_SECONDS, RENEWAL_SECONDS
from devcluster.processes import wait_until


@dataclass
class Provider:
    """Gives numbered keys that last for `lifetime` seconds, or raises, by a clock of the test."""

    now: float = 1000.0
    lifetime: float = 3600.0
    failure: Exception | None = None
    asked: int = 0
    failed_renewals: list[Exception] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    def give(self) -> dict[str, str]:
        self.asked += 1
        key = f"key-{self.asked}"
        assert self.answering.wait(60)
        if self.failure:
            raise self.failure
        ends = self.time() + timedelta(seconds=self.lifetime)
        return {"access_key": key, "secret_key": "s", "token": "t", "expiry_time": ends.isoformat()}

    def time(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def find(self) -> RefreshableCredentials:
        given = self.give()
        key, ends = given["access_key"], datetime.fromisoformat(given["expiry_time"])
        return RefreshableCredentials(key, "s", "t", ends, self.give, "test", time_fetcher=self.time)

    def credentials(self) -> RenewedCredentials:
        return RenewedCredentials(
            self.find, renewal_failed=self.failed_renewals.append, clock=lambda: self.now, jitter=lambda: 0.0
        )


@pytest.fixture
def provider() -> Provider:
    return Provider()


def settled(credentials: RenewedCredentials) -> None:
    """Wait for the end of a renewal."""
    wait_until(lambda: not credentials._asking.locked(), 60, "the renewal goes on")


def test_static_credentials_are_found_once() -> None:
    found: list[Credentials] = []

    def find() -> Credentials:
        found.append(Credentials("key", "secret"))
        return found[-1]

    credentials = RenewedCredentials(find)
    assert {credentials.get().access_key for _ in range(5)} == {"key"}
    assert len(found) == 1


def test_credentials_that_last_are_not_asked_for_again(provider: Provider) -> None:
    credentials = provider.credentials()
    credentials.get()
    provider.now += provider.lifetime - RENEWAL_SECONDS - 1
    assert credentials.get().access_key == "key-1"
    settled(credentials)
    assert provider.asked == 1


def test_they_are_renewed_before_their_end_while_nobody_waits(provider: Provider) -> None:
    credentials = provider.credentials()
    credentials.get()
    provider.now += provider.lifetime - RENEWAL_SECONDS + 1
    provider.answering.clear()
    assert [credentials.get().access_key for _ in range(5)] == ["key-1"] * 5
    provider.answering.set()
    settled(credentials)
    assert credentials.get().access_key == "key-2"
    assert provider.asked == 2


def test_they_are_used_until_their_end_when_they_cannot_be_renewed(provider: Provider) -> None:
    credentials = provider.credentials()
    credentials.get()
    provider.failure = RuntimeError("no")
    provider.now += provider.lifetime - 1
    assert credentials.get().access_key == "key-1"
    settled(credentials)
    assert provider.failed_renewals == [provider.failure]
    provider.now += 2
    with pytest.raises(CredentialsError) as caught:
        credentials.get()
    assert caught.value.cause is provider.failure
    provider.failure = None
    provider.now += MAX_PAUSE_SECONDS
    assert credentials.get().access_key == f"key-{provider.asked}"


def test_a_provider_that_fails_is_asked_less_and_less_often(provider: Provider) -> None:
    provider.failure = ValueError("no")
    credentials, asked_at = provider.credentials(), []
    for _ in range(400):
        before = provider.asked
        with pytest.raises(CredentialsError):
            credentials.get()
        if provider.asked > before:
            asked_at.append(provider.now - 1000)
        provider.now += 0.125
    assert asked_at == [0, 2, 6, 11, 16, 21, 26, 31, 36, 41, 46]


def test_the_pauses_of_many_workers_differ(provider: Provider) -> None:
    provider.failure = ValueError("no")
    credentials = RenewedCredentials(provider.find, clock=lambda: provider.now, jitter=lambda: 1.0)
    for _ in range(2):
        with pytest.raises(CredentialsError):
            credentials.get()
    provider.now += PAUSE_SECONDS / 2
    with pytest.raises(CredentialsError):
        credentials.get()
    assert provider.asked == 2


def test_a_failing_renewal_is_asked_for_no_more_often(provider: Provider) -> None:
    credentials = provider.credentials()
    credentials.get()
    provider.failure = ValueError("no")
    provider.now += provider.lifetime - RENEWAL_SECONDS + 1
    for _ in range(240):
        credentials.get()
        settled(credentials)
        provider.now += 0.25
    assert provider.asked == 1 + 13


def test_credentials_that_are_short_by_themselves_are_not_renewed_at_every_request(provider: Provider) -> None:
    provider.lifetime = RENEWAL_SECONDS / 2
    credentials = provider.credentials()
    credentials.get()
    before = provider.asked
    for _ in range(80):
        credentials.get()
        settled(credentials)
        provider.now += 0.125
    assert provider.asked - before <= 10 / PAUSE_SECONDS


def in_threads(number: int, task: Callable[[], object]) -> None:
    threads = [threading.Thread(target=task) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize("failure", [None, ValueError("no")], ids=["given", "refused"])
def test_one_asks_for_all(provider: Provider, failure: Exception | None) -> None:
    provider.failure = failure
    credentials = provider.credentials()
    answers: list[str | None] = []

    def ask() -> None:
        try:
            answers.append(credentials.get().access_key)
        except CredentialsError:
            answers.append("refused")

    in_threads(20, ask)
    assert answers == ["refused" if failure else "key-1"] * 20
    assert provider.asked == 1


def test_no_thread_to_be_had_is_no_failure(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = provider.credentials()
    credentials.get()
    provider.now += provider.lifetime - 1

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        assert credentials.get().access_key == "key-1"
    credentials.get()
    settled(credentials)
    assert credentials.get().access_key == "key-2"


def test_what_takes_no_wait_is_known_beforehand(provider: Provider) -> None:
    credentials = provider.credentials()
    assert credentials.current() is None
    assert provider.asked == 0
    credentials.get()
    assert credentials.current() == credentials.get()
    provider.now += provider.lifetime + 1
    assert credentials.current() is None
    assert provider.asked == 1


def test_what_takes_no_wait_is_renewed_as_well(provider: Provider) -> None:
    credentials = provider.credentials()
    credentials.get()
    provider.now += provider.lifetime - RENEWAL_SECONDS + 1
    provider.answering.clear()
    found = credentials.current()
    assert found is not None
    assert found.access_key == "key-1"
    provider.answering.set()
    settled(credentials)
    assert provider.asked == 2
