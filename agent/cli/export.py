"""``sitebox export FILE``: blocks, receipts and the public key in one evidence file for an officer.

Beside it stands ``verify_sitebox.py``, which judges it on any PC: not in it, for nobody should believe a
judge that the evidence brought along, and so that its digest can be compared with the published one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from agent.accepted import accept
from agent.cli.shell import Shell
from agent.errors import AgentError
from agent.offline import open_reader
from agent.proof import blocks, stretch
from agent.software import version
from buffer.block import decode_header, hash_text
from buffer.bundle import write_bundle
from buffer.errors import BundleError, FormatError
from buffer.handover import lineage, opened
from buffer.head import StoredReceipt
from buffer.note import decode
from buffer.reader import JournalReader, aside, handovers, sound_blocks
from buffer.receipt import decode_receipt
from buffer.verify import BlockData

VERB = "export"
ORDER = 45
HELP = "SBX-CLI-115"
VERIFIER: Final = "verify_sitebox.py"


def add(parser: argparse.ArgumentParser) -> None:
    """A range of block numbers, or one point (or meter) and a stretch of the plant's time: the smallest file
    that proves it. The whole journal by default. ``--aside``: a store that a start has put aside, by the name
    that ``sitebox journal check`` gives: what it holds that no platform has."""
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--from-block", type=int, default=0, metavar="N")
    parser.add_argument("--to-block", type=int, metavar="N")
    parser.add_argument("--point", metavar="ID")
    parser.add_argument("--aside", metavar="NAME")
    parser.add_argument("--from", dest="since", metavar="TIME", help="2026-11-25 or 2026-11-25T22:00")
    parser.add_argument("--to", dest="until", metavar="TIME")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Writes FILE, and beside it ``verify_sitebox.py``, which judges it on any PC (Python 3.9, OpenSSL 3):
    ``python3 verify_sitebox.py FILE --key KEY``. Refuses to replace a file. Exit 0; 1: some blocks cannot be
    read and are not in it."""
    if args.point is None and (args.since or args.until):
        raise AgentError("SBX-JNL-921", 64)
    if args.aside is not None:
        return _aside(args, shell)
    reader = open_reader(shell.paths)
    found = _proof(args, reader, shell) if args.point is not None else _range(args, reader)
    return _write(args, found, next(reader.blocks(0, 0)), reader.receipts(), shell)


def _aside(args: argparse.Namespace, shell: Shell) -> int:
    """The blocks of a store that was put aside, as far as they can be read."""
    shelf = aside(shell.paths.journal, args.aside)
    first, last = max(0, args.from_block), shelf.last()
    if first > last:
        raise AgentError("SBX-JNL-904", 64, first=first, last=last)
    found = _Found(first, last, map(shelf.standing, range(first, last + 1)))
    return _write(args, found, shelf.standing(0), shelf.receipts(), shell)


def _write(
    args: argparse.Namespace,
    found: _Found,
    genesis: BlockData,
    receipts: Sequence[StoredReceipt],
    shell: Shell,
) -> int:
    """What can be read of the blocks; what cannot is counted."""
    path, said = Path(args.file), handovers(shell.paths.journal)
    try:
        birth = decode_header(decode(genesis.note).text)
    except FormatError as error:
        raise AgentError("SBX-JNL-923", 66, path=shell.paths.journal) from error
    notes = [*(stored.note for stored in receipts if stored.note), *said]
    identity = lineage(birth.keys[0], opened(said))[-1]
    about = f"sitebox {version()}, box {birth.box}, blocks {found.first}..{found.last}"
    _refuse_to_replace(path)
    verifier = _put_verifier(path.with_name(VERIFIER))
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            written = write_bundle(file, sound_blocks(found.blocks), identity, notes, about)
        part.replace(path)
    except BundleError as error:
        raise AgentError("SBX-JNL-924", 65, path=path, reason=error) from error
    finally:
        part.unlink(missing_ok=True)
    missing = found.count - written
    _report(found, path, verifier, missing, shell)
    return int(missing > 0)


def _refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise AgentError("SBX-JNL-920", 73, path=path)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is written: blocks ``first``..``last``, and headers around them where a proof was asked for
    (``beside``: how many). ``anchored`` is None where nobody did."""

    first: int
    last: int
    blocks: Iterable[BlockData]
    anchored: bool | None = None
    beside: int = 0

    @property
    def count(self) -> int:
        """How many blocks it should be."""
        return self.last - self.first + 1 + self.beside


def _report(found: _Found, path: Path, verifier: Path, missing: int, shell: Shell) -> None:
    digest = hash_text(verifier.read_bytes())
    if shell.json:
        facts = {"file": str(path), "from": found.first, "to": found.last, "bytes": path.stat().st_size}
        facts |= {} if found.anchored is None else {"anchored": found.anchored}
        facts |= {"missing": missing} if missing else {}
        shell.data(facts | {"verifier": str(verifier), "verifier_sha256": digest})
        return
    done = shell.say("SBX-JNL-905", path=path, first=found.first, last=found.last)
    shell.put(f"{shell.tag('ok')} {done}")
    if missing:
        shell.tell(f"{shell.tag('warn')} {shell.say('SBX-JNL-922', blocks=missing)}")
    if found.anchored is False:
        shell.put(f"{shell.tag('warn')} {shell.say('SBX-JNL-907')}")
    shell.tell(shell.say("SBX-JNL-906", verifier=verifier, path=path, digest=digest))


def _range(args: argparse.Namespace, reader: JournalReader) -> _Found:
    head = reader.head()
    first = max(0, args.from_block)
    last = head.n if args.to_block is None else min(args.to_block, head.n)
    if first > last:
        raise AgentError("SBX-JNL-904", 64, first=first, last=last)
    return _Found(first, last, reader.blocks(first, last))


def _proof(args: argparse.Namespace, reader: JournalReader, shell: Shell) -> _Found:
    config = accept(shell.paths.config, shell.paths.accepted).loaded.config
    meters = {point.id: point.meter for point in config.points} | {
        meter.id: meter.id for meter in config.meters
    }
    if args.point not in meters:
        raise AgentError("SBX-JNL-908", 64, point=args.point, known=", ".join(sorted(meters)) or "-")
    zone = ZoneInfo(config.site.timezone)
    since, until = moment_of(args.since, zone, 0), moment_of(args.until, zone, 2**53)
    receipts = [decode_receipt(decode(stored.note).text) for stored in reader.receipts() if stored.note]
    wanted = stretch(reader, since, until, receipts)
    if wanted is None:
        raise AgentError("SBX-JNL-909", 66, since=args.since or "-", until=args.until or "-")
    meter = meters[args.point]
    names = {meter, *(point.id for point in config.points if point.meter == meter)}
    found = blocks(reader, wanted, names)
    beside = wanted.end - wanted.last + min(1, wanted.first)
    return _Found(wanted.first, wanted.last, found, wanted.anchored, beside)


def moment_of(text: str | None, zone: ZoneInfo, without: int) -> int:
    """The plant's time as ms since 1970; a date alone is its midnight."""
    if text is None:
        return without
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise AgentError("SBX-JNL-910", 64, text=text) from error
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return int(moment.timestamp() * 1000)


def _put_verifier(path: Path) -> Path:
    """The second verifier at ``path``; the same one may stand there already."""
    text = files("buffer.verify").joinpath("alone.py").read_bytes()
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError as error:
        if path.read_bytes() != text:
            raise AgentError("SBX-JNL-920", 73, path=path) from error
    return path
