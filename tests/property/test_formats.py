"""Every format: what is written is read again, and every flipped byte is noticed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from buffer import note
from buffer.block import FIRST_RECORD, Header, Seen, Sums, decode_header, encode_header
from buffer.command import Command, decode_command, encode_command, open_command, sign_command
from buffer.errors import FormatError
from buffer.grammar import LIMIT
from buffer.instant import ClockLetter
from buffer.raw import RawFrame, decode_raw, encode_raw
from buffer.receipt import Receipt, decode_receipt, encode_receipt, open_receipt
from buffer.rows import MAX_ROW, decode_body, decode_row, encode_row
from buffer.verify import verify
from buffer.wire import Birth, Live, State, decode_message, pack_block, parse_topic, unpack_block
from tests.support.journals import BOX, CITY, IDENTITY, make, ratchet, receipt

NUMBERS = st.integers(0, LIMIT)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex).filter(lambda text: text != "0" * 64)
LETTERS = st.sampled_from(get_args(ClockLetter))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,10}\Z")
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8)
LEAVES = TEXTS | st.booleans() | st.integers(-LIMIT, LIMIT)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=8)


def shallow(value: Any, depth: int = 6) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inside is None or (depth > 0 and all(shallow(one, depth - 1) for one in inside))


@given(RECORDS.filter(shallow))
def test_records(record: dict[str, Any]) -> None:
    line = encode_row(record)
    assert len(line) <= MAX_ROW
    assert decode_row(line) == record
    assert encode_row(dict(reversed(record.items()))) == line


@given(
    st.binary(max_size=200) | RECORDS.filter(shallow).map(encode_row),
    st.integers(0, 199),
    st.integers(1, 255),
)
def test_no_second_spelling_of_a_record(data: bytes, at: int, change: int) -> None:
    """Whatever is accepted is the spelling of what was read."""
    if at < len(data):
        data = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
    try:
        found = list(decode_body(data))
    except FormatError:
        return
    assert b"".join(map(encode_row, found)) == data


@st.composite
def headers(draw: st.DrawFn) -> Header:
    n = draw(st.integers(0, LIMIT) | st.just(0))
    records = draw(st.integers(0, 4096))
    first = draw(st.integers(FIRST_RECORD, LIMIT - 5000))
    raw = draw(st.integers(0, 4 * 1024 * 1024))
    seen = draw(st.dictionaries(NAMES, st.tuples(NUMBERS, HASHES, NUMBERS), max_size=16))
    following = ratchet(draw(st.integers(0, 10**6))).verifier
    return Header(
        box=BOX,
        epoch=draw(st.from_regex(r"\A[a-z0-9-]{1,36}\Z")),
        n=n,
        prev=draw(HASHES) if n else "0" * 64,
        body_bytes=draw(st.integers(1, 1024 * 1024)) if records else 0,
        body_hash=draw(HASHES),
        first=first,
        last=first + records - 1,
        raw_bytes=raw,
        raw_hash=draw(HASHES) if raw else "-",
        boot=draw(NUMBERS),
        boot_id=draw(st.uuids()).hex,
        mono_ms=draw(NUMBERS),
        utc_ms=draw(NUMBERS),
        letter=draw(LETTERS),
        soft=draw(st.from_regex(r"\A[!-~]{1,64}\Z")),
        soft_digest=draw(HASHES | st.just("-")),
        cfg=draw(HASHES | st.just("-")),
        sums=Sums(*draw(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS))),
        ext=draw(st.none() | NUMBERS),
        seen=tuple(Seen(name, *rest) for name, rest in sorted(seen.items())),
        keys=(following,) if n else (IDENTITY.verifier, following),
    )


@settings(max_examples=60)
@given(headers())
def test_headers(header: Header) -> None:
    assert decode_header(encode_header(header)) == header


@settings(max_examples=60)
@given(headers(), st.data())
def test_no_second_spelling_of_a_header(header: Header, data: st.DataObject) -> None:
    text = encode_header(header)
    at = data.draw(st.integers(0, len(text) - 1))
    forged = text[:at] + data.draw(st.binary(max_size=3)) + text[at + 1 :]
    try:
        found = decode_header(forged)
    except FormatError:
        return
    assert encode_header(found) == forged


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    stored = draw(st.integers(-1, 10**6))

    def ranges(start: int) -> list[tuple[int, int]]:
        steps = draw(st.lists(st.tuples(st.integers(2, 1000), st.integers(0, 1000)), max_size=64))
        found, at = [], start
        for gap, size in steps:
            found.append((at + gap, at + gap + size))
            at += gap + size
        return found

    heads = draw(st.dictionaries(NAMES, st.tuples(NUMBERS, HASHES), max_size=16))
    return Receipt(
        by=draw(NAMES),
        box=BOX,
        epoch=draw(st.from_regex(r"\A[a-z0-9-]{1,36}\Z")),
        stored_n=stored,
        stored_hash=draw(HASHES) if stored >= 0 else "",
        also=tuple((a, b, draw(HASHES)) for a, b in ranges(stored)),
        want=tuple(ranges(-2)),
        heads=tuple((name, *rest) for name, rest in sorted(heads.items())),
        time_ms=draw(NUMBERS),
    )


@settings(max_examples=60)
@given(receipts())
def test_receipts(made: Receipt) -> None:
    assert decode_receipt(encode_receipt(made)) == made


@given(
    st.lists(
        st.tuples(NUMBERS, NUMBERS, st.sampled_from("<>?"), st.binary(min_size=1, max_size=300)), max_size=20
    )
)
def test_raw_frames(parts: list[Any]) -> None:
    frames = [RawFrame(*part) for part in sorted(parts, key=lambda part: int(part[0]))]
    assert list(decode_raw(encode_raw(frames))) == frames


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=60).map(
        lambda t: (t + "\n").encode()
    ),
    st.integers(1, 3),
)
def test_notes(text: bytes, count: int) -> None:
    signers = [IDENTITY, CITY, ratchet(0)][:count]
    raw = note.encode(text, signers)
    found = note.decode(raw)
    assert found.text == text
    assert len(found.signed_by([one.verifier for one in signers])) == count


@settings(max_examples=60)
@given(
    st.builds(
        Command,
        by=st.from_regex(r"\A[A-Za-z0-9._-]{1,32}\Z"),
        box=st.just(BOX),
        epoch=st.from_regex(r"\A[a-z0-9-]{1,36}\Z"),
        head_n=NUMBERS,
        head_hash=HASHES,
        number=NUMBERS,
        time_ms=NUMBERS,
        verb=st.sampled_from(["order-put", "order-cancel", "read"]),
        object=st.dictionaries(
            NAMES, st.text(st.characters(codec="utf-8"), max_size=20) | NUMBERS, max_size=8
        ),
    )
)
def test_commands(made: Command) -> None:
    assert decode_command(encode_command(made)) == made


COMMAND = sign_command(
    Command("city", BOX, "e", 3, "1a" * 32, 7, 1_795_000_000_000, "order-cancel", {"id": "a"}), CITY
)


@given(st.integers(0, len(COMMAND) - 1), st.integers(1, 255))
def test_every_flipped_byte_of_a_command_is_refused(at: int, change: int) -> None:
    flipped = COMMAND[:at] + bytes([COMMAND[at] ^ change]) + COMMAND[at + 1 :]
    try:
        open_command(flipped, [CITY.verifier])
    except FormatError:
        return
    raise AssertionError("a flipped command was believed")


@given(st.binary(max_size=300))
@example(b"\n\n\xe2\x80\x94 a AAAAAAA=\n")
def test_noise_is_refused_and_never_breaks(data: bytes) -> None:
    for read in (
        note.decode,
        decode_header,
        decode_receipt,
        decode_command,
        decode_row,
        unpack_block,
        lambda data: list(decode_raw(data)),
        lambda data: parse_topic(data.decode("latin-1")),
        lambda data: decode_message(Birth, data),
        lambda data: decode_message(State, data),
        lambda data: decode_message(Live, data),
    ):
        try:
            read(data)
        except FormatError:
            continue


@given(st.binary(max_size=2000))
def test_block_messages(body: bytes) -> None:
    packed = pack_block(BLOCKS[1].note, body)
    assert unpack_block(packed) == (BLOCKS[1].note, body)


BLOCKS = make()


@settings(max_examples=100)
@given(
    st.integers(0, len(BLOCKS) - 1),
    st.sampled_from(["note", "body", "raw"]),
    st.integers(0, 4000),
    st.integers(1, 255),
)
def test_every_flipped_byte_changes_the_verdict(n: int, part: str, at: int, change: int) -> None:
    data = getattr(BLOCKS[n], part)
    if not data:
        return
    at %= len(data)
    flipped = replace(BLOCKS[n], **{part: data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]})
    report = verify([*BLOCKS[:n], flipped, *BLOCKS[n + 1 :]], identity=IDENTITY.verifier)
    assert report.exit_code() in (65, 66)
    assert report.first_wrong in (n, None)
    assert report.signatures.status == "fail" or report.chain.status == "fail"


RECEIPT = receipt(BLOCKS, 6)[0]


@given(st.integers(0, len(RECEIPT) - 1), st.integers(1, 255))
def test_every_flipped_byte_of_a_receipt_is_refused(at: int, change: int) -> None:
    flipped = RECEIPT[:at] + bytes([RECEIPT[at] ^ change]) + RECEIPT[at + 1 :]
    try:
        open_receipt(flipped, CITY.verifier)
    except FormatError:
        report = verify(BLOCKS, identity=IDENTITY.verifier, receipts=[(flipped, CITY.verifier)])
        assert report.receipts.status == "fail"
        assert report.exit_code() == 65
    else:
        raise AssertionError("a flipped receipt was believed")


@given(st.lists(st.integers(0, len(BLOCKS) - 1), max_size=12))
def test_any_other_order_of_blocks_is_not_authentic(order: list[int]) -> None:
    report = verify([BLOCKS[n] for n in order], identity=IDENTITY.verifier)
    runs_on = all(b == a + 1 for a, b in pairwise(order))
    assert report.exit_code() == (66 if not order else 0 if runs_on else 65)
