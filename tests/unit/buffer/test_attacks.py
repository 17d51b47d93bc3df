"""The attack suite of the verifier: each test is one thing a forger would do, and names what must be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from buffer import note
from buffer.block import Sums, count, encode_header, hash_text
from buffer.note import Ed25519Signer, VerifierKey
from buffer.rows import decode_body, encode_row
from buffer.verify import BlockData, Report, Wrong, verify
from tests.support.journals import (
    BOX,
    CITY,
    COUNTY,
    IDENTITY,
    T0,
    Life,
    Row,
    header_of,
    make,
    ratchet,
    receipt,
    resign,
    signer,
)

KEY = IDENTITY.verifier


def judged(blocks: Sequence[BlockData], receipts: Sequence[tuple[bytes, VerifierKey]] = ()) -> Report:
    return verify(blocks, identity=KEY, receipts=receipts)


def named(report: Report) -> tuple[Wrong | None, int | None, int]:
    return report.wrong_kind, report.first_wrong, report.exit_code()


def edited(block: BlockData, old: bytes, new: bytes) -> BlockData:
    assert old in block.note
    return replace(block, note=block.note.replace(old, new, 1))


@pytest.fixture(scope="module")
def blocks() -> list[BlockData]:
    return make()


def test_an_honest_journal_passes(blocks: list[BlockData]) -> None:
    report = judged(blocks, [receipt(blocks, 5), receipt(blocks, 7, COUNTY)])
    assert named(report) == (None, None, 0)
    assert {name: verdict.status for name, verdict in report.verdicts.items()} == {
        "signatures": "pass",
        "chain": "pass",
        "completeness": "pass",
        "time": "pass",
        "receipts": "pass",
        "values": "not-checked",
    }
    assert (report.blocks, report.records, report.first, report.last) == (8, 51, 0, 7)


# -- headers and keys ---------------------------------------------------------------------------------------


def test_header_edited(blocks: list[BlockData]) -> None:
    forged = [*blocks[:3], edited(blocks[3], b"alarms 1", b"alarms 0"), *blocks[4:]]
    assert named(judged(forged)) == (Wrong.EDITED_HEADER, 3, 65)


def test_header_edited_in_its_number(blocks: list[BlockData]) -> None:
    forged = [*blocks[:3], edited(blocks[3], b"  n 3\n", b"  n 4\n"), *blocks[4:]]
    assert named(judged(forged)) == (Wrong.EDITED_HEADER, 3, 65)


def test_header_made_unreadable(blocks: list[BlockData]) -> None:
    forged = [*blocks[:3], edited(blocks[3], b"alarms 1", b"alarms 01"), *blocks[4:]]
    assert named(judged(forged)) == (Wrong.EDITED_HEADER, 3, 65)


def test_header_of_a_newer_edition_is_not_called_corrupt(blocks: list[BlockData]) -> None:
    text = note.decode(blocks[3].note).text.replace(b"sitebox/block/v1", b"sitebox/block/v2")
    newer = replace(blocks[3], note=note.encode(text, (IDENTITY, ratchet(1))))
    assert named(judged([*blocks[:3], newer])) == (Wrong.UNKNOWN_VERSION, 3, 66)


def test_newer_edition_pretended_by_an_edit(blocks: list[BlockData]) -> None:
    forged = [*blocks[:3], edited(blocks[3], b"sitebox/block/v1", b"sitebox/block/v2"), *blocks[4:]]
    assert named(judged(forged)) == (Wrong.EDITED_HEADER, 3, 65)


def test_signature_stripped(blocks: list[BlockData]) -> None:
    lines = blocks[3].note.splitlines(keepends=True)
    assert named(judged([*blocks[:3], replace(blocks[3], note=b"".join(lines[:-1]))])) == (
        Wrong.RE_SIGNED,
        3,
        65,
    )


def test_signature_added(blocks: list[BlockData]) -> None:
    known = note.decode(blocks[3].note)
    more = note.decode(note.encode(known.text, (CITY,))).signatures
    forged = replace(blocks[3], note=note.Note(known.text, (*known.signatures, *more)).encode())
    assert named(judged([*blocks[:3], forged])) == (Wrong.EDITED_HEADER, 3, 65)


def test_signatures_swapped(blocks: list[BlockData]) -> None:
    known = note.decode(blocks[3].note)
    forged = replace(blocks[3], note=note.Note(known.text, known.signatures[::-1]).encode())
    assert named(judged([*blocks[:3], forged])) == (Wrong.EDITED_HEADER, 3, 65)


def test_everything_re_signed_with_another_identity() -> None:
    assert named(judged(make(Life(secret="thief")))) == (Wrong.RE_SIGNED, 0, 65)


def test_the_end_re_signed_with_another_identity(blocks: list[BlockData]) -> None:
    forged = [*blocks[:5], *(resign(block, "thief") for block in blocks[5:])]
    assert named(judged(forged)) == (Wrong.RE_SIGNED, 5, 65)


def test_re_signed_with_the_identity_but_without_the_forgotten_ratchet(blocks: list[BlockData]) -> None:
    """T5: who takes the card has the identity key and today's ratchet, not the one of an earlier hour."""
    text = encode_header(replace(header_of(blocks[4]), sums=replace(header_of(blocks[4]).sums, alarms=0)))
    forged = replace(blocks[4], note=note.encode(text, (IDENTITY, ratchet(2))))
    assert named(judged([*blocks[:4], forged, *blocks[5:]])) == (Wrong.RE_SIGNED, 4, 65)


