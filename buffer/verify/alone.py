#!/usr/bin/env python3
"""Judge a sitebox evidence file on any PC, without sitebox: Python 3.9 or newer, and OpenSSL 3.

::

    python3 verify_sitebox.py evidence.zip --key KEY [--authority KEY]... [--lang en|zh] [--quick] [--json]

KEY is the box's verifier key as the platform or the acceptance sheet has it (or a file that holds it), never
the one out of the evidence itself. Exit: 0 authentic and complete, 1 authentic with gaps (or signer not
established), 65 not authentic, 66 unreadable, 64 usage, 70 a defect of this program. What was not checked is
said, and never passes.

This is the second verifier, written from docs/journal-format.md alone. It imports nothing but the standard
library, so that it can be carried away as one file, and shares no line with the first one, so that a mistake
in one shows as a disagreement. It stands here because ``sitebox export`` puts it beside each evidence file.
Signatures are checked by the command ``openssl``, one process each, some at a time. ``--quick`` leaves out
those that follow from later ones: a header's text holds the hash of the text before it, so the last good
signature of a key speaks for all before it. If anything at all is wrong, everything is checked.
"""

# budget: one file that is carried to another PC; in parts it could not be handed to anybody

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import locale
import os
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, NoReturn

LIMIT = 2**53
SLACK_MS = 30_000  # what a synchronised clock may be off
ORDER_MS = 60_000  # records of several lines meet in one queue
SETTLE_MS = 60_000  # after a change of plan readings of the old one may come in
SILENT_MS = 120_000  # and three periods: then a series has fallen silent
GOOD, GAPS, FORGED, UNREADABLE, USAGE, DEFECT = 0, 1, 65, 66, 64, 70
MAX_BLOCKS, MAX_RECEIPTS, MAX_NOTE, MAX_BODY, MAX_RAW = 100_000, 64, 65_536, 2**20, 2**22
MAX_HANDOVERS = 64
REGISTERS = ("ep_imp", "ep_exp", "eq_imp", "eq_exp")
NONE = "0" * 64
EXAMPLE = (  # RFC 8032, 7.1, test 2: key, and signature over the byte 72
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
)

Header = dict[str, Any]
Record = dict[str, Any]

# Every kind of wrong: is the rest authentic all the same (a gap)?, English, Chinese. One that stands first
# here is named first where a block has several.
KINDS = {
    "unreadable": (False, "cannot be read", "无法读取"),
    "unknown version": (False, "written by newer software", "由更新版本的软件写入"),
    "edited header": (False, "the signed header was changed", "已签名的块头被改动"),
    "re-signed with another key": (
        False,
        "not signed by the key that must sign it",
        "不是由应签名的密钥签署",
    ),
    "spliced": (False, "a block of another history", "来自另一段历史的区块"),
    "removed block": (False, "a block was taken out", "区块被取走"),
    "duplicated block": (False, "a block stands twice", "区块重复出现"),
    "swapped blocks": (False, "blocks are not in their order", "区块次序被调换"),
    "fork": (False, "two signed histories for one number", "同一编号有两段已签名的历史"),
    "counter falls": (False, "something goes back that can only rise", "只增的计数倒退"),
    "edited body": (False, "the records were changed", "记录被改动"),
    "edited raw frames": (False, "the bus frames were changed", "总线报文被改动"),
    "row not canonical": (False, "a record as the box never writes it", "不是终端会写出的记录"),
    "records discontinuous": (False, "record numbers do not run on", "记录编号不连续"),
    "sums wrong": (False, "the sums are not those of the records", "累计数与记录不符"),
    "slot repeated": (False, "a poll is answered twice", "同一次抄读有两个结果"),
    "monotonic time falls": (False, "the time since start goes back", "开机计时倒退"),
    "receipt not valid": (False, "a receipt does not hold", "回执无效"),
    "boot record wrong": (
        False,
        "a start, or the time off before it, is not what stands around it",
        "启动或停机记录与前后内容不符",
    ),
    "loss record wrong": (False, "a loss is not what the headers say", "丢失记录与块头不符"),
    "hand-over not valid": (
        False,
        "one identity of the box does not lead to the next",
        "终端身份密钥的交接不成立",
    ),
    "receipt quoted without a record": (
        False,
        "headers quote other receipts than the records tell of",
        "块头引用的回执与记录不符",
    ),
    "truncated": (True, "the end is missing: a receipt knows more", "末尾缺失: 回执所知更多"),
    "slot missing": (True, "polls without a result and without a reason", "抄读既无结果也无原因"),
    "body missing without a reason": (True, "records are missing, nothing says why", "记录缺失且没有说明"),
    "body missing": (True, "records are missing, and it is said why", "记录缺失, 原因已有记录"),
    "boot skipped": (True, "a start of the box left no record", "有一次启动没有留下记录"),
    "energy register falls": (True, "an energy register fell, nothing says why", "电能示数变小且没有说明"),
    "new epoch": (True, "the box began anew", "终端重新开始了一段历史"),
    "configuration changed without a record": (True, "another configuration in silence", "配置更换而无记录"),
}
RANK = list(KINDS)

TEXTS = {
    "authentic": ("authentic", "真实性"),
    "complete": ("complete up to", "完整至"),
    "time": ("time quality", "时间质量"),
    "receipts": ("receipts by authority", "各平台回执"),
    "values": ("values recomputed", "数值复算"),
    "open": ("not checked", "未校验"),
    "pass": ("PASS", "通过"),
    "warn": ("WARN", "注意"),
    "fail": ("FAIL", "不通过"),
    "not-checked": ("NOT CHECKED", "未校验"),
    "signed": (
        "box {box}: {blocks} headers signed by it and chained, blocks {first}..{last}",
        "终端 {box}: {blocks} 个块头签名有效且相连, 区块 {first}..{last}",
    ),
    "derived": (
        "; {count} signatures follow from later ones (--quick)",
        "; 其中 {count} 个签名由其后的签名推出 (--quick)",
    ),
    "whose": (
        "the signatures agree; whose they are is open: give --key. The file itself says {key}",
        "签名彼此一致; 归属未定: 请用 --key 给出密钥。文件自称 {key}",
    ),
    "nobody": (
        "no key, and no genesis that names one: give --key",
        "没有密钥, 也没有写明密钥的创世块: 请用 --key 给出",
    ),
    "nothing": ("no readable block", "没有可读的区块"),
    "whole": (
        "block {last}, record {record}: {records} records, {slots} polls",
        "区块 {last}, 记录 {record}: 共 {records} 条记录, {slots} 次抄读",
    ),
    "bodies": ("no records are in the file", "文件中没有记录"),
    "unread": ("not judged: the file as a whole is not authentic", "不作判断: 文件整体不真实"),
    "clock": (
        "{share} % of the records with a synchronised clock; "
        "{quoting} of {headers} headers quote a receipt "
        "(too early {early}, too late {late}, widest {width} s); {disputed} anchors contradict one another",
        "{share} % 的记录时钟已同步; "
        "{headers} 个块头中 {quoting} 个引用回执 (过早 {early}, 过晚 {late}, 最宽 {width} 秒); "
        "{disputed} 个时间锚点互相矛盾",
    ),
    "holds": ("{by}: holds this very history up to block {n}", "{by}: 存有同一段历史, 至区块 {n}"),
    "apart": (
        "{by}: {count} statements about blocks that are not here",
        "{by}: {count} 处涉及不在此处的区块",
    ),
    "no_receipts": (
        "no receipt with a key given for it; a cut-off end shows only against one",
        "没有可用所给密钥校验的回执; 只有对照回执才能发现末尾被截",
    ),
    "keyless": ("receipt {member} (no key given for {by})", "回执 {member} (未给出 {by} 的密钥)"),
    "recompute": (
        "values against the bus frames (this needs sitebox and its meter profiles)",
        "数值与总线报文是否相符 (需要 sitebox 及其表型文件)",
    ),
    "reach": (
        "whether anything was cut off behind block {last} that nobody confirmed",
        "区块 {last} 之后是否有未经确认而被截去的内容",
    ),
    "before": ("anything before block {first}", "区块 {first} 之前的内容"),
    "seal": ("the box's seal, wiring and meters", "终端铅封、接线与电表本身"),
    "wrong": (
        "first wrong block: {n}, {kind}: {what} ({detail})",
        "第一个有问题的区块: {n}, {what}, {kind} ({detail})",
    ),
    "also": (
        "{kind} at block {n}, {times} in all: {what} ({detail})",
        "区块 {n}, 共 {times} 处: {what}, {kind} ({detail})",
    ),
    "tool": (
        "signatures cannot be checked: the command openssl, 3.0 or newer, is needed ({why})",
        "无法校验签名: 需要 openssl 3.0 或更新版本 ({why})",
    ),
    "file": ("{file} is no readable evidence file: {why}", "{file} 不是可读的证据文件: {why}"),
    "key": ("{key} is no verifier key", "{key} 不是验证密钥"),
}


