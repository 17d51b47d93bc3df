"""The attacks: each is one thing that somebody would do to evidence, what it is called, and where.

::

    Attack("value", "T1", lambda e: body(e, 5, b'"14.50"', b'"04.50"'), Wrong.EDITED_BODY, 5)

``threat`` is the row of docs/threat-model.md. ``BEYOND`` are those that no verifier can see in what it is
given; they stand in that document under "Out of reach".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from buffer import note
from buffer.block import Header, hash_text
from buffer.command import Command, encode_command
from buffer.handover import encode_handover, open_handover
from buffer.note import Note
from buffer.receipt import Receipt, decode_receipt, encode_receipt
from buffer.rows import decode_body, encode_row
from buffer.verify import Wrong
from tests.attacks.honest import (
    FOUND,
    HANDED,
    Evidence,
    Rewriting,
    cloned,
    crashed,
    handed,
    lived,
    rewrite,
    signed,
    turning,
    with_block,
)
from tests.support.journals import CITY, COUNTY, Row, header_of, ratchet, signer
from tests.support.life import BOX

Change = Callable[[Evidence], Evidence]
PLAIN = 6  # a block of polls alone, inside the first start
SECOND = 7  # the first block of the second start
LAST = 11  # nobody has a receipt of it


@dataclass(frozen=True, slots=True)
class Attack:
    """See the module. ``n`` None: not in a block."""

    name: str
    threat: str
    change: Change
    kind: Wrong
    n: int | None
    base: Callable[[], Evidence] = lived


THIEF = signer(BOX, "thief")
THIEF_RATCHET = signer(f"{BOX}/r0", "thief")


def header(n: int, old: bytes, new: bytes) -> Change:
    """Bytes of a header exchanged, nothing signed anew."""

    def change(evidence: Evidence) -> Evidence:
        block = evidence.blocks[n]
        return with_block(evidence, n, replace(block, note=block.note.replace(old, new, 1)))

    return change


def body(n: int, old: bytes, new: bytes) -> Change:
    """Bytes of a body exchanged."""

    def change(evidence: Evidence) -> Evidence:
        block = evidence.blocks[n]
        return with_block(evidence, n, replace(block, body=(block.body or b"").replace(old, new, 1)))

    return change


def rows(n: int, edit: Callable[[list[bytes]], None]) -> Change:
    """Lines of a body moved about."""

    def change(evidence: Evidence) -> Evidence:
        lines = (evidence.blocks[n].body or b"").splitlines(keepends=True)
        edit(lines)
        return with_block(evidence, n, replace(evidence.blocks[n], body=b"".join(lines)))

    return change


def lines(n: int, edit: Callable[[Note], Note]) -> Change:
    """Signature lines of a note changed."""

    def change(evidence: Evidence) -> Evidence:
        block = evidence.blocks[n]
        return with_block(evidence, n, replace(block, note=edit(note.decode(block.note)).encode()))

    return change


def flipped(which: int) -> Callable[[Note], Note]:
    """One bit of a signature."""

    def edit(one: Note) -> Note:
        found = list(one.signatures)
        data = bytearray(found[which].signature)
        data[20] ^= 1
        found[which] = replace(found[which], signature=bytes(data))
        return Note(one.text, tuple(found))

    return edit


def blocks(edit: Callable[[list[Any]], Any]) -> Change:
    """Blocks taken out, doubled, moved."""

    def change(evidence: Evidence) -> Evidence:
        found = list(evidence.blocks)
        edit(found)
        return replace(evidence, blocks=tuple(found))

    return change


def part(n: int, **parts: Any) -> Change:
    """Body or frames of a block exchanged for others."""
    return lambda evidence: with_block(evidence, n, replace(evidence.blocks[n], **parts))


def other_part(n: int, name: str, of: int) -> Change:
    """Body or frames of a block exchanged for those of another."""
    return lambda evidence: part(n, **{name: getattr(evidence.blocks[of], name)})(evidence)


def receipts(edit: Callable[[tuple[bytes, ...], Evidence], tuple[bytes, ...]]) -> Change:
    """Other receipts given."""
    return lambda evidence: replace(evidence, receipts=edit(evidence.receipts, evidence))


def of_receipt(raw: bytes, by: Any = CITY, **changes: Any) -> bytes:
    """A receipt with other facts, signed anew by ``by``."""
    made: Receipt = replace(decode_receipt(note.decode(raw).text), **changes)
    return note.encode(encode_receipt(made), (by,))


def silently(change: Change) -> Change:
    """The same, and the officer is given no receipt."""
    return lambda evidence: replace(change(evidence), receipts=())


def keyed(n: int, **how: Any) -> Change:
    """With the keys that are on the card: changed, and all behind it signed again."""
    return lambda evidence: rewrite(evidence, n, Rewriting(**how))


def stranger(evidence: Evidence, first: int, keys: tuple[Any, Any]) -> Evidence:
    """The blocks from ``first`` on signed anew by other keys."""
    found = [
        signed(block, header_of(block), keys) if n >= first else block
        for n, block in enumerate(evidence.blocks)
    ]
    return replace(evidence, blocks=tuple(found))


def field(name: str, value: Any, at: int = 0, kind: str = "reading") -> Callable[[list[Row]], None]:
    """A field of the ``at``-th record of a kind."""

    def edit(found: list[Row]) -> None:
        [row for row in found if row["k"] == kind][at][name] = value

    return edit


def head(**changes: Any) -> Callable[[Header], Header]:
    """Fields of a header; a callable is given the header."""

    def edit(one: Header) -> Header:
        return replace(one, **{k: v(one) if callable(v) else v for k, v in changes.items()})

    return edit


def resigned_by(n: int, keys: Callable[[Evidence], tuple[Any, Any]], **changes: Any) -> Change:
    """One block signed anew, with another header."""

    def change(evidence: Evidence) -> Evidence:
        block = evidence.blocks[n]
        return with_block(evidence, n, signed(block, replace(header_of(block), **changes), keys(evidence)))

    return change


def without(rows_: list[Row], **fields: Any) -> None:
    """Records with these fields taken out."""
    rows_[:] = [row for row in rows_ if any(row.get(k) != v for k, v in fields.items())]


def as_kind(evidence: Evidence) -> Evidence:
    """The text of a receipt, signed by the box as if it were a block."""
    text = note.decode(evidence.receipts[0]).text
    raw = note.encode(text, [_Free(one) for one in evidence.signers(PLAIN)])
    return with_block(evidence, PLAIN, replace(evidence.blocks[PLAIN], note=raw))


def as_command(evidence: Evidence) -> Evidence:
    """The text of a command that somebody gave at the box, signed by the box as if it were a block."""
    text = encode_command(Command(BOX, BOX, "e", 0, "1a" * 32, 1, 0, "order-cancel", {"id": "a"}))
    raw = note.encode(text, [_Free(one) for one in evidence.signers(PLAIN)])
    return with_block(evidence, PLAIN, replace(evidence.blocks[PLAIN], note=raw))


def newer(evidence: Evidence) -> Evidence:
    """A header of an edition that does not exist yet, signed by the box."""
    text = note.decode(evidence.blocks[LAST].note).text.replace(b"block/v1", b"block/v2", 1)
    raw = note.encode(text, [_Free(one) for one in evidence.signers(LAST)])
    return with_block(evidence, LAST, replace(evidence.blocks[LAST], note=raw))


def respelled(old: bytes, new: bytes) -> Callable[[Evidence], Evidence]:
    """A header in another spelling, signed by the box."""

    def change(evidence: Evidence) -> Evidence:
        text = note.decode(evidence.blocks[PLAIN].note).text
        assert old in text
        keys = [_Free(one) for one in evidence.signers(PLAIN)]
        raw = note.encode(text.replace(old, new, 1), keys)
        return with_block(evidence, PLAIN, replace(evidence.blocks[PLAIN], note=raw))

    return change


class _Free:
    """A thief's signer signs whatever it is given."""

    def __init__(self, signer_: Any) -> None:
        self.verifier = signer_.verifier
        self.sign = signer_._private.sign


def late(n: int, edit: Callable[[list[Row]], None], **how: Any) -> Change:
    """With the keys, where no receipt is: the newest block."""
    return keyed(n, rows=edit, **how)


def begun_as(evidence: Evidence, name: str) -> Evidence:
    """The boot record of the genesis with another id, and all behind it signed again."""
    block, keys = evidence.blocks[0], evidence.signers(0)
    found = list(decode_body(block.body or b""))
    field("id", name, kind="boot")(found)
    text = b"".join(map(encode_row, found))
    made = signed(block, replace(header_of(block), body_bytes=len(text), body_hash=hash_text(text)), keys)
    return rewrite(with_block(evidence, 0, replace(made, body=text)), 1, Rewriting())


def shift_boots(one: Header) -> Header:
    return replace(one, boot=one.boot + 1)


def shift_rows(found: list[Row]) -> None:
    for row in found:
        row["boot"] += 1


def in_other_epoch(evidence: Evidence) -> Evidence:
    """A block of an earlier life of the same box, in the place of the real one."""
    return resigned_by(PLAIN, lambda e: _two(e, PLAIN), epoch="0123456789abcdef")(evidence)


def _two(evidence: Evidence, n: int) -> tuple[Any, Any]:
    first, second = evidence.signers(n)
    return first, second


def _genesis_named(evidence: Evidence) -> Evidence:
    """Everything made anew by somebody who calls himself the box."""
    old = header_of(evidence.blocks[0])
    keys = (THIEF.verifier, THIEF_RATCHET.verifier)
    first = signed(evidence.blocks[0], replace(old, keys=keys), (THIEF, THIEF_RATCHET))
    made = with_block(evidence, 0, first)
    nexts = Rewriting(header=head(keys=(THIEF_RATCHET.verifier,)), later=True)
    return rewrite(made, 1, nexts, lambda n: (THIEF, THIEF_RATCHET))


def with_the_card(evidence: Evidence) -> Evidence:
    """No receipt is given, and the thief has what the card holds at the end: identity and last ratchet key.
    The keys of the hours before are destroyed."""
    last = evidence.signers(len(evidence.blocks))
    how = Rewriting(rows=field("v", {"p": "0.00"}), quotes=False)
    return replace(rewrite(evidence, PLAIN, how, lambda n: last), receipts=())


def spliced(at: int) -> Change:
    """The original up to a block, the clone from there on."""

    def change(evidence: Evidence) -> Evidence:
        original, clone = cloned()
        return replace(original, blocks=(*original.blocks[:at], *clone.blocks[at:]))

    return change


def both(evidence: Evidence) -> Evidence:
    """The original, and the clone's block beside it."""
    original, clone = cloned()
    return replace(original, blocks=(*original.blocks, clone.blocks[10]))