def test_ratchet_key_before_its_hour(blocks: list[BlockData]) -> None:
    text = note.decode(blocks[2].note).text
    forged = replace(blocks[2], note=note.encode(text, (IDENTITY, ratchet(1))))
    assert named(judged([*blocks[:2], forged])) == (Wrong.RE_SIGNED, 2, 65)


def test_ratchet_turned_back() -> None:
    def back(header: Any) -> Any:
        return replace(header, keys=(ratchet(0).verifier,)) if header.n == 4 else header

    assert named(judged(make(Life(blocks=5, header=back)))) == (Wrong.FALLING, 4, 65)


def test_another_box_with_the_same_name(blocks: list[BlockData]) -> None:
    assert named(judged(make(Life(secret="twin")))) == (Wrong.RE_SIGNED, 0, 65)
    assert verify(make(Life(secret="twin")), identity=None).signatures.status == "warn"


# -- the chain ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 6])
def test_block_dropped(blocks: list[BlockData], n: int) -> None:
    assert named(judged([*blocks[:n], *blocks[n + 1 :]])) == (Wrong.REMOVED, n, 65)


def test_several_blocks_dropped(blocks: list[BlockData]) -> None:
    report = judged([*blocks[:2], *blocks[5:]])
    assert named(report) == (Wrong.REMOVED, 2, 65)
    assert report.findings[0].times == 3


@pytest.mark.parametrize("n", [0, 3, 7])
def test_block_duplicated(blocks: list[BlockData], n: int) -> None:
    assert named(judged([*blocks[: n + 1], *blocks[n:]])) == (Wrong.DUPLICATED, n, 65)


def test_block_duplicated_at_the_end(blocks: list[BlockData]) -> None:
    assert named(judged([*blocks, blocks[2]])) == (Wrong.DUPLICATED, 2, 65)


@pytest.mark.parametrize("n", [1, 4, 6])
def test_blocks_swapped(blocks: list[BlockData], n: int) -> None:
    swapped = [*blocks[:n], blocks[n + 1], blocks[n], *blocks[n + 2 :]]
    report = judged(swapped)
    assert named(report) == (Wrong.SWAPPED, n, 65)
    assert Wrong.REMOVED not in {finding.kind for finding in report.findings}


def test_journal_reversed(blocks: list[BlockData]) -> None:
    assert judged(blocks[::-1]).exit_code() == 65


def test_end_cut_off_behind_a_receipt(blocks: list[BlockData]) -> None:
    report = judged(blocks[:5], [receipt(blocks, 6)])
    assert named(report) == (Wrong.TRUNCATED, 5, 1)
    assert report.receipts.status == report.completeness.status == "warn"


def test_end_cut_off_without_a_receipt_is_not_called_checked(blocks: list[BlockData]) -> None:
    assert judged(blocks[:5]).receipts.status == "not-checked"


