"""Records as text, format ``rows/1``: one JSON object a line, and exactly one spelling for each record.

::

    {"boot":17,"i":5184000,"k":"reading","m":"kiln-main","mono":86400123,...}\\n

Keys are printable ASCII, sorted, never repeated; no blanks; UTF-8 with escapes only where JSON demands them
(``\\" \\\\ \\b \\f \\n \\r \\t`` and ``\\u00xx`` for the other control characters). Values are strings, true
and false, integers up to 2^53 either side, and lists and objects of these; no floats, no null. Measured
values are decimal strings. Reading writes the record again and demands the same bytes:
no two readers can differ.

Knows nothing of what the fields mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

from buffer.errors import RowError
from buffer.grammar import LIMIT

# A record is a mapping of str to str, bool, int and nested lists and mappings of these.
Record = Mapping[str, Any]

MAX_ROW: Final = 8 * 1024  # bytes with the newline
MAX_ROWS: Final = 4096
MAX_BODY: Final = 1024 * 1024
MAX_DEPTH: Final = 6
MAX_KEY: Final = 64  # characters


def _refuse(text: str) -> NoReturn:
    raise RowError(f"row: {text[:32]} is not an integer")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), default=dict
)
_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)


def encode_row(record: Record) -> bytes:
    """The one line of ``record``, with its newline; RowError for what cannot be said in it."""
    _check_inside(record, MAX_DEPTH - 1)
    try:
        line = _ENCODER.encode(record).encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        raise RowError("row: half a surrogate pair") from error
    if len(line) > MAX_ROW:
        raise RowError("row: longer than 8 KiB")
    return line


def decode_row(line: bytes) -> dict[str, Any]:
    """Take one line with its newline; RowError unless it is the very line that ``encode_row`` writes."""
    if len(line) > MAX_ROW:
        raise RowError("row: longer than 8 KiB")
    try:
        record, _ = _DECODER.raw_decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RowError("row: not JSON") from error
    if not isinstance(record, dict):  # what stands behind it shows below
        raise RowError("row: not an object")
    if encode_row(record) != line:
        raise RowError("row: not in its one spelling")
    return record


def decode_body(body: bytes) -> Iterator[dict[str, Any]]:
    """The records of a body, one after the other; RowError at the first that is wrong, and for sizes."""
    if len(body) > MAX_BODY or body.count(b"\n") > MAX_ROWS:
        raise RowError("body: too long")
    for line in _lines(body):
        yield decode_row(line)


def _lines(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = body.find(b"\n", start) + 1
        if end == 0:
            raise RowError("body: last line without newline")
        yield body[start:end]
        start = end


def _check(values: Iterable[object], depth: int) -> None:
    """Only what has one spelling may pass. Plain types come first: this loop is most of a verification."""
    for value in values:
        kind = type(value)
        if kind is str or kind is bool:
            continue
        if isinstance(value, int):
            if not -LIMIT <= value <= LIMIT:
                raise RowError("row: integer beyond 2^53")
        elif not isinstance(value, str):
            _check_inside(value, depth - 1)


def _check_inside(value: object, depth: int) -> None:
    if depth < 0:
        raise RowError("row: nested too deep")
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101 -- dict is told at once
        if not all(map(_is_key, value)):
            raise RowError("row: key is not printable ASCII")
        _check(value.values(), depth)
    elif isinstance(value, list | tuple):
        _check(value, depth)
    else:
        raise RowError(f"row: {type(value).__name__} has no place in a record")


@lru_cache(maxsize=1024)
def _is_key(key: object) -> bool:
    return isinstance(key, str) and key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY
