"""A second verifier, written from docs/journal-format.md alone: no line of it is shared with ``buffer``.

It is short on purpose: this is what a platform team would write in an afternoon. It stops at the first wrong
block and knows fewer names than the real one: "not authentic", "gaps" or fine.

::

    judge([(note, body, raw), ...], identity, [(receipt, key), ...]) -> (exit code, first wrong block)
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Block = tuple[bytes, bytes | None, bytes | None]
FINE, GAPS, FORGED = 0, 1, 65


class Forged(Exception):  # noqa: N818 -- it is the verdict
    """Not authentic."""


def need(true: object) -> None:
    if not true:
        raise Forged


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def split_key(vkey: str) -> tuple[str, bytes, bytes]:
    """name, key id, public key of ``name+hash8+base64(0x01 || public)``."""
    name, hash8, rest = vkey.split("+", 2)
    typed = base64.b64decode(rest)
    need(typed[:1] == b"\x01" and len(typed) == 33)
    need(hashlib.sha256(f"{name}\n".encode() + typed).hexdigest()[:8] == hash8)
    return name, bytes.fromhex(hash8), typed[1:]


def signed_text(note: bytes, *vkeys: str) -> str:
    """The text of a note that exactly these keys signed, in this order."""
    text, _, rest = note.rpartition(b"\n\n")
    text += b"\n"
    lines = rest.decode().splitlines()
    need(rest.endswith(b"\n") and len(lines) == len(vkeys))
    for line, vkey in zip(lines, vkeys, strict=True):
        name, key_id, public = split_key(vkey)
        dash, by, value = line.split(" ")
        data = base64.b64decode(value, validate=True)
        need((dash, by, data[:4]) == ("—", name, key_id) and base64.b64encode(data).decode() == value)
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(data[4:], text)
        except InvalidSignature:
            raise Forged from None
    return text.decode()


def facts(text: str) -> dict[str, Any]:
    """The words of each header line by its first word; seen and key lines as lists."""
    rows = text.splitlines()
    need(rows[0] == "sitebox/block/v1")
    found: dict[str, Any] = {"seen": [], "key": []}
    for row in rows[1:]:
        word, *rest = row.replace("  ", " ").split(" ")
        if word in ("seen", "key"):
            found[word].append(rest)
        else:
            need(word not in found)
            found[word] = rest
    return found


def judge_body(
    head: dict[str, Any], body: bytes, sums: list[int], slots: dict[Any, int]
) -> tuple[list[int], bool]:
    """Digest, rows, numbers and sums of one body; the new sums, and whether a slot is missing."""
    _, size, digest, _, numbers = head["body"]
    need(len(body) == int(size) and sha(body) == digest)
    first, last = map(int, numbers.split(".."))
    rows = [json.loads(line) for line in body.splitlines()]
    plain = [
        json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows
    ]
    need("".join(plain).encode() == body)
    need([row["i"] for row in rows] == list(range(first, last + 1)))
    gap = False
    ok, failed, alarms, boots, lost = sums
    for row in rows:
        kind = row["k"]
        ok += kind == "reading" and bool(row["v"])
        failed += kind == "reading" and not row["v"]
        alarms += kind == "alarm" and row["state"] == "raised"
        boots += kind == "boot"
        lost += row["count"] if kind == "loss" else 0
        if kind == "boot":
            slots.clear()
        if kind == "reading" and "s" in row:
            series, slot = (row["m"], row["s"][0]), int(row["s"][1:])
            need(all(type(value) is str for value in row["v"].values()))
            need(slot > slots.get(series, -1))
            gap |= slots.get(series, slot - 1) + 1 != slot
            slots[series] = slot
    words = head["sum"]
    sums = [ok, failed, alarms, boots, lost]
    need([int(words[at]) for at in (1, 2, 4, 6, 8)] == sums)
    return sums, gap


def judge(blocks: list[Block], identity: str, receipts: list[tuple[bytes, str]]) -> tuple[int, int | None]:
    """Blocks from the genesis on."""
    try:
        held = dict(pair for receipt, key in receipts for pair in receipt_pairs(receipt, key))
    except (Forged, ValueError):
        return FORGED, None
    prev, ratchet, boot, mono, cfg = "0" * 64, "", 0, 0, ""
    sums, slots, following, gap_at = [0, 0, 0, 0, 0], dict[Any, int](), 1, None
    n = 0
    try:
        for n, (note, body, raw) in enumerate(blocks):
            opened = ratchet or facts(note.decode().split("\n\n")[0])["key"][-1][0]
            text = signed_text(note, identity, opened)
            head = facts(text)
            need(n or head["key"][0][0] == identity)
            need(head["box"][4] == str(n) and head["prev"] == [prev])
            need(held.get(n, sha(text.encode())) == sha(text.encode()))
            need(raw is None or (len(raw), sha(raw) if raw else "-") == (int(head["raw"][0]), head["raw"][1]))
            need(int(head["boot"][0]) > boot or int(head["boot"][3]) >= mono)
            boot, mono = int(head["boot"][0]), int(head["boot"][3])
            first, last = map(int, head["body"][4].split(".."))
            need(first == following)
            gap = body is None or bool(cfg and cfg != head["soft"][3])
            if body is not None:
                sums, hole = judge_body(head, body, sums, slots)
                gap = gap or hole
            else:
                sums = [int(head["sum"][at]) for at in (1, 2, 4, 6, 8)]
                slots.clear()
            gap_at = n if gap and gap_at is None else gap_at
            following, cfg = last + 1, head["soft"][3]
            prev, ratchet = sha(text.encode()), head["key"][-1][0]
    except (Forged, ValueError, KeyError, IndexError):
        return FORGED, n
    if any(number >= len(blocks) for number in held):
        return GAPS, len(blocks)
    return (FINE, None) if gap_at is None else (GAPS, gap_at)


def receipt_pairs(receipt: bytes, key: str) -> list[tuple[int, str]]:
    rows = signed_text(receipt, key).splitlines()
    need(rows[0] == "sitebox/receipt/v1" and rows[1] == "by " + key.split("+", maxsplit=1)[0])
    _, numbers, digest = rows[3].split(" ")
    return [(int(numbers.split("..")[1]), digest)]