def test_two_histories_spliced(blocks: list[BlockData]) -> None:
    def other(n: int, records: list[Row]) -> None:
        if n == 2:
            records[0]["v"] = {"p": "0.000"}

    twin = make(Life(edit=other))
    assert named(judged([*blocks[:4], *twin[4:]])) == (Wrong.SPLICED, 4, 65)


def test_block_of_another_box_spliced_in(blocks: list[BlockData]) -> None:
    stranger = make(Life(box="SB-0000-00"))
    report = judged([*blocks[:4], stranger[4], *blocks[4:]])
    assert named(report) == (Wrong.SPLICED, 4, 65)
    assert len(report.findings) == 1  # the rest is judged as if it were not there


def test_old_epoch_replayed(blocks: list[BlockData]) -> None:
    old = make(Life(epoch="0000000000000000"))
    assert named(judged([*blocks[:4], old[4], *blocks[5:]])) == (Wrong.SPLICED, 4, 65)


def test_new_epoch_is_said(blocks: list[BlockData]) -> None:
    report = judged([*blocks, *make(Life(epoch="0000000000000001", blocks=3))])
    assert named(report) == (Wrong.NEW_EPOCH, 0, 1)
    assert report.chain.status == "warn"
    assert len(report.epochs) == 2


def test_fork_two_headers_for_one_number(blocks: list[BlockData]) -> None:
    forked = resign(blocks[4], mono_ms=header_of(blocks[4]).mono_ms + 1)
    assert named(judged([*blocks[:5], forked, *blocks[5:]])) == (Wrong.FORK, 4, 65)


def test_fork_shown_by_a_receipt(blocks: list[BlockData]) -> None:
    report = judged(blocks, [receipt(blocks, 5, stored_hash="ab" * 32)])
    assert named(report) == (Wrong.FORK, 5, 65)
    assert report.receipts.status == "fail"


def test_quoted_receipt_of_another_history() -> None:
    def quote(header: Any) -> Any:
        seen = tuple(replace(one, hash="ee" * 32) for one in header.seen)
        return replace(header, seen=seen) if header.n == 6 else header

    assert named(judged(make(Life(header=quote)))) == (Wrong.FORK, 4, 65)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"ext": 0}, "ext"),
        ({"ext": None}, "ext"),
        ({"seen": ()}, "no longer quoted"),
        ({"boot": 1}, "boot"),
        ({"boot_id": "other"}, "two ids"),
    ],
)
def test_counter_turned_back(change: dict[str, Any], detail: str) -> None:
    def back(header: Any) -> Any:
        return replace(header, **change) if header.n == 7 else header

    report = judged(make(Life(header=back)))
    found = {finding.kind: finding for finding in report.findings}
    assert report.exit_code() == 65
    assert detail in found[Wrong.FALLING].detail
    assert found[Wrong.FALLING].n == 7


def test_ratchet_key_exchanged_within_its_hour() -> None:
    def other(header: Any) -> Any:
        return replace(header, keys=(ratchet(1, secret="thief").verifier,)) if header.n == 3 else header

    assert named(judged(make(Life(blocks=4, header=other)))) == (Wrong.FALLING, 3, 65)


def test_record_of_an_earlier_or_a_later_boot() -> None:
    def other(boot: int) -> Life:
        return Life(edit=lambda n, records: records[2].update(boot=boot) if n == 6 else None)

    assert named(judged(make(other(1)))) == (Wrong.MONO_FALLS, 6, 65)
    assert named(judged(make(other(3)))) == (Wrong.MONO_FALLS, 6, 65)


def test_times_shifted_back(blocks: list[BlockData]) -> None:
    def back(header: Any) -> Any:
        return replace(header, mono_ms=1) if header.n == 3 else header

    assert named(judged(make(Life(header=back)))) == (Wrong.MONO_FALLS, 3, 65)


def test_record_times_shifted_back() -> None:
    def back(n: int, records: list[Row]) -> None:
        if n == 3:
            records[2]["mono"] = 10

    assert named(judged(make(Life(edit=back)))) == (Wrong.MONO_FALLS, 3, 65)


