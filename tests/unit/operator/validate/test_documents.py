"""Manifests are read as Kubernetes reads them, and no file makes the reader hang or raise another error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.validate.documents import (
    MAX_DEPTH,
    MAX_VALUES,
    Document,
    DocumentBrokenError,
    comments_of,
    read,
    resolve,
)

# What a plain scalar is to Kubernetes, as a real API server answered.
NUMBERS = """5 5; +5 5; -5 -5; -0 0; 1_000 1000; 0x1F 31; 0b101 5; -0b101 -5; 0o17 15; 017 15; 08 8; 5. 5; 5.0 5;
 -0.0 0; 1e2 100; 50e-1 5; .5 0.5; -.5 -0.5; 1.5e-7 1.5e-7; 1e21 1e21; 1e-400 0;
 9223372036854775807 9223372036854775807; 9223372036854775808 9223372036854775808.0;
 -9223372036854775808 -9223372036854775808;
 -9223372036854775809 -9223372036854775809.0; 18446744073709551616 18446744073709551616.0;
 0xFFFFFFFFFFFFFFFF 18446744073709551615.0; 07777777777777777777777777 7777777777777777777777777.0;
 .inf inf; -.INF -inf"""
TEXTS = """yEs nULL tRUE 1:30 2024-01-01 1e400 -1e400 0x 0b2 _1 0x1p4 +0xFFFFFFFFFFFFFFFF 0xFFFFFFFFFFFFFFFFF
 5% 5s . - 1i nan inf Infinity ٣ ５ --5 1,000 1e1e1 <"""


def number(text: str) -> int | float:
    return float(text) if "." in text or "e" in text or "inf" in text else int(text)


SCALARS: dict[str, Any] = (
    {pair.split()[0]: number(pair.split()[1]) for pair in NUMBERS.split(";")}
    | dict.fromkeys(("y", "Yes", "on", "TRUE"), True)
    | dict.fromkeys(("n", "No", "OFF", "false"), False)
    | dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | {text: text for text in (*TEXTS.split(), "9" * 5000)}
)


@pytest.mark.parametrize(("text", "value"), SCALARS.items(), ids=[text[:20] or "nothing" for text in SCALARS])
def test_a_plain_scalar_is_read_as_kubernetes_reads_it(text: str, value: Any) -> None:
    assert (resolve(text), type(resolve(text))) == (value, type(value))


def value_of(text: str) -> Any:
    (document,) = read(text)
    assert isinstance(document, Document), document
    return document.value


VALUES: dict[str, tuple[str, Any]] = {
    "a quoted scalar is text": ("['5', \"yes\", !!str 5, !own 5, ! 5]", ["5", "yes", "5", "5", "5"]),
    "a block is text": ("|-\n  5", "5"),
    "a tag sets the type of a quoted scalar": ("[!!int '5', !!float 5, !!bool 'yes', !!null '']", [5, 5, True, None]),
    "a key is text, even a number": ("{5: a, yes: b, 1.5: c}", {"5": "a", "true": "b", "1.5": "c"}),
    "a key that stands twice: the last": ("{a: 1, a: 2}", {"a": 2}),
    "an alias is the value of its anchor": (
        "{a: &x {b: 1}, c: [*x, *x]}",
        {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]},
    ),
    "a merge adds what is missing": (
        "{a: &x {b: 1, c: 2}, d: {<<: *x, c: 3}}",
        {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}},
    ),
    "a merge and a key: the last, as with kubectl": (
        "[{a: 1, <<: {a: 2}}, {<<: {a: 2}, a: 1}, {<<: {a: 1}, b: 2, <<: {a: 3}}]",
        [{"a": 2}, {"a": 1}, {"a": 3, "b": 2}],
    ),
    "several merges: the first": ("{<<: [{a: 1}, {a: 2, b: 3}], c: 4}", {"a": 1, "b": 3, "c": 4}),
    "a quoted << is a key": ("{'<<': 1}", {"<<": 1}),
    "JSON is YAML": ('{"a": [1, 2.5, true, null, "x\\u00e9\\/"]}', {"a": [1, 2.5, True, None, "xé/"]}),
}


@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES.keys())
def test_values(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_documents_come_in_order_with_the_line_of_their_start() -> None:
    text = "# first\na: 1\n---\n\n--- # nothing but words\nb: 2\n---   \n--- {c: 3}\n...\n"
    assert list(read(text)) == [Document({"a": 1}, 2), Document({"b": 2}, 6), Document({"c": 3}, 8)]


def test_a_separator_inside_a_text_is_text() -> None:
    assert value_of("a: |\n  x\n  ---\n  y\n") == {"a": "x\n---\ny\n"}


def test_a_key_that_stands_twice_is_reported_with_its_path_and_line() -> None:
    (document,) = read("---\na:\n- b: 1\n  c: 2\n  b: 3\n")
    assert isinstance(document, Document)
    assert document.duplicates == (("a[0].b", "b", 5),)


BROKEN: dict[str, tuple[str, str]] = {
    "an open bracket": ("a: [\n", "line 6: did not find expected node content"),
    "a tab": ("a:\n\t- b", "line 5: found character that cannot start any token"),
    "a control character": ("a: \0", "line 3: unacceptable character #x0000: control characters are not allowed"),
    "two values": ("a: b: c", "line 4: mapping values are not allowed"),
    "an alias without an anchor": ("a: *b", "line 4: alias *b has no anchor"),
    "an alias of itself": ("a: &x [*x]", "line 4: alias *x has no anchor before it, or stands within it"),
    "a merge of a number": ("a: 1\n<<: 5", "line 5: << needs a mapping"),
    "a mapping as a key": ("{a: b}: c", "line 4: a key must be text"),
    "no key": ("~: c", "line 4: a key must be text"),
    "not a number": ("a: 1\nb: .nan", "line 5: .nan is no number"),
    "a tag that does not fit": ("!!int 5.5", "line 4: '5.5' is not what its tag says, int"),
    "brackets without end": ("[" * 100_000, f"line 4: nested deeper than {MAX_DEPTH}"),
    "dashes without end": ("- " * 100_000, f"line 4: nested deeper than {MAX_DEPTH}"),
}


@pytest.mark.parametrize(("text", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_document_is_reported_with_its_line_and_hides_no_other(text: str, problem: str) -> None:
    before, error, after = read(f"---\nbefore: 1\n---\n{text}\n---\nafter: 1")
    assert isinstance(error, DocumentBrokenError)
    assert str(error).startswith(problem)
    assert isinstance(before, Document)
    assert before.value == {"before": 1}
    assert isinstance(after, Document)
    assert after.value == {"after": 1}


def laughs(first: str, many: str) -> str:
    """Ten lines, each of which repeats the one before nine times."""
    lines = [f"a: &a {first}"]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} {many.format(', '.join([f'*{before}'] * 9))}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [laughs("[ha]", "[{}]"), laughs("{ha: ha}", "{{<<: [{}]}}"), "- a\n" * (MAX_VALUES + 1), "--- a\n" * MAX_VALUES],
    ids=["a billion laughs", "a billion merged laughs", "a list without end", "documents without end"],
)
@pytest.mark.timeout(20)
def test_a_file_beyond_the_limit_is_reported_and_not_read_further(text: str) -> None:
    *before, last = read(text + "\n---\na: 1")
    assert f"more than {MAX_VALUES} values" in str(last)
    assert [found for found in before if not isinstance(found, Document)] == []


@given(st.text(st.characters(codec="utf-8")) | st.text("ab:-?[]{},&*!|>'\"%@#<~0 \n\t"))
def test_no_text_makes_the_reader_raise_another_error(text: str) -> None:
    assert all(isinstance(found, (Document, DocumentBrokenError)) for found in read(text))


def test_a_document_knows_the_line_of_each_field_and_item() -> None:
    text = "# first\na:\n  b: 1\n  c:\n  - 2\n  - d: 3\n---\ne.f/g: 4\n"
    lines = [dict(document.lines) for document in read(text, with_lines=True) if isinstance(document, Document)]
    assert lines == [{"a": 2, "a.b": 3, "a.c": 4, "a.c[0]": 5, "a.c[1]": 6, "a.c[1].d": 6}, {"e.f/g": 8}]


def test_comments_are_found_where_they_stand_and_nowhere_else() -> None:
    text = (
        "# head\n#\na: 1 # end of a\nb: 'x # no comment'\nc: |\n  # no comment either\n## two signs\nd: [1, # in a list"
        "\n  2]\ne: http://x#y\n---\nf: {\n---\n# later\ng: 1\n"
    )
    assert list(comments_of(text)) == [
        (1, "head", False),
        (2, "", False),
        (3, "end of a", True),
        (7, "two signs", False),
        (8, "in a list", True),
        (14, "later", False),
    ]
