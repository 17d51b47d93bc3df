"""Whatever is done to a site file or a profile: a value or ConfigInvalid with good messages, nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigInvalid, Problem
from config.lines import find_lines
from config.load import load, read_folder
from config.messages import placeholders, render, template
from config.profiles import builtin_profiles, load_profile

EXAMPLE = read_folder(Path(str(files("config").joinpath("example"))))
PROFILES = [
    (entry.name, entry.read_bytes())
    for entry in sorted(files("config").joinpath("profiles").iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".toml")
]
TOKENS = (
    *('"', "'", '"""', "'''", "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "#", "\n", "\r\n", "\\", "\x00"),
    *("0", "-1", "1e400", "nan", "true", "1979-05-27", "[site]", "[[meter]]", "id = "),
    *("\ufeff", "é", "三", "\u202e"),
)


def mistakes(take: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems of ConfigInvalid, which holds one at least; nothing for sound files."""
    try:
        take()
    except ConfigInvalid as invalid:
        return invalid.problems or (Problem("no problem at all", "", 0, ""),)
    return ()


def judged(files_: list[tuple[str, bytes]]) -> None:
    """Load; every problem must have a place inside its file and a complete message in both languages."""
    texts = dict(files_)
    for problem in mistakes(lambda: load(files_, builtin_profiles())):
        assert 0 <= problem.line <= texts.get(problem.file, b"").count(b"\n") + 1
        for lang in ("en", "zh"):
            assert placeholders(template(problem.code, lang)) <= set(problem.args)
            assert render(problem, lang).isprintable()


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, doubled, swapped or overwritten stretches, and tokens thrown in."""
    text = data
    for _ in range(draw(st.integers(1, 4))):
        first = draw(st.integers(0, len(text)))
        last = draw(st.integers(first, min(len(text), first + 80)))
        piece = draw(
            st.one_of(
                st.just(b""),
                st.sampled_from(TOKENS).map(str.encode),
                st.binary(max_size=8),
                st.just(text[first:last] * 2),
            )
        )
        text = text[:first] + piece + text[last:]
    return text


@settings(deadline=None)
@given(st.data())
def test_no_mutation_of_the_example_raises_anything_else(data: st.DataObject) -> None:
    which = data.draw(st.integers(0, len(EXAMPLE) - 1))
    files_ = list(EXAMPLE)
    files_[which] = (files_[which][0], data.draw(mutated(files_[which][1])))
    judged(files_)


VALUES = st.sampled_from(
    (
        *(
            "0",
            "-1",
            "1",
            "10",
            "3.5",
            "nan",
            "inf",
            "true",
            "9" * 40,
            "9" * 400,
            "0x" + "f" * 5000,
            "1979-05-27",
            "07:32:00",
        ),
        *("[]", "[[]]", "[1]", '["pusher"]', "{}", "{a = 1}"),
        *('""', '"x"', '"kiln"', '"三"', '"1"', '"p"', '"200/5"', '"9600 8N1"', '"/dev/x"', f'"{"9" * 200}"'),
        *('"tcp"', '"serial"', '"dlt645-2007"', '"modbus-rtu"', '"threshold"'),
    )
)


@given(st.data())
def test_no_value_in_any_key_raises_anything_else(data: st.DataObject) -> None:
    """Sound TOML with wrong values: the deep checks, not only the syntax."""
    files_ = []
    for name, content in EXAMPLE:
        lines = content.decode().splitlines()
        assigned = [number for number, line in enumerate(lines) if " = " in line]
        for number in data.draw(st.lists(st.sampled_from(assigned), max_size=4)):
            key = lines[number].removeprefix("# ").partition(" = ")[0]
            lines[number] = f"{key} = {data.draw(VALUES)}"
        files_.append((name, "\n".join(lines).encode()))
    judged(files_)


@given(st.data())
def test_no_order_or_loss_of_lines_raises_anything_else(data: st.DataObject) -> None:
    files_ = []
    for name, content in EXAMPLE:
        lines = [line for line in content.decode().splitlines() if line and not line.startswith("#")]
        gone = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=5))
        kept = [line for number, line in enumerate(lines) if number not in gone]
        files_.append((name, "\n".join(kept).encode()))
    judged(files_)


@given(st.data())
def test_no_mutation_of_a_profile_raises_anything_else(data: st.DataObject) -> None:
    name, content = data.draw(st.sampled_from(PROFILES))
    broken = data.draw(mutated(content))
    for problem in mistakes(lambda: load_profile(name, broken)):
        assert placeholders(template(problem.code, "zh")) <= set(problem.args)


@given(st.lists(st.sampled_from(TOKENS)).map("".join))
def test_the_scan_for_lines_ends_on_any_text(text: str) -> None:
    lines = find_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


KEYS = st.text("ab", min_size=1, max_size=3)
SCALARS = st.sampled_from(
    ('"""\n[no]\nx = 1\n"""', "'''#\n'''", "[\n1, # ]\n2]", "1 # = 2", '"[a]"', "{c = 1}")
)


@given(st.lists(st.tuples(KEYS, SCALARS), max_size=6), st.lists(st.tuples(KEYS, KEYS, SCALARS), max_size=6))
def test_lines_agree_with_tomllib(top: list[tuple[str, str]], tables: list[tuple[str, str, str]]) -> None:
    """The line found for a key is the line on which that key was written, for all that tomllib accepts."""
    written: dict[tuple[str | int, ...], int] = {}
    text = ""
    for key, value in top:
        written[(key,)] = text.count("\n") + 1
        text += f"{key} = {value}\n"
    count: dict[str, int] = {}
    for table, key, value in tables:
        text += f"\n[[{table}]]\n"
        number = count.get(table, 0)
        count[table] = number + 1
        written[(table, number, key)] = text.count("\n") + 1
        text += f"{key} = {value}\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = find_lines(text)
    assert {path: found.get(path) for path in written} == written
