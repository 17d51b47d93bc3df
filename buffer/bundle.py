"""The evidence file: blocks, receipts and the box's public key in one zip that any PC can open.

::

    about.txt                       who wrote it and what it holds, for people; proves nothing
    identity.vkey                   the key the box calls its own; compare it with the acceptance sheet
    receipts/0001.note ...          signed notes of the platforms
    handover/0001.note ...          signed notes by which one identity of the box names the next
    blocks/0000000000000042.note          signed header: check with openssl and sha256sum
    blocks/0000000000000042.rows          its body, missing when thinned away
    blocks/0000000000000042.raw           its bus frames, missing when no longer kept
    end                                   "sitebox/bundle/v1", "blocks <count>": none fell off the end

Names and their order are fixed, dates are constant: the same evidence is the same file. Works on the file it
is given, believes nothing in it, inflates no member beyond its limit.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from buffer.block import decode_header
from buffer.errors import BundleError, FormatError, UnknownVersion
from buffer.handover import KIND as HANDOVER
from buffer.handover import MOST
from buffer.header import MAX_RAW
from buffer.note import MAX_NOTE, VerifierKey, decode
from buffer.rows import MAX_BODY
from buffer.verify.report import BlockData

MAX_BLOCKS: Final = 100_000  # ten weeks at a block a minute; longer stretches are several files
MAX_RECEIPTS: Final = 64
MAX_HANDOVERS: Final = MOST
MAX_ABOUT: Final = 64 * 1024

_ABOUT: Final = "about.txt"
_IDENTITY: Final = "identity.vkey"
_END: Final = "end"
_RECEIPT = re.compile(r"receipts/[0-9]{4}\.note", re.ASCII)
_HANDOVER = re.compile(r"handover/[0-9]{4}\.note", re.ASCII)
_BLOCK = re.compile(r"(blocks/[0-9]{16})\.(note|rows|raw)", re.ASCII)
_LIMITS: Final = {"note": MAX_NOTE, "rows": MAX_BODY, "raw": MAX_RAW}
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say
_ENCRYPTED: Final = 0x1
# What zipfile and zlib are known to raise on files that are not what they claim to be.
_ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a file holds; nothing of it is checked yet. ``blocks`` can be gone through again and again."""

    about: str
    identity: VerifierKey
    receipts: tuple[bytes, ...]
    handovers: tuple[bytes, ...]
    blocks: Iterable[BlockData]


def write_bundle(
    file: BinaryIO, blocks: Iterable[BlockData], identity: VerifierKey, notes: Iterable[bytes], about: str
) -> int:
    """Write everything into ``file`` and give the number of blocks. ``notes``: receipts and hand-overs.
    BundleError when there are too many, or when the blocks do not rise: one file holds one epoch."""
    signed = list(notes)
    handovers = [note for note in signed if note.startswith(HANDOVER.encode())]
    receipts = [note for note in signed if not note.startswith(HANDOVER.encode())]
    if len(receipts) > MAX_RECEIPTS or len(handovers) > MAX_HANDOVERS:
        raise BundleError("more receipts or hand-overs than one file may hold")
    written, last = 0, -1
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, _ABOUT, about.encode()[:MAX_ABOUT])
        _put(archive, _IDENTITY, f"{identity}\n".encode())
        for folder, notes in (("receipts", receipts), ("handover", handovers)):
            for number, note in enumerate(notes, 1):
                _put(archive, f"{folder}/{number:04}.note", note)
        for block in blocks:
            written += 1
            if written > MAX_BLOCKS:
                raise BundleError(f"more than {MAX_BLOCKS} blocks: export a shorter range")
            last = _put_block(archive, block, last)
        _put(archive, _END, _end(written))
    return written


def _end(blocks: int) -> bytes:
    return f"sitebox/bundle/v1\nblocks {blocks}\n".encode()


def _put_block(archive: zipfile.ZipFile, block: BlockData, last: int) -> int:
    n = decode_header(decode(block.note).text).n
    if n <= last:
        raise BundleError("blocks do not rise: one file holds one epoch")
    name = f"blocks/{n:016}"
    for ending, data in (("note", block.note), ("rows", block.body), ("raw", block.raw)):
        if data is not None:
            _put(archive, f"{name}.{ending}", data)
    return n


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


