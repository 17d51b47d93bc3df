"""Keys: born once, never replaced in silence, not readable by others, signing only what they are for."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from buffer.errors import KeyFault, NoteError
from buffer.keys import Keys, shown
from tests.support.powercut import Chance, MemoryDisk, Names

FOLDER = Path("/box/keys")
BOX = "SB-1"


def test_born_once() -> None:
    disk = MemoryDisk()
    first, second = (Keys.open(FOLDER, BOX, disk) for _ in range(2))
    assert (first.born, second.born) == (True, False)
    assert str(first.identity.verifier) == str(second.identity.verifier)
    assert [first.identity.verifier.name, first.ratchet.verifier.name] == [BOX, f"{BOX}/r0"]
    assert first.identity.verifier.public != first.ratchet.verifier.public
    assert {disk.modes["/box/keys"], disk.modes["/box/keys/identity"]} == {0o700, 0o600}


def test_two_boxes_have_different_keys() -> None:
    keys = [Keys.open(FOLDER, BOX, MemoryDisk()).identity.verifier.public for _ in range(2)]
    assert keys[0] != keys[1]


def test_a_cut_at_any_step_leaves_none_or_both() -> None:
    disk = MemoryDisk()
    Keys.open(FOLDER, BOX, disk)
    for k in range(len(disk.steps) + 1):
        for names in get_args(Names):
            left = disk.after(k, Chance(random.Random(k), 0.5, names))
            keys = Keys.open(FOLDER, BOX, left)
            assert Keys.open(FOLDER, BOX, left).identity.verifier == keys.identity.verifier


@pytest.mark.parametrize("path", ["/box/keys", "/box/keys/identity", "/box/keys/ratchet"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o777])
def test_readable_by_others(path: str, mode: int) -> None:
    disk = MemoryDisk()
    Keys.open(FOLDER, BOX, disk)
    disk.modes[path] = mode
    with pytest.raises(KeyFault, match="SBX-KEY-001"):
        Keys.open(FOLDER, BOX, disk)


Damage = Callable[[MemoryDisk, str], object]
DAMAGE: list[Damage] = [
    lambda disk, name: disk.names_.pop(name),
    lambda disk, name: disk.data[disk.names_[name]].clear(),
    lambda disk, name: disk.data[disk.names_[name]].extend(b"x"),
    lambda disk, name: disk.data[disk.names_[name]].pop(),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_lost_ratchet_is_made_anew_under_the_same_identity(
    damage: Damage,
) -> None:
    disk = MemoryDisk()
    before = Keys.open(FOLDER, BOX, disk)
    seed = bytes(disk.data[disk.names_["/box/keys/ratchet"]])[-66:-1]
    damage(disk, "/box/keys/ratchet")
    found = Keys.open(FOLDER, BOX, disk)
    assert (found.remade, found.born) == (True, False)
    assert found.identity.verifier == before.identity.verifier
    assert found.ratchet.verifier not in (before.ratchet.verifier, before.identity.verifier)
    again = Keys.open(FOLDER, BOX, disk)
    assert (again.remade, again.ratchet.verifier) == (False, found.ratchet.verifier)
    left = disk.reboot().data.values()
    assert not any(seed[:40] in bytes(data) for data in left), "what was there of it"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_turn_that_was_cut_needs_no_new_ratchet(damage: Damage) -> None:
    disk = MemoryDisk()
    coming = Keys.open(FOLDER, BOX, disk).prepared().coming
    assert coming is not None
    damage(disk, "/box/keys/ratchet")
    found = Keys.open(FOLDER, BOX, disk)
    assert (found.remade, found.ratchet.verifier) == (False, coming.verifier)


def test_a_cut_while_the_ratchet_is_made_anew() -> None:
    disk = MemoryDisk()
    identity = Keys.open(FOLDER, BOX, disk).identity.verifier
    disk.data[disk.names_["/box/keys/ratchet"]].pop()
    disk = disk.reboot()
    before = len(disk.steps)
    Keys.open(FOLDER, BOX, disk)
    for k in range(before, len(disk.steps) + 1):
        for names in get_args(Names):
            left = disk.after(k, Chance(random.Random(k), 0.5, names))
            assert Keys.open(FOLDER, BOX, left).identity.verifier == identity


@pytest.mark.parametrize("change", DAMAGE[1:])
def test_a_damaged_identity_is_refused(change: Damage) -> None:
    disk = MemoryDisk()
    Keys.open(FOLDER, BOX, disk)
    change(disk, "/box/keys/identity")
    with pytest.raises(KeyFault, match="SBX-KEY-002"):
        Keys.open(FOLDER, BOX, disk)
    with pytest.raises(KeyFault, match="SBX-KEY-002"):
        shown(FOLDER, BOX, disk)


@pytest.mark.parametrize("sign", ["begun", "next", "handover-0001", "identity-next"])
def test_a_missing_identity_is_no_birth(sign: str) -> None:
    """Where the folder shows that there was one, nothing is made, and the ratchet is left as it is."""
    disk = MemoryDisk()
    Keys.open(FOLDER, BOX, disk)
    disk.create(FOLDER / sign, 0o600).close()
    seed = bytes(disk.data[disk.names_["/box/keys/ratchet"]])
    del disk.names_["/box/keys/identity"]
    for opened in (Keys.open, shown):
        with pytest.raises(KeyFault, match="SBX-KEY-003") as fault:
            opened(FOLDER, BOX, disk)
        assert fault.value.facts["path"] == "/box/keys/identity"
    assert "/box/keys/identity" not in disk.names_
    assert bytes(disk.data[disk.names_["/box/keys/ratchet"]]) == seed


def test_who_only_looks_changes_nothing() -> None:
    disk = MemoryDisk()
    born = shown(FOLDER, BOX, disk)
    disk.names_.pop("/box/keys/ratchet")
    before = len(disk.steps)
    assert shown(FOLDER, BOX, disk) == born == Keys.open(FOLDER, BOX, disk.reboot()).identity.verifier
    assert len(disk.steps) == before
    with pytest.raises(KeyFault, match="SBX-KEY-004"):
        shown(FOLDER, "SB-2", disk)


def test_keys_of_another_box() -> None:
    disk = MemoryDisk()
    Keys.open(FOLDER, BOX, disk)
    with pytest.raises(KeyFault, match="SBX-KEY-004") as error:
        Keys.open(FOLDER, "SB-2", disk)
    assert error.value.facts["found"] == BOX


def test_no_seed_is_ever_shown() -> None:
    disk = MemoryDisk()
    keys = Keys.open(FOLDER, BOX, disk)
    seed = bytes(disk.data[disk.names_["/box/keys/identity"]]).split(b"seed ")[1][:64].decode()
    assert seed not in repr(keys)


def test_a_key_signs_only_its_kinds() -> None:
    keys = Keys.open(FOLDER, BOX, MemoryDisk())
    keys.ratchet.sign(b"sitebox/tail/v1\n")
    keys.identity.sign(b"sitebox/block/v1\n")
    for kind in (b"sitebox/tail/v1\n", b"sitebox/receipt/v1\n", b"anything\n"):
        with pytest.raises(NoteError):
            keys.identity.sign(kind)


@pytest.mark.parametrize("box", ["", "a b", "a/b", "x" * 33])
def test_no_box_id(box: str) -> None:
    with pytest.raises(ValueError):
        Keys.open(FOLDER, box, MemoryDisk())


def turned(disk: MemoryDisk, times: int = 1) -> Keys:
    keys = Keys.open(FOLDER, BOX, disk)
    for _ in range(times):
        keys = keys.prepared().adopted().cleaned()
    return keys


def test_a_turn_makes_the_next_key_and_leaves_nothing_of_the_old() -> None:
    disk = MemoryDisk()
    before = Keys.open(FOLDER, BOX, disk)
    seed = bytes(disk.data[disk.names_["/box/keys/ratchet"]])
    keys = turned(disk, 2)
    assert keys.ratchet.verifier.name == f"{BOX}/r2"
    assert keys.identity.verifier == before.identity.verifier
    assert Keys.open(FOLDER, BOX, disk).ratchet.verifier == keys.ratchet.verifier
    assert sorted(name for name in disk.names_ if name.startswith("/box/keys/")) == [
        "/box/keys/identity",
        "/box/keys/ratchet",
    ]
    assert all(seed[-66:-1] not in bytes(data) for data in disk.data.values()), (
        "overwritten, not only unlinked"
    )


def test_a_cut_anywhere_in_a_turn_leaves_the_key_that_counts() -> None:
    """Before a header names it the old key counts, afterwards the new one: it must be there when it does."""
    disk = MemoryDisk()
    before = Keys.open(FOLDER, BOX, disk)
    prepared = before.prepared()
    named = len(disk.steps)  # here the block would be durable
    after = prepared.adopted().cleaned()
    for k in range(len(disk.steps) + 1):
        for names in get_args(Names):
            left = disk.after(k, Chance(random.Random(k), 0.5, names))
            if "/box/keys/identity" not in left.names_:
                continue
            wanted = after if k >= named else before
            found = Keys.open(FOLDER, BOX, left).settled(wanted.identity.verifier, wanted.ratchet.verifier)
            assert found is not None, (k, names)
            assert found.ratchet.verifier == wanted.ratchet.verifier
            again = found.cleaned().prepared().adopted().cleaned()
            assert (
                again.ratchet.verifier.name == f"{wanted.ratchet.verifier.name[:-1]}{2 if k >= named else 1}"
            )


def test_neither_key_is_the_named_one() -> None:
    stranger = Keys.open(FOLDER, BOX, MemoryDisk()).ratchet.verifier
    disk = MemoryDisk()
    assert Keys.open(FOLDER, BOX, disk).prepared().settled(stranger, stranger) is None


def test_a_turn_that_did_not_end_is_ended_before_the_next() -> None:
    disk = MemoryDisk()
    owed = Keys.open(FOLDER, BOX, disk).prepared().adopted()
    keys = owed.prepared()
    assert keys.coming is not None
    assert keys.coming.verifier.name == f"{BOX}/r2"
    assert Keys.open(FOLDER, BOX, disk).ratchet.verifier == owed.ratchet.verifier
