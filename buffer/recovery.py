"""The start of the journal: what is really there after whatever happened, and what has to be said about it.

::

    no tables in the store          birth: tables + genesis in one COMMIT
    frames of generation head + 1   they become the next block, whose last record is ``recovered`` (ADR 0001)
    neither                         go on

The same code runs after a clean stop, a kill and a power cut. It believes only what it has read and then
written anew: found records go into the store by its own COMMIT. Never invents a record, never reuses a
sealed number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from buffer import anew, succession
from buffer.block import Header
from buffer.errors import JournalUnusable, StoreDamaged, StoreFull
from buffer.frame import Frame, claim
from buffer.fs import FileSystem
from buffer.head import Cursor
from buffer.instant import Instant
from buffer.opening import Files, Opened, newest, signer_behind
from buffer.rows import decode_body, encode_row
from buffer.sealing import Entry, Stamp, seal, seal_genesis
from buffer.store import Store
from buffer.tail import Found, Tail

NO_BOOT: Final = "-"  # stands for the boot before the first


@dataclass(frozen=True, slots=True)
class Ground:
    """What a start stands on: open files, the newest header, records found but not sealed because the store
    is full (``carried``), and the records still to be written about it."""

    store: Store
    tail: Tail
    stamp: Stamp
    header: Header
    hash: str
    remarks: tuple[tuple[str, Mapping[str, Any]], ...]
    key_since_ms: int | None = (
        None  # when its ratchet key began to sign; None: not in this boot of the machine
    )
    carried: tuple[Entry, ...] = ()
    cursors: Mapping[str, Cursor] = field(default_factory=dict)


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
    files = Files(fs, folder, stamp.keys, now)
    opened = files.open()
    with ExitStack() as on_error:
        on_error.callback(opened.tail.close)
        try:
            ground = _ground(files, opened, stamp, cfg)
        except StoreDamaged:  # deeper than its ends: a free page, an index
            ground = _ground(files, files.mend(opened.tail), stamp, cfg)
        on_error.pop_all()
    ended = anew.marked(fs, folder)
    if ended is not None and ended.epoch != ground.stamp.epoch:
        anew.settle(fs, folder, now)
    return ground


def _ground(files: Files, opened: Opened, stamp: Stamp, cfg: str) -> Ground:
    """Birth or recovery. What there is to say of a damage stands in the heir before it takes its place."""
    with ExitStack() as on_error:
        on_error.callback(opened.store.close)
        if opened.store.version() == 0:
            if not opened.losses and anew.begun(stamp.keys):
                opened = replace(opened, losses=(anew.EMPTIED,))
            ground = _birth(opened, stamp, cfg, files.now)
        else:
            ground = _recover(opened, _owned(opened.store, files.folder, stamp), cfg, files.now)
        ground = replace(ground, cursors=opened.store.cursors())
        if opened.heir:
            ground = replace(ground, store=files.settle(opened))
        files.fs.sync_folder(files.folder)
        on_error.pop_all()
        return ground


def entries_of(frames: Iterable[Frame]) -> Iterator[Entry]:
    """The records of frames, each with the bus frames behind it."""
    for frame in frames:
        raws: dict[int, bytes] = {}
        for line in frame.raw.splitlines(keepends=True):
            number = int(line.partition(b" ")[0])
            raws[number] = raws.get(number, b"") + line
        for record in decode_body(frame.rows):
            yield Entry(record["i"], encode_row(record), record, raws.get(record["i"], b""))


def _birth(opened: Opened, stamp: Stamp, cfg: str, now: Instant) -> Ground:
    life = opened.life
    keys = succession.adopted(stamp.keys)  # decided: a block that named it may have left the box
    stamp = replace(stamp, epoch=os.urandom(8).hex(), keys=keys)
    last, prev, old = (life.last, life.boot_id, life.cfg) if life else (opened.first - 1, NO_BOOT, "-")
    boot = boot_fields(stamp, now, clean=not opened.losses, prev=prev, last_i=last)
    said: list[tuple[str, Mapping[str, Any]]] = [
        ("key", {"op": "identity", "vkey": str(stamp.keys.identity.verifier)}),
        ("key", {"op": "ratchet", "vkey": str(stamp.keys.ratchet.verifier)}),
        ("config", {"digest": cfg, "old": old}),
        ("boot", boot),
        *(("loss", loss) for loss in opened.losses),
    ]
    entries = [entry(i, kind, fields, now) for i, (kind, fields) in enumerate(said, opened.first)]
    genesis = seal_genesis(stamp, entries, now, life)
    opened.store.give_birth(genesis)
    return Ground(opened.store, opened.tail, stamp, genesis.header, genesis.hash, (), now.mono_ms)


def boot_fields(stamp: Stamp, now: Instant, *, clean: bool, prev: str, last_i: int) -> Mapping[str, Any]:
    """What a boot record says: software, this boot's id, how the last one ended."""
    return {"soft": stamp.soft, "id": now.boot_id, "clean": clean, "prev": prev, "last_i": last_i}


