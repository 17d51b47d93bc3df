"""The receiver's core among honest boxes, bad networks and attackers."""

from __future__ import annotations

import random
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from buffer.block import hash_text
from buffer.note import decode
from buffer.verify import BlockData
from buffer.wire import pack_block, topic
from receiver import core
from receiver.query import Query
from tests.support.journals import BOX, CITY, COUNTY, EPOCH, IDENTITY, Life, header_of, make, resign, signer
from tests.unit.receiver.platform import Platform

BLOCKS = make(Life(blocks=12))
HASHES = [hash_text(decode(block.note).text) for block in BLOCKS]


def test_in_order_everything_is_stored_and_said() -> None:
    platform = Platform()
    for n, block in enumerate(BLOCKS):
        platform.block(block)
        receipt = platform.receipt()
        assert receipt is not None
        assert (receipt.stored_n, receipt.stored_hash) == (n, HASHES[n])
        assert (receipt.also, receipt.want) == ((), ())
    assert platform.codes == []


def test_nothing_is_owed_unless_something_came() -> None:
    platform = Platform()
    assert platform.receipt() is None


def test_a_gap_is_wanted_and_what_lies_beyond_is_held() -> None:
    platform = Platform()
    platform.birth(11)
    for n in (0, 1, 4, 5, 9):
        platform.block(BLOCKS[n])
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 1
    assert receipt.also == ((4, 5, HASHES[5]), (9, 9, HASHES[9]))
    assert receipt.want == ((2, 3), (6, 8), (10, 11))


def test_closing_the_gap_chains_what_waited() -> None:
    platform = Platform()
    for n in (*range(5, 12), *range(1, 5), 0):
        platform.block(BLOCKS[n], "hist")
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 11


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_doubles_ends_the_same(seed: int) -> None:
    rng = random.Random(seed)
    order = [*range(12), *(rng.randrange(12) for _ in range(20))]
    rng.shuffle(order)
    platform = Platform()
    for at, n in enumerate(order):
        if at % 7 == 6:
            platform.restart()
        platform.block(BLOCKS[n])
    receipt = platform.receipt()
    assert receipt is not None
    assert (receipt.stored_n, receipt.stored_hash) == (11, HASHES[11]), seed
    assert platform.kept() == list(range(12))
    assert (platform.codes, platform.quarantined) == ([], [])


def test_a_birth_is_answered_with_where_it_stands() -> None:
    platform = Platform()
    platform.birth(7)
    receipt = platform.receipt()
    assert receipt is not None
    assert (receipt.stored_n, receipt.want) == (-1, ((0, 7),))


def test_a_heartbeat_behind_its_receipt_is_answered_another_is_not() -> None:
    platform = Platform()
    for block in BLOCKS[:4]:
        platform.block(block)
    assert platform.receipt() is not None
    platform.state(3, stored=3)
    assert platform.receipt() is None
    platform.state(3, stored=1)
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 3


def test_the_first_heartbeat_after_a_silence_is_answered() -> None:
    """The birth came while the platform was away."""
    platform = Platform()
    platform.state(3, stored=-1)
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.want == ((0, 3),)


def test_receipts_are_not_given_more_often_than_a_box_needs() -> None:
    platform = Platform()
    given = 0
    for ms in range(0, 1_000, 10):
        platform.core._owed[BOX] = EPOCH
        given += len(platform.core.receipts(0, ms))
    assert given == 5


def test_after_a_restart_each_box_is_greeted() -> None:
    platform = Platform()
    for block in BLOCKS[:4]:
        platform.block(block)
    platform.restart()
    platform.core.greet()
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 3


def test_what_other_authorities_hold_is_passed_on() -> None:
    """The blocks quote receipts of the city: news for the county, not for the city itself."""
    for signer_, heads in ((COUNTY, (("city", 9, HASHES[9]),)), (CITY, ())):
        platform = Platform(signer=signer_)
        for block in BLOCKS:
            platform.block(block)
        receipt = platform.receipt()
        assert receipt is not None
        assert (receipt.by, receipt.heads) == (signer_.verifier.name, heads)


def test_alarms_are_found() -> None:
    platform = Platform()
    for block in BLOCKS:
        platform.block(block)
    rows = platform.store._db.execute("SELECT n, id, state, code FROM alarms").fetchall()
    assert rows == [(2, "a1", "raised", "SBX-RUL-001")]


@pytest.mark.parametrize(("state", "up"), [("escalated", 1), ("acknowledged", 1), ("cleared", 0)])
def test_an_alarm_is_up_until_it_is_cleared(state: str, up: int, tmp_path: Path) -> None:
    platform = Platform()
    for block in BLOCKS:
        platform.block(block)
    db = platform.store._db
    db.execute("CREATE TEMP TABLE later AS SELECT * FROM alarms")
    db.execute("UPDATE later SET i = i + 1, state = ?", (state,))
    db.execute("INSERT INTO alarms SELECT * FROM later")
    db.commit()
    with closing(sqlite3.connect(tmp_path / "receiver.db")) as copy:
        db.backup(copy)
    assert Query(tmp_path / "receiver.db")._alarms_up(BOX, EPOCH) == up


