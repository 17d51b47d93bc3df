"""What becomes of bodies that nobody has stored yet when there is no more room: a coarser series of them.

::

    reading --> one a minute --> one in 15 minutes --> energy, one a day     coarser each time round
    alarm, order, event ... --> as they are         blocks that an alarm stands on: whole, until the last

A body is bound by its header's digest and cannot be written again. So the records that stay become
``thinned`` records of a new block, that block says in a ``loss`` record what went, and in the same COMMIT
the old bodies go. Their headers stay. Plans only; the journal carries it out. Never makes up a value: what
stays is a record as it was.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from buffer.errors import FormatError, StoreDamaged
from buffer.evidence import evidence, lasting
from buffer.head import BlockInfo
from buffer.rows import MAX_ROW, Record, decode_body
from buffer.shelf import Shelf

STEPS_S: Final = (60, 900, 86_400)  # a series gets coarser by one of these each time
YOUNG: Final = 60  # the newest blocks, an hour, are let alone
CHUNK: Final = 100  # blocks looked at together
CHUNKS: Final = 4  # at a time: it must not hold up a commit
WORTH: Final = 16 * 1024  # stored bytes below which a new block would cost more than it frees
_WRAP: Final = 512  # bytes that a thinned record adds to the record in it

Said = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The blocks whose bodies go, and what a new block says instead; without blocks there is nothing to
    gain. ``last``: up to where was looked."""

    last: int
    blocks: tuple[int, ...] = ()
    said: tuple[Said, ...] = ()


@dataclass(slots=True)
class Turn:
    """Where the next plan begins. The turn goes from the oldest unconfirmed block to the newest and begins
    again; after one that gained nothing the blocks of alarms are no longer spared."""

    at: int = 0
    gained: bool = False
    fruitless: bool = False

    def plans(self, shelf: Shelf, oldest: int, crowded: Callable[[], bool]) -> Iterator[Plan]:
        """What to do next, from block ``oldest`` on, as long as there is no room and at most CHUNKS times:
        the rest is for the next time."""
        for _ in range(CHUNKS):
            plan = self._next(shelf, oldest) if crowded() else None
            if plan is None:
                return
            if plan.blocks:
                yield plan

    def _next(self, shelf: Shelf, oldest: int) -> Plan | None:
        """Of the next chunk; None at the end of the turn."""
        end = shelf.last() - YOUNG
        self.at = max(self.at, oldest)
        if self.at > end:
            self.at, self.gained, self.fruitless = oldest, False, not self.gained
            return None
        plan = draw(shelf, self.at, min(end, self.at + CHUNK - 1), alarms=self.fruitless)
        self.at = plan.last + 1
        self.gained |= bool(plan.blocks)
        return plan


def draw(shelf: Shelf, first: int, last: int, *, alarms: bool) -> Plan:
    """What to do about the blocks first..last; ``alarms``: also about those that an alarm stands on, never
    about those that hold an order or a declaration."""
    spared = (lasting if alarms else evidence)(shelf, first, last)
    infos = [info for info in shelf.infos(first, last) if info.has_body and info.n not in spared]
    bodies = [body for info in infos if (body := _worth(shelf, info)) is not None]
    stored = sum(body.info.body_bytes for body in bodies)
    records = [record for body in bodies for record in body.records]
    for skip in range(len(STEPS_S) if stored >= WORTH else 0):
        kept = list(_coarser(records, skip))
        size = len(zlib.compress(json.dumps(kept).encode(), 1))
        if size * 2 < stored:
            numbers = tuple(body.info.n for body in bodies)
            loss = _loss(bodies, numbers, len(records), len(kept))
            return Plan(last, numbers, (*(("thinned", fields) for fields in kept), loss))
    return Plan(last)


@dataclass(frozen=True, slots=True)
class _Body:
    info: BlockInfo
    text: bytes
    records: tuple[Record, ...]