def doubled(found: list[Row]) -> None:
    """The last poll of the body is answered twice."""
    found.append(dict(found[-1]))


def reading_again(old: str, new: str) -> Callable[[bytes], bytes]:
    """Bytes of the body, signed."""
    return lambda text: text.replace(old.encode(), new.encode(), 1)


def thinned_blocks(blocks_: Any, records: int) -> Callable[[list[Row]], None]:
    """A loss record that says that bodies were thinned."""

    def edit(found: list[Row]) -> None:
        own = {k: found[-1][k] for k in ("boot", "i", "mono", "q", "t")}
        told = {"what": "bodies", "count": 1, "reason": "thinned", "blocks": blocks_, "records": records}
        found.append({**own, "k": "loss", **told, "digest": "00" * 32})

    return edit


def stripped_with(n: int, edit: Callable[[list[Row]], None]) -> Change:
    """A body taken out, and a loss record written for it."""
    return lambda evidence: part(n, body=None, raw=None)(rewrite(evidence, LAST, Rewriting(rows=edit)))


def in_place(found: list[Row], at: int, *made: Row) -> None:
    """Other records in the place of one, of its moment."""
    own = {name: found[at][name] for name in ("boot", "i", "mono", "q", "t")}
    found[at : at + 1] = [{**own, **one} for one in made]


def without_polls(*made: Row) -> Callable[[list[Row]], None]:
    """Both polls of the last slot but one vanish, and these records stand there."""

    def edit(found: list[Row]) -> None:
        slot = found[2]["s"]
        in_place(found, 2, *made)
        found[:] = [row for row in found if row.get("s") != slot]

    return edit


def off(found: list[Row]) -> None:
    """A time off in the place of polls."""
    t = found[2]["t"]
    without_polls({"k": "down", "from_t": t, "to_t": t, "known": "clean stop"})(found)


def started(found: list[Row]) -> None:
    """A whole start in the place of polls, as like a true one as it can be."""
    t, boot = found[2]["t"], header_of(lived().blocks[LAST])
    own = {"k": "boot", "soft": boot.soft, "id": boot.boot_id, "clean": True, "prev": boot.boot_id}
    down = {"k": "down", "from_t": t, "to_t": t, "known": "clean stop"}
    without_polls({**own, "last_i": found[2]["i"] - 1}, down)(found)


def recovered(found: list[Row]) -> None:
    """Something found in the tail in the place of polls."""
    without_polls({"k": "recovered", "records": 1, "frames": 1})(found)


def clean(found: list[Row]) -> None:
    """A stop is called clean wherever that is said."""
    for row in found:
        row |= {"clean": True} if row["k"] == "boot" else {}
        row |= {"known": "clean stop"} if row["k"] == "down" else {}


