"""What `run --local` and `--reload` decide: which server, which variables, which files."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from queueworker.errors import UsageError
from queueworker.tools.local import (
    LocalQueue,
    LocalServer,
    explanations,
    find_server,
    is_loopback,
    local_environment,
    make_queue,
    send_command,
    send_lines,
)
from queueworker.tools.reload import changes, snapshot

ENDPOINT = "http://127.0.0.1:9324"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:9324", True),
        ("http://localhost:9324/000000000000/jobs", True),
        ("http://sqs.eu-west-1.localhost:4566/1/jobs", True),
        ("http://[::1]:9324", True),
        ("http://127.8.8.8", True),
        ("https://sqs.eu-west-1.amazonaws.com", False),
        ("http://10.0.0.1:9324", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("jobs", False),
    ],
)
def test_this_machine_is(url: str, local: bool) -> None:
    assert is_loopback(url) is local


def test_an_endpoint_of_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match=r"never leaves this machine, and AWS_ENDPOINT_URL_SQS is https://sqs\.eu"):
        find_server({"AWS_ENDPOINT_URL_SQS": "https://sqs.eu-west-1.amazonaws.com"})


def test_where_there_is_no_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueworker.tools.local.ELASTICMQ_PORT", 9)
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(UsageError, match=r"start ElasticMQ \(docker run .* or install moto's server"):
        find_server({})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({}, {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local"}, id="nothing set: made up"),
        pytest.param(
            {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "own"},
            {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "own"},
            id="what is set is kept",
        ),
        pytest.param(
            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
            id="nothing leads past the endpoint to AWS",
        ),
        pytest.param(
            {"HTTP_PROXY": "http://proxy:3128", "no_proxy": "intranet"},
            {"NO_PROXY": "intranet,127.0.0.1,localhost"},
            id="no proxy is asked for this machine",
        ),
    ],
)
def test_a_process_reaches_the_local_server_alone(environment: Mapping[str, str], expected: Mapping[str, str]) -> None:
    assert (
        local_environment(environment, ENDPOINT).items()
        >= ({"AWS_ENDPOINT_URL_SQS": ENDPOINT} | dict(expected)).items()
    )


class Account:
    """Queues of an account in memory: their attributes by their names."""

    def __init__(self) -> None:
        self.queues: dict[str, Mapping[str, str]] = {}

    def find_or_create(self, name: str, attributes: Mapping[str, str]) -> str:
        self.queues.setdefault(name, attributes)
        return f"{ENDPOINT}/000000000000/{name}"

    def arn(self, url: str) -> str:
        return "arn:aws:sqs:us-east-1:000000000000:" + url.rpartition("/")[2]


@pytest.mark.parametrize(
    ("given", "names", "fifo"),
    [
        ("jobs", ("jobs", "jobs-dead"), {}),
        ("jobs.fifo", ("jobs.fifo", "jobs-dead.fifo"), {"FifoQueue": "true"}),
        ("http://localhost:9324/000000000000/jobs", ("jobs", "jobs-dead"), {}),
    ],
)
def test_a_queue_is_made_with_its_dead_letter_queue(given: str, names: tuple[str, str], fifo: dict[str, str]) -> None:
    account = Account()
    made = make_queue(account, given)
    assert (made.url.rpartition("/")[2], made.dead_letter_url.rpartition("/")[2]) == names
    policy = {"deadLetterTargetArn": account.arn(names[1]), "maxReceiveCount": 3}
    assert account.queues == {names[1]: fifo, names[0]: fifo | {"RedrivePolicy": json.dumps(policy)}}


def test_a_queue_of_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="for --queue write a name instead of https://sqs"):
        make_queue(Account(), "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs")


def test_what_is_explained_names_server_queues_and_a_command() -> None:
    queue = LocalQueue(f"{ENDPOINT}/0/jobs.fifo", f"{ENDPOINT}/0/jobs-dead.fifo")
    lines = [*explanations(LocalServer(ENDPOINT, "ElasticMQ"), queue, {"AWS_REGION": "r"})]
    assert lines[0] == "local SQS: ElasticMQ"
    assert queue.url in lines[1]
    assert queue.dead_letter_url in lines[2]
    body = json.loads(shlex.split(lines[3])[-1])
    assert (body["QueueUrl"], body["MessageBody"], body["MessageGroupId"]) == (queue.url, "hello", "local")


def test_the_command_is_one_word_each_for_a_shell() -> None:
    words = shlex.split(send_command(ENDPOINT, "http://x/1/it's", "r"))
    assert words[:3] == ["curl", "-sS", ENDPOINT + "/"]


def test_each_line_is_a_message() -> None:
    sent: list[str] = []
    send_lines(["a\n", "\n", ' {"b": 1} \r\n', "c"], sent.append)
    assert sent == ["a", ' {"b": 1} ', "c"]


def test_python_files_below_the_folder_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("app.py", "pkg/steps.py", "data.json", ".git/hook.py", "pkg/__pycache__/x.py", "venv/lib/click.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    before = snapshot(tmp_path)
    assert {os.path.relpath(path) for path in before} == {"app.py", "pkg/steps.py"}
    (tmp_path / "app.py").write_text("x = 1\n")
    (tmp_path / "pkg" / "steps.py").unlink()
    (tmp_path / "new.py").write_text("")
    assert changes(before, snapshot(tmp_path)) == ["app.py", "new.py", "pkg/steps.py"]
    assert changes(before, before) == []
