"""Lines of keys, in every way TOML can write a key."""

from __future__ import annotations

import tomllib

import pytest

from config.lines import find_lines, line_of

TEXT = '''\
# a comment with [brackets] and "quotes"
title = "x # not a comment"   # 2
[site]                         # 3
id = "a"
"quoted key" = 1
name = """
[not.a.header]
id = "no"
"""
list = [ # 10
  "]", # a bracket in a text
  2,
]
[[meter]] # 14
id = 'C:\\'
[meter.more] # 16
x = {a = 1, b = "}"}
[[meter]]

id = "second" # 20
dotted.key.here = 1
profile = [
  { q = "u_a" }, # 23

  { q = "u_b", list = ["{", "}"] }, # 25
]
[[meter.part]] # 27
n = 1
'''

PLACES = {
    ("title",): 2,
    ("site",): 3,
    ("site", "id"): 4,
    ("site", "quoted key"): 5,
    ("site", "name"): 6,
    ("site", "list"): 10,
    ("meter",): 14,
    ("meter", 0): 14,
    ("meter", 0, "id"): 15,
    ("meter", 0, "more"): 16,
    ("meter", 0, "more", "x"): 17,
    ("meter", 1): 18,
    ("meter", 1, "id"): 20,
    ("meter", 1, "dotted", "key", "here"): 21,
    ("meter", 1, "profile"): 22,
    ("meter", 1, "profile", 0): 23,
    ("meter", 1, "profile", 1): 25,
    ("meter", 1, "part", 0, "n"): 28,
}


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_line_of_each_key(path: tuple[str | int, ...]) -> None:
    assert find_lines(TEXT).get(path) == PLACES[path]


def test_the_sample_is_toml() -> None:
    assert len(tomllib.loads(TEXT)["meter"]) == 2


def test_a_key_in_an_inline_table_has_its_tables_line() -> None:
    assert line_of(find_lines(TEXT), ("meter", 1, "profile", 1, "list", 0)) == 25


def test_an_unknown_path_has_no_line() -> None:
    assert line_of(find_lines(TEXT), ("nowhere", 3)) == 0


@pytest.mark.parametrize(
    "text", ["", "[", "[[", "=", "a", "a =", 'a = "', "\x00", "[a]]]]", 'a = """', "a.", "]"]
)
def test_what_is_no_toml_ends_the_scan(text: str) -> None:
    assert set(find_lines(text).values()) <= {1}
