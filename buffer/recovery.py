"""The start of the journal: what is really there after whatever happened, and what has to be said about it.

::

    no tables in the store          birth: tail, then tables + genesis in one COMMIT
    frames of generation head + 1   they become the next block, whose last record is ``recovered`` (ADR 0001)
    neither                         go on

The same code runs after a clean stop, a kill and a power cut. It believes only what it has read and then
written anew: found records go into the store by its own COMMIT. Never invents a record, never reuses a
sealed number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from buffer import store as store_file
from buffer import tail as tail_file
from buffer.block import Header, decode_header
from buffer.errors import JournalUnusable
from buffer.frame import Frame
from buffer.fs import FileSystem
from buffer.instant import Instant
from buffer.note import decode
from buffer.rows import decode_body, encode_row
from buffer.sealing import Block, Entry, Stamp, seal, seal_genesis
from buffer.store import Store
from buffer.tail import Found, Tail, create_tail

NO_BOOT: Final = "-"  # stands for the boot before the first


@dataclass(frozen=True, slots=True)
class Ground:
    """What a start stands on: open files, the newest header, and the records still to be written about it."""

    store: Store
    tail: Tail
    stamp: Stamp
    header: Header
    hash: str
    remarks: tuple[tuple[str, Mapping[str, Any]], ...]


def entry(i: int, kind: str, fields: Mapping[str, Any], now: Instant, raw: bytes = b"") -> Entry:
    """A record with its number, place and time; RowError when it cannot be written."""
    record = {
        **fields,
        "boot": now.boot,
        "i": i,
        "k": kind,
        "mono": now.mono_ms,
        "q": now.letter,
        "t": now.utc_ms,
    }
    return Entry(i, encode_row(record), record, raw)


def start(fs: FileSystem, folder: Path, stamp: Stamp, cfg: str, now: Instant) -> Ground:
    """Open or create everything, recover, seal what was found. The epoch of ``stamp`` is set here."""
    tail = open_tail(fs, folder)
    store = Store(fs, folder / store_file.NAME)
    if store.version() == 0:
        stamp = replace(stamp, epoch=os.urandom(8).hex())
        genesis = _birth(stamp, cfg, now)
        store.give_birth(genesis)
        fs.sync_folder(folder)
        return Ground(store, tail, stamp, genesis.header, genesis.hash, ())
    header, _ = newest(store)
    stamp = replace(stamp, epoch=header.epoch)
    _check_owner(store, folder, header, stamp)
    return _recover(store, tail, stamp, cfg, now)


def open_tail(fs: FileSystem, folder: Path) -> Tail:
    """The tail, created when it is not there; its zeros are durable before any record is."""
    if tail_file.NAME not in fs.names(folder):
        create_tail(fs, folder)
    return Tail(fs.open(folder / tail_file.NAME))


def newest(store: store_file.Shelf) -> tuple[Header, str]:
    """Header and hash of the newest block."""
    info = store.info(store.last())
    block = store.block(store.last())
    assert info is not None
    assert block is not None
    return decode_header(decode(block.note).text), info.hash


def entries_of(frames: Iterable[Frame]) -> Iterator[Entry]:
    """The records of frames, each with the bus frames behind it."""
    for frame in frames:
        raws: dict[int, bytes] = {}
        for line in frame.raw.splitlines(keepends=True):
            number = int(line.partition(b" ")[0])
            raws[number] = raws.get(number, b"") + line
        for record in decode_body(frame.rows):
            yield Entry(record["i"], encode_row(record), record, raws.get(record["i"], b""))


def _birth(stamp: Stamp, cfg: str, now: Instant) -> Block:
    keys = stamp.keys
    said: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("key", {"op": "identity", "vkey": str(keys.identity.verifier)}),
        ("key", {"op": "ratchet", "vkey": str(keys.ratchet.verifier)}),
        ("config", {"digest": cfg, "old": "-"}),
        ("boot", boot_fields(stamp, now, clean=True, prev=NO_BOOT, last_i=0)),
    )
    return seal_genesis(stamp, [entry(i, kind, fields, now) for i, (kind, fields) in enumerate(said, 1)], now)


def boot_fields(stamp: Stamp, now: Instant, *, clean: bool, prev: str, last_i: int) -> Mapping[str, Any]:
    """What a boot record says: software, this boot's id, how the last one ended."""
    return {"soft": stamp.soft, "id": now.boot_id, "clean": clean, "prev": prev, "last_i": last_i}


def _check_owner(store: Store, folder: Path, header: Header, stamp: Stamp) -> None:
    if header.box != stamp.box:
        raise JournalUnusable("SBX-JNL-008", path=folder, box=stamp.box, found=header.box)
    genesis = store.block(0)
    assert genesis is not None
    identity = decode_header(decode(genesis.note).text).keys[0]
    if identity != stamp.keys.identity.verifier or header.next_key != stamp.keys.ratchet.verifier:
        raise JournalUnusable("SBX-JNL-006", path=folder)


def _recover(store: Store, tail: Tail, stamp: Stamp, cfg: str, now: Instant) -> Ground:
    header, digest = newest(store)
    found = tail.read(header.n + 1, bytes.fromhex(digest))
    entries = list(entries_of(found.frames))
    clean = store.meta()["running"] == "0" and not entries and not found.promised
    last = entries[-1].record if entries else {"t": header.utc_ms, "i": header.last}
    boot = boot_fields(
        stamp, now, clean=clean, prev=_last_boot_id(entries) or header.boot_id, last_i=last["i"]
    )
    down = {"from_t": last["t"], "to_t": now.utc_ms, "known": "clean stop" if clean else "unclean stop"}
    blocks: list[Block] = []
    if entries:
        fields = {"records": len(entries), "frames": len(found.frames)}
        entries.append(entry(last["i"] + 1, "recovered", fields, now))
        blocks = seal(header, digest, stamp, entries, now)
        header, digest = blocks[-1].header, blocks[-1].hash
    store.put(blocks, {})
    remarks: list[tuple[str, Mapping[str, Any]]] = [
        ("boot", boot),
        ("down", down),
        *_losses(found, last["i"]),
    ]
    if cfg != header.cfg:
        remarks.append(("config", {"digest": cfg, "old": header.cfg}))
    return Ground(store, tail, stamp, header, digest, tuple(remarks))


def _last_boot_id(entries: list[Entry]) -> str | None:
    ids = [entry.record["id"] for entry in entries if entry.record["k"] == "boot"]
    return ids[-1] if ids else None


def _losses(found: Found, last: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if found.promised > last:
        yield "loss", {"what": "records", "count": found.promised - last, "reason": "tail damaged"}