# -- bodies -------------------------------------------------------------------------------------------------


def test_body_edited(blocks: list[BlockData]) -> None:
    assert blocks[4].body is not None
    forged = replace(blocks[4], body=blocks[4].body.replace(b'"12.400"', b'"02.400"'))
    assert named(judged([*blocks[:4], forged, *blocks[5:]])) == (Wrong.EDITED_BODY, 4, 65)


def test_bodies_swapped(blocks: list[BlockData]) -> None:
    forged = [replace(blocks[3], body=blocks[4].body), replace(blocks[4], body=blocks[3].body)]
    assert named(judged([*blocks[:3], *forged, *blocks[5:]])) == (Wrong.EDITED_BODY, 3, 65)


def test_raw_frames_edited(blocks: list[BlockData]) -> None:
    assert blocks[4].raw is not None
    forged = replace(blocks[4], raw=blocks[4].raw.replace(b"fefe", b"fefd", 1))
    assert named(judged([*blocks[:4], forged, *blocks[5:]])) == (Wrong.EDITED_RAW, 4, 65)


def test_raw_frames_where_the_header_has_none(blocks: list[BlockData]) -> None:
    assert named(judged([replace(blocks[0], raw=b"1 2 > 00\n"), *blocks[1:]])) == (Wrong.EDITED_RAW, 0, 65)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"boot"', b'{ "boot"'),
        (b'"12.400"', b"12.4"),
        (b'"12.400"', b'"1.24e1"'),
        (b'"q":"S"', b'"q":"X"'),
        (b'"src":"live"', b'"src":null'),
        (b'"k":"reading"', b'"k":"reading","k":"reading"'),
        (b'"m":"kiln-main"', b'"m":7'),
    ],
)
def test_row_not_canonical_though_signed(blocks: list[BlockData], old: bytes, new: bytes) -> None:
    assert blocks[4].body is not None
    assert old in blocks[4].body
    forged = resign(blocks[4], body=blocks[4].body.replace(old, new, 1))
    assert named(judged([*blocks[:4], forged])) == (Wrong.BAD_ROW, 4, 65)


def test_records_dropped_inside_a_signed_body(blocks: list[BlockData]) -> None:
    assert blocks[4].body is not None
    records = list(decode_body(blocks[4].body))
    forged = resign(blocks[4], body=b"".join(map(encode_row, records[:2] + records[3:])))
    assert named(judged([*blocks[:4], forged])) == (Wrong.BAD_RECORDS, 4, 65)


def test_records_swapped_inside_a_signed_body() -> None:
    def swap(n: int, records: list[Row]) -> None:
        if n == 3:
            records[1], records[2] = records[2], records[1]

    assert named(judged(make(Life(edit=swap, renumber=False)))) == (Wrong.BAD_RECORDS, 3, 65)


def test_records_discontinuous_between_blocks(blocks: list[BlockData]) -> None:
    header = header_of(blocks[4])
    assert blocks[4].body is not None
    body = b"".join(encode_row(one | {"i": one["i"] + 1}) for one in decode_body(blocks[4].body))
    forged = resign(blocks[4], body=body, first=header.first + 1, last=header.last + 1)
    assert named(judged([*blocks[:4], forged])) == (Wrong.BAD_RECORDS, 4, 65)


@pytest.mark.parametrize("name", ["reads_ok", "reads_failed", "alarms", "boots", "lost"])
@pytest.mark.parametrize("by", [1, -1])
def test_sums_wrong(name: str, by: int) -> None:
    def wrong(header: Any) -> Any:
        sums = replace(header.sums, **{name: max(0, getattr(header.sums, name) + by)})
        return replace(header, sums=sums) if header.n == 4 else header

    made = make(Life(blocks=5, header=wrong))
    changed = header_of(made[4]).sums != count(decode_body(made[4].body or b""), header_of(made[3]).sums)
    assert named(judged(made)) == ((Wrong.BAD_SUMS, 4, 65) if changed else (None, None, 0))
    assert changed or (name, by) == ("lost", -1)


