"""Values are written in messages as Go writes them."""

import pytest

from queueworkerpool.validate.problems import shown

ROWS = {
    "text": ("a", '"a"'),
    "quotes and backslashes": ('a"\\', '"a\\"\\\\"'),
    "control characters": ("\a\b\f\n\r\t\v\x00\x7f", '"\\a\\b\\f\\n\\r\\t\\v\\x00\\x7f"'),
    "letters of any script": ("é٣😀", '"é٣😀"'),
    "invisible characters": ("\x85\xa0\u200b\u2028\U000e0001", '"\\u0085\\u00a0\\u200b\\u2028\\U000e0001"'),
    "a boolean": (True, "true"),
    "null": (None, "null"),
    "a whole number": (-(2**63), "-9223372036854775808"),
    "a small number": (0.001, "0.001"),
    "a very small number": (1.5e-7, "1.5e-07"),
    "a number with a fraction": (123456.5, "123456.5"),
    "a large number with a fraction": (1234567.5, "1.2345675e+06"),
    "a large number": (-(2.0**63), "-9.223372036854776e+18"),
    "a large round number": (1e21, "1e+21"),
    "a mapping": ({"b": "<é&>\u2028", "a": [1, None]}, '{"a":[1,null],"b":"\\u003cé\\u0026\\u003e\\u2028"}'),
}


@pytest.mark.parametrize(("value", "text"), ROWS.values(), ids=ROWS.keys())
def test_a_value_is_written_as_the_api_server_writes_it(value: object, text: str) -> None:
    assert shown(value) == text
