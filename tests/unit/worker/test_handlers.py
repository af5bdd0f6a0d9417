"""How a handler is loaded, and which variables a command gets for a message."""

import sys
import time
from pathlib import Path

import pytest

from queueworker.errors import UsageError
from queueworker.handlers.commands import CommandHandler, environment_of
from queueworker.handlers.handler import is_coroutine_function
from queueworker.handlers.loading import load
from queueworker.model import MAX_VISIBILITY_SECONDS, Message


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an importable module with handlers in it."""
    (tmp_path / "module_of_handlers.py").write_text(
        "import functools\n"
        "def plain(message): ...\n"
        "async def coroutine(message): ...\n"
        "class Callable:\n"
        "    async def __call__(self, message): ...\n"
        "instance = Callable()\n"
        "class Group:\n"
        "    method = staticmethod(plain)\n"
        "bound = functools.partial(coroutine)\n"
        "def generator(message): yield\n"
        "async def async_generator(message): yield\n"
        "class Generator:\n"
        "    def __call__(self, message): yield\n"
        "generating = Generator()\n"
        "bound_generator = functools.partial(generator)\n"
        "def of_two(event, context): ...\n"
        "async def of_text(text: str): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "module_of_handlers", raising=False)
    return "module_of_handlers"


@pytest.mark.parametrize(
    ("name", "coroutine"),
    [
        ("plain", False),
        ("Group.method", False),
        ("coroutine", True),
        ("instance", True),
        ("bound", True),
        ("of_text", True),
    ],
)
def test_functions_and_coroutine_functions_are_distinguished(module: str, name: str, coroutine: bool) -> None:
    assert is_coroutine_function(load(f"{module}:{name}")) is coroutine


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("json", "write it as MODULE:FUNCTION"),
        (":loads", "write it as MODULE:FUNCTION"),
        ("no_such_module_here:f", "there is no module no_such_module_here"),
        ("json.nowhere:f", r"there is no module json.nowhere"),
        ("json:nothing", "module json has no function nothing"),
        ("json:__name__", "module json has no function __name__"),
    ],
)
def test_a_missing_handler_is_refused(target: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        load(target)


@pytest.mark.parametrize("name", ["generator", "async_generator", "generating", "bound_generator"])
def test_a_generator_is_refused_for_it_would_never_run(module: str, name: str) -> None:
    with pytest.raises(UsageError, match="a generator, of which nothing has run: remove the yield"):
        load(f"{module}:{name}")


def test_a_refused_handler_is_named(module: str) -> None:
    with pytest.raises(UsageError, match=f"handler '{module}:of_two': it takes event, context"):
        load(f"{module}:of_two")


def test_a_class_is_refused_for_a_call_only_makes_an_object(module: str) -> None:
    with pytest.raises(UsageError, match="it is a class"):
        load(f"{module}:Group")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("no-such-program-here --flag", "there is no such program"),
        ("", "there is no such program"),
        ("cat 'unclosed", "No closing quotation; quote it as for a shell"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(command: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        CommandHandler(command)


def test_a_command_gets_its_message_in_variables() -> None:
    attributes: dict[str, str | bytes] = {"trace.id": "é", "Raw-Bytes": b"\x00\xff", "traceparent": "00-1-2-01"}
    message = Message(
        "id-1", "body", "handle", 3, attributes, group="g", trace_header="Root=1", queue_url="https://sqs/1/q"
    )
    environment = environment_of(message)
    assert int(environment.pop("SQS_DEADLINE")) == pytest.approx(time.time() + MAX_VISIBILITY_SECONDS, abs=5)
    assert environment == {
        "SQS_MESSAGE_ID": "id-1",
        "SQS_RECEIVE_COUNT": "3",
        "SQS_QUEUE_URL": "https://sqs/1/q",
        "SQS_MESSAGE_GROUP_ID": "g",
        "SQS_ATTRIBUTE_TRACE_ID": "é",
        "SQS_ATTRIBUTE_RAW_BYTES": "AP8=",
        "SQS_ATTRIBUTE_TRACEPARENT": "00-1-2-01",
        "TRACEPARENT": "00-1-2-01",
        "_X_AMZN_TRACE_ID": "Root=1",
    }