def test_sums_fall_where_bodies_are_gone() -> None:
    def wrong(header: Any) -> Any:
        return replace(header, sums=Sums()) if header.n == 4 else header

    made = [replace(block, body=None, raw=None) for block in make(Life(blocks=5, header=wrong))]
    assert named(judged(made)) == (Wrong.BAD_SUMS, 4, 65)


def test_readings_withheld() -> None:
    def withhold(n: int, records: list[Row]) -> None:
        if n == 3:
            del records[2:4]

    report = judged(make(Life(edit=withhold)))
    assert named(report) == (Wrong.SLOT_MISSING, 3, 1)
    assert report.findings[0].times == 2
    assert report.completeness.status == "warn"


def test_slot_answered_twice() -> None:
    def twice(n: int, records: list[Row]) -> None:
        if n == 3:
            records.append(dict(records[0]))
            records[-1]["mono"] = records[-2]["mono"]

    assert named(judged(make(Life(edit=twice)))) == (Wrong.SLOT_REPEATED, 3, 65)


def test_meter_left_out_from_some_moment_on() -> None:
    def silent(n: int, records: list[Row]) -> None:
        if 2 <= n < 5:
            records[:] = [one for one in records if one.get("m") != "scrubber"]

    report = judged(make(Life(edit=silent)))
    assert report.wrong_kind is Wrong.SLOT_MISSING
    assert report.exit_code() == 1


def test_configuration_changed_in_silence() -> None:
    def other(header: Any) -> Any:
        return replace(header, cfg="dd" * 32) if header.n >= 4 else header

    assert named(judged(make(Life(header=other)))) == (Wrong.CFG_UNSAID, 4, 1)


def test_body_gone(blocks: list[BlockData]) -> None:
    thinned = [*blocks[:2], replace(blocks[2], body=None, raw=None), *blocks[3:]]
    report = judged(thinned)
    assert named(report) == (Wrong.BODY_MISSING, 2, 1)
    assert report.chain.status == "pass"


# -- time ---------------------------------------------------------------------------------------------------


def off_since(utc_ms: int) -> Callable[[int, list[Row]], None]:
    """The time off that goes with another time in the header before it."""

    def edit(n: int, records: list[Row]) -> None:
        for one in records:
            one |= {"from_t": utc_ms} if one["k"] == "down" else {}

    return edit


def test_all_times_shifted_before_the_receipts_they_quote() -> None:
    shifted = Life(
        edit=off_since(T0 + 300_000 - 120_000),
        header=lambda header: replace(header, utc_ms=header.utc_ms - 120_000),
    )
    report = judged(make(shifted))
    assert report.exit_code() == 0
    assert (report.time.status, report.time.args["early"], report.time.args["late"]) == ("warn", "5", "0")


def test_all_times_shifted_behind_the_receipts_they_got(blocks: list[BlockData]) -> None:
    given = receipt(blocks, 5, time_ms=header_of(blocks[5]).utc_ms - 60_000)
    report = judged(blocks, [given])
    assert (report.time.status, report.time.args["late"]) == ("warn", "1")


def test_clock_that_says_itself_that_it_is_not_sure() -> None:
    unsure = Life(
        letter="R",
        edit=off_since(1_000 + 4),
        header=lambda header: replace(header, utc_ms=1_000 + header.n, letter="R"),
    )
    report = judged(make(unsure))
    assert (report.time.status, report.exit_code()) == ("warn", 0)
    assert (report.time.args["share"], report.time.args["early"]) == ("0.0", "0")


def test_times_without_any_receipt_are_not_passed() -> None:
    assert judged(make(Life(seen_from=99))).time.status == "warn"


# -- receipts -----------------------------------------------------------------------------------------------


def test_receipt_of_another_box(blocks: list[BlockData]) -> None:
    report = judged(blocks, [receipt(make(Life(box="SB-0000-00")), 5)])
    assert named(report) == (Wrong.BAD_RECEIPT, None, 65)


def test_receipt_forged(blocks: list[BlockData]) -> None:
    raw, _ = receipt(blocks, 5, signer("city", "thief"))
    assert named(judged(blocks, [(raw, CITY.verifier)])) == (Wrong.BAD_RECEIPT, None, 65)