W = Wrong
WITHOUT_KEYS = (
    Attack("header: a sum", "T1", header(PLAIN, b"sum reads ", b"sum reads 1"), W.EDITED_HEADER, PLAIN),
    Attack("header: its number", "T1", header(PLAIN, b"  n 6\n", b"  n 7\n"), W.EDITED_HEADER, PLAIN),
    Attack("header: its time", "T10", header(PLAIN, b"  utc 1", b"  utc 2"), W.EDITED_HEADER, PLAIN),
    Attack("header: configuration", "T7", header(PLAIN, b"  cfg c0", b"  cfg c1"), W.EDITED_HEADER, PLAIN),
    Attack("header: software", "T16", header(PLAIN, b"soft 1.2.3", b"soft 1.2.4"), W.EDITED_HEADER, PLAIN),
    Attack("header: two blanks made one", "T1", header(PLAIN, b"  epoch", b" epoch"), W.EDITED_HEADER, PLAIN),
    Attack("header: a newer edition", "T1", header(PLAIN, b"block/v1", b"block/v2"), W.EDITED_HEADER, PLAIN),
    Attack(
        "header: the body's digest",
        "T1",
        header(PLAIN, b"body rows/1 ", b"body rows/1 1"),
        W.EDITED_HEADER,
        PLAIN,
    ),
    Attack(
        "header: the thief's ratchet announced",
        "T5",
        lambda e: header(
            PLAIN, str(header_of(e.blocks[PLAIN]).next_key).encode(), str(THIEF_RATCHET.verifier).encode()
        )(e),
        W.EDITED_HEADER,
        PLAIN,
    ),
    Attack("identity's signature: a bit", "T1", lines(PLAIN, flipped(0)), W.EDITED_HEADER, PLAIN),
    Attack("ratchet's signature: a bit", "T1", lines(PLAIN, flipped(1)), W.EDITED_HEADER, PLAIN),
    Attack(
        "ratchet's signature taken off",
        "T1",
        lines(PLAIN, lambda o: Note(o.text, o.signatures[:1])),
        W.RE_SIGNED,
        PLAIN,
    ),
    Attack(
        "identity's signature taken off",
        "T1",
        lines(PLAIN, lambda o: Note(o.text, o.signatures[1:])),
        W.RE_SIGNED,
        PLAIN,
    ),
    Attack(
        "signatures exchanged",
        "T1",
        lines(PLAIN, lambda o: Note(o.text, o.signatures[::-1])),
        W.EDITED_HEADER,
        PLAIN,
    ),
    Attack(
        "a third signature",
        "T1",
        lines(
            PLAIN,
            lambda o: Note(o.text, (*o.signatures, *note.decode(note.encode(o.text, (CITY,))).signatures)),
        ),
        W.EDITED_HEADER,
        PLAIN,
    ),
    Attack("a note that is none", "T1", part(PLAIN, note=b"sitebox/block/v1\n"), W.UNREADABLE, PLAIN),
    Attack("body: a value", "T1", body(PLAIN, b'"p":"1', b'"p":"0'), W.EDITED_BODY, PLAIN),
    Attack("body: another quantity", "T1", body(PLAIN, b'"p":', b'"q":'), W.EDITED_BODY, PLAIN),
    Attack("body: decimal notation", "T1", body(PLAIN, b'.50"', b'.5"'), W.EDITED_BODY, PLAIN),
    Attack(
        "body: a meter's name that looks alike",
        "T8",
        body(PLAIN, b'"kiln"', '"kіln"'.encode()),
        W.EDITED_BODY,
        PLAIN,
    ),
    Attack("body: a failed poll made good", "T1", body(3, b'"e":"no_reply",', b""), W.EDITED_BODY, 3),
    Attack("body: the alarm made a remark", "T1", body(2, b'"k":"alarm"', b'"k":"order"'), W.EDITED_BODY, 2),
    Attack("body: times moved", "T10", body(PLAIN, b'"t":1', b'"t":2'), W.EDITED_BODY, PLAIN),
    Attack(
        "body: a key twice",
        "T1",
        body(PLAIN, b'"k":"reading"', b'"k":"reading","k":"reading"'),
        W.EDITED_BODY,
        PLAIN,
    ),
    Attack("body: a record dropped", "T1", rows(PLAIN, lambda r: r.__delitem__(2)), W.EDITED_BODY, PLAIN),
    Attack("body: a record doubled", "T1", rows(PLAIN, lambda r: r.insert(2, r[2])), W.EDITED_BODY, PLAIN),
    Attack("body: records exchanged", "T1", rows(PLAIN, lambda r: r.reverse()), W.EDITED_BODY, PLAIN),
    Attack("body: of another block", "T1", other_part(PLAIN, "body", 8), W.EDITED_BODY, PLAIN),
    Attack("body: emptied", "T1", part(PLAIN, body=b""), W.EDITED_BODY, PLAIN),
    Attack(
        "frames: changed, the value not",
        "T1",
        lambda e: part(PLAIN, raw=(e.blocks[PLAIN].raw or b"").replace(b"fe68", b"fe69", 1))(e),
        W.EDITED_RAW,
        PLAIN,
    ),
    Attack("frames: of another block", "T1", other_part(PLAIN, "raw", 8), W.EDITED_RAW, PLAIN),
    Attack("frames: where there were none", "T1", part(0, raw=b"1 5000 > 68\n"), W.EDITED_RAW, 0),
    Attack("a block taken out", "T1", blocks(lambda b: b.__delitem__(PLAIN)), W.REMOVED, PLAIN),
    Attack("the alarm's block taken out", "T1", blocks(lambda b: b.__delitem__(2)), W.REMOVED, 2),
    Attack("the start's block taken out", "T6", blocks(lambda b: b.__delitem__(SECOND)), W.REMOVED, SECOND),
    Attack("three blocks taken out", "T1", blocks(lambda b: b.__delitem__(slice(4, 7))), W.REMOVED, 4),
    Attack("a block doubled", "T1", blocks(lambda b: b.insert(PLAIN, b[PLAIN])), W.DUPLICATED, PLAIN),
    Attack("an old block at the end again", "T1", blocks(lambda b: b.append(b[3])), W.DUPLICATED, 3),
    Attack(
        "neighbours exchanged", "T1", blocks(lambda b: b.insert(PLAIN, b.pop(PLAIN + 1))), W.SWAPPED, PLAIN
    ),
    Attack("a block moved to the end", "T1", blocks(lambda b: b.append(b.pop(PLAIN))), W.SWAPPED, PLAIN),
    Attack(
        "the end cut off behind a receipt",
        "T2",
        blocks(lambda b: b.__delitem__(slice(9, None))),
        W.TRUNCATED,
        9,
    ),
    Attack(
        "all but the genesis cut off", "T2", blocks(lambda b: b.__delitem__(slice(1, None))), W.TRUNCATED, 1
    ),
    Attack("a body taken out that nobody has", "T2", part(LAST, body=None, raw=None), W.BODY_UNSAID, LAST),
    Attack(
        "a body taken out that the city has", "T2", part(PLAIN, body=None, raw=None), W.BODY_MISSING, PLAIN
    ),
    Attack("everything by another box of this name", "T4", _genesis_named, W.RE_SIGNED, 0),
    Attack(
        "the end by another identity",
        "T5",
        lambda e: stranger(e, 9, (THIEF, e.signers(9)[1])),
        W.RE_SIGNED,
        9,
    ),
    Attack(
        "one block by another ratchet",
        "T5",
        resigned_by(PLAIN, lambda e: (e.signers(0)[0], THIEF_RATCHET)),
        W.RE_SIGNED,
        PLAIN,
    ),
    Attack(
        "a block of another box", "T4", lambda e: with_block(e, PLAIN, turning().blocks[4]), W.SPLICED, PLAIN
    ),
    Attack(
        "a block of another box between two",
        "T4",
        blocks(lambda b: b.insert(PLAIN, turning().blocks[4])),
        W.SPLICED,
        PLAIN,
    ),
    Attack("the original's end from its clone", "T4", spliced(11), W.RE_SIGNED, 11),
    Attack("the clone's block beside the original's", "T4", both, W.FORK, 10),
    Attack(
        "the clone instead of the original",
        "T3",
        lambda e: replace(cloned()[1], receipts=cloned()[0].receipts),
        W.FORK,
        10,
    ),
    Attack(
        "a restored card shown as all there is",
        "T3",
        lambda e: replace(cloned()[0], blocks=cloned()[0].blocks[:10]),
        W.TRUNCATED,
        10,
    ),
)

