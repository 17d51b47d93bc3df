"""Receipts from the network, by attack: only the platform's own word about our own history is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.uplinks.incoming import Known, UnfitError, note_hash, take
from buffer.note import MAX_NOTE, encode
from buffer.receipt import Receipt, encode_receipt
from tests.support.journals import BOX, CITY, COUNTY, EPOCH, T0, Life, make, receipt, signer

BLOCKS = make(Life(blocks=8))


def known(head: int = 7, time_ms: int = -1, stored: int = -1) -> Known:
    return Known(BOX, EPOCH, head, time_ms, stored, lambda n: note_hash(BLOCKS[n].note))


def refused(payload: bytes, at: Known | None = None) -> str:
    with pytest.raises(UnfitError) as caught:
        take(payload, CITY.verifier, at or known())
    return caught.value.code


def test_the_platforms_word_is_believed() -> None:
    note, key = receipt(BLOCKS, 5)
    assert take(note, key, known()).stored_n == 5


def test_nothing_stored_yet_is_a_word_too() -> None:
    note, key = receipt(BLOCKS, 0, stored_n=-1, stored_hash="")
    assert take(note, key, known()).stored_n == -1


def test_the_other_platform_may_not_speak_for_this_one() -> None:
    assert refused(receipt(BLOCKS, 5, by=COUNTY)[0]) == "SBX-UPL-030"


def test_another_key_of_the_same_name_is_a_forger() -> None:
    assert refused(receipt(BLOCKS, 5, by=signer("city", "stolen"))[0]) == "SBX-UPL-030"


def test_a_platform_may_not_speak_for_another() -> None:
    base = take(receipt(BLOCKS, 5)[0], CITY.verifier, known())
    note = encode(encode_receipt(replace(base, by="county")), [CITY])
    assert refused(note) == "SBX-UPL-030"


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_each_changed_byte_is_seen(at: int) -> None:
    note = bytearray(receipt(BLOCKS, 5)[0])
    note[at % len(note)] ^= 1
    assert refused(bytes(note)) == "SBX-UPL-030"


@pytest.mark.parametrize("junk", [b"", b"\x00" * 100, b"{}", b"\xff\xfe" * 50, b"\n\n", "回执".encode()])
def test_rubbish(junk: bytes) -> None:
    assert refused(junk) == "SBX-UPL-030"


def test_too_large_is_not_even_looked_at() -> None:
    assert refused(b"x" * (MAX_NOTE + 1)) == "SBX-UPL-034"


def test_another_box() -> None:
    assert refused(receipt(BLOCKS, 5, box="SB-0000-00")[0]) == "SBX-UPL-031"


def test_another_epoch() -> None:
    assert refused(receipt(BLOCKS, 5, epoch="older")[0]) == "SBX-UPL-035"


def test_another_history() -> None:
    with pytest.raises(UnfitError) as caught:
        take(receipt(BLOCKS, 5, stored_hash="ab" * 32)[0], CITY.verifier, known())
    assert caught.value.code == "SBX-UPL-033"
    assert caught.value.receipt is not None
    assert caught.value.receipt.stored_n == 5


def test_ahead_of_us() -> None:
    with pytest.raises(UnfitError) as caught:
        take(receipt(BLOCKS, 5)[0], CITY.verifier, known(head=4))
    assert caught.value.code == "SBX-UPL-037"
    assert caught.value.receipt is not None


def test_an_old_one_again_is_a_replay() -> None:
    note, _ = receipt(BLOCKS, 3, time_ms=T0)
    assert refused(note, known(time_ms=T0 + 1, stored=5)) == "SBX-UPL-032"


def test_a_newer_one_that_goes_back_is_the_platforms_own_loss() -> None:
    note, key = receipt(BLOCKS, 3, time_ms=T0 + 2)
    assert take(note, key, known(time_ms=T0 + 1, stored=5)).stored_n == 3


def test_a_second_signature_is_not_taken_along() -> None:
    base = take(receipt(BLOCKS, 5)[0], CITY.verifier, known())
    note = encode(encode_receipt(base), [CITY, COUNTY])
    assert refused(note) == "SBX-UPL-030"


def test_a_block_that_was_dropped_here_cannot_be_compared() -> None:
    made = replace(known(), hash_of=lambda n: None)
    note, key = receipt(BLOCKS, 5)
    found: Receipt = take(note, key, made)
    assert found.stored_n == 5