def test_receipt_by_one_authority_in_the_name_of_another(blocks: list[BlockData]) -> None:
    raw = note.encode(note.decode(receipt(blocks, 5)[0]).text, (COUNTY,))
    assert named(judged(blocks, [(raw, COUNTY.verifier)])) == (Wrong.BAD_RECEIPT, None, 65)


def test_block_signed_as_receipt_and_receipt_as_block(blocks: list[BlockData]) -> None:
    """The first line separates the kinds: a text of one kind is never taken for the other."""
    header = note.decode(blocks[5].note).text
    report = judged(blocks, [(note.encode(header, (CITY,)), CITY.verifier)])
    assert report.wrong_kind is Wrong.BAD_RECEIPT
    text = note.decode(receipt(blocks, 5)[0]).text
    as_block = replace(blocks[5], note=note.encode(text, (IDENTITY, ratchet(1))))
    assert named(judged([*blocks[:5], as_block])) == (Wrong.UNREADABLE, 5, 65)


def test_stale_receipt_is_compared_and_not_more(blocks: list[BlockData]) -> None:
    report = judged(blocks, [receipt(blocks, 1)])
    assert report.receipts.status == "pass"
    assert report.receipts.args["compared"] == "1"


def test_receipt_heads_of_another_authority_show_the_cut(blocks: list[BlockData]) -> None:
    head = ("county", 7, hash_text(note.decode(blocks[7].note).text))
    assert named(judged(blocks[:6], [receipt(blocks, 4, heads=(head,))])) == (Wrong.TRUNCATED, 6, 1)


# -- what is not checked is never passed --------------------------------------------------------------------


def test_no_key_from_outside_is_a_warning(blocks: list[BlockData]) -> None:
    report = verify(blocks, identity=None)
    assert (report.signatures.status, report.exit_code()) == ("warn", 1)
    assert report.signatures.args["key"] == str(KEY)


def test_range_without_key_leaves_the_signer_unchecked(blocks: list[BlockData]) -> None:
    report = verify(blocks[2:], identity=None)
    assert (report.signatures.status, report.exit_code()) == ("not-checked", 1)


def test_range_says_where_it_begins(blocks: list[BlockData]) -> None:
    report = judged(blocks[2:6])
    assert named(report) == (None, None, 0)
    assert (report.chain.status, dict(report.chain.args)) == ("pass", {"first": "2", "last": "5"})
    assert report.signatures.args["identity_only"] == "1"


def test_range_forged_at_its_first_block(blocks: list[BlockData]) -> None:
    assert named(judged([resign(blocks[2], "thief"), *blocks[3:]])) == (Wrong.RE_SIGNED, 2, 65)


def test_nothing_given() -> None:
    report = judged([])
    assert report.exit_code() == 66
    assert {verdict.status for verdict in report.verdicts.values()} == {"not-checked"}


def test_nothing_readable() -> None:
    report = judged([BlockData(b"hello\n", None)])
    assert named(report) == (Wrong.UNREADABLE, None, 66)


def test_values_are_not_recomputed_without_a_decoder(blocks: list[BlockData]) -> None:
    assert judged(blocks).values.status == "not-checked"
    agree = verify(blocks, identity=KEY, recompute=lambda cfg, record, frames: bool(frames))
    assert agree.values.status == "pass"
    gone = [replace(block, raw=None) for block in blocks[:3]]
    some = verify([*gone, *blocks[3:]], identity=KEY, recompute=lambda cfg, record, frames: True)
    assert some.values.status == "warn"
    unable = verify(blocks, identity=KEY, recompute=lambda cfg, record, frames: None)
    assert unable.values.status == "not-checked"


def test_value_that_the_frames_do_not_say(blocks: list[BlockData]) -> None:
    report = verify(blocks, identity=KEY, recompute=lambda cfg, record, frames: record["i"] != 12)
    assert named(report) == (Wrong.VALUE_DIFFERS, 2, 65)


def test_journal_of_another_box_than_the_key_given(blocks: list[BlockData]) -> None:
    stranger = Ed25519Signer(f"{BOX}-2", bytes(32))
    report = verify(blocks, identity=stranger.verifier)
    assert named(report) == (Wrong.RE_SIGNED, 0, 65)
