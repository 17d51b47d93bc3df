"""A box takes a new identity: signed by both, from a definite block on, and a cut leaves one of the two."""

from __future__ import annotations

import random
from pathlib import Path
from typing import get_args

import pytest

from buffer import note
from buffer.block import decode_header
from buffer.errors import HandoverError, KeyFault, StoreFull, UnknownVersion
from buffer.handover import Handover, decode_handover, encode_handover, lineage, open_handover
from buffer.keys import Keys
from buffer.note import Ed25519Signer, Signer, VerifierKey
from buffer.note import decode as decode_note
from buffer.opening import newest
from buffer.store import Store
from tests.support.element import Element
from tests.support.life import BOX, ROOT, Box, blocks_of
from tests.support.powercut import Chance, MemoryDisk, Names

FOLDER = ROOT / "keys"


def signer(number: int) -> Ed25519Signer:
    return Ed25519Signer(BOX, bytes((number,)) * 32)


def said(old: Signer, new: Signer) -> Handover:
    return Handover(
        BOX, old.verifier, new.verifier, "5f0c81d2a94be736", 41, "ab" * 32, 1_795_000_000_000, "S"
    )


def signed(old: Signer, new: Signer) -> bytes:
    return note.encode(encode_handover(said(old, new)), (old, new))


def rotate(box: Box) -> VerifierKey:
    """Decide, and hand over with a seal; the new identity."""
    new = box.journal.ratchet.decide(box.journal.head, box.now(1))
    box.seal()
    return new


# -- the note


def test_a_note_says_what_was_said() -> None:
    text = encode_handover(said(signer(1), signer(2)))
    assert decode_handover(text) == said(signer(1), signer(2))
    assert open_handover(signed(signer(1), signer(2))) == said(signer(1), signer(2))


def test_either_algorithm_hands_over_to_the_other() -> None:
    element = Element(BOX)
    assert open_handover(signed(signer(1), element)).new == element.verifier
    assert open_handover(signed(element, signer(1))).old == element.verifier


@pytest.mark.parametrize("signers", [(1,), (2,), (2, 1), (1, 3), (1, 2, 3)])
def test_both_must_sign_in_their_order_and_nobody_else(signers: tuple[int, ...]) -> None:
    text = encode_handover(said(signer(1), signer(2)))
    with pytest.raises(HandoverError):
        open_handover(note.encode(text, [signer(number) for number in signers]))


def test_every_byte_of_a_note_counts() -> None:
    raw = signed(signer(1), signer(2))
    for at in range(len(raw)):
        spoilt = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
        with pytest.raises((HandoverError, UnknownVersion)):
            open_handover(spoilt)


def test_a_newer_edition_is_called_so() -> None:
    text = encode_handover(said(signer(1), signer(2))).replace(b"/v1", b"/v2", 1)
    with pytest.raises(UnknownVersion):
        open_handover(note.encode(text, (signer(1), signer(2))))


def test_no_note_from_a_key_to_itself_or_to_another_box() -> None:
    with pytest.raises(HandoverError):
        said(signer(1), signer(1))
    with pytest.raises(HandoverError):
        said(signer(1), Ed25519Signer("SB-OTHER", bytes(32)))


def test_a_lineage_is_followed_both_ways() -> None:
    keys = [signer(number).verifier for number in range(4)]
    notes = [said(signer(a), signer(a + 1)) for a in range(3)]
    for known in keys:
        assert lineage(known, reversed(notes)) == tuple(keys)
    assert lineage(signer(9).verifier, notes) == (signer(9).verifier,)


def test_two_successors_are_no_lineage() -> None:
    with pytest.raises(HandoverError, match="two successors"):
        lineage(signer(1).verifier, [said(signer(1), signer(2)), said(signer(1), signer(3))])
    with pytest.raises(HandoverError, match="two predecessors"):
        lineage(signer(1).verifier, [said(signer(1), signer(2)), said(signer(3), signer(2))])


# -- in the journal


def test_a_definite_block_names_it_and_the_next_is_signed_by_it() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    old = box.keys.identity.verifier
    box.read(0)
    box.seal()
    new = rotate(box)
    n = box.journal.head.n
    box.read(1)
    box.seal()
    blocks = blocks_of(box.journal._store)
    heirs = [decode_header(decode_note(block.note).text).heir for block in blocks]
    assert heirs == [*[None] * n, new, None]
    signers = [decode_note(block.note).signed_by((old, new)) for block in blocks]
    assert signers == [*[(old,)] * (n + 1), (new,)]
    (record,) = [r for r in box.journal_records() if r["k"] == "key" and "note" in r]
    handed = open_handover(record["note"].encode())
    assert (record["op"], record["vkey"]) == ("identity", str(new))
    assert (handed.old, handed.new, handed.n) == (old, new, n - 1)
    assert box.journal.ratchet.stamp.keys.told == (record["note"].encode(),)


def test_the_old_seed_is_destroyed_and_the_box_goes_on_with_the_new_one() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    seed = bytes(disk.data[disk.names_["/box/keys/identity"]])[-65:-1]
    new = rotate(box)
    assert all(seed not in bytes(data) for data in disk.data.values())
    assert "/box/keys/identity-next" not in disk.names_
    epoch = box.journal.head.epoch
    box.close()
    again = Box(disk, 2)
    assert again.keys.identity.verifier == new
    assert again.journal.head.epoch == epoch, "the same history goes on"
    assert again.keys.identities[-1] == new
    assert len(again.keys.identities) == 2


