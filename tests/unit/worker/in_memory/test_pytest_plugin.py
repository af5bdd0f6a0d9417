"""The fixture `sqs_worker`, as tests of users have it, and what the plugin costs runs that do not use it."""

import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from queueworker.hooks import REGISTRY

pytest_plugins = ["pytester"]

TESTS = """
import queueworker
from queueworker import Message, Reject, Retry
from queueworker.testing import Queue


def handle(message: Message) -> None:
    if message.body == "not yet" and message.receive_count == 1:
        raise Retry(60)
    if message.body == "unknown":
        raise Reject("no such order")


def test_an_order_without_stock_is_tried_again_in_a_minute(sqs_worker):
    result = sqs_worker.consume(handle, "not yet", "unknown", dead_letter_queue=True)
    assert result.handled == ["not yet"]
    assert result.retried[0].after_seconds == 60
    assert result.rejected[0].reason == "no such order"


def test_a_long_handler_is_extended(sqs_worker):
    sqs_worker.send("long", attributes={"size": 4})
    result = sqs_worker.consume(lambda message: sqs_worker.clock.advance(40))
    assert result.attempts[0].extensions == [30, 30]


def test_another_kind_of_queue(sqs_worker):
    sqs_worker.queue = Queue(fifo=True)
    sqs_worker.send("a", group="g")
    assert sqs_worker.consume(handle).handled == ["a"]


def test_what_a_test_registers(sqs_worker):
    @queueworker.middleware
    def refuse(message):
        raise RuntimeError("only in this test")
        yield

    assert sqs_worker.consume(handle, "a").failed


def test_is_forgotten_after_it(sqs_worker):
    assert sqs_worker.consume(handle, "a").handled == ["a"]
"""


ORDERS = """
import queueworker

SEEN = []


@queueworker.middleware
def seen(message):
    SEEN.append(message.body)
    yield


def handle(message: queueworker.Message) -> None:
    pass
"""

TESTS_OF_A_MODULE = """
import pytest


@pytest.mark.parametrize("seen", [["a"], ["a", "a"]])
def test_it(sqs_worker, seen):
    import orders

    sqs_worker.consume(orders.handle, "a")
    assert orders.SEEN == seen
"""


@pytest.fixture
def passed(pytester: pytest.Pytester) -> Iterator[Callable[[], int]]:
    """Run the tests in the folder with the plugin as it is installed; return how many pass, where no other does not."""
    before = list(REGISTRY.middleware)

    def run() -> int:
        options = ("-p", "no:randomly", "-W", "error")
        outcomes = pytester.runpytest(*options, "-o", "asyncio_default_fixture_loop_scope=function").parseoutcomes()
        assert set(outcomes) == {"passed"}
        return outcomes["passed"]

    yield run
    REGISTRY.middleware[:] = before


def test_a_users_tests_have_the_fixture(pytester: pytest.Pytester, passed: Callable[[], int]) -> None:
    pytester.makepyfile(TESTS)
    assert passed() == 5


def test_what_a_module_registers_stays(pytester: pytest.Pytester, passed: Callable[[], int]) -> None:
    pytester.makepyfile(orders=ORDERS, test_orders=TESTS_OF_A_MODULE)
    assert passed() == 2


def test_the_plugin_loads_no_part_of_the_worker() -> None:
    imports = "before = set(sys.modules); import queueworker.pytest_plugin"
    code = f"import pytest, sys; {imports}; print(*set(sys.modules) - before)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, env={"PYTHONPATH": "worker:common"})
    allowed = {f"queueworker.{name}" for name in ("context", "errors", "hooks", "model", "pytest_plugin")}
    assert {each for each in loaded.split() if each.startswith("queueworker.")} <= allowed
    assert not {"asyncio", "botocore", "boto3", "pydantic"} & set(loaded.split())


def test_the_distribution_registers_it() -> None:
    project = tomllib.loads(Path("worker/pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"queueworker": "queueworker.pytest_plugin"}
    assert not [each for each in project["dependencies"] if each.startswith("pytest")]
