"""``sitebox journal [list|check|salvage]``: a human's look into the evidence, its health, and its rescue."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from agent.check import LEVELS
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.cli.whose import identities
from agent.control import ask
from agent.errors import AgentError
from agent.journalcheck import check
from agent.offline import open_reader
from agent.salvage import TAIL, Salvaged, salvage
from buffer.block import decode_header
from buffer.errors import FormatError
from buffer.note import decode
from buffer.placing import Places
from buffer.reader import JournalReader
from buffer.verify import BlockData

VERB = "journal"
ORDER = 35
HELP = "SBX-CLI-113"


def add(parser: argparse.ArgumentParser) -> None:
    """``list``: blocks; ``check``: every block looked at; ``salvage FOLDER``: what is sound, copied there;
    ``--key KEY``: the box's identity, where its first block rotted and the folder of keys cannot be read;
    ``refill FILE``: what a platform's evidence has and this store lost, put back by the daemon.
    With ``list``, ``--block N``: one header; ``--records``: records; ``--tail``: what is unsealed;
    ``--placed``: records with the time at which they truly lie, from the anchors of their boot."""
    parser.add_argument("action", choices=("list", "check", "salvage", "refill"), nargs="?", default="list")
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path)
    parser.add_argument("--last", type=int, default=10, metavar="N")
    parser.add_argument("--block", type=int, metavar="N")
    parser.add_argument("--records", action="store_true")
    parser.add_argument("--tail", action="store_true")
    parser.add_argument("--placed", action="store_true")
    parser.add_argument("--key", metavar="KEY")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads beside the daemon, and writes nothing but a salvage, elsewhere. ``check``: 0 sound, 1 something
    was set aside once or the tail cannot be read, 2 rot. ``salvage``: 0 all of it, 1 bodies lost, 2 blocks
    that stand behind a hole and are not in the new store: those that can be read are evidence files beside
    it; 65 nothing at all."""
    if args.action == "salvage":
        return _salvage(args.path, args.key, shell)
    if args.action == "refill":
        return _refill(args.path, shell)
    reader = open_reader(shell.paths)
    if args.action == "check":
        return _check(reader, args.key, shell)
    if args.placed:
        return _placed(reader, max(1, args.last), shell)
    if args.tail:
        for record in reader.tail_records():
            shell.put(json.dumps(record, ensure_ascii=False))
        return 0
    if args.block is not None:
        return _block(reader, args.block, args.records, shell)
    return _list(reader, max(1, args.last), args.records, shell)


def _check(reader: JournalReader, key: str | None, shell: Shell) -> int:
    found = check(shell.paths.journal, reader, identities(shell.paths, key))
    if shell.json:
        shell.data({**asdict(found), "level": found.level})
        return LEVELS.index(found.level)
    facts = {"epoch": found.epoch, "blocks": found.blocks, "bodies": found.bodies, "frames": found.frames}
    tail = "?" if found.tail is None else found.tail
    shell.tell(shell.say("SBX-JNL-912", **facts, tail=tail, mib=found.used_bytes >> 20))
    for rot in found.rot:
        shell.put(f"{shell.tag('fail')} {shell.say('SBX-JNL-017', n=rot.n, part=rot.part)}")
    for name in found.aside:
        shell.put(f"{shell.tag('warn')} {shell.say('SBX-JNL-913', name=name)}")
    if found.level == "ok":
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-JNL-914')}")
    return LEVELS.index(found.level)


def _salvage(target: Path | None, key: str | None, shell: Shell) -> int:
    if target is None:
        raise AgentError("SBX-JNL-915", 64)
    saved = salvage(shell.paths.journal, target, identities(shell.paths, key))
    if saved.is_nothing:
        raise AgentError("SBX-JNL-916", 65, path=shell.paths.journal)
    if shell.json:
        shell.data(saved.facts())
    else:
        _told(saved, shell)
    left = saved.header is None or saved.behind.blocks or saved.behind.unreadable
    return 2 if left else 1 if saved.lost else 0


def _told(saved: Salvaged, shell: Shell) -> None:
    behind, folder = saved.behind, saved.path.parent
    if saved.header is None:
        shell.warn("SBX-JNL-932", path=saved.path)
    else:
        shell.tell(shell.say("SBX-JNL-917", path=saved.path, last=saved.header.n, lost=saved.lost))
    if behind.blocks:
        files = ", ".join(behind.files)
        shell.warn("SBX-JNL-933", blocks=behind.blocks, records=behind.records, files=files, path=folder)
    if behind.unreadable:
        shell.warn("SBX-JNL-934", blocks=behind.unreadable)
    if saved.tail:
        shell.tell(shell.say("SBX-JNL-935", records=saved.tail, path=folder / TAIL))


def _refill(file: Path | None, shell: Shell) -> int:
    if file is None:
        raise AgentError("SBX-JNL-918", 64)
    found = ask(shell.paths.socket, "refill", {"file": str(file.absolute())})
    if shell.json:
        shell.data(found)
    else:
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-JNL-919', blocks=found['blocks'])}")
    return 0


def _placed(reader: JournalReader, last: int, shell: Shell) -> int:
    """The records of the last blocks and of the tail, each with ``placed``; all that is kept says when."""
    places = Places([*reader.records(), *reader.tail_records()])
    start = max(0, reader.head().n - last + 1)
    for record in (*reader.records(start), *reader.tail_records()):
        placed = places.place(record)
        found = {"low": placed.low_ms, "high": placed.high_ms, "by": list(placed.sources)}
        found |= {"disputed": True} if placed.disputed else {}
        shell.put(json.dumps({**record, "placed": found}, ensure_ascii=False))
    return 0


def _block(reader: JournalReader, n: int, records: bool, shell: Shell) -> int:
    found = reader.block(n)
    if found is None:
        raise AgentError("SBX-JNL-901", 65, n=n)
    if records:
        if found.body is None:
            raise AgentError("SBX-JNL-902", 65, n=n)
        shell.put(found.body.decode().rstrip("\n"))
    else:
        shell.put(found.note.decode().rstrip("\n"))
    return 0


def _row(n: int, block: BlockData, shell: Shell) -> list[str]:
    """A block at a glance; question marks where it cannot be read: ``check`` says more."""
    try:
        header = decode_header(decode(block.note).text)
    except FormatError:
        return [str(n), "?", "?", "?", "?", "?"]
    size = (
        "-" if block.body is None else str(header.body_bytes) if block.body or not header.body_bytes else "?"
    )
    when, records = shell.when(header.utc_ms), f"{header.first}..{header.last}"
    return [str(n), when, header.letter, records, str(header.sums.alarms), size]


def _list(reader: JournalReader, last: int, records: bool, shell: Shell) -> int:
    head = reader.head()
    if head is None:
        raise AgentError("SBX-JNL-903", 66, path=shell.paths.journal)
    start = max(0, head.n - last + 1)
    rows = []
    for n, block in enumerate(reader.blocks(start, head.n), start):
        if not records:
            rows.append(_row(n, block, shell))
        elif block.body:
            shell.put(block.body.decode().rstrip("\n"))
    if shell.json and not records:
        names = ("n", "time", "clock", "records", "alarms", "bytes")
        shell.data([dict(zip(names, row, strict=True)) for row in rows])
    elif not records:
        for line in table(["n", "time", "clock", "records", "alarms", "bytes"], rows, right=[0, 4, 5]):
            shell.put(line)
    return 0