WITH_KEYS = (
    Attack("an hour before rewritten with the keys of the card", "T5", with_the_card, W.RE_SIGNED, PLAIN),
    Attack(
        "a value, behind it all signed again", "T1", keyed(PLAIN, rows=field("v", {"p": "0.00"})), W.FORK, 10
    ),
    Attack(
        "the same, without receipts, quotes left",
        "T1",
        silently(keyed(PLAIN, rows=field("v", {"p": "0.00"}), quotes=False)),
        W.FORK,
        SECOND,
    ),
    Attack("an old epoch's block", "T3", in_other_epoch, W.SPLICED, PLAIN),
    Attack("a newer edition, signed", "T1", newer, W.UNKNOWN_VERSION, LAST),
    Attack("header in another spelling, signed", "T1", respelled(b"ext -", b"ext 00"), W.UNREADABLE, PLAIN),
    Attack(
        "a header line that v1 does not know",
        "T1",
        respelled(b"ext -\n", b"ext -\nnote nothing\n"),
        W.UNREADABLE,
        PLAIN,
    ),
    Attack("a receipt signed as a block", "T11", as_kind, W.UNREADABLE, PLAIN),
    Attack("a command signed as a block", "T11", as_command, W.UNREADABLE, PLAIN),
    Attack(
        "record left out, numbers not mended",
        "T1",
        keyed(PLAIN, rows=lambda r: r.__delitem__(2), renumber=False),
        W.BAD_RECORDS,
        PLAIN,
    ),
    Attack(
        "records exchanged",
        "T1",
        keyed(PLAIN, rows=lambda r: r.reverse(), renumber=False),
        W.BAD_RECORDS,
        PLAIN,
    ),
    Attack(
        "record numbers skip",
        "T1",
        keyed(
            PLAIN,
            body=lambda t: b"".join(encode_row(r | {"i": r["i"] + 1}) for r in decode_body(t)),
            header=head(first=lambda h: h.first + 1, last=lambda h: h.last + 1),
        ),
        W.BAD_RECORDS,
        PLAIN,
    ),
    Attack(
        "a reading withheld", "T6", late(LAST, lambda r: without(r, m="kiln", s="f13")), W.SLOT_MISSING, LAST
    ),
    Attack("a poll answered twice", "T1", keyed(PLAIN, rows=doubled), W.SLOT_REPEATED, PLAIN),
    Attack(
        "sums: one good reading more",
        "T1",
        keyed(PLAIN, header=head(sums=lambda h: replace(h.sums, reads_ok=h.sums.reads_ok + 1))),
        W.BAD_SUMS,
        PLAIN,
    ),
    Attack(
        "sums: the alarm not counted",
        "T1",
        keyed(2, header=head(sums=lambda h: replace(h.sums, alarms=0))),
        W.BAD_SUMS,
        2,
    ),
    Attack(
        "sums: the loss not counted",
        "T1",
        keyed(5, header=head(sums=lambda h: replace(h.sums, lost=0))),
        W.BAD_SUMS,
        5,
    ),
    Attack(
        "value as a number", "T1", keyed(PLAIN, body=reading_again('"p":"', '"p":1,"q":"')), W.BAD_ROW, PLAIN
    ),
    Attack(
        "value with an exponent", "T1", keyed(PLAIN, body=reading_again('.50"', '.5e1"')), W.BAD_ROW, PLAIN
    ),
    Attack("value in other digits", "T1", keyed(PLAIN, body=reading_again('.50"', '.5٠"')), W.BAD_ROW, PLAIN),
    Attack(
        "a key twice in a record",
        "T1",
        keyed(PLAIN, body=reading_again('"k":"reading"', '"k":"reading","k":"reading"')),
        W.BAD_ROW,
        PLAIN,
    ),
    Attack(
        "a blank in a record", "T1", keyed(PLAIN, body=reading_again('{"boot"', '{ "boot"')), W.BAD_ROW, PLAIN
    ),
    Attack(
        "an escape that nobody needs",
        "T1",
        keyed(PLAIN, body=reading_again('"kiln"', '"kil\\u006e"')),
        W.BAD_ROW,
        PLAIN,
    ),
    Attack(
        "keys not sorted",
        "T1",
        keyed(PLAIN, body=reading_again('"k":"reading","m":"kiln"', '"m":"kiln","k":"reading"')),
        W.BAD_ROW,
        PLAIN,
    ),
    Attack("a null", "T1", keyed(PLAIN, body=reading_again('"src":"live"', '"src":null')), W.BAD_ROW, PLAIN),
    Attack(
        "a record without its clock letter",
        "T10",
        keyed(PLAIN, body=reading_again('"q":"S",', "")),
        W.BAD_ROW,
        PLAIN,
    ),
    Attack(
        "an unknown clock letter",
        "T10",
        keyed(PLAIN, body=reading_again('"q":"S"', '"q":"X"')),
        W.BAD_ROW,
        PLAIN,
    ),
    Attack("the last newline left out", "T1", keyed(PLAIN, body=lambda t: t[:-1]), W.BAD_ROW, PLAIN),
    Attack(
        "time since start goes back, header", "T10", keyed(PLAIN, header=head(mono_ms=7)), W.MONO_FALLS, PLAIN
    ),
    Attack(
        "time since start goes back, record",
        "T10",
        keyed(PLAIN, rows=field("mono", 7, 4)),
        W.MONO_FALLS,
        PLAIN,
    ),
    Attack("a record of an earlier start", "T10", keyed(8, rows=field("boot", 1, 3)), W.MONO_FALLS, 8),
    Attack("a record of a later start", "T10", keyed(PLAIN, rows=field("boot", 2, 3)), W.MONO_FALLS, PLAIN),
    Attack("start counter goes back", "T3", keyed(9, header=head(boot=1)), W.FALLING, 9),
    Attack("one start with two ids", "T4", keyed(9, header=head(boot_id="another")), W.FALLING, 9),
    Attack("two softwares in one start", "T16", keyed(9, header=head(soft="9.9.9")), W.FALLING, 9),
    Attack(
        "counter outside the card goes back",
        "T3",
        lambda e: rewrite(rewrite(e, PLAIN, Rewriting(header=head(ext=7))), 7, Rewriting(header=head(ext=6))),
        W.FALLING,
        7,
    ),
    Attack("a quoted receipt left out", "T12", keyed(9, header=head(seen=())), W.FALLING, 9),
    Attack(
        "a quoted receipt goes back",
        "T12",
        keyed(9, header=head(seen=lambda h: tuple(replace(s, time_ms=1) for s in h.seen))),
        W.FALLING,
        9,
    ),
    Attack(
        "a receipt of a later block quoted",
        "T12",
        keyed(9, header=head(seen=lambda h: tuple(replace(s, n=40) for s in h.seen))),
        W.FALLING,
        9,
    ),
    Attack(
        "another ratchet of the same hour",
        "T5",
        keyed(LAST, header=head(keys=(THIEF_RATCHET.verifier,))),
        W.FALLING,
        LAST,
    ),
    Attack(
        "a start that follows nothing",
        "T6",
        keyed(SECOND, rows=field("last_i", 1, kind="boot")),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "a start that names another before it",
        "T6",
        keyed(SECOND, rows=field("prev", "another", kind="boot")),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "a start with another id",
        "T4",
        keyed(SECOND, rows=field("id", "another", kind="boot")),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "a start of another software",
        "T16",
        keyed(SECOND, rows=field("soft", "9.9.9", kind="boot")),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "the first start of all with another id",
        "T4",
        lambda e: begun_as(e, "another"),
        W.BOOT_WRONG,
        0,
    ),
    Attack(
        "the time off made short",
        "T6",
        keyed(
            SECOND, rows=lambda r: (field("from_t", 1, kind="down")(r), field("to_t", 2, kind="down")(r))[0]
        ),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "the beginning of the time off moved",
        "T6",
        keyed(SECOND, rows=lambda r: field("from_t", r[1]["to_t"], kind="down")(r)),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "the time off left out",
        "T6",
        keyed(SECOND, rows=lambda r: without(r, k="down")),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "a clean stop made an unclean one",
        "T6",
        keyed(SECOND, rows=field("clean", False, kind="boot")),
        W.BOOT_WRONG,
        SECOND,
    ),
    Attack(
        "a crash made a clean stop",
        "T6",
        silently(keyed(FOUND + 1, rows=clean)),
        W.BOOT_WRONG,
        FOUND + 1,
        crashed,
    ),
    Attack(
        "the time off behind a crash moved",
        "T6",
        silently(keyed(FOUND + 1, rows=lambda r: field("from_t", r[1]["to_t"], kind="down")(r))),
        W.BOOT_WRONG,
        FOUND + 1,
        crashed,
    ),
    Attack(
        "the start behind a crash names another",
        "T6",
        silently(keyed(FOUND + 1, rows=field("prev", "another", kind="boot"))),
        W.BOOT_WRONG,
        FOUND + 1,
        crashed,
    ),
    Attack("a time off in the place of polls", "T6", late(LAST, off), W.BOOT_WRONG, LAST),
    Attack("a start in the place of polls", "T6", late(LAST, started), W.BOOT_WRONG, LAST),
    Attack("a recovery in the place of polls", "T6", late(LAST, recovered), W.BOOT_WRONG, LAST),
    Attack(
        "the record of a receipt left out",
        "T12",
        keyed(8, rows=lambda r: without(r, k="receipt")),
        W.QUOTE_UNSAID,
        8,
    ),
    Attack(
        "a receipt in a record that is quoted nowhere",
        "T12",
        keyed(8, header=head(seen=lambda h: h.seen[1:])),
        W.QUOTE_UNSAID,
        8,
    ),
    Attack(
        "a receipt quoted later than its record has it",
        "T12",
        keyed(8, rows=lambda r: field("time", r[0]["t"], kind="receipt")(r)),
        W.QUOTE_UNSAID,
        8,
    ),
    Attack(
        "a loss that does not fit",
        "T17",
        stripped_with(PLAIN, thinned_blocks([[PLAIN, PLAIN]], 4)),
        W.LOSS_WRONG,
        LAST,
    ),
    Attack(
        "a loss of blocks to come", "T17", keyed(LAST, rows=thinned_blocks([[40, 41]], 4)), W.LOSS_WRONG, LAST
    ),
    Attack(
        "a start left out",
        "T6",
        silently(keyed(SECOND, rows=shift_rows, header=shift_boots, later=True)),
        W.BOOT_SKIPPED,
        SECOND,
    ),
    Attack(
        "another configuration in silence",
        "T7",
        late(LAST, lambda r: None, header=head(cfg="ab" * 32)),
        W.CFG_UNSAID,
        LAST,
    ),
    Attack(
        "a change of configuration that forgets one",
        "T7",
        silently(keyed(SECOND, rows=field("old", "ab" * 32, kind="config"))),
        W.CFG_UNSAID,
        SECOND,
    ),
    Attack(
        "a register turned back",
        "T1",
        late(LAST, field("v", {"ep_imp": "1000.00"}, 2)),
        W.REGISTER_FALLS,
        LAST,
    ),
    Attack("a meter left out from some moment on", "T6", silently(lambda e: _muted(e)), W.SLOT_MISSING, 8),
)