class FormError(Exception):
    """Not in the one spelling that the format has for it."""


class NewerError(Exception):
    """Of a newer edition."""


class ToolError(Exception):
    """openssl did not do what it is for."""


class DoubtError(Exception):
    """A block that cannot be believed: kind of wrong and detail."""


def demand(true: object, why: str) -> None:
    if not true:
        raise FormError(why)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# -- texts: keys, notes, headers, receipts ------------------------------------------------------------------


# ECDSA P-256: "secp256r1" before the point's coordinates, RFC 5480
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


class Key(NamedTuple):
    """A verifier key: Ed25519 in 32 bytes, or P-256 in DER."""

    name: str
    id: bytes
    public: bytes
    text: str


class Note(NamedTuple):
    """A text, and its signature lines: name, key id, signature."""

    text: bytes
    lines: list[tuple[str, bytes, bytes]]


def unbase64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormError("not base64") from error
    demand(base64.b64encode(data).decode() == text, "base64 with spare bits")
    return data


def read_key(text: str) -> Key:
    name, _, rest = text.partition("+")
    id_text, _, data_text = rest.partition("+")
    data = unbase64(data_text)
    ed25519 = len(data) == 33 and data[0] == 1
    p256 = len(data) == 92 and data[0] == 2 and data[1:].startswith(P256)
    demand(re.fullmatch(r"[!-*,-~]{1,64}", name) and (ed25519 or p256), "no verifier key")
    digest = hashlib.sha256(name.encode() + b"\n" + data if ed25519 else data[1:]).digest()[:4]
    demand(digest.hex() == id_text, "verifier key: its id is another key's")
    return Key(name, digest, data[1:], text)


def read_note(raw: bytes) -> Note:
    demand(len(raw) <= MAX_NOTE, "note too long")
    at = raw.rfind(b"\n\n")
    demand(at >= 0 and raw.endswith(b"\n"), "no signed note")
    demand(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw), "control characters in a note")
    try:
        tail = raw[at + 2 :].decode("utf-8")
        raw[: at + 1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormError("note is not UTF-8") from error
    lines = []
    for line in tail[:-1].split("\n"):
        found = re.fullmatch("— ([!-*,-~]{1,64}) ([A-Za-z0-9+/=]+)", line)
        data = unbase64(found[2]) if found else b""
        demand(len(data) > 4, "no signature line")
        lines.append((found[1] if found else "", data[:4], data[4:]))
    demand(len(lines) <= 16 and len({line[:2] for line in lines}) == len(lines), "signature lines")
    return Note(raw[: at + 1], lines)


_N, _HASH, _DIGEST = "(?:0|[1-9][0-9]{0,15})", "[0-9a-f]{64}", "(?:[0-9a-f]{7,64}|-)"
_BY = "[A-Za-z0-9][A-Za-z0-9.-]{0,31}"
WORDS = {
    "box": "[A-Za-z0-9-]{1,32}",
    "epoch": "[a-z0-9-]{1,36}",
    "prev": _HASH,
    "hash": _HASH,
    "body_hash": _HASH,
    "raw_hash": f"(?:{_HASH}|-)",
    "boot_id": "[A-Za-z0-9-]{1,36}",
    "letter": "[SRMI]",
    "soft": "[!-~]{1,64}",
    "soft_digest": _DIGEST,
    "cfg": _DIGEST,
    "ext": f"(?:{_N}|-)",
    "by": _BY,
    "key": r"\S+",
}
TEXT = frozenset(WORDS) - {"ext"}
HEADER = (
    "sitebox/block/v1",
    "box {box}  epoch {epoch}  n {n}",
    "prev {prev}",
    "body rows/1 {body_bytes} {body_hash}  records {first}..{last}",
    "raw {raw_bytes} {raw_hash}",
    "boot {boot} {boot_id}  mono {mono}  utc {utc} {letter}",
    "soft {soft} {soft_digest}  cfg {cfg}",
    "sum reads {ok} {failed}  alarms {alarms}  boots {boots}  lost {lost}",
    "ext {ext}",
)
SEEN, KEY = "seen {by} {n} {hash} {time}", "key {key}"
SUMS = ("ok", "failed", "alarms", "boots", "lost")
STORED, ALSO, WANT = "stored 0..{n} {hash}", "also {a}..{n} {hash}", "want {a}..{b}"
HEADS, TIME = "heads {by} {n} {hash}", "time {time}"
HANDOVER = (
    "sitebox/handover/v1",
    "box {box}",
    "old {key}",
    "new {key}",
    "head {epoch} {n} {hash}",
    "utc {utc} {letter}",
)
FORMS: dict[str, re.Pattern[str]] = {}


def take(form: str, line: str) -> dict[str, Any]:
    """The fields of a line in its one spelling: what was read is written again and compared."""
    if form not in FORMS:
        parts = re.split(r"\{(\w+)\}", form)
        named = (f"(?P<{part}>{WORDS.get(part, _N)})" for part in parts[1::2])
        texts = map(re.escape, parts[0::2])
        FORMS[form] = re.compile("".join(text + next(named, "") for text in texts), re.ASCII)
    found = FORMS[form].fullmatch(line)
    demand(found, "line has not its form: " + line[:40])
    words = found.groupdict() if found else {}
    fields = {name: word if name in TEXT or word == "-" else int(word) for name, word in words.items()}
    demand(form.format(**fields) == line, "line not in its one spelling")
    demand(all(value <= LIMIT for value in fields.values() if isinstance(value, int)), "number too large")
    return fields


def lines_of(text: bytes, kind: str) -> list[str]:
    """The lines of a signed text of one kind."""
    first = text.partition(b"\n")[0].decode("ascii", "replace")
    found = re.fullmatch(r"sitebox/([a-z]+)/v([1-9][0-9]{0,3})", first)
    demand(found and found[1] == kind, "another kind of text")
    if found and found[2] != "1":
        raise NewerError(first)
    demand(text.isascii() and text.endswith(b"\n"), "not ASCII lines")
    return text[:-1].decode("ascii").split("\n")


def read_header(text: bytes) -> Header:
    rows = lines_of(text, "block")
    demand(len(rows) > len(HEADER), "lines missing")
    other = re.match(r"body (rows/[0-9]+) ", rows[3])
    if other and other[1] != "rows/1":
        raise NewerError("body " + other[1])
    header: Header = {}
    for form, row in zip(HEADER, rows):
        header.update(take(form, row))
    rest = rows[len(HEADER) :]
    header["seen"] = [take(SEEN, row) for row in rest if row.startswith("seen ")]
    header["keys"] = [read_key(take(KEY, row)["key"]) for row in rest[len(header["seen"]) :]]
    header["sums"] = tuple(header[name] for name in SUMS)
    _check_numbers(header)
    _check_keys(header)
    return header


def _check_numbers(h: Header) -> None:
    demand(h["body_bytes"] <= MAX_BODY and h["raw_bytes"] <= MAX_RAW, "body or frames too long")
    demand(h["first"] >= 1 and -1 <= h["last"] - h["first"] < 4096, "impossible records")
    demand((h["last"] < h["first"]) == (h["body_bytes"] == 0), "body without records, or the reverse")
    demand((h["n"] == 0) == (h["prev"] == NONE), "only the genesis has no predecessor")
    demand((h["raw_bytes"] == 0) == (h["raw_hash"] == "-"), "frames without length")
    names = [seen["by"] for seen in h["seen"]]
    demand(names == sorted(set(names)) and len(names) <= 16, "seen lines")


def _check_keys(h: Header) -> None:
    keys = h["keys"]
    demand(len(keys) == 2 or (len(keys) == 1 and h["n"]), "key lines")
    demand(len(keys) == 1 or keys[0].name == h["box"], "the first key of two is the identity")
    h["heir"] = keys[0] if h["n"] and len(keys) == 2 else None
    demand(all(turn(h["box"], key.name) is not None for key in keys[-1:]), "no ratchet key of this box")


def turn(box: str, name: str) -> int | None:
    """The counter of a ratchet key."""
    found = re.fullmatch(rf"{re.escape(box)}/r({_N})", name)
    return int(found[1]) if found else None


class Receipt(NamedTuple):
    """What it says: block, hash of its header, who has it, whether that is the authority's word for all."""

    by: str
    box: str
    epoch: str
    stored: int
    time: int
    says: list[tuple[int, str, str, bool]]


def read_receipt(text: bytes) -> Receipt:
    rows = lines_of(text, "receipt")
    demand(len(rows) >= 5, "lines missing")
    by = take("by {by}", rows[1])["by"]
    owner = take("box {box} epoch {epoch}", rows[2])
    says, at, stored = [], 4, -1
    if rows[3] != "stored -":
        found = take(STORED, rows[3])
        stored = found["n"]
        says.append((stored, found["hash"], by, True))
    also, at = _several(rows, at, ALSO)
    want, at = _several(rows, at, WANT)
    heads, at = _several(rows, at, HEADS)
    demand(at == len(rows) - 1, "a line that v1 does not know")
    _check_ranges([(-1, stored)] + [(one["a"], one["n"]) for one in also])
    _check_ranges([(-2, -2)] + [(one["a"], one["b"]) for one in want])
    names = [one["by"] for one in heads]
    demand(names == sorted(set(names)) and len(names) <= 16, "heads")
    says += [(one["n"], one["hash"], one.get("by", by), False) for one in also + heads]
    return Receipt(by, owner["box"], owner["epoch"], stored, take(TIME, rows[-1])["time"], says)


class Handover(NamedTuple):
    """One identity of a box names the next."""

    box: str
    old: Key
    new: Key


def read_handover(note: Note, signatures: Signatures) -> Handover:
    """A hand-over that both have signed."""
    rows = lines_of(note.text, "handover")
    demand(len(rows) == len(HANDOVER), "lines missing")
    fields = [take(form, row) for form, row in zip(HANDOVER, rows)]
    box, old, new = fields[1]["box"], read_key(fields[2]["key"]), read_key(fields[3]["key"])
    demand(old.name == new.name == box and old != new, "not from one identity of the box to another")
    signers = [line[:2] for line in note.lines]
    demand(
        signers == [(key.name, key.id) for key in (old, new)], "not signed by the old and the new identity"
    )
    good = [signatures.good(key, note, line[2]) for key, line in zip((old, new), note.lines)]
    demand(all(good), "a signature of the hand-over does not fit")
    return Handover(box, old, new)


def _several(rows: list[str], at: int, form: str) -> tuple[list[dict[str, Any]], int]:
    found = []
    while at < len(rows) and rows[at].startswith(form.partition(" ")[0] + " "):
        found.append(take(form, rows[at]))
        at += 1
    return found, at


def _check_ranges(ranges: list[tuple[int, int]]) -> None:
    demand(len(ranges) <= 65, "too many ranges")
    for at in range(1, len(ranges)):
        demand(ranges[at - 1][1] + 1 < ranges[at][0] <= ranges[at][1], "ranges")


# -- records ------------------------------------------------------------------------------------------------


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    demand(len(dict(pairs)) == len(pairs), "a key twice")
    return dict(pairs)


def _no_number(text: str) -> NoReturn:
    raise FormError("no integer: " + text[:20])


def read_rows(body: bytes) -> list[Record]:
    """The records of a body, each in its one spelling, with the fields that every record has."""
    demand(not body or body.endswith(b"\n"), "last line without newline")
    lines = body.split(b"\n")[:-1]
    demand(len(lines) <= 4096, "too many records")
    return [read_row(line) for line in lines]


def read_row(line: bytes) -> Record:
    demand(len(line) < 8192, "record too long")
    try:
        text = line.decode("utf-8")
        row = json.loads(text, object_pairs_hook=_pairs, parse_float=_no_number, parse_constant=_no_number)
        written = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise FormError("not JSON") from error
    demand(isinstance(row, dict) and written == text, "record not in its one spelling")
    _check_value(row, 6)
    for name, kind in (("boot", int), ("i", int), ("k", str), ("mono", int), ("q", str), ("t", int)):
        demand(type(row.get(name)) is kind, "record without " + name)
    demand(row["q"] in ("S", "R", "M", "I"), "unknown clock letter")
    if row["k"] == "reading":
        _check_reading(row)
    return dict(row)


def _check_value(value: object, depth: int) -> None:
    if isinstance(value, (bool, str)):
        return
    if isinstance(value, int):
        demand(-LIMIT <= value <= LIMIT, "integer beyond 2^53")
        return
    demand(isinstance(value, (dict, list)) and depth > 0, "a value that has no place here")
    if isinstance(value, dict):
        demand(all(re.fullmatch("[ -~]{1,64}", name) for name in value), "key is not printable ASCII")
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_value(one, depth - 1)


def _check_reading(row: Record) -> None:
    values = row.get("v")
    demand(isinstance(row.get("m"), str) and isinstance(row.get("s", ""), str), "reading without its meter")
    demand(isinstance(values, dict), "reading without values")
    for value in dict(values or {}).values():
        demand(isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value, re.ASCII), "no decimal")
    if row.get("src", "live") == "live":
        demand(values or "e" in row, "reading with neither values nor an error")


