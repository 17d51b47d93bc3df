"""Rot is found in its turn, said before it is taken out, and nobody looks a forger for it."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buffer.fs import DISK
from buffer.reader import JournalReader
from buffer.scrub import MINUTE_MS, MINUTES, Part, Rot, look, share
from buffer.verify import Wrong, verify
from tests.support.life import Box

BLOCKS = 12


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(DISK, 1, tmp_path)
    for slot in range(BLOCKS):
        made.read(slot, frames=2)
        made.seal()
    yield made
    made.close()


def spoil(folder: Path, n: int, column: str, data: bytes) -> None:
    """As a card does it: without a word to anybody."""
    with closing(sqlite3.connect(folder / "journal" / "journal.db", isolation_level=None)) as db:
        db.execute(f"UPDATE blocks SET {column} = ? WHERE n = ?", (data, n))


def found(box: Box, folder: Path) -> list[Rot]:
    with closing(JournalReader(folder / "journal")) as reader:
        return list(look(reader, range(1, reader.head().n + 1), (box.keys.identity.verifier,)))


WEEK_MS = MINUTES * MINUTE_MS


@given(blocks=st.sampled_from((0, 1, 500, 10_079, 30_000)), week=st.integers(0, 3_000), grow=st.booleans())
def test_a_week_is_the_whole_store_once(blocks: int, week: int, grow: bool) -> None:
    """Also while a block is written each minute: what was there when the week began is looked at."""
    seen: list[int] = []
    for minute in range(MINUTES):
        part = share(blocks + grow * minute, week * WEEK_MS + minute * MINUTE_MS)
        assert len(part) <= -(-(blocks + MINUTES) // MINUTES)
        seen += part
    assert sorted(n for n in seen if n < blocks) == list(range(blocks))


def test_a_box_that_is_off_each_night_sees_all_in_time() -> None:
    seen: set[int] = set()
    for week in range(2_900, 2_904):
        for minute in range(MINUTES):
            if minute % 1440 < 960:  # on for sixteen hours a day
                seen |= set(share(MINUTES, week * WEEK_MS + minute * MINUTE_MS))
    assert len(seen) == MINUTES


def test_a_sound_store_has_no_rot(box: Box, tmp_path: Path) -> None:
    assert found(box, tmp_path) == []


@pytest.mark.parametrize(
    ("column", "data", "part", "records"),
    [
        ("body", b"no zlib stream", "body", 1),
        ("body", zlib.compress(b"{}\n"), "body", 1),
        ("raw", zlib.compress(b"1 2 > 00\n"), "raw", 0),
        ("note", b"no note", "header", 0),
    ],
)
def test_each_part_is_found(
    box: Box, tmp_path: Path, column: str, data: bytes, part: Part, records: int
) -> None:
    spoil(tmp_path, 5, column, data)
    assert found(box, tmp_path) == [Rot(5, part, records)]


@pytest.mark.parametrize("column", ["body", "raw"])
def test_what_rotted_is_said_and_taken_out(box: Box, tmp_path: Path, column: str) -> None:
    spoil(tmp_path, 5, column, b"rot")
    (rot,) = found(box, tmp_path)
    box.append("loss", rot.loss())
    box.commit()
    box.journal.caretaker.take_out(rot)
    box.seal()
    assert found(box, tmp_path) == []
    with closing(JournalReader(tmp_path / "journal")) as reader:
        report = verify(list(reader.blocks()), identity=box.keys.identity.verifier)
    kinds = {finding.kind for finding in report.findings}
    assert kinds == ({Wrong.BODY_MISSING} if rot.part == "body" else set())
    assert report.exit_code() == (1 if rot.part == "body" else 0), "never: not authentic"