def test_three_in_a_row() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    first = box.keys.identity.verifier
    found = [first, *(rotate(box) for _ in range(3))]
    assert box.journal.ratchet.stamp.keys.identities == tuple(found)
    box.close()
    assert Keys.open(FOLDER, BOX, disk).identities == tuple(found)


def test_one_at_a_time() -> None:
    box = Box(MemoryDisk(), 1)
    box.journal.ratchet.decide(box.journal.head, box.now(1))
    with pytest.raises(KeyFault) as caught:
        box.journal.ratchet.decide(box.journal.head, box.now(1))
    assert caught.value.code == "SBX-KEY-007"


def test_a_key_file_that_cannot_be_written_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    old = box.keys.identity.verifier
    create = disk.create

    def full(path: object, mode: int) -> object:
        if "/keys/" in str(path):
            raise OSError(28, "No space left on device")
        return create(path, mode)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(disk, "create", full)
    with pytest.raises(KeyFault) as caught:
        box.journal.ratchet.decide(box.journal.head, box.now(1))
    assert caught.value.code == "SBX-KEY-006"
    monkeypatch.undo()
    box.read(0)
    box.seal()
    assert box.journal.ratchet.stamp.keys.identity.verifier == old
    assert rotate(box) != old


def test_a_store_from_before_the_rotation_is_no_history_to_go_on_with() -> None:
    """A card put back whose keys were not: the identity that signed it signs no more."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    box.read(0)
    box.seal()
    box.close()
    kept = disk.after(len(disk.steps), Chance(random.Random(0), 1.0, "all"))
    box = Box(disk, 2)
    rotate(box)
    box.close()
    for name in [name for name in kept.names_ if "/keys/" in name]:
        del kept.names_[name]
    for name, number in disk.names_.items():
        if "/keys/" in name:
            file = kept.create(Path(name), disk.modes.get(name, 0o600))
            file.write_at(bytes(disk.data[number]), 0)
            file.sync()
    before, _ = newest(Store(kept, ROOT / "journal" / "journal.db"))
    again = Box(kept, 3)
    assert again.journal.head.epoch != before.epoch
    assert any(r["k"] == "loss" for r in again.journal_records())


# -- a cut anywhere


@pytest.mark.parametrize("names", get_args(Names))
@pytest.mark.parametrize("keep", [0.0, 0.5, 1.0])
def test_a_cut_anywhere_leaves_the_old_or_the_new_identity(names: Names, keep: float) -> None:
    """Cut before every step of a rotation, and the box starts on what is left: it seals, its chain is signed
    by one and then by the other, and the same history goes on."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    old = box.keys.identity.verifier
    box.read(0)
    box.seal()
    epoch, begin = box.journal.head.epoch, len(disk.steps)
    new = rotate(box)
    box.read(1)
    box.seal()
    seen = set()
    for k in range(begin, len(disk.steps) + 1):
        left = disk.after(k, Chance(random.Random(k), keep, names))
        again = Box(left, 2)
        assert again.journal.head.epoch == epoch, k
        again.read(2)
        again.seal()
        signer = again.journal.ratchet.stamp.keys.identity.verifier
        assert signer in (old, new), k
        assert not again.journal.ratchet.decided, "what was decided is done with the next seal"
        seen.add(signer)
        signed_by = [decode_note(one.note).signed_by((old, new)) for one in blocks_of(again.journal._store)]
        assert all(len(one) == 1 for one in signed_by), k
        keys = [one[0] for one in signed_by]
        assert keys == sorted(keys, key=(old, new).index), "never the old one behind the new one"
        assert Keys.open(FOLDER, BOX, left).identity.verifier == signer, "and the seed is in its place"
    assert seen == {old, new}


def test_a_cut_in_the_rotation_and_another_in_the_recovery_from_it() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    old = box.keys.identity.verifier
    begin = len(disk.steps)
    new = rotate(box)
    rng = random.Random(4)
    for k in range(begin, len(disk.steps) + 1):
        left = disk.after(k, Chance(rng, 0.5, "ext4"))
        start = len(left.steps)
        Box(left, 2).seal()
        second = left.after(rng.randint(start, len(left.steps)), Chance(rng, 0.5, "posix"))
        again = Box(second, 3)
        again.read(0)
        again.seal()
        assert again.journal.ratchet.stamp.keys.identity.verifier in (old, new)


def test_a_full_card_hands_over_when_there_is_room() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    old = box.keys.identity.verifier
    new = box.journal.ratchet.decide(box.journal.head, box.now(1))
    disk.full = True
    with pytest.raises(StoreFull):
        box.seal()
    assert box.journal.ratchet.stamp.keys.identity.verifier == old
    disk.full = False
    box.seal()
    assert box.journal.ratchet.stamp.keys.identity.verifier == new


def test_an_emptied_store_in_the_middle_is_begun_anew_by_the_new_identity() -> None:
    """Decided: a block that names the heir may have left the box, so nobody may hear the old one again."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    new = box.journal.ratchet.decide(box.journal.head, box.now(1))
    left = disk.after(len(disk.steps), Chance(random.Random(0), 1.0, "all"))
    for name in [name for name in left.names_ if "journal.db" in name]:
        del left.names_[name]
    again = Box(left, 2)
    assert again.journal.ratchet.stamp.keys.identity.verifier == new
    assert decode_header(decode_note(blocks_of(again.journal._store)[0].note).text).identity == new
