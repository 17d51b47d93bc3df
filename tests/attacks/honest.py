"""Honest evidence, made by the real journal on a disk in memory, and what a thief of its card could do to it.

::

    lived()      two starts of one box with the product's own code: polls of two meters, failures, an alarm, a
                 loss, stored profiles, a changed ratio, another configuration, receipts of two platforms
    turning()    the same formats with a ratchet that turns each third block
    crashed()    two starts, the first cut off with records in the tail, which block FOUND holds
    handed()     one start whose block HANDED hands over from one identity to the next

An ``Evidence`` holds what an officer is given, and the keys that were on the card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from buffer import note
from buffer.block import Header, count, encode_header, hash_text
from buffer.note import Ed25519Signer, Signer, VerifierKey
from buffer.receipt import Receipt, encode_receipt
from buffer.rows import decode_body, encode_row
from buffer.verify import BlockData
from tests.support.journals import CITY, COUNTY, IDENTITY, TURN, Row, header_of, make, ratchet
from tests.support.journals import receipt as receipt_of
from tests.support.life import BOX, UTC0, Box, blocks_of
from tests.support.powercut import MemoryDisk

Signers = Callable[[int], Sequence[Signer]]
AUTHORITIES = (CITY.verifier, COUNTY.verifier)
SECOND_CFG = "dead0000" * 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is given, and the thief's keys by block number."""

    blocks: tuple[BlockData, ...]
    receipts: tuple[bytes, ...]
    identity: VerifierKey
    signers: Signers
    handovers: tuple[bytes, ...] = ()

    def given(self) -> tuple[object, ...]:
        """All that a verifier sees."""
        return self.blocks, self.receipts, self.identity, self.handovers


class Plant(Box):
    """A box with two meters, read each ten seconds."""

    heard: dict[str, bytes]
    ring: dict[str, Signer]  # every ratchet key there ever was: a thief who knew them all

    def seal(self) -> None:
        """As ever, and the key that signs next is remembered."""
        super().seal()
        signer = self.journal.ratchet.stamp.keys.ratchet
        self.ring[signer.verifier.name] = signer

    def poll(self, *, failed: bool = False, skip: int = 0) -> None:
        """Both meters once; ``skip`` slots are left out before."""
        self.slot += 1 + skip
        self.now(10_000)
        for meter in ("kiln", "scrubber"):
            values = {"p": f"{self.slot}.50", "ep_imp": self.energy()}
            fields: dict[str, Any] = {"m": meter, "s": f"f{self.slot}", "src": "live", "v": values, "x": {}}
            if failed and meter == "scrubber":
                fields |= {"v": {}, "x": {"p": "no_reply"}, "e": "no_reply"}
            self.append(
                "reading", fields, ((self._ms, ">", b"\xfe\x68\x11"), (self._ms + 90, "<", b"\x68\x91"))
            )

    def energy(self) -> str:
        """What a register shows now: it only rises."""
        return f"{1000 + self._boot * 100 + self.slot}.{self.slot:02}"

    def stored_profile(self) -> None:
        """What a meter kept itself."""
        old = {"m": "scrubber", "mt": UTC0, "src": "load", "v": {"ep_imp": "3.00"}, "x": {}}
        self.append("reading", old)

    def polls(self, number: int, **how: Any) -> None:
        """Some polls, and a block of them."""
        for at in range(number):
            self.poll(**how if at == 1 else {})
        self.seal()

    def hear(self, by: Ed25519Signer, chained: bool = True) -> None:
        """A receipt of everything so far; chained, or only given to the officer."""
        head, name = self.journal.head, by.verifier.name
        made = Receipt(name, BOX, head.epoch, head.n, head.hash, (), (), (), self.now(50).utc_ms)
        self.heard[name] = note.encode(encode_receipt(made), (by,))
        if chained:
            assert self.journal.advance(name, made, self.heard[name], self.now(5))

    def evidence(self) -> Evidence:
        """What stands in the journal at the end."""
        keys, ring = self.keys, dict(self.ring)
        blocks = tuple(blocks_of(self.journal._store))
        named = [header_of(block).next_key.name for block in blocks]
        receipts = tuple(self.heard[name] for name in sorted(self.heard))
        self.close()
        return Evidence(
            blocks, receipts, keys.identity.verifier, lambda n: (keys.identity, ring[named[max(0, n - 1)]])
        )


def first_life(disk: MemoryDisk) -> Plant:
    """Blocks 0 to 9; the clone and the restored card begin with a copy of the disk."""
    box = Plant(disk, 1)
    box.heard, box.ring = {}, {box.keys.ratchet.verifier.name: box.keys.ratchet}
    box.polls(3)
    box.append("alarm", {"id": "a", "state": "raised", "since_i": 9})
    box.polls(3)
    box.stored_profile()
    box.polls(3, failed=True)
    box.hear(COUNTY)
    box.polls(2)
    box.append("loss", {"what": "readings", "count": 2, "reason": "queue full"})
    box.polls(3, skip=1)
    box.polls(3)
    box.close()
    second = Plant(disk, 2, cfg=SECOND_CFG)
    second.heard, second.ring = box.heard, box.ring
    second.append("meter-event", {"m": "kiln", "what": "ratio", "name": "ct", "old": "40", "new": "60"})
    second.polls(3)
    second.hear(CITY)
    second.polls(3)
    second.polls(3)
    return second


@cache
def lived() -> Evidence:
    """Twelve blocks; the city has all but the last, the county those up to 3."""
    box = first_life(MemoryDisk())
    box.polls(3)
    box.hear(CITY, chained=False)
    box.polls(3)
    return box.evidence()


