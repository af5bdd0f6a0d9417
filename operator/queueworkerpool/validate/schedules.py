"""Schedules that the operator refuses at run time: the API server knows neither cron nor time zones. Pure.

`verdicts` calls it. What is valid and doubtful in a schedule is `lint`'s.
"""

from collections.abc import Iterator
from datetime import datetime

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import PoolSpec
from queueworkerpool.schedules import last_start
from queueworkerpool.validate.problems import Problem


def problems(spec: PoolSpec, now: datetime) -> Iterator[Problem]:
    """Yield what is wrong with the expressions and the time zones of the schedules."""
    for schedule in spec.schedules:
        try:
            last_start(schedule, now)
        except SpecInvalidError as error:
            field, _, problem = str(error).partition(": ")
            yield Problem(field, f"the operator refuses it: {problem}")