# Attacks


def test_a_stranger_is_refused_and_nothing_is_kept() -> None:
    platform = Platform()
    stranger = make(Life(blocks=1, box="SB-0000-00"))[0]
    platform.hear("block", pack_block(stranger.note, stranger.body), box="SB-0000-00")
    assert platform.codes == ["SBX-RCV-010"]
    assert platform.kept() == []
    assert platform.receipt() is None


def test_another_boxs_block_on_this_boxs_topic() -> None:
    platform = Platform()
    platform.known.boxes["SB-0000-00"] = signer("SB-0000-00").verifier
    other = make(Life(blocks=1, box="SB-0000-00"))[0]
    platform.hear("block", pack_block(other.note, other.body))
    assert platform.codes == ["SBX-RCV-012"]
    assert platform.kept() == []


def test_a_birth_in_the_name_of_another() -> None:
    platform = Platform()
    platform.known.boxes["SB-0000-00"] = signer("SB-0000-00").verifier
    platform.birth(5)
    platform.receipt()
    platform.hear("birth", b'{"box":"SB-0000-00"}')
    assert platform.codes == ["SBX-RCV-011"]


def test_a_foreign_identity_with_the_right_name() -> None:
    platform = Platform()
    for block in make(Life(blocks=3, secret="stolen name")):
        platform.block(block)
    assert platform.codes == ["SBX-RCV-013"] * 3
    assert platform.kept() == []


def test_the_genesis_must_name_the_registered_key() -> None:
    platform = Platform()
    thief = signer(BOX, "thief").verifier
    genesis = resign(BLOCKS[0], keys=(thief, header_of(BLOCKS[0]).keys[1]))
    platform.block(genesis)
    assert platform.codes == ["SBX-RCV-013"]


@pytest.mark.parametrize("seed", range(60))
def test_a_changed_byte_is_never_stored(seed: int) -> None:
    rng = random.Random(seed)
    platform = Platform()
    message = bytearray(pack_block(BLOCKS[0].note, BLOCKS[0].body))
    at = rng.randrange(len(message))
    message[at] ^= 1 << rng.randrange(8)
    platform.hear("block", bytes(message))
    assert platform.kept() == [], (seed, at)
    assert len(platform.codes) == 1


@pytest.mark.parametrize("cut", [1, 10, 100, 300])
def test_a_cut_message_is_never_stored(cut: int) -> None:
    platform = Platform()
    message = pack_block(BLOCKS[1].note, BLOCKS[1].body)
    platform.hear("block", message[:-cut])
    assert platform.kept() == []


def test_a_body_of_another_block() -> None:
    platform = Platform()
    platform.block(replace(BLOCKS[1], body=BLOCKS[2].body))
    assert platform.codes == ["SBX-RCV-016"]


def test_a_body_cut_off_on_the_way_is_not_stored() -> None:
    platform = Platform()
    platform.hear("block", BLOCKS[1].note)
    assert platform.codes == ["SBX-RCV-017"]
    assert platform.kept() == []


def test_headers_alone_when_the_operator_says_so() -> None:
    platform = Platform(headers_only=True)
    platform.block(BLOCKS[0])
    platform.hear("hist", BLOCKS[1].note)
    platform.block(BLOCKS[2])
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 2


def test_a_zip_bomb_stays_small() -> None:
    platform = Platform()
    bomb = zlib.compress(b"\x00" * (64 << 20), 9)
    platform.hear("block", BLOCKS[1].note + bomb)
    assert platform.codes == ["SBX-RCV-011"]


@pytest.mark.parametrize(
    "where",
    [
        "",
        "sb/1/" + "x" * 60_000 + "/up/block",
        "sb/1/../up/block",
        "sb/1/SB-7F3A-92/dn/receipt",
        "sb/1/é/up/block",
    ],
)
def test_strange_topics(where: str) -> None:
    platform = Platform()
    platform.raw(where, b"x")
    assert platform.codes in (["SBX-RCV-011"], ["SBX-RCV-010"])
    assert platform.receipt() is None


def test_a_topic_of_a_later_edition() -> None:
    platform = Platform()
    platform.raw("sb/2/SB-7F3A-92/up/block", b"x")
    assert platform.codes == ["SBX-RCV-011"]


@pytest.mark.parametrize("name", ["block", "hist", "birth", "state"])
@pytest.mark.parametrize(
    "payload", [b"", b"\xff" * 100, b"[" * 8_000, b"{}", b'{"v":2}', b"\n\n\xe2\x80\x94 "]
)
def test_rubbish_is_counted(name: str, payload: bytes) -> None:
    platform = Platform()
    platform.hear(name, payload)
    assert platform.codes == ["SBX-RCV-011"]
    rows = platform.store._db.execute("SELECT box, code, count FROM refused").fetchall()
    assert rows == [(BOX, "SBX-RCV-011", 1)]


def test_an_impossible_epoch_in_a_birth_does_not_stop_the_receiver() -> None:
    platform = Platform()
    platform.birth(3, epoch="no such\nepoch")
    assert platform.codes == ["SBX-RCV-011"]
    assert platform.receipt() is None