RECEIPTS = (
    Attack(
        "a receipt changed",
        "T12",
        receipts(lambda r, e: (r[0].replace(b"0..10", b"0..11"), r[1])),
        W.BAD_RECEIPT,
        None,
    ),
    Attack(
        "a receipt by a thief",
        "T12",
        receipts(lambda r, e: (of_receipt(r[0], signer("city", "thief")),)),
        W.BAD_RECEIPT,
        None,
    ),
    Attack(
        "a receipt of another box",
        "T12",
        receipts(lambda r, e: (of_receipt(r[0], box="SB-OTHER"),)),
        W.BAD_RECEIPT,
        None,
    ),
    Attack(
        "the county speaks for the city",
        "T12",
        receipts(lambda r, e: (of_receipt(r[1], CITY),)),
        W.BAD_RECEIPT,
        None,
    ),
    Attack(
        "a receipt with two signatures",
        "T12",
        receipts(lambda r, e: (note.encode(note.decode(r[0]).text, (CITY, COUNTY)),)),
        W.BAD_RECEIPT,
        None,
    ),
    Attack(
        "a block signed as a receipt",
        "T11",
        receipts(
            lambda r, e: (
                note.encode(
                    b"sitebox/block/v1\nby city\n" + note.decode(e.blocks[3].note).text.partition(b"\n")[2],
                    (CITY,),
                ),
            )
        ),
        W.BAD_RECEIPT,
        None,
    ),
    Attack(
        "a receipt of another history",
        "T3",
        receipts(lambda r, e: (of_receipt(r[0], stored_hash="ab" * 32),)),
        W.FORK,
        10,
    ),
    Attack(
        "what the county holds shows the cut",
        "T2",
        lambda e: replace(
            e,
            blocks=e.blocks[:11],
            receipts=(
                of_receipt(
                    e.receipts[0], heads=(("county", 11, hash_text(note.decode(e.blocks[11].note).text)),)
                ),
            ),
        ),
        W.TRUNCATED,
        11,
    ),
)

