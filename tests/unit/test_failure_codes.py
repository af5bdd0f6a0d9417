"""Operator and worker make errors of their own of AWS's codes; both must mean the same by the same codes."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Protocol

import pytest

from awsaccess import codes
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


TWINS: dict[type[Exception], type[Exception]] = {
    operator_errors.QueueNotFoundError: worker_errors.QueueNotFoundError,
    operator_errors.QueueThrottledError: worker_errors.ThrottledError,
    operator_errors.QueueKeyUnusableError: worker_errors.KeyUnusableError,
    operator_errors.ClockSkewedError: worker_errors.ClockSkewedError,
    operator_errors.QueueAccessDeniedError: worker_errors.AccessDeniedError,
    operator_errors.QueueUnreachableError: worker_errors.UnreachableError,
    operator_errors.CredentialsDeniedError: worker_errors.CredentialsDeniedError,
    operator_errors.CredentialsUnavailableError: worker_errors.CredentialsUnavailableError,
}
"""The worker's error for each of the operator's."""


def meanings(table: Iterable[Row], twins: Mapping[type[Exception], type[Exception]]) -> dict[object, type[Exception]]:
    """Return the error for each code and status of a table; the first row that has it counts."""
    found: dict[object, type[Exception]] = {}
    for row in table:
        for each in row.codes | row.statuses:
            found.setdefault(each, twins.get(row.error, row.error))
    return found


def test_both_programs_mean_the_same_by_what_sqs_answers() -> None:
    assert meanings(operator.FAILURES, TWINS) == meanings(worker.FAILURES, {})


def test_both_programs_mean_the_same_by_what_sts_answers() -> None:
    assert meanings(operator_credentials.CREDENTIALS_FAILURES, TWINS) == meanings(worker_credentials.FAILURES, {})


@pytest.mark.parametrize("ours", [operator_errors.CredentialsDeniedError, operator_errors.CredentialsUnavailableError])
def test_both_programs_mean_the_same_by_what_botocore_raises(ours: type[Exception]) -> None:
    operators, workers = operator_credentials.CREDENTIALS_FAILURES, worker_credentials.FAILURES
    assert [row.raised for row in operators if row.error is ours] == [
        row.raised for row in workers if row.error is TWINS[ours]
    ]


def everything(module: ModuleType) -> set[object]:
    """Return every code and status of the table that both programs share."""
    return set().union(*(value for value in vars(module).values() if isinstance(value, frozenset)))


def test_no_code_of_the_shared_table_is_forgotten_and_none_is_known_besides() -> None:
    tables = worker.FAILURES, worker_credentials.FAILURES
    assert set().union(*(meanings(table, {}) for table in tables)) == everything(codes)


BARE = {
    401: worker_errors.AccessDeniedError,
    403: worker_errors.AccessDeniedError,
    429: worker_errors.ThrottledError,
    500: worker_errors.UnreachableError,
    599: worker_errors.UnreachableError,
    999: worker_errors.UnreachableError,
}


@pytest.mark.parametrize(("status", "kind"), BARE.items())
def test_a_status_without_a_code_is_enough(status: int, kind: type[Exception]) -> None:
    assert meanings(operator.FAILURES, TWINS)[status] is kind
    assert meanings(worker.FAILURES, {})[status] is kind


def test_no_code_has_two_meanings_to_sqs() -> None:
    sets = [row.codes for row in worker.FAILURES]
    assert sum(map(len, sets)) == len(frozenset().union(*sets))
