"""`qwp validate` as people and pipelines call it."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from queueworkerpool.__main__ import main
from queueworkerpool.commands import LONGEST_LINE, MAX_FILE_BYTES, MOST_ERRORS
from tests.cluster.operator.pool_manifests import CALM, manifest, pool, schedule

_MORNING = "spec.schedules[name=morning]"
OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
CROSSED = (
    "spec.minReplicas: Invalid value: spec.minReplicas must not be above spec.maxReplicas: "
    "lower minReplicas or raise maxReplicas"
)
NEVER_SCALES = (
    "minReplicas and maxReplicas are both 50, so the pool never scales: "
    "raise it, or set the Deployment's replicas and have no pool"
)
SUPPORTED = 'supported values: "queueworker.dev/v1alpha1"'


def qwp(*arguments: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["validate", *arguments], input=stdin)


def lines(stdin: str) -> list[str]:
    return qwp("-f", "-", stdin=stdin).output.splitlines()


EXITS: dict[str, tuple[str | bytes, int]] = {
    "a valid pool": (pool(), 0),
    "a valid pool with a warning": (pool(minReplicas=50), 0),
    "an invalid pool": (pool(minReplicas=51), 1),
    "an invalid pool after a valid one": (pool() + "---\n" + pool(mode="Auto"), 1),
    "only objects of other kinds": (OTHER, 0),
    "broken YAML": ("a: [", 1),
    "text": ("hello", 1),
    "nothing": ("", 1),
    "nothing but comments": ("# a\n---\n# b\n", 1),
    "not UTF-8": (b"a: \xff", 1),
    "a byte order mark": (b"\xef\xbb\xbf" + pool().encode(), 0),
    "a file that is too large": ("#" * (MAX_FILE_BYTES + 1), 1),
    "a file of the largest size": (pool() + "#" * (MAX_FILE_BYTES - len(pool())), 0),
}


@pytest.mark.parametrize(("stdin", "code"), EXITS.values(), ids=EXITS.keys())
def test_the_exit_code(stdin: str | bytes, code: int) -> None:
    assert qwp("-f", "-", stdin=stdin).exit_code == code


@pytest.mark.parametrize("arguments", [(), ("-f", "no-such-file"), ("-f", "/"), ("-f", "-", "-o", "yaml"), ("x",)])
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert qwp(*arguments).exit_code == 2


def test_a_line_names_file_object_and_field_and_has_the_api_servers_message(tmp_path: Path) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text(pool(minReplicas=51))
    assert qwp("-f", str(path)).output == f'{path}: QueueWorkerPool "p": {CROSSED}\n'


def line_of(part: str, text: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_every_object_of_a_file_is_reported() -> None:
    second = manifest(CALM | {"scaleTargetRef": {"name": "resizer"}}, metadata={"name": "q"})
    text = "---\n".join((pool(minReplicas=50), OTHER, "a: [\n", second))
    assert lines(text) == [
        f'<stdin>: QueueWorkerPool "p": warning: spec.maxReplicas: {NEVER_SCALES}',
        '<stdin>: QueueWorkerPool "p": valid',
        '<stdin>: ConfigMap "c": skipped, for only QueueWorkerPools of queueworker.dev are validated',
        f"<stdin>: line {line_of('a: [', text) + 1}: did not find expected node content",
        '<stdin>: QueueWorkerPool "q": valid',
    ]


def test_json_has_the_same() -> None:
    printed = json.loads(qwp("-f", "-", "-o", "json", stdin=pool(mode="Auto", minReplicas=50) + "---\n" + OTHER).output)
    assert printed["file"] == "<stdin>"
    invalid, skipped = printed["objects"]
    assert invalid["errors"][0] == {
        "field": "spec.mode",
        "message": 'Unsupported value: "Auto": supported values: "Active", "DryRun", "Paused"',
    }
    assert {key: value for key, value in invalid.items() if key != "errors"} == {
        "kind": "QueueWorkerPool",
        "namespace": "",
        "name": "p",
        "line": 1,
        "result": "invalid",
        "warnings": [],
        "queues": [],
    }
    assert (skipped["kind"], skipped["result"], skipped["errors"]) == ("ConfigMap", "skipped", [])


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_the_items_of_a_list_are_validated_one_by_one() -> None:
    items = "".join("-" + indented(text)[1:] for text in (pool(), OTHER, pool(minReplicas=51) + "mode: x\nmode: y\n"))
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}"
    assert lines(text) == [
        '<stdin>: QueueWorkerPool "p": valid',
        '<stdin>: ConfigMap "c": skipped, for only QueueWorkerPools of queueworker.dev are validated',
        f'<stdin>: QueueWorkerPool "p": mode: line {line_of("mode: y", text)}: key "mode" already set in map',
        '<stdin>: QueueWorkerPool "p": mode: unknown field "mode"',
        f'<stdin>: QueueWorkerPool "p": {CROSSED}',
    ]


UNEXPECTED = {
    "a list": ("[1]", "line 1: an object is needed, with a kind"),
    "no kind": ("apiVersion: v1", "kind: Required value"),
    "no apiVersion": ("kind: QueueWorkerPool", 'QueueWorkerPool "": apiVersion: Required value'),
    "another version": (
        pool().replace("v1alpha1", "v1"),
        f'QueueWorkerPool "p": apiVersion: Unsupported value: "queueworker.dev/v1": {SUPPORTED}',
    ),
    "a kind in lower case": (
        pool().replace("kind: QueueWorkerPool", "kind: queueworkerpool"),
        'queueworkerpool "p": kind: Unsupported value: "queueworkerpool": supported values: "QueueWorkerPool"',
    ),
    "a pool of another API group": (
        pool().replace("queueworker.dev", "example.com"),
        'QueueWorkerPool "p": skipped, for only QueueWorkerPools of queueworker.dev are validated',
    ),
}


@pytest.mark.parametrize(("text", "line"), UNEXPECTED.values(), ids=UNEXPECTED.keys())
def test_an_unexpected_object(text: str, line: str) -> None:
    assert lines(text) == [f"<stdin>: {line}"]


def test_printed_lines_are_limited_and_without_control_characters() -> None:
    many = pool(**{f"field{i}": i for i in range(MOST_ERRORS + 7)})
    assert lines(many)[-1] == '<stdin>: QueueWorkerPool "p": and 7 more errors; -o json has them all'
    (long,) = lines(manifest(CALM, metadata={"name": "p"}, **{"x" * 5000: 1}))
    assert long.endswith("-o json has them all)")
    assert len(long) < LONGEST_LINE + 100
    (escaped,) = lines(manifest(CALM, metadata={"name": "p"}, **{"\x1b[31m\u202e": 1}))
    assert escaped == '<stdin>: QueueWorkerPool "p": \\x1b[31m\\u202e: unknown field "\\x1b[31m\\u202e"'


LEGACY = "https://queue.amazonaws.com/123456789012/jobs"
OTHER_SERVER = "http://elasticmq:9324/queue/jobs"


@pytest.mark.parametrize(
    ("url", "where"), [(LEGACY, "us-east-1"), (OTHER_SERVER, "the operator's own region")], ids=["legacy", "elasticmq"]
)
def test_a_region_that_is_not_plain_to_see_is_told(url: str, where: str) -> None:
    assert lines(pool(queues=[{"url": url}])) == [
        f'<stdin>: QueueWorkerPool "p": queue jobs is asked for in {where}',
        '<stdin>: QueueWorkerPool "p": valid',
    ]


def test_json_says_what_each_queue_is_asked_for() -> None:
    told = json.loads(qwp("-f", "-", "-o", "json", stdin=pool(queues=[{"url": LEGACY}])).output)
    assert told["objects"][0]["queues"] == [
        {"url": LEGACY, "name": "jobs", "account": "123456789012", "region": "us-east-1"}
    ]


def test_a_region_that_contradicts_the_url_is_not_valid() -> None:
    result = qwp("-f", "-", stdin=pool(queues=[{"url": LEGACY, "region": "eu-west-1"}]))
    assert result.exit_code == 1
    assert "spec.queues[0].region: the operator refuses it: region eu-west-1 is not that of its URL" in result.output


REFUSED_SCHEDULES: dict[str, tuple[str, str]] = {
    "a minute that does not exist": (
        schedule(cron="61 9 * * *"),
        f"{_MORNING}.cron: the operator refuses it: Bad minute",
    ),
    "a day that does not exist": (schedule(cron="0 9 30 2 *"), f"{_MORNING}.cron: the operator refuses it: Bad day"),
    "words": (schedule(cron="a b c d e"), f"{_MORNING}.cron: the operator refuses it: Bad minute"),
    "a time zone that does not exist": (
        schedule(timeZone="Moon/Base"),
        f"{_MORNING}.timeZone: the operator refuses it: there is no time zone 'Moon/Base'",
    ),
}


@pytest.mark.parametrize(("text", "error"), REFUSED_SCHEDULES.values(), ids=REFUSED_SCHEDULES)
def test_a_schedule_that_the_operator_refuses_is_not_valid(text: str, error: str) -> None:
    result = qwp("-f", "-", stdin=text)
    assert result.exit_code == 1
    assert error in result.output
    assert not result.output.endswith("valid\n")


def test_every_file_is_checked_whatever_the_others_are(tmp_path: Path) -> None:
    texts = {"broken": "a: [", "binary": "\ud800", "good": pool(), "bad": pool(minReplicas=51)}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode(errors="surrogatepass"))
    result = qwp(*(argument for name in texts for argument in ("-f", str(tmp_path / name))))
    assert result.exit_code == 1
    assert f'{tmp_path}/good: QueueWorkerPool "p": valid' in result.output
    assert CROSSED in result.output
    assert f"{tmp_path}/binary: it is not UTF-8" in result.output
    assert qwp("-f", str(tmp_path / "good"), "-f", str(tmp_path / "good")).exit_code == 0


def test_each_file_is_a_json_document_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(pool())
    told, decoder = qwp("-f", str(tmp_path / "a"), "-f", str(tmp_path / "b"), "-o", "json").output, json.JSONDecoder()
    first, end = decoder.raw_decode(told)
    second, _ = decoder.raw_decode(told[end:].lstrip())
    assert (first["file"], second["file"]) == (f"{tmp_path}/a", f"{tmp_path}/b")


def test_without_cel_it_says_in_one_sentence_what_is_missing_and_calls_no_pool_invalid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cel_expr_python"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "queueworkerpool.validate.rules", raising=False)
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    result = qwp("-f", "-", stdin=pool())
    sentence = (
        "Error: `qwp validate` needs the library cel-expr-python, which is not installed here, nor in the operator's "
        "image: install `queueworkerpool[cli]` with pip where you call it\n"
    )
    assert (result.exit_code, result.output) == (2, sentence)