RATCHET = (
    Attack(
        "the hour's key is forgotten",
        "T5",
        resigned_by(4, lambda e: (e.signers(4)[0], ratchet(2)), mono_ms=301_000),
        W.RE_SIGNED,
        4,
        turning,
    ),
    Attack(
        "a key before its range",
        "T5",
        resigned_by(2, lambda e: (e.signers(2)[0], ratchet(1))),
        W.RE_SIGNED,
        2,
        turning,
    ),
    Attack(
        "a key behind its range",
        "T5",
        resigned_by(5, lambda e: (e.signers(5)[0], ratchet(0))),
        W.RE_SIGNED,
        5,
        turning,
    ),
    Attack("the ratchet turns back", "T5", lambda e: _turned_back(e), W.FALLING, 4, turning),
    Attack(
        "the old end rewritten with the newest key",
        "T5",
        lambda e: rewrite(
            e, 4, Rewriting(rows=field("v", {"p": "0.000"})), lambda n: (e.signers(0)[0], ratchet(2))
        ),
        W.RE_SIGNED,
        4,
        turning,
    ),
    Attack(
        "the identity alone",
        "T5",
        resigned_by(4, lambda e: (e.signers(0)[0], signer(f"{header_of(e.blocks[0]).box}/r1", "thief"))),
        W.RE_SIGNED,
        4,
        turning,
    ),
)

# -- identities: a thief who held the card before and after the hand-over, or a stranger


def noted(*keys: Any, **changes: Any) -> bytes:
    """The honest hand-over with other facts, signed by these."""
    made = replace(open_handover(handed().handovers[0]), **changes)
    return note.encode(encode_handover(made), [_Free(one) for one in keys])


def handing(header_: Callable[[Header], Header], edit: Callable[[list[Row]], None], heir: Any) -> Change:
    """The block that hands over rewritten by whoever held the card, and what follows signed by ``heir``."""

    def change(evidence: Evidence) -> Evidence:
        def signers(n: int) -> tuple[Any, Any]:
            first, second = evidence.signers(n)
            return (heir or first) if n > HANDED else first, second

        how = Rewriting(rows=edit, header=header_, quotes=False)
        return replace(rewrite(evidence, HANDED, how, signers), receipts=())

    return change


def _to_the_thief(one: Header) -> Header:
    return replace(one, keys=(THIEF.verifier, one.next_key))


def _noted_for_the_thief(rows_: list[Row]) -> None:
    """Records that say so, with a note of the old identity and the thief."""
    old = handed().signers(0)[0]
    row = next(row for row in rows_ if "note" in row)
    row.update(vkey=str(THIEF.verifier), note=noted(old, THIEF, new=THIEF.verifier).decode())


