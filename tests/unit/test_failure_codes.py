"""Operator and worker each map SQS's error codes to errors of their own; both must understand the same codes."""

from collections.abc import Iterable
from typing import Protocol

import pytest

from queueworker import errors as worker_errors
from queueworker.sqs import credentials as worker_credentials
from queueworker.sqs import failures as worker
from queueworkerpool import errors as operator_errors
from queueworkerpool.queues.sqs import failures as operator
from queueworkerpool.queues.sqs import identity_failures as operator_credentials


class Row(Protocol):
    """A row of either table."""

    @property
    def error(self) -> type[Exception]: ...

    @property
    def codes(self) -> frozenset[str]: ...

    @property
    def statuses(self) -> frozenset[int]: ...


WORKER_ALONE = {
    # Too many messages in flight, or to decrypt: only a receive is refused so, and the operator sends none.
    "throttled": {"KMS.ThrottlingException", "KmsThrottled", "OverLimit"},
    # The key of the messages, which the operator never reads.
    "denied": worker._KEY_REFUSED_CODES,
}
"""Every difference, with its reason. The operator alone understands none."""

KINDS: dict[str, tuple[type[Exception], type[Exception]]] = {
    "not found": (operator_errors.QueueNotFoundError, worker_errors.QueueNotFoundError),
    "throttled": (operator_errors.QueueThrottledError, worker_errors.ThrottledError),
    "denied": (operator_errors.QueueAccessDeniedError, worker_errors.AccessDeniedError),
}


def codes(table: Iterable[Row], kind: type[Exception]) -> set[str]:
    """Return the codes that a table maps to an error of this kind."""
    return {code for row in table if issubclass(row.error, kind) for code in row.codes}


def statuses(table: Iterable[Row], kind: type[Exception]) -> set[int]:
    """Return the statuses below 600 that a table maps to an error of this kind."""
    return {status for row in table if issubclass(row.error, kind) for status in row.statuses if status < 600}


@pytest.mark.parametrize("kind", KINDS)
def test_both_programs_understand_the_same_codes(kind: str) -> None:
    ours, theirs = KINDS[kind]
    assert codes(worker.FAILURES, theirs) - codes(operator.FAILURES, ours) == WORKER_ALONE.get(kind, set())
    assert codes(operator.FAILURES, ours) - codes(worker.FAILURES, theirs) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_both_programs_understand_the_same_statuses(kind: str) -> None:
    ours, theirs = KINDS[kind]
    assert statuses(operator.FAILURES, ours) == statuses(worker.FAILURES, theirs)


def test_both_programs_take_every_server_error_for_an_outage() -> None:
    ours = statuses(operator.FAILURES, operator_errors.QueueUnreachableError)
    assert ours == statuses(worker.FAILURES, worker_errors.UnreachableError) == set(range(500, 600))


CREDENTIALS: dict[str, tuple[type[Exception], type[Exception]]] = {
    "denied": (operator_errors.CredentialsDeniedError, worker_errors.CredentialsDeniedError),
    "unavailable": (operator_errors.CredentialsUnavailableError, worker_errors.CredentialsUnavailableError),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_both_programs_understand_the_same_failures_of_credentials(kind: str) -> None:
    ours, theirs = CREDENTIALS[kind]
    operators, workers = operator_credentials.CREDENTIALS_FAILURES, worker_credentials.FAILURES
    assert codes(operators, ours) == codes(workers, theirs)
    assert statuses(operators, ours) == statuses(workers, theirs)
    assert [row.raised for row in operators if row.error is ours] == [
        row.raised for row in workers if row.error is theirs
    ]