def test_retained_news_is_old_news() -> None:
    platform = Platform()
    platform.birth(3)
    platform.receipt()
    platform.raw(topic(BOX, "up", "birth"), b"anything", retained=True)
    assert platform.codes == []
    assert platform.receipt() is None


def test_two_contents_for_one_number_are_both_kept_and_the_first_counts() -> None:
    platform = Platform()
    for block in BLOCKS[:5]:
        platform.block(block)
    fork = resign(BLOCKS[3], cfg="ee" * 32)
    platform.block(fork)
    platform.block(fork)
    assert platform.codes == ["SBX-RCV-014"]
    assert platform.quarantined == [(3, "another content")]
    receipt = platform.receipt()
    assert receipt is not None
    assert (receipt.stored_n, receipt.stored_hash) == (4, HASHES[4])


def test_a_fork_does_not_take_the_alarms_of_the_real_block_away() -> None:
    platform = Platform()
    for block in BLOCKS[:5]:
        platform.block(block)
    platform.block(resign(BLOCKS[2], cfg="ee" * 32))
    assert platform.store._db.execute("SELECT count(*) FROM alarms").fetchone() == (1,)


def test_a_spliced_block_goes_to_quarantine_and_is_wanted_again() -> None:
    platform = Platform()
    for block in BLOCKS[:3]:
        platform.block(block)
    platform.block(resign(BLOCKS[3], prev="ab" * 32))
    assert platform.codes == ["SBX-RCV-015"]
    platform.birth(5)
    receipt = platform.receipt()
    assert receipt is not None
    assert (receipt.stored_n, receipt.want) == (2, ((3, 5),))
    platform.block(BLOCKS[3])
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 3


def test_the_ratchet_key_must_be_the_one_that_was_named() -> None:
    platform = Platform()
    for block in BLOCKS[:3]:
        platform.block(block)
    thief = make(Life(blocks=5, secret="vectors"))[3]
    header = header_of(thief)
    platform.block(_signed_by_identity_alone(thief, header.n))
    assert platform.codes == ["SBX-RCV-015"]
    assert platform.quarantined[0][0] == 3


def _signed_by_identity_alone(block: BlockData, n: int) -> BlockData:
    """What a thief of the identity key can make without the forgotten ratchet seed."""
    from buffer.note import encode

    text = decode(block.note).text
    return replace(block, note=encode(text, (IDENTITY, signer(f"{BOX}/r{n // 3}", "guessed"))))


def test_a_bad_block_that_waited_is_found_when_its_turn_comes() -> None:
    platform = Platform()
    platform.block(resign(BLOCKS[3], prev="ab" * 32))
    for block in BLOCKS[4:6]:
        platform.block(block)
    for block in BLOCKS[:3]:
        platform.block(block)
    assert platform.codes == ["SBX-RCV-015"]
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 2
    assert receipt.also == ((4, 5, HASHES[5]),)


def test_odd_content_is_kept_and_said() -> None:
    """Signed and chained, but the sums do not fit: evidence all the same."""
    platform = Platform()
    for block in BLOCKS[:2]:
        platform.block(block)
    sums = header_of(BLOCKS[2]).sums
    platform.block(resign(BLOCKS[2], sums=replace(sums, reads_ok=sums.reads_ok + 1)))
    assert platform.codes == ["SBX-RCV-019"]
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 2


def test_a_restored_card_is_noticed_at_its_birth() -> None:
    platform = Platform()
    for block in BLOCKS:
        platform.block(block)
    platform.birth(4)
    assert platform.codes == ["SBX-RCV-022"]
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 11


def test_a_new_epoch_starts_beside_the_old_one() -> None:
    platform = Platform()
    for block in BLOCKS[:4]:
        platform.block(block)
    for block in make(Life(blocks=2, epoch="second-life")):
        platform.block(block)
    receipt = platform.receipt()
    assert receipt is not None
    assert (receipt.epoch, receipt.stored_n) == ("second-life", 1)
    assert platform.codes == []


def test_lives_without_number_are_refused() -> None:
    platform = Platform()
    for number in range(core.MAX_LIVES + 3):
        platform.birth(0, epoch=f"life-{number}")
    assert platform.codes == ["SBX-RCV-023"] * 3


def test_blocks_far_ahead_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "MAX_AHEAD", 4)
    platform = Platform()
    for block in BLOCKS[1:]:
        platform.block(block)
    assert platform.kept() == [1, 2, 3, 4]
    assert platform.codes == ["SBX-RCV-018"] * 7
    platform.block(BLOCKS[0])
    for block in BLOCKS[5:]:
        platform.block(block)
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 11


def test_a_replaced_key_does_not_leave_a_block_that_can_never_be_chained() -> None:
    platform = Platform()
    platform.block(BLOCKS[1])
    platform.block(BLOCKS[0])
    platform.restart()
    platform.block(BLOCKS[3])
    platform.known.boxes[BOX] = signer(BOX, "new key").verifier
    platform.block(BLOCKS[2])
    assert "SBX-RCV-013" in platform.codes
    receipt = platform.receipt()
    assert receipt is not None
    assert receipt.stored_n == 1
