"""What a cut may leave behind around a start: none of it is called wrong, and nothing else passes for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buffer.fs import DISK
from buffer.reader import last_boot
from buffer.verify.report import Findings
from buffer.verify.starts import Starts
from tests.support.journals import BOOTS, T0, header_of, make
from tests.support.life import Box

Rows = list[dict[str, Any]]
P = replace(header_of(make()[4]), n=4, boot=1, boot_id="one", utc_ms=T0)
T = T0 + 9_000


def boot(i: int, number: int, last_i: int, prev: str, *, clean: bool = False) -> dict[str, Any]:
    own = {"soft": "0.1.0", "id": f"id-{number}", "clean": clean, "prev": prev, "last_i": last_i}
    return {"k": "boot", "i": i, "boot": number, "t": T + number, **own}


def down(i: int, number: int, from_t: int, known: str = "unclean stop") -> dict[str, Any]:
    return {
        "k": "down",
        "i": i,
        "boot": number,
        "t": T + number,
        "from_t": from_t,
        "to_t": T + number,
        "known": known,
    }


def other(i: int, number: int, kind: str = "reading") -> dict[str, Any]:
    return {"k": kind, "i": i, "boot": number, "t": T0 + i}


def details(*blocks: tuple[int, Rows]) -> list[str]:
    """What is said of blocks 5, 6, ..., each sealed by the start of this number, behind ``P``."""
    findings = Findings()
    starts, before = Starts(findings), P
    starts.block(P, None, [other(99, 1)])
    for n, (number, rows) in enumerate(blocks, 5):
        header = replace(P, n=n, boot=number, boot_id=f"id-{number}", utc_ms=T0 + n)
        starts.block(header, before, rows)
        before = header
    return [finding.detail for finding in findings.all()]


FIRST = [boot(100, 2, 99, "one"), down(101, 2, T0), other(102, 2)]
HONEST: dict[str, list[tuple[int, Rows]]] = {
    "nothing found": [(2, FIRST)],
    "clean": [(2, [boot(100, 2, 99, "one", clean=True), down(101, 2, T0, "clean stop")])],
    "found in the tail": [
        (2, FIRST),
        (3, [other(103, 2), other(104, 3, "recovered")]),
        (3, [boot(105, 3, 103, "id-2"), down(106, 3, T0 + 103)]),
    ],
    "found in the tail, the card was full": [
        (2, FIRST),
        (3, [other(103, 2), other(104, 3, "recovered"), boot(105, 3, 103, "id-2"), down(106, 3, T0 + 103)]),
    ],
    "cut before a start said anything of itself": [
        (2, FIRST),
        (3, [other(103, 2), other(104, 3, "recovered")]),
        (4, [boot(105, 4, 104, "id-3"), down(106, 4, T0 + 6)]),
    ],
    "the same, the card was full": [
        (2, FIRST),
        (4, [other(103, 2), other(104, 3, "recovered"), other(105, 4, "recovered")]),
        (4, [boot(106, 4, 104, "id-2"), down(107, 4, T0 + 104)]),
    ],
    "cut between boot and down, boot sealed": [
        (2, [boot(100, 2, 99, "one")]),
        (3, [boot(101, 3, 100, "id-2"), down(102, 3, T0 + 5)]),
    ],
    "cut between boot and down, boot in the tail": [
        (3, [boot(100, 2, 99, "one"), other(101, 3, "recovered")]),
        (3, [boot(102, 3, 100, "id-2"), down(103, 3, T + 2)]),
    ],
    "a start that met a damage behind its first block, and began again": [
        (2, FIRST),
        (3, [other(103, 2), other(104, 3, "recovered")]),
        (3, [boot(105, 3, 104, "id-3"), down(106, 3, T0 + 6)]),
    ],
    "boot and down in two blocks": [(2, FIRST[:1]), (2, FIRST[1:])],
    "two starts whose records were all found": [
        (4, [*FIRST, other(103, 3, "recovered"), boot(104, 3, 102, "id-2"), down(105, 3, T0 + 102)]),
        (4, [other(106, 3), other(107, 4, "recovered")]),
        (4, [boot(108, 4, 106, "id-3"), down(109, 4, T0 + 106)]),
    ],
}


@pytest.mark.parametrize("name", HONEST)
def test_what_a_cut_leaves_behind(name: str) -> None:
    assert details(*HONEST[name]) == []


@pytest.mark.parametrize("name", HONEST)
def test_a_moved_beginning_is_seen_in_each_of_them(name: str) -> None:
    blocks = [
        (number, [{**row, "from_t": 7} if "from_t" in row else row for row in rows])
        for number, rows in HONEST[name]
    ]
    assert details(*blocks)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([other(100, 1), boot(101, 2, 100, "one"), down(102, 2, T0)], "middle"),
        ([boot(100, 1, 99, "one") | {"id": "one"}, down(101, 1, T0)], "boot 1 behind boot 1"),
        ([boot(100, 2, 99, "one"), other(101, 2)], "reading behind boot"),
        ([other(100, 2, "recovered"), other(101, 2)], "reading behind recovered"),
        ([other(100, 1), down(101, 1, T0)], "without a boot"),
        ([other(100, 1, "recovered"), boot(101, 1, 99, "one") | {"id": "one"}], "records of its own"),
        ([boot(100, 2, 98, "one"), down(101, 2, T0)], "says that 98"),
        ([boot(100, 2, 99, "two"), down(101, 2, T0)], "not one"),
    ],
)
def test_what_no_cut_leaves_behind(rows: Rows, said: str) -> None:
    assert any(said in detail for detail in details((2, rows)))


def test_the_first_start_of_all_stands_behind_nothing() -> None:
    genesis = replace(header_of(make()[0]))
    for last_i, prev, right in ((0, "-", True), (0, "x", False), (7, "-", False)):
        findings = Findings()
        own = {"id": BOOTS[0], "soft": genesis.soft}
        Starts(findings).block(genesis, None, [boot(1, 1, last_i, prev) | own])
        assert (findings.all() == ()) is right


@pytest.mark.parametrize("gone", [(), ("tail",), ("journal.db",), ("tail", "journal.db")])
def test_the_next_start_can_count_itself_whatever_is_gone(gone: tuple[str, ...], tmp_path: Path) -> None:
    box = Box(DISK, 7, tmp_path)
    box.read(0)
    box.seal()
    box.read(1)
    box.commit()
    box.journal._release()
    for name in gone:
        for path in (tmp_path / "journal").glob(f"{name}*"):
            path.unlink()
    assert last_boot(tmp_path / "journal") == (0 if len(gone) == 2 else 7)
