"""What a platform has is put back where our own hash allows it, and nothing else is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from buffer.block import decode_header
from buffer.fs import DISK
from buffer.note import decode
from buffer.reader import JournalReader
from buffer.refill import fitting
from buffer.scrub import Rot, look
from buffer.verify import BlockData, verify
from tests.support.life import Box

BLOCKS = 8


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(DISK, 1, tmp_path)
    for slot in range(BLOCKS):
        made.read(slot, frames=2)
        made.seal()
    yield made
    made.close()


def blocks_of(folder: Path) -> list[BlockData]:
    with closing(JournalReader(folder / "journal")) as reader:
        return list(reader.blocks())


def fits(folder: Path, given: list[BlockData]) -> list[BlockData]:
    with closing(JournalReader(folder / "journal")) as reader:
        genesis = decode_header(decode(next(reader.blocks(0, 0)).note).text)
        return list(fitting(reader, given, genesis.keys[:1]))


def spoil(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "journal" / "journal.db", isolation_level=None)) as db:
        db.execute(sql)


def test_a_lost_body_and_a_rotten_header_come_back_byte_for_byte(box: Box, tmp_path: Path) -> None:
    whole = blocks_of(tmp_path)
    box.journal.caretaker.take_out(Rot(3, "body", 1))
    spoil(tmp_path, "UPDATE blocks SET note = x'00' WHERE n = 5")
    given = fits(tmp_path, whole)
    assert given == [whole[3], whole[5]]
    assert [box.journal.caretaker.put_back(block) for block in given] == [3, 5]
    assert blocks_of(tmp_path) == whole
    with closing(JournalReader(tmp_path / "journal")) as reader:
        assert list(look(reader, range(1, BLOCKS + 1), (box.keys.identity.verifier,))) == []
    assert verify(blocks_of(tmp_path), identity=box.keys.identity.verifier).exit_code() == 0


def test_what_a_platform_does_not_keep_stays(box: Box, tmp_path: Path) -> None:
    """Bus frames never leave the box: ours are kept beside the body that comes back."""
    whole = blocks_of(tmp_path)
    spoil(tmp_path, "UPDATE blocks SET body = NULL WHERE n = 4")
    (given,) = fits(tmp_path, [replace(block, raw=None) for block in whole])
    assert box.journal.caretaker.put_back(given) == 4
    assert blocks_of(tmp_path) == whole


@pytest.mark.parametrize("line", [0, 1])
def test_a_sound_signature_is_never_given_up(box: Box, tmp_path: Path, line: int) -> None:
    """The hash says nothing of the signatures behind a text: a file with a damaged one fits in all else."""
    whole = blocks_of(tmp_path)
    note = decode(whole[5].note)
    bad = replace(note.signatures[line], signature=bytes(64))
    signatures = tuple(bad if at == line else one for at, one in enumerate(note.signatures))
    spoiled = replace(whole[5], note=replace(note, signatures=signatures).encode())
    assert fits(tmp_path, [spoiled]) == []
    spoil(tmp_path, "UPDATE blocks SET note = x'00' WHERE n = 5")
    assert fits(tmp_path, [spoiled]) == [], "not even for a rotten one"
    box.journal.caretaker.take_out(Rot(4, "body", 1))
    other = replace(whole[4], note=replace(decode(whole[4].note), signatures=signatures).encode())
    assert fits(tmp_path, [other]) == [whole[4]], "its body is ours; our header stays"


def test_nothing_else_is_put_back(box: Box, tmp_path: Path) -> None:
    whole = blocks_of(tmp_path)
    spoil(tmp_path, "UPDATE blocks SET body = NULL WHERE n = 4")
    edited = replace(whole[4], body=(whole[4].body or b"").replace(b'"p"', b'"q"'))
    other = Box(DISK, 1, tmp_path / "other")
    for slot in range(BLOCKS):
        other.read(slot)
        other.seal()
    strangers = blocks_of(tmp_path / "other")
    other.close()
    for given in (edited, strangers[4], replace(whole[4], note=b"no note"), whole[2]):
        assert fits(tmp_path, [given]) == []
    for given in (edited, strangers[4], replace(whole[4], note=b"no note")):
        assert box.journal.caretaker.put_back(given) is None
    assert blocks_of(tmp_path)[4].body is None