def _worth(shelf: Shelf, info: BlockInfo) -> _Body | None:
    """The body of a block at least half of whose records can get coarser; a rotten one is let alone."""
    try:
        block = shelf.block(info.n)
        text = block.body if block is not None and block.body is not None else b""
        records = tuple(decode_body(text))
    except (FormatError, StoreDamaged):
        return None
    able = sum(_step(record) is not None for record in records)
    long = any(len(line) > MAX_ROW - _WRAP for line in text.splitlines())
    return _Body(info, text, records) if able and able * 2 >= len(records) and not long else None


def _loss(bodies: Sequence[_Body], numbers: Sequence[int], records: int, kept: int) -> Said:
    digest = hashlib.sha256(b"".join(body.text for body in bodies)).hexdigest()
    fields = {
        "what": "bodies",
        "count": records - kept,
        "reason": "thinned",
        "blocks": _ranges(numbers),
        "records": records,
        "digest": digest,
    }
    return "loss", fields


@dataclass(slots=True)
class _Window:
    """The readings of one meter and class that one record will stand for."""

    per_s: int
    records: list[int] = field(default_factory=list)  # first and last number of each
    ok: int = 0
    failed: int = 0
    good: Record | None = None
    other: Record | None = None

    def take(self, record: Record) -> None:
        """One more; the last one with values stands for all, else the last one that failed."""
        row = record["row"] if record["k"] == "thinned" else record
        ok, failed = _counts(record)
        self.ok, self.failed = self.ok + ok, self.failed + failed
        self.records += [record.get("from", row["i"]), record.get("to", row["i"])]
        if row["v"] and (self.per_s < STEPS_S[-1] or _energy(row)):
            self.good = row
        elif not row["v"]:
            self.other = row

    def fields(self) -> dict[str, Any] | None:
        """As a record; None when no reading of it may stand for the others."""
        row = self.good or (self.other if not self.ok else None)
        if row is None:
            return None
        return {
            "per_s": self.per_s,
            "ok": self.ok,
            "failed": self.failed,
            "from": min(self.records),
            "to": max(self.records),
            "row": row,
        }


def _coarser(records: Iterable[Record], skip: int) -> Iterator[dict[str, Any]]:
    """The fields of the thinned records that stand for these; ``skip`` steps are left out."""
    windows: dict[tuple[object, ...], _Window] = {}
    for record in records:
        per_s = _step(record, skip)
        if per_s is None:
            yield _as_it_is(record)
            continue
        row = record["row"] if record["k"] == "thinned" else record
        at = (row["m"], row["s"][:1], row["boot"], per_s, row["mono"] // (per_s * 1000))
        windows.setdefault(at, _Window(per_s)).take(record)
    for window in windows.values():
        fields = window.fields()
        if fields is not None:
            yield fields


def _as_it_is(record: Record) -> dict[str, Any]:
    if record["k"] == "thinned":
        own = ("boot", "i", "k", "mono", "q", "t")
        return {name: value for name, value in record.items() if name not in own}
    return {"row": record}


def _step(record: Record, skip: int = 0) -> int | None:
    """Seconds of the next coarser series, or of one behind it, at most the last; None for what is no series,
    or as coarse as can be."""
    if record["k"] == "thinned":
        coarser = [step for step in STEPS_S if step > record.get("per_s", STEPS_S[-1])]
    else:
        live = record["k"] == "reading" and record.get("src") == "live" and "s" in record
        coarser = list(STEPS_S) if live else []
    return coarser[min(skip, len(coarser) - 1)] if coarser else None


def _counts(record: Record) -> tuple[int, int]:
    if record["k"] == "thinned":
        return record["ok"], record["failed"]
    return int(bool(record["v"])), int(not record["v"])


def _energy(row: Record) -> bool:
    return any(name.startswith(("ep_", "eq_")) for name in row["v"])


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for n in numbers:
        if found and found[-1][1] == n - 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return found