def _spoilt_note(rows_: list[Row]) -> None:
    row = next(row for row in rows_ if "note" in row)
    row["note"] = row["note"].replace("utc 1", "utc 2", 1)


def _old(evidence: Evidence) -> Any:
    return evidence.signers(HANDED)[0]


def _new(evidence: Evidence) -> Any:
    return evidence.signers(HANDED + 1)[0]


def given(*notes: Callable[[Evidence], bytes]) -> Change:
    """Other hand-over notes beside the blocks."""
    return lambda evidence: replace(evidence, handovers=tuple(made(evidence) for made in notes))


HANDOVERS = (
    Attack(
        "a hand-over note changed",
        "T5",
        given(lambda e: e.handovers[0].replace(b"utc 1", b"utc 2", 1)),
        W.BAD_HANDOVER,
        None,
        handed,
    ),
    Attack(
        "a hand-over note that the old identity did not sign",
        "T5",
        given(lambda e: noted(_new(e))),
        W.BAD_HANDOVER,
        None,
        handed,
    ),
    Attack(
        "a hand-over note that the new identity did not sign",
        "T5",
        given(lambda e: noted(_old(e))),
        W.BAD_HANDOVER,
        None,
        handed,
    ),
    Attack(
        "a second hand-over of one identity",
        "T5",
        given(lambda e: e.handovers[0], lambda e: noted(_old(e), THIEF, new=THIEF.verifier)),
        W.BAD_HANDOVER,
        None,
        handed,
    ),
    Attack(
        "the note in the record changed",
        "T5",
        handing(lambda one: one, _spoilt_note, None),
        W.BAD_HANDOVER,
        HANDED,
        handed,
    ),
    Attack(
        "the record of a hand-over taken out",
        "T5",
        handing(lambda one: one, lambda found: without(found, k="key"), None),
        W.BAD_HANDOVER,
        HANDED,
        handed,
    ),
    Attack(
        "the block names a stranger, its record does not",
        "T5",
        handing(_to_the_thief, lambda found: None, THIEF),
        W.BAD_HANDOVER,
        HANDED,
        handed,
    ),
    Attack(
        "handed over to a stranger, the true note is known",
        "T5",
        handing(_to_the_thief, _noted_for_the_thief, THIEF),
        W.BAD_HANDOVER,
        HANDED,
        handed,
    ),
    Attack(
        "the old identity after it has handed over",
        "T5",
        resigned_by(HANDED + 2, lambda e: (_old(e), e.signers(HANDED + 2)[1])),
        W.RE_SIGNED,
        HANDED + 2,
        handed,
    ),
    Attack(
        "the new identity before it is named",
        "T5",
        resigned_by(HANDED - 1, lambda e: (_new(e), e.signers(HANDED - 1)[1])),
        W.RE_SIGNED,
        HANDED - 1,
        handed,
    ),
    Attack(
        "the block that hands over taken out",
        "T5",
        blocks(lambda b: b.__delitem__(HANDED)),
        W.REMOVED,
        HANDED,
        handed,
    ),
)

ATTACKS = (*WITHOUT_KEYS, *WITH_KEYS, *RECEIPTS, *RATCHET, *HANDOVERS)

# Name -> what is done. Both verifiers say "authentic" of these; the reasons stand in docs/threat-model.md.
BEYOND: dict[str, Change] = {
    "values rewritten with the keys, nobody has a receipt": silently(
        keyed(PLAIN, rows=field("v", {"p": "0.00"}))
    ),
    "the newest block rewritten with the keys": late(LAST, field("v", {"p": "0.00", "ep_imp": "1299.99"}, 4)),
    "the end cut off behind the last receipt": blocks(lambda b: b.__delitem__(slice(LAST, None))),
    "the end cut off, receipts withheld": silently(blocks(lambda b: b.__delitem__(slice(8, None)))),
    "the beginning left out": blocks(lambda b: b.__delitem__(slice(0, 3))),
    "old receipts given instead of the newest": receipts(lambda r, e: (r[1],)),
    "frames taken out": lambda e: replace(e, blocks=tuple(replace(b, raw=None) for b in e.blocks)),
    "handed over to a thief who has copied the keys, nobody has the true note": lambda e: replace(
        handing(_to_the_thief, _noted_for_the_thief, THIEF)(handed()), handovers=()
    ),
    "a value changed with the keys, its frames left": late(
        LAST, field("v", {"p": "9.99", "ep_imp": "1213.13"})
    ),
}


def _muted(evidence: Evidence) -> Evidence:
    """The treatment's meter says nothing more from block 9 on, with the keys and consistently; the life goes
    on for some minutes after it."""
    muted = Rewriting(rows=lambda found: without(found, m="scrubber"), later=True)
    later = Rewriting(rows=_later, header=head(mono_ms=lambda one: one.mono_ms + 400_000))
    return rewrite(rewrite(evidence, 9, muted), LAST, later)


def _later(found: list[Row]) -> None:
    for row in found:
        row["mono"] += 400_000


def _turned_back(evidence: Evidence) -> Evidence:
    """The thief has the key of the first hour and announces it again."""
    back = head(keys=(ratchet(0).verifier,))
    return rewrite(
        evidence, 4, Rewriting(header=back), lambda n: (evidence.signers(n)[0], ratchet(1 if n == 4 else 0))
    )