def read_bundle(file: Path | BinaryIO) -> Bundle:
    """Look into an evidence file; BundleError when it is none. An open ``file`` must stay open while
    its blocks are read; members are read when asked for, so going through ``blocks`` may raise too."""
    with _opened(file) as archive:
        infos = archive.infolist()
        blocks = _check_names([info.filename for info in infos])
        _check_end(_get(archive, infos[-1], MAX_NOTE), blocks)
        about = _get(archive, infos[0], MAX_ABOUT)
        identity = _get(archive, infos[1], MAX_NOTE)
        receipts, handovers = (
            tuple(_get(archive, info, MAX_NOTE) for info in infos if form.fullmatch(info.filename))
            for form in (_RECEIPT, _HANDOVER)
        )
    try:
        key = VerifierKey.parse(identity.decode("ascii").removesuffix("\n"))
        return Bundle(about.decode("utf-8"), key, receipts, handovers, _Blocks(file))
    except (FormatError, UnicodeDecodeError) as error:
        raise BundleError("evidence file: no identity, or no text about it") from error


@dataclass(frozen=True, slots=True)
class _Blocks:
    file: Path | BinaryIO

    def __iter__(self) -> Iterator[BlockData]:
        with _opened(self.file) as archive:
            note: bytes | None = None
            beside: dict[str, bytes] = {}
            for info in archive.infolist():
                found = _BLOCK.fullmatch(info.filename)
                if found is None:
                    continue
                data = _get(archive, info, _LIMITS[found[2]])
                if found[2] != "note":
                    beside[found[2]] = data
                    continue
                if note is not None:
                    yield BlockData(note, beside.get("rows"), beside.get("raw"))
                note, beside = data, {}
            if note is not None:
                yield BlockData(note, beside.get("rows"), beside.get("raw"))


@contextmanager
def _opened(file: Path | BinaryIO) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except _ZIP_FAULTS as error:
        raise BundleError("evidence file: not a zip") from error
    with archive:
        yield archive


def _check_end(text: bytes, blocks: int) -> None:
    if not text.startswith(b"sitebox/bundle/v1\n") and text.startswith(b"sitebox/bundle/v"):
        raise UnknownVersion(text.partition(b"\n")[0].decode("ascii", "replace")[:40])
    if text != _end(blocks):
        raise BundleError("evidence file: its end does not count its blocks")


def _check_names(names: list[str]) -> int:
    """Exactly what ``write_bundle`` writes, in its order, nothing twice; counts the blocks."""
    if len(names) > MAX_BLOCKS * 3 + MAX_RECEIPTS + MAX_HANDOVERS + 3 or len(set(names)) != len(names):
        raise BundleError("evidence file: too many members, or one twice")
    if names[:2] != [_ABOUT, _IDENTITY] or names[-1] != _END:
        raise BundleError("evidence file: it does not begin or end as it should")
    rest = names[2:-1]
    notes = [name for form in (_RECEIPT, _HANDOVER) for name in rest if form.fullmatch(name)]
    blocks = rest[len(notes) :]
    found = [_BLOCK.fullmatch(name) for name in blocks]
    if rest[: len(notes)] != notes or not all(found):
        raise BundleError("evidence file: a member that does not belong there")
    order = [(one[1], list(_LIMITS).index(one[2])) for one in found if one is not None]
    headers = {name for name, part in order if part == 0}
    if order != sorted(order) or any(name not in headers for name, _ in order):
        raise BundleError("evidence file: members out of order, or a body without its header")
    return len(headers)


def _get(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """One member, never more than ``limit`` bytes of it, whatever it claims."""
    if info.flag_bits & _ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BundleError(f"evidence file: {info.filename} is packed in another way")
    try:
        with archive.open(info) as member:
            data = member.read(limit + 1)
            if len(data) <= limit and member.read(1) == b"":  # the end is where the checksum is compared
                return data
    except _ZIP_FAULTS as error:
        raise BundleError(f"evidence file: {info.filename} is damaged") from error
    raise BundleError(f"evidence file: {info.filename} is too long")