def _owned(store: Store, folder: Path, stamp: Stamp) -> Stamp:
    """The stamp for this history, if it is this box's and of these keys."""
    header, _ = newest(store)
    if header.box != stamp.box:
        raise JournalUnusable("SBX-JNL-008", path=folder, box=stamp.box, found=header.box)
    signer = signer_behind(store, header, stamp.keys)
    keys = None if signer is None else stamp.keys.settled(signer, header.next_key)
    if keys is None:
        raise JournalUnusable("SBX-JNL-006", path=folder)
    return replace(stamp, epoch=header.epoch, keys=keys)


def _recover(opened: Opened, stamp: Stamp, cfg: str, now: Instant) -> Ground:
    store, tail = opened.store, opened.tail
    header, digest = newest(store)
    found = tail.read(header.n + 1, bytes.fromhex(digest))
    frames = tuple(takewhile(partial(_is_own, header), found.frames))
    entries = list(entries_of(frames))
    losses = [*opened.losses, *_behind(found, frames, entries[-1].i if entries else header.last)]
    clean = store.meta()["running"] == "0" and not entries and not losses
    last = entries[-1].record if entries else {"t": header.utc_ms, "i": header.last}
    prev = _last_boot_id(entries) or header.boot_id
    boot = boot_fields(stamp, now, clean=clean, prev=prev, last_i=last["i"])
    known = "clean stop" if clean else "unclean stop"
    down = {"from_t": last["t"], "to_t": now.utc_ms, "known": known}
    remarks: list[tuple[str, Mapping[str, Any]]] = [("boot", boot), ("down", down)]
    remarks += [("loss", loss) for loss in losses]
    if entries:
        fields = {"records": len(entries), "frames": len(frames)}
        entries.append(entry(last["i"] + 1, "recovered", fields, now))
    old = last_cfg(entries, header.cfg)
    if cfg != old:
        remarks.append(("config", {"digest": cfg, "old": old}))
    if opened.heir:  # all of it durable together with what was saved
        after = (entries[-1].i if entries else last["i"]) + 1
        entries += [entry(i, kind, fields, now) for i, (kind, fields) in enumerate(remarks, after)]
        remarks = []
    since_ms = now.mono_ms if prev == now.boot_id else None
    blocks = seal(header, digest, stamp, entries, now)
    try:
        store.put(blocks, {})
    except StoreFull:
        return Ground(store, tail, stamp, header, digest, tuple(remarks), since_ms, tuple(entries))
    if blocks:
        header, digest = blocks[-1].header, blocks[-1].hash
    return Ground(store, tail, stamp, header, digest, tuple(remarks), since_ms)


def last_cfg(entries: Iterable[Entry], before: str) -> str:
    """The configuration in force after these records."""
    return str(([before] + [one.record["digest"] for one in entries if one.record["k"] == "config"])[-1])


def _last_boot_id(entries: list[Entry]) -> str | None:
    ids = [entry.record["id"] for entry in entries if entry.record["k"] == "boot"]
    return ids[-1] if ids else None


def _is_own(head: Header, frame: Frame) -> bool:
    """Whether the box signed a frame: its checksum and its place in the chain anybody can make who has the
    card, and a header that seals it would make it the box's word."""
    return head.next_key.is_good(claim(head.box, head.epoch, frame), frame.signature)


def _behind(found: Found, own: Sequence[Frame], last: int) -> Iterator[Mapping[str, Any]]:
    """Records that a commit promised and that are not there, or not as they were written."""
    if len(own) < len(found.frames):
        promised = max(found.promised, found.frames[-1].last)
        yield {"what": "records", "count": max(0, promised - last), "reason": "tail altered"}
    elif found.promised > last:
        yield {"what": "records", "count": found.promised - last, "reason": "tail damaged"}
