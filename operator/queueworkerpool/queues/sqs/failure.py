"""A row of the tables of failures. Pure.

`failures` and `identity_failures` hold the tables; which codes mean the same is `awsaccess.codes`'.
"""

from dataclasses import dataclass

from queueworkerpool.errors import QueueUnreadableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One row: the failures that mean the same. It fits by any of `codes`, `statuses` and `raised`.

    Args:
        error: Our error for them.
        text: What is wrong. `{shown}` is the error code, else the HTTP status, or the exception's name.
        fix: What to do. `{external_id}` is the external ID by which the role's trust policy knows the pool.
        codes: Error codes of SQS or STS.
        statuses: HTTP statuses.
        raised: What boto3 raises.
    """

    error: type[QueueUnreadableError]
    text: str
    fix: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    raised: tuple[type[Exception], ...] = ()
