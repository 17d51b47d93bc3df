"""Makes the journal vectors: one small journal from fixed seeds, sound, and forged in each way with a name.

``python -m tests.support.journal_vectors`` writes them into tests/vectors/journal: always the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from buffer import note
from buffer.block import encode_header
from buffer.rows import decode_body, encode_row
from buffer.verify import BlockData, Wrong
from tests.support.journals import (
    CITY,
    COUNTY,
    IDENTITY,
    Life,
    Row,
    header_of,
    make,
    ratchet,
    receipt,
    resign,
)

FOLDER = Path(__file__).parent.parent / "vectors" / "journal"
LIFE = Life(blocks=6, rows=1)
GOOD: Sequence[BlockData] = tuple(make(LIFE))
Case = tuple[Sequence[BlockData], Wrong | None, int | None, int]


def _with(n: int, block: BlockData) -> Sequence[BlockData]:
    return (*GOOD[:n], block, *GOOD[n + 1 :])


def _lived(n: int, edit: Callable[[list[Row]], None]) -> Sequence[BlockData]:
    return make(replace(LIFE, edit=lambda at, records: edit(records) if at == n else None))


def _headed(n: int, **changes: Any) -> Sequence[BlockData]:
    return make(replace(LIFE, header=lambda header: replace(header, **changes) if header.n == n else header))


def _note(n: int, old: bytes, new: bytes) -> BlockData:
    return replace(GOOD[n], note=GOOD[n].note.replace(old, new, 1))


def _body(n: int) -> bytes:
    body = GOOD[n].body
    assert body is not None
    return body


def _without_ratchet(n: int) -> BlockData:
    """The identity is the thief's too, the ratchet key of that hour is not."""
    text = encode_header(replace(header_of(GOOD[n]), mono_ms=header_of(GOOD[n]).mono_ms + 1))
    return replace(GOOD[n], note=note.encode(text, (IDENTITY, ratchet(9))))


def _twin() -> Sequence[BlockData]:
    return _lived(2, lambda records: records[0].update(v={"p": "0.000"}))


def _renumbered() -> BlockData:
    header = header_of(GOOD[3])
    body = b"".join(encode_row(row | {"i": row["i"] + 1}) for row in decode_body(_body(3)))
    return resign(GOOD[3], body=body, first=header.first + 1, last=header.last + 1)


def cases() -> Mapping[str, Case]:
    """Name -> blocks, kind of wrong, first wrong block, exit code. Receipts are the same for all but two."""
    sums = header_of(GOOD[3]).sums
    row = _body(3)
    found: dict[str, Case] = {
        "valid": (GOOD, None, None, 0),
        "edited-header": (_with(3, _note(3, b"alarms 1", b"alarms 0")), Wrong.EDITED_HEADER, 3, 65),
        "edited-body": (
            _with(3, replace(GOOD[3], body=row.replace(b'"3.400"', b'"0.400"'))),
            Wrong.EDITED_BODY,
            3,
            65,
        ),
        "edited-raw": (_with(3, replace(GOOD[3], raw=b"1 2 > 00\n")), Wrong.EDITED_RAW, 3, 65),
        "re-signed-identity": (_with(3, resign(GOOD[3], "thief")), Wrong.RE_SIGNED, 3, 65),
        "re-signed-ratchet": (_with(3, _without_ratchet(3)), Wrong.RE_SIGNED, 3, 65),
        "re-signed-all": (make(replace(LIFE, secret="thief")), Wrong.RE_SIGNED, 0, 65),
        "spliced": ((*GOOD[:3], *_twin()[3:]), Wrong.SPLICED, 3, 65),
        "old-epoch": (_with(3, make(replace(LIFE, epoch="0000000000000000"))[3]), Wrong.SPLICED, 3, 65),
        "removed": ((*GOOD[:3], *GOOD[4:]), Wrong.REMOVED, 3, 65),
        "duplicated": ((*GOOD[:4], *GOOD[3:]), Wrong.DUPLICATED, 3, 65),
        "swapped": ((*GOOD[:3], GOOD[4], GOOD[3], *GOOD[5:]), Wrong.SWAPPED, 3, 65),
        "fork": ((*GOOD[:4], resign(GOOD[3], mono_ms=1), *GOOD[4:]), Wrong.FORK, 3, 65),
        "row-not-canonical": (
            _with(3, resign(GOOD[3], body=row.replace(b'{"', b'{ "', 1))),
            Wrong.BAD_ROW,
            3,
            65,
        ),
        "value-not-text": (
            _with(3, resign(GOOD[3], body=row.replace(b'"3.400"', b"3"))),
            Wrong.BAD_ROW,
            3,
            65,
        ),
        "records-discontinuous": (_with(3, _renumbered()), Wrong.BAD_RECORDS, 3, 65),
        "sums-wrong": (_headed(3, sums=replace(sums, reads_ok=sums.reads_ok + 1)), Wrong.BAD_SUMS, 3, 65),
        "mono-falls": (_headed(3, mono_ms=1), Wrong.MONO_FALLS, 3, 65),
        "slot-repeated": (_lived(3, lambda rows: rows.append(dict(rows[0]))), Wrong.SLOT_REPEATED, 3, 65),
        "slot-missing": (_lived(3, lambda rows: rows.__delitem__(0)), Wrong.SLOT_MISSING, 4, 1),
        "body-missing": (_with(3, replace(GOOD[3], body=None, raw=None)), Wrong.BODY_MISSING, 3, 1),
        "truncated": (GOOD[:4], Wrong.TRUNCATED, 4, 1),
        "receipt-forged": (GOOD, Wrong.BAD_RECEIPT, None, 65),
        "receipt-of-two-histories": (GOOD, Wrong.FORK, 4, 65),
    }
    return MappingProxyType(found)


def receipts_of(name: str, blocks: Sequence[BlockData]) -> list[tuple[bytes, note.VerifierKey]]:
    """What city and county say of the history shown, or, in the last two cases, of another."""
    if name == "receipt-forged":
        return [(receipt(GOOD, 4)[0].replace(b"0..4", b"0..5"), CITY.verifier)]
    if name == "receipt-of-two-histories":
        return [receipt(_twin(), 4)]
    told = blocks if name == "slot-missing" else GOOD
    return [receipt(told, 4), receipt(told, 1, COUNTY)]


def rendered(name: str) -> str:
    """The file of one case."""
    blocks, kind, first, code = cases()[name]
    content = {
        "identity": str(IDENTITY.verifier),
        "receipts": [{"key": str(key), "note": raw.decode()} for raw, key in receipts_of(name, blocks)],
        "expect": {"exit": code, "kind": kind, "first_wrong": first},
        "blocks": [
            {
                "note": block.note.decode(),
                "body": None if block.body is None else block.body.decode(),
                "raw": None if block.raw is None else block.raw.decode(),
            }
            for block in blocks
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in cases():
        (FOLDER / f"{case}.json").write_text(rendered(case), encoding="utf-8")
