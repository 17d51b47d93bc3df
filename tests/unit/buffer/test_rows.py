"""Records: one spelling each."""

from __future__ import annotations

from typing import Any

import pytest

from buffer.errors import RowError
from buffer.grammar import LIMIT
from buffer.rows import MAX_BODY, MAX_DEPTH, MAX_ROW, MAX_ROWS, decode_body, decode_row, encode_row


def test_example_of_the_design() -> None:
    line = (
        b'{"boot":17,"i":5184000,"k":"reading","m":"kiln-main","mono":86400123,"q":"S","s":"f8640","src":"live",'
        b'"t":1795000000000,"v":{"p":"12.4100","u_a":"231.2"},"x":{"u_c":"missing"}}\n'
    )
    assert encode_row(decode_row(line)) == line


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({}, b"{}\n"),
        ({"b": 1, "a": -1}, b'{"a":-1,"b":1}\n'),
        ({"a": [True, False, "x", {"z": 1, "y": []}]}, b'{"a":[true,false,"x",{"y":[],"z":1}]}\n'),
        ({"a": "窑\u2028\x7f/"}, '{"a":"窑\u2028\x7f/"}\n'.encode()),
        ({"a": '"\\\b\f\n\r\t\x01'}, b'{"a":"\\"\\\\\\b\\f\\n\\r\\t\\u0001"}\n'),
        ({"a": LIMIT, "b": -LIMIT}, b'{"a":9007199254740992,"b":-9007199254740992}\n'),
        ({"a": ("x",)}, b'{"a":["x"]}\n'),
    ],
)
def test_spelling(record: dict[str, Any], line: bytes) -> None:
    assert encode_row(record) == line
    assert encode_row(decode_row(line)) == line


@pytest.mark.parametrize(
    "record",
    [
        {"a": 1.0},
        {"a": None},
        {"a": float("nan")},
        {"a": LIMIT + 1},
        {"a": -LIMIT - 1},
        {"é": 1},
        {"": 1},
        {"a\n": 1},
        {1: "a"},
        {"a": b"x"},
        {"a": {1, 2}},
        {"a": "\ud800"},
        {"a": [[[[[[[]]]]]]]},
        {"k" * 65: 1},
        {"a": "x" * MAX_ROW},
    ],
)
def test_what_has_no_place_in_a_record(record: dict[Any, Any]) -> None:
    with pytest.raises(RowError):
        encode_row(record)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{}",
        b"{}\n\n",
        b"{} \n",
        b" {}\n",
        b"{}\r\n",
        b"\xef\xbb\xbf{}\n",
        b"[]\n",
        b'"a"\n',
        b"1\n",
        b'{"b":1,"a":1}\n',
        b'{"a":1,"a":1}\n',
        b'{"a": 1}\n',
        b'{"a":1.0}\n',
        b'{"a":1e3}\n',
        b'{"a":-0}\n',
        b'{"a":01}\n',
        b'{"a":null}\n',
        b'{"a":NaN}\n',
        b'{"a":Infinity}\n',
        b'{"a":"\\u0041"}\n',
        b'{"a":"\\/"}\n',
        b'{"a":"\\u000a"}\n',
        b'{"a":"\\ud800"}\n',
        b'{"a":"\xff"}\n',
        b'{"a":9007199254740993}\n',
        b'{"a":' + b"9" * 5000 + b"}\n",
        b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}\n",
        b'{"\\u00e9":1}\n',
        b'{"a":"' + b"x" * MAX_ROW + b'"}\n',
    ],
)
def test_other_spellings_are_refused(line: bytes) -> None:
    with pytest.raises(RowError):
        decode_row(line)


def test_depth_just_within_and_just_beyond() -> None:
    def nested(depth: int) -> dict[str, Any]:
        value: Any = "x"
        for _ in range(depth - 1):
            value = [value]
        return {"a": value}

    assert decode_row(encode_row(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(RowError):
        encode_row(nested(MAX_DEPTH + 1))


def test_body() -> None:
    rows = [{"i": 1}, {"i": 2}]
    body = b"".join(map(encode_row, rows))
    assert list(decode_body(body)) == rows
    assert list(decode_body(b"")) == []


@pytest.mark.parametrize("body", [b"{}\n{}", b"{}\n\n", b"{}\n" * (MAX_ROWS + 1), b" " * (MAX_BODY + 1)])
def test_body_that_is_none(body: bytes) -> None:
    with pytest.raises(RowError):
        list(decode_body(body))