def counted(rows: list[Record], sums: tuple[int, ...]) -> tuple[int, ...]:
    """The sums carried on."""
    ok, failed, alarms, boots, lost = sums
    for row in rows:
        kind = row["k"]
        if kind == "reading" and row.get("src", "live") == "live":
            ok, failed = (ok + 1, failed) if row["v"] else (ok, failed + 1)
        elif kind == "alarm":
            alarms += row.get("state") == "raised"
        elif kind == "boot":
            boots += 1
        elif kind == "loss":
            demand(type(row.get("count")) is int and row["count"] >= 0, "loss without a count")
            lost += row["count"]
    return ok, failed, alarms, boots, lost


# -- signatures ---------------------------------------------------------------------------------------------


class Signatures:
    """Checks Ed25519 and ECDSA signatures with openssl, and remembers what was checked. ``derived`` are those
    that need no check of their own."""

    PREFIX = bytes.fromhex("302a300506032b6570032100")  # "Ed25519" before a public key, RFC 8410

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.known: dict[tuple[bytes, bytes, bytes], bool] = {}
        self.derived: set[tuple[bytes, bytes, bytes]] = set()
        self.count = 0
        self.lock = threading.Lock()
        public, signed = map(bytes.fromhex, EXAMPLE)
        if not self._run(public, b"\x72", signed) or self._run(public, b"\x73", signed):
            raise ToolError("it does not know an example of RFC 8032")

    def good(self, key: Key, note: Note, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over the text."""
        asked = (key.public, note.text, signature)
        if asked in self.derived:
            return True
        if asked not in self.known:
            self.known[asked] = self._may_be(*asked) and self._run(*asked)
        return self.known[asked]

    def ahead(self, asked: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """Check many, some at a time."""
        todo = sorted({one for one in asked if self._may_be(*one)} - set(self.known))
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for one, found in zip(todo, pool.map(lambda one: self._run(*one), todo)):
                self.known[one] = found

    @staticmethod
    def _may_be(public: bytes, text: bytes, signature: bytes) -> bool:
        """Whether it has the size of one; openssl would say of another that it cannot work."""
        del text
        return len(signature) == 64 if len(public) == 32 else 8 <= len(signature) <= 72

    def _run(self, public: bytes, text: bytes, signature: bytes) -> bool:
        """Some run at a time, so each has files of its own."""
        with self.lock:
            self.count += 1
            at = self.count
        names = [self.folder / f"{at}.{part}" for part in ("key", "text", "signature")]
        der = self.PREFIX + public if len(public) == 32 else public
        for name, data in zip(names, (der, text, signature)):
            name.write_bytes(data)
        try:
            return self._asked(names, ecdsa=len(public) != 32)
        finally:
            for name in names:
                name.unlink()

    def _asked(self, names: list[Path], ecdsa: bool) -> bool:
        words = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", str(names[0])]
        words += ["-rawin", "-in", str(names[1]), "-sigfile", str(names[2])]
        words += ["-digest", "sha256"] if ecdsa else []
        try:
            done = subprocess.run(words, capture_output=True, check=False)
        except OSError as error:
            raise ToolError(str(error)) from error
        if done.returncode == 0:
            return True
        said = done.stdout + done.stderr
        if done.returncode != 1 or b"Verification Failure" not in said:
            raise ToolError(said.decode("utf-8", "replace").strip()[:200])
        return False


# -- what is wrong ------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One kind of wrong: where first, how often."""

    order: int
    kind: str
    n: int | None
    times: int
    detail: str

    @property
    def gap(self) -> bool:
        return KINDS[self.kind][0]


class Findings:
    """Each kind once; contradictions before gaps, each in the order met."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}
        self.order = 0

    def add(self, kind: str, n: int | None, detail: str, order: int = -1, times: int = 1) -> None:
        new = Finding(self.order if order < 0 else order, kind, n, times, detail)
        old = self._found.get(kind, new)
        first = new if new.order < old.order else old
        self._found[kind] = first._replace(times=times + (old.times if old is not new else 0))

    def all(self) -> list[Finding]:
        return sorted(self._found.values(), key=lambda one: (one.gap, one.order, RANK.index(one.kind)))


# -- who signs ----------------------------------------------------------------------------------------------


class Identities:
    """The identity in force, and those that hand-overs lead to from the one that is known."""

    def __init__(self, found: Findings, signatures: Signatures, known: Key | None, raws: list[bytes]) -> None:
        self._found, self._signatures = found, signatures
        self.now = known
        self._line = [known] if known is not None else []
        self._begun = False
        said = [one for one in (self._read(raw, None) for raw in raws) if one is not None]
        pairs = {(one.old, one.new) for one in said}
        if len({old for old, _ in pairs}) < len(pairs) or len({new for _, new in pairs}) < len(pairs):
            found.add("hand-over not valid", None, "two hand-overs of one identity, or to one")
            return
        for _ in said:
            for one in said:
                if self._line and one.new == self._line[0] and one.old not in self._line:
                    self._line.insert(0, one.old)
                if self._line and one.old == self._line[-1] and one.new not in self._line:
                    self._line.append(one.new)

    def due(self, note: Note, header: Header, certain: bool) -> Key | None:
        """Who must have signed. A later one comes forward only where it is not certain what stood before."""
        if self.now is None and header["n"] == 0:
            self.now = header["keys"][0]
            self._line = [self.now]
        if self.now is None or certain:
            return self.now
        claimed = self.claimed(note)
        free = self._line[self._line.index(self.now) :] if self._begun else self._line
        return claimed if claimed in free else self.now

    def claimed(self, note: Note) -> Key | None:
        """Whoever of the line the first signature names."""
        for key in self._line:
            if note.lines[0][:2] == (key.name, key.id):
                return key
        return None

    def signed(self, key: Key) -> None:
        self.now, self._begun = key, True

    def passed(self, header: Header) -> None:
        """A block in its place; it may name the next identity."""
        heir = header["heir"]
        if heir is None or self.now is None:
            return
        at = self._line.index(self.now) + 1
        known = self._line[at : at + 1]
        if (known and known != [heir]) or heir in self._line[:at]:
            self._found.add("hand-over not valid", header["n"], "the block names another than the note")
        if known != [heir]:
            self._line[at:] = [heir]
        self.now = heir

    def rows(self, header: Header, old: Key | None, rows: list[Record]) -> None:
        """The record beside the name of an heir holds the note of both; nowhere else is there one."""
        n, heir = header["n"], header["heir"]
        told = [row for row in rows if n and row["k"] == "key" and row.get("op") == "identity"]
        if len(told) != int(heir is not None):
            self._found.add("hand-over not valid", n, f"{len(told)} records of another identity")
        for row in told:
            made = self._read(str(row.get("note", "")).encode(), n)
            if made is None:
                continue
            fits = made.box == header["box"] and made.new == heir and old in (None, made.old)
            if not fits:
                self._found.add("hand-over not valid", n, f"record {row['i']} names others than the header")

    def _read(self, raw: bytes, n: int | None) -> Handover | None:
        try:
            return read_handover(read_note(raw), self._signatures)
        except (FormError, NewerError) as error:
            self._found.add("hand-over not valid", n, str(error))
            return None


# -- the chain ----------------------------------------------------------------------------------------------


class Link(NamedTuple):
    """A header of the box. ``before``: its predecessor, None where the chain starts anew."""

    header: Header
    digest: str
    before: Header | None
    in_place: bool
    signer: Key | None = None


class Chain:
    """Is each header the box's own, unchanged, and in its place?"""

    def __init__(self, found: Findings, signatures: Signatures, identities: Identities) -> None:
        self._found, self._signatures, self._identities = found, signatures, identities
        self._signer: Key | None = None
        self._base: tuple[Header, str] | None = None
        self._expected: int | None = None
        self._doubtful = 0  # blocks since the last sound one that may have taken a number
        self._known: dict[int, tuple[str, Key]] = {}
        self._holes: list[tuple[int, int, int]] = []
        self.box, self.epochs = "", [""][:0]
        self.first: int | None = None
        self.last: int | None = None
        self.readable = self.unsigned = 0

    def take(self, raw: bytes) -> Link | None:
        """The next block as it stands in the file."""
        self._found.order += 1
        try:
            note, header = self._read(raw)
            self._begin(header)
            self._owned(note, header)
            self._same_life(header)
            if self._expected is not None and header["n"] < self._expected:
                return self._late(note, header)
            return self._place(note, header)
        except DoubtError as doubt:
            self._found.add(doubt.args[0], self._here(), doubt.args[1])
            self._doubtful += 1
            return None

    @property
    def identity(self) -> Key | None:
        return self._identities.now

    def close(self) -> None:
        for a, b, order in self._holes:
            self._found.add("removed block", a, f"{a}..{b}", order, b - a + 1)
        self._holes = []

    def _here(self) -> int | None:
        return None if self._expected is None else self._expected + self._doubtful

    def _read(self, raw: bytes) -> tuple[Note, Header]:
        try:
            note = read_note(raw)
        except FormError as error:
            raise DoubtError("unreadable", str(error)) from error
        try:
            return note, read_header(note.text)
        except (FormError, NewerError) as error:
            kind = "unknown version" if isinstance(error, NewerError) else "unreadable"
            if self.identity is not None and not self._is_by(note, self.identity):
                kind = "edited header"
            raise DoubtError(kind, str(error)) from error

    def _is_by(self, note: Note, key: Key) -> bool:
        own = [line for line in note.lines if line[:2] == (key.name, key.id)]
        return bool(own) and self._signatures.good(key, note, own[0][2])

    def _begin(self, header: Header) -> None:
        self.readable += 1
        if self.first is None:
            self.first = self._expected = header["n"]
            self.box = header["box"]
            self.epochs.append(header["epoch"])

    def _owned(self, note: Note, header: Header) -> None:
        """By the identity whose turn it is."""
        names = [line[0] for line in note.lines]
        place = (
            self._expected or 0,
            self._doubtful,
            header["n"] == self._expected and self._base is not None,
        )
        late = header["epoch"] == self.epochs[-1] and header["n"] < place[0]
        if late:
            identity = self._identities.claimed(note) or self.identity
        else:
            identity = self._identities.due(note, header, place[1] == 0 and place[2] and header["n"] > 0)
        self._signer = identity
        if identity is None:
            self.unsigned += 1
            return
        if header["n"] == 0 and header["keys"][0] != identity:
            raise DoubtError("re-signed with another key", "the genesis names " + header["keys"][0].text)
        if identity.name not in names:
            own = header["box"] == identity.name
            raise DoubtError("re-signed with another key" if own else "spliced", "signed by " + names[0])
        if names[0] != identity.name:
            raise DoubtError("edited header", "signature lines in another order")
        self._signed(note, identity)
        if not late:
            self._identities.signed(identity)

    def _signed(self, note: Note, key: Key) -> None:
        if all(line[:2] != (key.name, key.id) for line in note.lines):
            raise DoubtError("re-signed with another key", "no signature of " + key.text)
        if len(note.lines) > 2 or not self._is_by(note, key):
            raise DoubtError("edited header", f"the signature of {key.name} does not fit")

    def _same_life(self, header: Header) -> None:
        if header["box"] == self.box and header["epoch"] == self.epochs[-1]:
            return
        if header["box"] != self.box or header["n"] != 0 or header["epoch"] in self.epochs:
            raise DoubtError("spliced", "{} {}".format(header["box"], header["epoch"]))
        self._found.add("new epoch", 0, header["epoch"])
        self.close()
        self.epochs.append(header["epoch"])
        self._known, self._base, self._expected, self._doubtful = {}, None, 0, 0

    def _place(self, note: Note, header: Header) -> Link:
        digest, n = sha(note.text), header["n"]
        before = self._base if n == self._expected else None
        here = self._here()
        if here is not None and n > here:
            self._holes.append((here, n - 1, self._found.order))
            self._expected, self._doubtful = n, 0
        self._turned(note, header, before)
        if before is not None and header["prev"] != before[1]:
            self._found.add("spliced", n, f"prev is not the hash of block {before[0]['n']}")
            before = None
        if before is not None:
            self._compare(before[0], header)
        self._base, self._known[n] = (header, digest), (digest, header["keys"][-1])
        self.last, self._expected, self._doubtful = n, n + 1, 0
        self._identities.passed(header)
        return Link(header, digest, before[0] if before else None, True, self._signer)

    def _turned(self, note: Note, header: Header, before: tuple[Header, str] | None) -> None:
        """By the ratchet key that the block before names."""
        if header["n"] == 0:
            self._signed(note, header["keys"][-1])
        elif before is not None:
            self._signed(note, before[0]["keys"][-1])
        elif [turn(self.box, line[0]) is not None for line in note.lines] != [False, True]:
            raise DoubtError("re-signed with another key", "no signature of a ratchet key")

    def _compare(self, before: Header, header: Header) -> None:
        for detail in fallen(before, header):
            self._found.add("counter falls", header["n"], detail)
        for seen in header["seen"]:
            known = self._known.get(seen["n"])
            if known is not None and known[0] != seen["hash"] and seen not in before["seen"]:
                self._found.add("fork", seen["n"], "{} holds {}".format(seen["by"], seen["hash"]))

    def _late(self, note: Note, header: Header) -> Link | None:
        """A number that has passed."""
        digest, n = sha(note.text), header["n"]
        known = self._known.get(n)
        for at, (a, b, order) in enumerate(self._holes):
            if a <= n <= b:
                self._holes[at : at + 1] = [x for x in ((a, n - 1, order), (n + 1, b, order)) if x[0] <= x[1]]
                self._found.add("swapped blocks", a, f"{n} came late", order)
                self._known[n] = (digest, header["keys"][-1])
                return Link(header, digest, None, False)
        if known is None:
            self._found.add("swapped blocks", n, "before the first block")
        elif known[0] == digest:
            self._found.add("duplicated block", n, digest)
        else:
            self._found.add("fork", n, f"{known[0]} and {digest}")
        return None


def fallen(before: Header, after: Header) -> Iterator[str]:
    """What may never go back."""
    if after["boot"] < before["boot"]:
        yield f"boot {before['boot']} to {after['boot']}"
    same = after["boot"] == before["boot"]
    if same and any(after[name] != before[name] for name in ("boot_id", "soft", "soft_digest")):
        yield f"boot {after['boot']} has two ids or two editions of the software"
    if before["ext"] != "-" and (after["ext"] == "-" or after["ext"] < before["ext"]):
        yield "ext {} to {}".format(before["ext"], after["ext"])
    old, new = before["keys"][-1], after["keys"][-1]
    turns = turn(before["box"], old.name) or 0, turn(after["box"], new.name) or 0
    if turns[1] < turns[0] or (turns[0] == turns[1] and old != new):
        yield f"ratchet {old.name} to {new.name}"
    yield from _unquoted(before, after)


def _unquoted(before: Header, after: Header) -> Iterator[str]:
    """A quoted receipt neither goes back nor disappears, and speaks of an earlier block."""
    now = {seen["by"]: seen for seen in after["seen"]}
    for seen in before["seen"]:
        newer = now.get(seen["by"])
        if newer is None or (newer["time"] < seen["time"] and newer["n"] <= seen["n"]):
            yield "receipt of {} goes back, or is no longer quoted".format(seen["by"])
    for seen in after["seen"]:
        if seen not in before["seen"] and seen["n"] >= after["n"]:
            yield f"receipt of {seen['by']} speaks of block {seen['n']}"


# -- what the records say -----------------------------------------------------------------------------------


class Slots:
    """Polls: within one boot the slots of each meter and class run on by one."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._series: dict[tuple[str, str], dict[str, Any]] = {}
        self._holes: list[tuple[tuple[str, str], int, int, int, int]] = []  # series, from, to, block, order
        self._credit = self._mono = 0
        self._until = -1  # so long readings of an old plan may come in
        self.checked = 0

    def take(self, n: int, row: Record) -> None:
        kind = row["k"]
        if kind in ("boot", "down"):
            self.clear()
        self._mono = max(self._mono, row["mono"])
        if kind == "reading" and "s" in row:
            self._poll(n, row)
        elif kind == "loss" and row.get("what") != "bodies":
            self._credit += row["count"]
        elif kind == "config":
            self._settle()
            self._until = self._mono + SETTLE_MS
        elif kind == "step":
            self._until = row["mono"] + SETTLE_MS
            for series in self._series.values():
                series["free"] = True

    def clear(self) -> None:
        self._settle()
        self._until, self._credit, self._mono = -1, 0, 0

    def _poll(self, n: int, row: Record) -> None:
        found = re.fullmatch(r"([fs])(0|[1-9][0-9]{0,15})", row["s"], re.ASCII)
        if found is None:
            self._found.add("row not canonical", n, "slot " + row["s"][:20])
            return
        self.checked += 1
        key, slot, mono = (row["m"], found[1]), int(found[2]), row["mono"]
        moving = mono <= self._until
        now = {"first": (slot, mono), "last": (slot, mono), "n": n, "free": moving}
        series = self._series.setdefault(key, now)
        if series is now:
            return
        last = series["last"][0]
        if slot == last + 1:
            series.update(last=(slot, mono), n=n, free=series["free"] and moving)
        elif series["free"] or moving:
            series.update(now)
        elif slot > last:
            self._holes.append((key, last + 1, slot - 1, n, self._found.order))
            series.update(last=(slot, mono), n=n)
        elif not self._fills(key, slot):
            self._found.add("slot repeated", n, "{} {}".format(row["m"], row["s"]))

    def _fills(self, key: tuple[str, str], slot: int) -> bool:
        for at, (of, a, b, n, order) in enumerate(self._holes):
            if of == key and a <= slot <= b:
                parts = [(of, a, slot - 1, n, order), (of, slot + 1, b, n, order)]
                self._holes[at : at + 1] = [part for part in parts if part[1] <= part[2]]
                return True
        return False

    def _settle(self) -> None:
        for (meter, letter), a, b, n, order in self._holes:
            paid = min(self._credit, b - a + 1)
            self._credit -= paid
            if a + paid <= b:
                detail = f"{meter} {letter}{a + paid}..{letter}{b}"
                self._found.add("slot missing", n, detail, order, b - a - paid + 1)
        for (meter, letter), series in self._series.items():
            slots = series["last"][0] - series["first"][0]
            period = (series["last"][1] - series["first"][1]) // slots if slots else 0
            if slots and not self._credit and self._mono - series["last"][1] > 3 * period + SILENT_MS:
                self._found.add("slot missing", series["n"], f"{meter} {letter} falls silent")
        self._holes, self._series = [], {}


class Missing:
    """Bodies that are not there, and what is said of them."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._begin()

    def _begin(self) -> None:
        self._gone: dict[int, tuple[int, int]] = {}
        self._said: set[int] = set()
        self._counted, self._stored = 0, -1
        self._old: list[dict[str, Any]] = []

    def block(self, header: Header, gone: bool) -> None:
        if header["n"] == 0:
            self._old = header["seen"]
        new = [seen["n"] for seen in header["seen"] if seen not in self._old]
        self._stored = max([self._stored, *new])
        if gone and header["body_bytes"]:
            self._gone[header["n"]] = (header["last"] - header["first"] + 1, self._found.order)

    def record(self, n: int, row: Record) -> None:
        inner = row.get("row")
        row = inner if row["k"] == "thinned" and isinstance(inner, dict) else row
        if row.get("k") != "loss" or row.get("what") != "bodies":
            return
        if "blocks" not in row:
            self._counted += row["count"] if type(row.get("count")) is int else 0
            return
        try:
            blocks = self._ranges(row["blocks"], n)
        except FormError as error:
            self._found.add("loss record wrong", n, "record {}: {}".format(row.get("i"), error))
            return
        held = [self._gone[one][0] for one in blocks if one in self._gone]
        self._said.update(blocks)
        if len(held) == len(blocks) and sum(held) != row.get("records"):
            detail = f"record {row.get('i')}: the blocks held {sum(held)} records"
            self._found.add("loss record wrong", n, detail)

    @staticmethod
    def _ranges(blocks: Any, n: int) -> list[int]:
        named: list[int] = []
        demand(isinstance(blocks, list), "no ranges")
        for pair in blocks:
            demand(isinstance(pair, list) and len(pair) == 2, "no range")
            a, b = pair
            demand(type(a) is int and type(b) is int, "no range")
            demand((named[-1] if named else -1) < a <= b < n and b - a < MAX_BLOCKS, "impossible range")
            demand(len(named) < MAX_BLOCKS, "too many blocks")
            named += range(a, b + 1)
        return named

    def settle(self, stored: int) -> None:
        for n, (records, order) in self._gone.items():
            if n in self._said or n <= max(self._stored, stored):
                continue
            if records <= self._counted:
                self._counted -= records
                continue
            self._found.add("body missing without a reason", n, "no loss record and no receipt", order)
        self._begin()


NEXT = {"boot": ("down", "boot", "recovered"), "recovered": ("boot", "recovered")}


class Starts:
    """Each start of the box against what it left behind: a block, or records that the next start found."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self.forget()

    def forget(self) -> None:
        """What stood before is not known."""
        self._before: list[tuple[int, Record]] = []  # the last two records with their blocks
        self._named: object = None
        self._gone: object = None  # the moment from which the box was off

    def rows(self, header: Header, before: Header | None, rows: list[Record]) -> None:
        for at, row in enumerate(rows):
            try:
                self._row(header, before, row, at)
            except FormError as error:
                self._found.add("boot record wrong", header["n"], f"record {row['i']}: {error}")
            if row["k"] == "boot":
                self._named = row.get("id")
            self._before = [*self._before[-1:], (header["n"], row)]

    def _row(self, header: Header, before: Header | None, row: Record, at: int) -> None:
        kind = row["k"]
        n, last = self._before[-1] if self._before else (0, {})
        if n:
            demand(
                kind in NEXT.get(last["k"], (kind,)),
                "a start cut in two: {k} and then ".format(**last) + kind,
            )
        if kind == "recovered" and last:
            demand(row["boot"] > last["boot"], "a start found its own records")
        if kind == "down":
            self._down(row, n, last)
        elif kind == "boot":
            seen = [one for one in (header, before) if one and one["boot"] == row["boot"]]
            if header["n"]:
                self._boot(before, row, last, at)
            elif header["first"] == 1:
                demand(row.get("prev") == "-" and row.get("last_i") == 0, "a start before the first")
            for one in seen[:1]:
                same = row.get("id") == one["boot_id"] and row.get("soft") == one["soft"]
                demand(same, f"the header of block {one['n']} names another start or software")

    def _boot(self, before: Header | None, row: Record, last: Record, at: int) -> None:
        names, self._gone = row.get("last_i"), None
        older = self._before[-2][1] if len(self._before) == 2 else None
        if names == row["i"] - 2 and last.get("k", "recovered") == "recovered":
            self._gone = older["t"] if older else None
            demand(row.get("clean") is False, "records were found, and it calls the stop clean")
            demand(self._named in (None, row.get("prev")), f"the start before was {self._named}")
            demand(older is None or older["boot"] < row["boot"], "a start counted twice")
            return
        demand(names == row["i"] - 1, f"names {names} as the last before it")
        demand(at == 0, "a start where nothing had stopped")
        twice = (
            bool(last) and last["k"] == "recovered" and last["boot"] == row["boot"]
        )  # one start, tried again
        demand(not last or twice or last["boot"] < row["boot"], "a start counted twice")
        if before:
            self._gone = before["utc"]
            demand(row.get("prev") == before["boot_id"], f"the start before was {before['boot_id']}")

    def _down(self, row: Record, n: int, boot: Record) -> None:
        demand(row.get("to_t") == row["t"], "the time off does not end here")
        if not self._before:
            return
        demand(n and boot["k"] == "boot" and row["t"] == boot["t"], "time off without a start")
        says = "clean stop" if boot.get("clean") is True else "unclean stop"
        demand(row.get("known") == says, "the start knows it otherwise")
        demand(self._gone in (None, row.get("from_t")), f"the box was there until {self._gone}")


class Contents:
    """Digests, rows, numbers, sums, and what one record says of another."""

    def __init__(self, found: Findings, identities: Identities) -> None:
        self._found, self._identities = found, identities
        self.slots, self.missing, self.times = Slots(found), Missing(found), Times(found)
        self._starts = Starts(found)
        self._registers: dict[tuple[str, str], Decimal] = {}
        self.records = self.bodies = self.last_record = 0
        self.unread = False

    def take(self, link: Link, body: bytes | None, raw: bytes | None) -> None:
        header, before = link.header, link.before
        n = header["n"]
        sound = self._digest(header, body)
        if raw is not None and (len(raw), sha(raw) if raw else "-") != (
            header["raw_bytes"],
            header["raw_hash"],
        ):
            self._found.add("edited raw frames", n, f"{len(raw)} bytes, {sha(raw)}")
        if not link.in_place:
            return
        self.missing.block(header, body is None)
        if before is None:
            self.restart()
        elif header["first"] != before["last"] + 1:
            self._found.add("records discontinuous", n, f"{before['last']} then {header['first']}")
        rows = self._rows(header, before, body) if sound and body is not None else None
        if rows is None:
            self.restart()
            if before is not None and any(map(int.__lt__, header["sums"], before["sums"])):
                self._found.add("sums wrong", n, "sums fall")
        else:
            self._configured(header, before, rows)
            self._quoted(header, before, rows)
            self._starts.rows(header, before, rows)
            self._identities.rows(header, link.signer, rows)
        self.times.block(header, rows or [])
        for row in rows or []:
            self._record(n, row)

    def restart(self) -> None:
        """What was not read may have held anything."""
        self.slots.clear()
        self._starts.forget()
        self._registers = {}

    def _digest(self, header: Header, body: bytes | None) -> bool:
        if body is None:
            if header["body_bytes"]:
                detail = f"records {header['first']}..{header['last']}"
                self._found.add("body missing", header["n"], detail)
            return False
        self.bodies += 1
        if (len(body), sha(body)) == (header["body_bytes"], header["body_hash"]):
            return True
        self._found.add("edited body", header["n"], f"{len(body)} bytes, {sha(body)}")
        self.unread = True
        return False

    def _rows(self, header: Header, before: Header | None, body: bytes) -> list[Record] | None:
        n, birth = header["n"], header["n"] == 0 and header["first"] == 1
        start = before["sums"] if before else (0, 0, 0, 0, 0)
        try:
            rows = read_rows(body)
            sums = counted(rows, start)
        except FormError as error:
            self._found.add("row not canonical", n, str(error))
            self.unread = True
            return None
        if [row["i"] for row in rows] != list(range(header["first"], header["last"] + 1)):
            self._found.add("records discontinuous", n, f"not {header['first']}..{header['last']}")
        self.records += len(rows)
        self.last_record = header["last"]
        low = any(map(int.__lt__, header["sums"], sums))
        if sums != header["sums"] if before or birth else low:
            self._found.add("sums wrong", n, "{}, counted {}".format(header["sums"], sums))
        return rows

    def _configured(self, header: Header, before: Header | None, rows: list[Record]) -> None:
        now = before["cfg"] if before else None
        for row in rows:
            if row["k"] == "config":
                if now is not None and row.get("old") != now:
                    self._found.add("configuration changed without a record", header["n"], f"was {now}")
                now = str(row.get("digest"))
        if now is not None and now != header["cfg"]:
            self._found.add("configuration changed without a record", header["n"], header["cfg"])

    def _quoted(self, header: Header, before: Header | None, rows: list[Record]) -> None:
        """Each header quotes what the one before quotes, and the receipts told of in between."""
        told = [
            {"by": row.get("by"), "n": row.get("n"), "hash": row.get("hash"), "time": row.get("time")}
            for row in rows
            if row["k"] == "receipt"
        ]
        start = before["seen"] if before and header["n"] else header["seen"]
        due: dict[str, Record] = {}
        for quote in [*start, *told]:
            due[str(quote["by"])] = quote
        if [due[by] for by in sorted(due)] != header["seen"]:
            detail = "told of: " + (", ".join(f"{by} {due[by]['n']}" for by in sorted(due)) or "-")
            self._found.add("receipt quoted without a record", header["n"], detail)

    def _record(self, n: int, row: Record) -> None:
        kind = row["k"]
        self.slots.take(n, row)
        self.missing.record(n, row)
        if kind == "config":
            self._registers = {}
        elif kind == "meter-event":
            self._registers = {key: x for key, x in self._registers.items() if key[0] != row.get("m")}
        elif kind == "reading" and row.get("src") == "live":
            self._energies(n, row)

    def _energies(self, n: int, row: Record) -> None:
        for name in REGISTERS:
            if name in row["v"]:
                value = Decimal(row["v"][name])
                last = self._registers.get((row["m"], name), value)
                if value < last:
                    self._found.add(
                        "energy register falls", n, "{} {}: {} to {}".format(row["m"], name, last, value)
                    )
                self._registers[row["m"], name] = value


class Times:
    """Does time agree with itself, and with the receipts?"""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self.sure = self.records = self.headers = self.quoting = self.early = self.late = self.widest = 0
        self.disputed = 0
        self.restart()

    def restart(self) -> None:
        self._boot, self._mono = -1, 0
        self._last = (-1, 0)  # boot and time of the newest header
        self._anchored: dict[str, Record] = {}

    def block(self, header: Header, rows: list[Record]) -> None:
        n = header["n"]
        self.headers += 1
        if header["seen"]:
            self.quoting += 1
            newest = max(seen["time"] for seen in header["seen"])
            self.early += header["letter"] == "S" and header["utc"] < newest - SLACK_MS
        if header["boot"] == self._last[0] and header["mono"] < self._last[1]:
            self._found.add("monotonic time falls", n, f"{self._last[1]} to {header['mono']}")
        for row in rows:
            self.records += 1
            self.sure += row["q"] == "S"
            self._record(n, header["boot"], row)
        self._last = (header["boot"], header["mono"])

    def _record(self, n: int, most: int, row: Record) -> None:
        boot, mono = row["boot"], row["mono"]
        if boot < self._boot or boot > most or (boot == self._boot and mono < self._mono - ORDER_MS):
            detail = f"record {row['i']}: boot {boot}, {mono} ms after {self._boot}, {self._mono} ms"
            self._found.add("monotonic time falls", n, detail)
        elif boot > self._boot:
            known = max(self._boot, self._last[0])
            if 0 <= known < boot - 1:
                self._found.add("boot skipped", n, f"boot {known} then {boot}", -1, boot - known - 1)
            self._boot, self._mono = boot, mono
            self._anchored = {}
        self._mono = max(self._mono, mono)
        whole = all(type(row.get(name)) is int for name in ("at", "utc", "error_ms"))
        if row["k"] == "anchor" and whole:
            self._agree(row)

    def _agree(self, row: Record) -> None:
        """Whether two anchors in a row, both of the box or both of meters, allow one time."""
        kind = "meter" if str(row.get("source")).startswith("meter ") else "box"
        old = self._anchored.get(kind, row)
        self._anchored[kind] = row
        between = row["at"] - old["at"]
        slack = row["error_ms"] + old["error_ms"] + -(-abs(between) // 1999)  # 500 ppm
        self.disputed += abs(row["utc"] - old["utc"] - between) > slack


class Receipts:
    """What the authorities say, of those whose keys were given."""

    def __init__(self, found: Findings, times: Times) -> None:
        self._found, self._times = found, times
        self._open: dict[tuple[str, int], list[tuple[Receipt, str, str, bool]]] = {}
        self._last: dict[str, int] = {}
        self._boxes: list[str] = []
        self.given = self.unread = 0
        self.held: dict[str, int] = {}
        self.stored: dict[str, int] = {}
        self.differing = False
        self.keyless: list[tuple[str, str]] = []

    def read(self, name: str, raw: bytes, keys: Sequence[Key], signatures: Signatures) -> None:
        named = re.search(rb"\nby ([!-~]{1,64})\n", raw)
        by = named[1].decode() if named else "-"
        fitting = [key for key in keys if key.name == by]
        if not fitting:
            self.keyless.append((name, by))
        for key in fitting:
            self.given += 1
            try:
                self._read(read_note(raw), key, signatures)
            except NewerError:
                self.unread += 1
            except FormError as error:
                self._found.add("receipt not valid", None, str(error))

    def _read(self, note: Note, key: Key, signatures: Signatures) -> None:
        (name, key_id, signature) = note.lines[0]
        own = len(note.lines) == 1 and (name, key_id) == (key.name, key.id)
        demand(own and signatures.good(key, note, signature), f"not signed by {key.name} alone")
        receipt = read_receipt(note.text)
        demand(receipt.by == key.name, f"{key.name} may not speak for {receipt.by}")
        self._boxes.append(receipt.box)
        for n, digest, holder, whole in receipt.says:
            self._open.setdefault((receipt.epoch, n), []).append((receipt, digest, holder, whole))

    def block(self, header: Header, digest: str) -> None:
        place = (header["epoch"], header["n"])
        self._last[place[0]] = header["n"]
        for receipt, said, holder, whole in self._open.pop(place, []):
            if receipt.box != header["box"]:
                continue
            if said != digest:
                self.differing = True
                self._found.add("fork", header["n"], f"{holder} holds {said}, here is {digest}")
            elif whole:
                self.held[receipt.by] = max(self.held.get(receipt.by, 0), header["n"])
                self.stored[place[0]] = header["n"]
                self._sandwich(header, receipt.time)

    def _sandwich(self, header: Header, time: int) -> None:
        self._times.late += header["letter"] == "S" and header["utc"] > time + SLACK_MS
        if header["seen"]:
            width = time - max(seen["time"] for seen in header["seen"])
            self._times.widest = max(self._times.widest, width)

    def close(self, box: str) -> None:
        for other in self._boxes:
            if box and other != box:
                self._found.add("receipt not valid", None, "receipt of box " + other)
        for (epoch, n), said in self._open.items():
            last = self._last.get(epoch)
            ahead = [holder for receipt, _, holder, _ in said if receipt.box == box]
            if last is not None and n > last and ahead:
                self._found.add("truncated", last + 1, f"{ahead[0]} holds up to {n}")

    def apart(self) -> dict[str, int]:
        """By authority: statements that could not be compared."""
        counts: dict[str, int] = {}
        for said in self._open.values():
            for receipt, *_ in said:
                counts[receipt.by] = counts.get(receipt.by, 0) + 1
        return counts


# -- the file -----------------------------------------------------------------------------------------------


class Evidence:
    """The members of an evidence file, in their fixed order."""

    LIMITS = MappingProxyType({"note": MAX_NOTE, "rows": MAX_BODY, "raw": MAX_RAW})
    FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError, RuntimeError)

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (*self.FAULTS, ValueError) as error:
            raise FormError("not a zip") from error
        infos = self._zip.infolist()
        names = [info.filename for info in infos]
        demand(
            len(set(names)) == len(names) <= 3 * MAX_BLOCKS + MAX_RECEIPTS + MAX_HANDOVERS + 3,
            "a member twice, or too many",
        )
        demand(
            names[:2] == ["about.txt", "identity.vkey"] and names[-1] == "end", "it begins or ends otherwise"
        )
        self._infos = dict(zip(names, infos))
        self.receipts = [name for name in names if re.fullmatch(r"receipts/[0-9]{4}\.note", name)]
        self.handovers = [name for name in names if re.fullmatch(r"handover/[0-9]{4}\.note", name)]
        notes = self.receipts + self.handovers
        self._blocks = names[2 + len(notes) : -1]
        demand(names[2 : 2 + len(notes)] == notes, "members out of order")
        self.blocks = self._numbers()
        self._close_end()
        try:
            self.identity = read_key(self.get("identity.vkey", MAX_NOTE).decode("ascii")[:-1])
            self.get("about.txt", MAX_NOTE).decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormError("no text") from error

    def _numbers(self) -> list[str]:
        order = []
        for name in self._blocks:
            found = re.fullmatch(r"(blocks/[0-9]{16})\.(note|rows|raw)", name)
            demand(found, "a member that does not belong there")
            order.append((found[1], list(self.LIMITS).index(found[2])) if found else ("", 0))
        notes = [stem for stem, part in order if part == 0]
        demand(order == sorted(order) and {stem for stem, _ in order} == set(notes), "members out of order")
        return notes

    def _close_end(self) -> None:
        text = self.get("end", MAX_NOTE)
        newer = text.startswith(b"sitebox/bundle/v") and not text.startswith(b"sitebox/bundle/v1\n")
        demand(not newer, "of a newer edition")
        demand(
            text == b"sitebox/bundle/v1\nblocks %d\n" % len(self.blocks), "its end does not count its blocks"
        )

    def part(self, stem: str, ending: str) -> bytes | None:
        name = stem + "." + ending
        return self.get(name, self.LIMITS[ending]) if name in self._infos else None

    def get(self, name: str, limit: int) -> bytes:
        info = self._infos[name]
        packed = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        demand(packed and not info.flag_bits & 1, name + " is packed in another way")
        try:
            with self._zip.open(info) as member:
                data = member.read(limit + 1)
                demand(len(data) <= limit and member.read(1) == b"", name + " is too long")
                return data
        except (*self.FAULTS, ValueError) as error:
            raise FormError(name + " is damaged") from error


def foreseen(evidence: Evidence, identity: Key | None, quick: bool) -> tuple[set[Any], set[Any]]:
    """The signatures that will be asked for, and those of them that follow from others."""
    found: list[tuple[Note, Header]] = []
    keys: dict[tuple[str, bytes], Key] = {}
    for stem in evidence.blocks:
        try:
            note = read_note(evidence.part(stem, "note") or b"")
            found.append((note, read_header(note.text)))
        except (FormError, NewerError):
            continue
        keys.update({(key.name, key.id): key for key in found[-1][1]["keys"]})
    if identity is not None:
        keys[identity.name, identity.id] = identity
    asked: set[Any] = set()
    derived: set[Any] = set()
    for at, (note, header) in enumerate(found):
        following = found[at + 1] if quick and at + 1 < len(found) else None
        lines = set()
        if following is not None and follows(note, header, following[1]):
            lines = {line[:2] for line in following[0].lines}
        for name, key_id, signature in note.lines[:2]:
            if (name, key_id) in keys:
                one = (keys[name, key_id].public, note.text, signature)
                (derived if (name, key_id) in lines else asked).add(one)
    return asked, derived


def follows(note: Note, header: Header, after: Header) -> bool:
    """Whether the text after holds the hash of this one."""
    same = all(header[name] == after[name] for name in ("box", "epoch"))
    return bool(same and after["n"] == header["n"] + 1 and after["prev"] == sha(note.text))


# -- the report ---------------------------------------------------------------------------------------------

Verdict = tuple[str, list[str]]  # pass, warn, fail or not-checked; lines


class Judge:
    """One verification of one file."""

    def __init__(
        self, evidence: Evidence, keys: tuple[Key | None, list[Key]], signatures: Signatures
    ) -> None:
        self.evidence, self.given, self.signatures = evidence, keys[0], signatures
        self.found = Findings()
        handovers = [evidence.get(name, MAX_NOTE) for name in evidence.handovers]
        identities = Identities(self.found, signatures, keys[0], handovers)
        self.chain = Chain(self.found, signatures, identities)
        self.contents = Contents(self.found, identities)
        self.receipts = Receipts(self.found, self.contents.times)
        for name in evidence.receipts:
            self.receipts.read(name, evidence.get(name, MAX_NOTE), keys[1], signatures)

    def run(self) -> None:
        chain, contents = self.chain, self.contents
        for stem in self.evidence.blocks:
            epochs = len(chain.epochs)
            link = chain.take(self.evidence.part(stem, "note") or b"")
            if link is None:
                continue
            if 0 < epochs < len(chain.epochs):
                self._epoch(chain.epochs[-2])
            contents.take(link, self.evidence.part(stem, "rows"), self.evidence.part(stem, "raw"))
            if link.in_place:
                self.receipts.block(link.header, link.digest)
        self.found.order += 1
        chain.close()
        self._epoch(chain.epochs[-1] if chain.epochs else "")
        self.receipts.close(chain.box)

    def _epoch(self, epoch: str) -> None:
        self.contents.restart()
        self.contents.times.restart()
        self.contents.missing.settle(self.receipts.stored.get(epoch, -1))

    def exit_code(self) -> int:
        kinds = {one.kind for one in self.found.all()}
        if self.chain.readable and any(not KINDS[kind][0] for kind in kinds - {"unknown version"}):
            return FORGED
        if not self.chain.readable or "unknown version" in kinds:
            return UNREADABLE
        return GOOD if self.authentic("en")[0] == "pass" and not kinds else GAPS

    def verdicts(self, lang: str) -> dict[str, Verdict]:
        """By name; none speaks for another."""
        return {
            "authentic": self.authentic(lang),
            "complete": self.complete(lang),
            "time": self.time(lang),
            "receipts": self.by_authority(lang),
            "values": ("not-checked", [say("recompute", lang)]),
            "open": ("not-checked", self.open(lang)),
        }

    def _wrong(self, gap: bool, lang: str, kinds: Sequence[str] = RANK) -> list[str]:
        found = [one for one in self.found.all() if one.gap == gap and one.kind in kinds]
        return [told(one, "also", lang) for one in found]

    def authentic(self, lang: str) -> Verdict:
        chain = self.chain
        wrong = self._wrong(False, lang)
        if wrong:
            return "fail", wrong
        if not chain.readable:
            return "not-checked", [say("nothing", lang)]
        if chain.unsigned:
            return "not-checked", [say("nobody", lang)]
        if self.given is None:
            return "warn", [say("whose", lang, key=chain.identity.text if chain.identity else "-")]
        line = say("signed", lang, box=chain.box, blocks=chain.readable, first=chain.first, last=chain.last)
        count = len(self.signatures.derived)
        return "pass", [line + (say("derived", lang, count=count) if count else "")]

    def complete(self, lang: str) -> Verdict:
        contents = self.contents
        if self._wrong(False, lang):
            return "not-checked", [say("unread", lang)]
        if not contents.bodies:
            return "not-checked", [*self._wrong(True, lang), say("bodies", lang)]
        facts = {"record": contents.last_record, "records": contents.records, "slots": contents.slots.checked}
        gaps = self._wrong(True, lang)
        return "warn" if gaps else "pass", [say("whole", lang, last=self.chain.last, **facts), *gaps]

    def time(self, lang: str) -> Verdict:
        times = self.contents.times
        wrong = self._wrong(False, lang, ["monotonic time falls"])
        if wrong or not times.records:
            return ("fail", wrong) if wrong else ("not-checked", [say("bodies", lang)])
        if self._wrong(False, lang):
            return "not-checked", [say("unread", lang)]
        share = times.sure / times.records
        bounded = times.quoting and self.receipts.held
        good = share >= 0.99 and bounded and not (times.early or times.late or times.disputed)
        width = times.widest // 1000 if bounded else "-"
        facts: dict[str, object] = {"share": int(share * 1000) / 10, "width": width}
        for name in ("quoting", "headers", "early", "late", "disputed"):
            facts[name] = getattr(times, name)
        return "pass" if good else "warn", [say("clock", lang, **facts)]

    def by_authority(self, lang: str) -> Verdict:
        receipts = self.receipts
        wrong = self._wrong(False, lang, ["receipt not valid"] + ["fork"] * receipts.differing)
        if wrong or not receipts.given:
            return ("fail", wrong) if wrong else ("not-checked", [say("no_receipts", lang)])
        lines = [say("holds", lang, by=by, n=n) for by, n in sorted(receipts.held.items())]
        apart = receipts.apart()
        lines += [say("apart", lang, by=by, count=count) for by, count in sorted(apart.items())]
        return "warn" if apart or receipts.unread or not receipts.held else "pass", lines

    def open(self, lang: str) -> list[str]:
        lines = [say("recompute", lang), say("seal", lang)]
        if self.chain.first:
            lines.append(say("before", lang, first=self.chain.first))
        if self.chain.last is not None:
            lines.append(say("reach", lang, last=self.chain.last))
        return lines + [say("keyless", lang, member=name, by=by) for name, by in self.receipts.keyless]


def say(name: str, lang: str, **facts: object) -> str:
    return TEXTS[name][lang == "zh"].format(**facts)


def told(one: Finding, name: str, lang: str) -> str:
    what = KINDS[one.kind][2 if lang == "zh" else 1]
    n = "-" if one.n is None else one.n
    return say(name, lang, n=n, kind=one.kind, what=what, times=one.times, detail=one.detail)


def show(judge: Judge, lang: str, as_json: bool) -> str:
    findings = judge.found.all()
    first = findings[0] if findings else None
    if as_json:
        content = {
            "exit": judge.exit_code(),
            "kind": first.kind if first else None,
            "first_wrong": first.n if first else None,
            "kinds": [one.kind for one in findings],
            "verdicts": {name: status for name, (status, _) in judge.verdicts(lang).items()},
            "processes": judge.signatures.count,
        }
        return json.dumps(content) + "\n"
    text = ""
    for name, (status, lines) in judge.verdicts(lang).items():
        head = say(name, lang)
        text += f"{head}: {say(status, lang)}\n" if name != "open" else head + ":\n"
        text += "".join(f"    {line}\n" for line in lines)
    return text + (told(first, "wrong", lang) + "\n" if first else "")


def judged(path: Path, keys: tuple[Key | None, list[Key]], quick: bool) -> Judge:
    """The file as a whole; OSError, FormError, ToolError."""
    evidence = Evidence(path)
    for every in (not quick, True):
        with tempfile.TemporaryDirectory() as folder:
            signatures = Signatures(folder)
            asked, derived = foreseen(evidence, keys[0], not every)
            signatures.derived = derived - asked
            signatures.ahead(asked)
            judge = Judge(evidence, keys, signatures)
            judge.run()
        if every or judge.exit_code() in (GOOD, GAPS):
            break
    return judge


class Parser(argparse.ArgumentParser):
    """Usage errors are 64."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def language(given: str | None) -> str:
    spoken = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    word = given or next(filter(None, spoken), "") or locale.getlocale()[0] or ""
    return "zh" if word.lower().startswith(("zh", "chinese")) else "en"


def key_of(word: str) -> Key:
    path = Path(word)
    try:
        return read_key(path.read_text("ascii").strip() if len(word) < 4096 and path.is_file() else word)
    except UnicodeError as error:
        raise FormError("no text") from error


def main(argv: Sequence[str] | None = None) -> int:
    """See the module."""
    about = (__doc__ or "").partition("\n\nThis is the second")[0]
    parser = Parser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--key", help="the box's verifier key / 终端的验证密钥")
    parser.add_argument("--authority", action="append", default=[], help="a platform's key / 平台密钥")
    parser.add_argument("--lang", choices=("en", "zh"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    lang = language(args.lang)
    given: list[Key] = []
    for word in [args.key] * (args.key is not None) + args.authority:
        try:
            given.append(key_of(word))
        except (FormError, OSError):
            sys.stderr.write(say("key", lang, key=word) + "\n")
            return USAGE
    keys = (given[0], given[1:]) if args.key is not None else (None, given)
    try:
        judge = judged(Path(args.file), keys, args.quick)
    except ToolError as error:
        sys.stderr.write(say("tool", lang, why=error) + "\n")
        return UNREADABLE
    except (FormError, OSError) as error:
        sys.stderr.write(say("file", lang, file=args.file, why=error) + "\n")
        return UNREADABLE
    write(show(judge, lang, args.json))
    return judge.exit_code()


def write(text: str) -> None:
    """The verdict stands in the exit code, whether anybody can read the words or not."""
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:  # the reader of a pipe left, or the disk is full
        sys.stdout = io.StringIO()


def defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python itself would exit with 1, which means "authentic with gaps" here."""
    sys.__excepthook__(kind, error, trace)
    sys.stderr.flush()
    os._exit(DEFECT)


if __name__ == "__main__":
    sys.excepthook = defect
    sys.exit(main())