@cache
def cloned() -> tuple[Evidence, Evidence]:
    """The original, and a copy of its card that went on with friendlier meters: one identity, two histories
    from block 10 on."""
    disk = MemoryDisk()
    box = first_life(disk)
    copy = disk.reboot()
    box.polls(3)
    box.hear(CITY, chained=False)
    box.polls(2)
    clone = Plant(copy, 3, cfg=SECOND_CFG)
    clone.heard, clone.ring = dict(box.heard), dict(box.ring)
    clone.polls(4)
    clone.polls(3)
    return box.evidence(), clone.evidence()


@cache
def turning() -> Evidence:
    """Eight blocks under three ratchet keys."""
    blocks = make()
    receipts = (receipt_of(blocks, 6)[0], receipt_of(blocks, 5, COUNTY)[0])
    return Evidence(tuple(blocks), receipts, IDENTITY.verifier, lambda n: (IDENTITY, ratchet(n // TURN)))


FOUND = 3


@cache
def crashed() -> Evidence:
    """Six blocks; the city has them all."""
    disk = MemoryDisk()
    box = Plant(disk, 1)
    box.heard, box.ring = {}, {box.keys.ratchet.verifier.name: box.keys.ratchet}
    box.polls(3)
    box.polls(3)
    box.poll()
    box.commit()
    second = Plant(disk.reboot(), 2)
    second.heard, second.ring = {}, box.ring
    assert second.journal.head.n == FOUND
    second.polls(3)
    second.hear(CITY)
    second.polls(3)
    return second.evidence()


HANDED = 4


@cache
def handed() -> Evidence:
    """Nine blocks; the city has all but the last. Known from elsewhere: the first identity."""
    box = Plant(MemoryDisk(), 1)
    box.heard, box.ring = {}, {box.keys.ratchet.verifier.name: box.keys.ratchet}
    for _ in range(3):
        box.polls(3)
    old = box.keys.identity
    box.journal.ratchet.decide(box.journal.head, box.now(10))
    box.polls(2)
    assert box.journal.head.n == HANDED
    keys = box.journal.ratchet.stamp.keys
    for _ in range(3):
        box.polls(3)
    box.hear(CITY, chained=False)
    box.polls(3)
    whole = box.evidence()

    def signers(n: int) -> Sequence[Signer]:
        return (old if n <= HANDED else keys.identity, whole.signers(n)[1])

    return replace(whole, identity=old.verifier, signers=signers, handovers=keys.told)


def with_block(evidence: Evidence, n: int, block: BlockData) -> Evidence:
    """Block ``n`` exchanged."""
    blocks = evidence.blocks
    return replace(evidence, blocks=(*blocks[:n], block, *blocks[n + 1 :]))


def signed(block: BlockData, header: Header, signers: Sequence[Signer]) -> BlockData:
    """Under another header, signed anew."""
    return replace(block, note=note.encode(encode_header(header), signers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """What a thief changes in block ``n``: its records, its body as bytes, its header; ``later`` changes the
    header and records of every block behind it as well. ``renumber``: record numbers run on all the same."""

    rows: Callable[[list[Row]], None] = lambda rows: None
    body: Callable[[bytes], bytes] = lambda body: body
    header: Callable[[Header], Header] = lambda header: header
    later: bool = False
    renumber: bool = True
    quotes: bool = True  # quotes of rewritten blocks are made to fit


def rewrite(evidence: Evidence, n: int, how: Rewriting, signers: Signers | None = None) -> Evidence:
    """Block ``n`` changed, and it and every block behind it signed again so that the chain holds."""
    sign = signers or evidence.signers
    blocks = list(evidence.blocks)
    before = header_of(blocks[n - 1])
    known = {hash_text(note.decode(blocks[n - 1].note).text): hash_text(note.decode(blocks[n - 1].note).text)}
    prev = next(iter(known))
    for at in range(n, len(blocks)):
        old = note.decode(blocks[at].note).text
        edit = how if at == n or how.later else Rewriting(renumber=how.renumber, quotes=how.quotes)
        blocks[at], before = _rewritten(blocks[at], (before, prev, known), edit, sign(at))
        prev = hash_text(note.decode(blocks[at].note).text)
        known[hash_text(old)] = prev
    return replace(evidence, blocks=tuple(blocks))


def _rewritten(
    block: BlockData, place: tuple[Header, str, dict[str, str]], how: Rewriting, signers: Sequence[Signer]
) -> tuple[BlockData, Header]:
    before, prev, known = place
    header = header_of(block)
    text = block.body or b""
    if how.quotes:
        for old, new in known.items():
            text = text.replace(old.encode(), new.encode())
    rows = list(decode_body(text))
    how.rows(rows)
    if how.renumber:
        for at, row in enumerate(rows, before.last + 1):
            row.update({"last_i": row["last_i"] + at - row["i"]} if "last_i" in row else {})
            row["i"] = at
    body = how.body(b"".join(map(encode_row, rows)))
    seen = [
        replace(one, hash=known.get(one.hash, one.hash) if how.quotes else one.hash) for one in header.seen
    ]
    header = replace(
        header,
        prev=prev,
        first=before.last + 1,
        last=before.last + len(rows),
        sums=count(rows, before.sums),
        seen=tuple(seen),
        body_bytes=len(body),
        body_hash=hash_text(body),
    )
    header = how.header(header)
    return replace(signed(block, header, signers), body=body), header
