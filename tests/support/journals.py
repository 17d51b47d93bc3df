"""Small journals made from fixed seeds: the same bytes each time, on every machine.

``make(...)`` lives a box's life with the product's own formats: boots, readings of two meters, an alarm, an
hourly turn of the ratchet. ``resign`` writes one header anew the way a thief of the keys would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from buffer import note
from buffer.block import Header, Seen, Sums, count, decode_header, encode_header, hash_text
from buffer.note import Ed25519Signer
from buffer.raw import RawFrame, encode_raw
from buffer.receipt import Receipt, encode_receipt
from buffer.rows import encode_row
from buffer.verify import BlockData

BOX = "SB-7F3A-92"
EPOCH = "5f0c81d2a94be736"
T0 = 1_795_000_000_000  # 2026-11-18
TURN = 3  # blocks between two turns of the ratchet
METERS = ("kiln-main", "scrubber")
BOOTS = ("0b5c2d3e-boot-1", "77aa1f04-boot-2")
Row = dict[str, Any]


def signer(name: str, secret: str = "vectors") -> Ed25519Signer:
    """A key whose seed is SHA-256 of ``secret/name``: for tests alone."""
    return Ed25519Signer(name, hashlib.sha256(f"{secret}/{name}".encode()).digest())


IDENTITY = signer(BOX)
CITY = signer("city")
COUNTY = signer("county")


def ratchet(counter: int, box: str = BOX, secret: str = "vectors") -> Ed25519Signer:
    return signer(f"{box}/r{counter}", secret)


@dataclass(frozen=True)
class Life:
    """What ``make`` is told. ``edit`` may change the records of block n before it is sealed."""

    blocks: int = 8
    box: str = BOX
    epoch: str = EPOCH
    secret: str = "vectors"
    edit: Callable[[int, list[Row]], None] = lambda n, records: None
    header: Callable[[Header], Header] = lambda header: header
    letter: str = "S"
    seen_from: int = 3  # from this block on, receipts of the city are quoted
    rows: int = 3  # polls of each meter in a block
    renumber: bool = True


def make(life: Life | None = None) -> list[BlockData]:
    """The whole journal, genesis first."""
    life = life or Life()
    made: list[BlockData] = []
    hashes: list[str] = []
    sums, last = Sums(), 0
    for n in range(life.blocks):
        seen = _seen(hashes, n) if n >= life.seen_from else ()
        records = _records(life, n, last, seen)
        life.edit(n, records)
        if life.renumber:
            records = [record | {"i": last + 1 + at} for at, record in enumerate(records)]
        sums = count(records, sums)
        block, text = seal(life, n, records, (hashes[-1] if hashes else "0" * 64, last, sums, seen))
        made.append(block)
        hashes.append(hash_text(text))
        last += len(records)
    return made


def seal(
    life: Life, n: int, records: Sequence[Row], known: tuple[str, int, Sums, tuple[Seen, ...]]
) -> tuple[BlockData, bytes]:
    """One block of these records; ``known`` of those before it: hash, last number, sums, quotes."""
    prev, last, sums, seen = known
    body = b"".join(map(encode_row, records))
    polled = sorted((one["i"], one["mono"]) for one in records if "v" in one)
    raw = encode_raw(RawFrame(i, max(0, mono - 40), ">", bytes.fromhex("fefefefe6812")) for i, mono in polled)
    header = life.header(
        Header(
            box=life.box,
            epoch=life.epoch,
            n=n,
            prev=prev,
            body_bytes=len(body),
            body_hash=hash_text(body),
            first=last + 1,
            last=last + len(records),
            raw_bytes=len(raw),
            raw_hash=hash_text(raw) if raw else "-",
            boot=1 if n < 5 else 2,
            boot_id=BOOTS[n >= 5],
            mono_ms=60_000 + n * 60_000,
            utc_ms=T0 + 60_000 + n * 60_000,
            letter="S",
            soft="0.1.0",
            soft_digest="3c" * 32,
            cfg="c0" * 32,
            sums=sums,
            ext=n // 2,
            seen=seen,
            keys=_keys(life, n),
        )
    )
    text = encode_header(header)
    signers = (signer(life.box, life.secret), ratchet(n // TURN, life.box, life.secret))
    return BlockData(note.encode(text, signers), body, raw), text


def _keys(life: Life, n: int) -> tuple[note.VerifierKey, ...]:
    following = ratchet((n + 1) // TURN, life.box, life.secret).verifier
    return (signer(life.box, life.secret).verifier, following) if n == 0 else (following,)


def _seen(hashes: list[str], n: int) -> tuple[Seen, ...]:
    return (Seen("city", n - 2, hashes[n - 2], T0 + n * 60_000 - 500),)


def _records(life: Life, n: int, last: int, seen: Sequence[Seen]) -> list[Row]:
    """Boot records in blocks 0 and 5, readings from block 1 on, one failed, an alarm raised in block 2, the
    receipts that the header quotes."""
    boot = 1 if n < 5 else 2
    mono = n * 60_000
    common: Row = {"boot": boot, "i": 0, "q": life.letter}
    records: list[Row] = []

    def add(at: int, **fields: Any) -> None:
        records.append(common | {"i": last + 1 + len(records), "mono": at, "t": T0 + at} | fields)

    if n in (0, 5):
        prev, own = ("-", *BOOTS)[n // 5 : n // 5 + 2]
        add(mono + 5, k="boot", soft="0.1.0", id=own, clean=False, prev=prev, last_i=last)
    if n == 5:
        add(mono + 5, k="down", from_t=T0 + mono, to_t=T0 + mono + 5, known="unclean stop")
    for poll in range(life.rows if n else 0):
        slot = n * life.rows + poll
        for meter in METERS:
            at = mono + 100 + poll * 10
            reading: Row = {"k": "reading", "m": meter, "s": f"f{slot}", "src": "live"}
            if n == 4 and poll == 0 and meter == "scrubber":
                add(at, **reading, v={}, x={"p": "no_reply"}, e="no_reply")
            else:
                add(at, **reading, v={"p": f"{slot}.400", "u_a": "231.2"}, x={})
    if n == 2:
        alarm = {
            "id": "a1",
            "rule": "kiln-scrubber",
            "state": "raised",
            "level": "alarm",
            "code": "SBX-RUL-001",
        }
        add(mono + 900, k="alarm", subjects=["kiln"], facts={"name": "窑"}, since_i=last, **alarm)
    for one in seen:
        told = {"by": one.authority, "n": one.n, "hash": one.hash, "time": one.time_ms}
        add(mono + 950, k="receipt", uplink="city", **told)
    return records


def header_of(block: BlockData) -> Header:
    return decode_header(note.decode(block.note).text)


def resign(block: BlockData, secret: str = "vectors", body: bytes | None = None, **changes: Any) -> BlockData:
    """The block with some header fields changed and both signatures made anew with the keys of ``secret``."""
    header = replace(header_of(block), **changes)
    if body is not None:
        header = replace(header, body_bytes=len(body), body_hash=hash_text(body))
    signers = (signer(header.box, secret), ratchet(header.n // TURN, header.box, secret))
    return replace(block, note=note.encode(encode_header(header), signers), body=body or block.body)


def receipt(
    blocks: Sequence[BlockData], stored: int, by: Ed25519Signer = CITY, **changes: Any
) -> tuple[bytes, note.VerifierKey]:
    """A receipt of ``by`` over blocks 0..stored."""
    header = header_of(blocks[stored])
    made = Receipt(
        by=by.verifier.name,
        box=header.box,
        epoch=header.epoch,
        stored_n=stored,
        stored_hash=hash_text(note.decode(blocks[stored].note).text),
        also=(),
        want=(),
        heads=(),
        time_ms=header.utc_ms + 700,
    )
    return note.encode(encode_receipt(replace(made, **changes)), (by,)), by.verifier
