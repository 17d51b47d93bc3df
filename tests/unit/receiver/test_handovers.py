"""A box takes another identity: the platform follows a note that both have signed, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buffer import note
from buffer.block import encode_header
from buffer.handover import encode_handover, open_handover
from buffer.note import Signer
from buffer.verify import BlockData
from buffer.wire import pack_block
from tests.attacks.honest import HANDED, handed
from tests.support.journals import header_of, signer
from tests.support.life import BOX
from tests.unit.receiver.platform import Platform

BLOCKS = handed().blocks
(NOTE,) = handed().handovers
OLD, NEW = handed().signers(HANDED)[0], handed().signers(HANDED + 1)[0]


@pytest.fixture
def platform() -> Platform:
    made = Platform()
    made.known.boxes = {BOX: OLD.verifier}
    return made


def hear(platform: Platform, *blocks: BlockData) -> list[str]:
    """The codes that blocks make it say."""
    platform.codes.clear()
    for block in blocks:
        platform.hear("block", pack_block(block.note, block.body), BOX)
    return list(platform.codes)


def other(*keys: Signer, **changes: object) -> bytes:
    """The hand-over with other facts, signed by these."""
    made = replace(open_handover(NOTE), **changes)  # type: ignore[arg-type]  # as the test says
    return note.encode(encode_handover(made), keys)


def test_it_follows_the_note_and_goes_on(platform: Platform) -> None:
    assert hear(platform, *BLOCKS[: HANDED + 1]) == []
    platform.hear("handover", NOTE, BOX)
    assert platform.codes == ["SBX-RCV-025"]
    assert hear(platform, *BLOCKS[HANDED + 1 :]) == []
    assert platform.kept() == list(range(len(BLOCKS)))
    platform.restart()
    assert hear(platform, BLOCKS[-1]) == []
    assert platform.quarantined == []


def test_without_a_note_another_identity_is_nobody(platform: Platform) -> None:
    hear(platform, *BLOCKS[: HANDED + 1])
    assert hear(platform, BLOCKS[HANDED + 1]) == ["SBX-RCV-013"]
    assert platform.kept() == list(range(HANDED + 1))


def test_blocks_may_come_in_any_order_once_the_note_is_known(platform: Platform) -> None:
    platform.hear("handover", NOTE, BOX)
    assert hear(platform, *reversed(BLOCKS)) == []
    assert platform.kept() == list(range(len(BLOCKS)))
    assert platform.quarantined == []


@pytest.mark.parametrize(
    "bad",
    [
        NOTE.replace(b"utc 1", b"utc 2", 1),
        other(NEW),
        other(OLD),
        other(signer(BOX, "thief"), NEW, old=signer(BOX, "thief").verifier),
        b"not a note",
    ],
    ids=["changed", "not by the old", "not by the new", "from a stranger", "no note"],
)
def test_a_note_that_does_not_hold_leads_nowhere(platform: Platform, bad: bytes) -> None:
    hear(platform, *BLOCKS[: HANDED + 1])
    platform.codes.clear()
    platform.hear("handover", bad, BOX)
    assert platform.codes == ["SBX-RCV-024"]
    assert hear(platform, BLOCKS[HANDED + 1]) == ["SBX-RCV-013"]


def test_who_has_handed_over_does_not_hand_over_again(platform: Platform) -> None:
    """Somebody kept the old key: his note is refused, and what he signs is not the chain."""
    thief = signer(BOX, "thief")
    hear(platform, *BLOCKS[: HANDED + 1])
    platform.hear("handover", NOTE, BOX)
    platform.codes.clear()
    platform.hear("handover", other(OLD, thief, new=thief.verifier), BOX)
    assert platform.codes == ["SBX-RCV-024"]
    block = BLOCKS[HANDED + 1]
    keys = (OLD, handed().signers(HANDED + 1)[1])
    forged = replace(block, note=note.encode(encode_header(header_of(block)), keys))
    assert hear(platform, forged) == ["SBX-RCV-015"]
    assert [n for n, _ in platform.quarantined] == [HANDED + 1]
    assert hear(platform, block) == []


def test_a_card_from_before_the_hand_over_begins_no_epoch(platform: Platform) -> None:
    platform.hear("handover", NOTE, BOX)
    keys = handed().signers(0)
    genesis = replace(
        BLOCKS[0], note=note.encode(encode_header(replace(header_of(BLOCKS[0]), epoch="another")), keys)
    )
    platform.codes.clear()
    assert hear(platform, genesis) == ["SBX-RCV-026"]
    assert hear(platform, BLOCKS[0]) == [], "the epoch in which it handed over is its own"


def test_a_registered_new_key_knows_the_old_ones(platform: Platform) -> None:
    platform.known.boxes = {BOX: NEW.verifier}
    assert hear(platform, BLOCKS[0]) == ["SBX-RCV-013"]
    platform.hear("handover", NOTE, BOX)
    assert hear(platform, *BLOCKS) == []
    assert platform.kept() == list(range(len(BLOCKS)))
