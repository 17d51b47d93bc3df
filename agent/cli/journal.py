"""``sitebox journal``: a human's look into the evidence: blocks, or the records of some of them."""

from __future__ import annotations

import argparse
import json

from agent.cli.shell import Shell
from agent.cli.table import table
from agent.errors import AgentError
from agent.offline import open_reader
from buffer.block import decode_header
from buffer.note import decode
from buffer.placing import Places
from buffer.reader import JournalReader

VERB = "journal"
ORDER = 35
HELP = "SBX-CLI-113"


def add(parser: argparse.ArgumentParser) -> None:
    """Blocks by default; ``--block N``: one header; ``--records``: records; ``--tail``: what is unsealed;
    ``--placed``: records with the time at which they truly lie, from the anchors of their boot."""
    parser.add_argument("--last", type=int, default=10, metavar="N")
    parser.add_argument("--block", type=int, metavar="N")
    parser.add_argument("--records", action="store_true")
    parser.add_argument("--tail", action="store_true")
    parser.add_argument("--placed", action="store_true")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads beside the daemon; never writes."""
    reader = open_reader(shell.paths)
    if args.placed:
        return _placed(reader, max(1, args.last), shell)
    if args.tail:
        for record in reader.tail_records():
            shell.put(json.dumps(record, ensure_ascii=False))
        return 0
    if args.block is not None:
        return _block(reader, args.block, args.records, shell)
    return _list(reader, max(1, args.last), args.records, shell)


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


def _list(reader: JournalReader, last: int, records: bool, shell: Shell) -> int:
    head = reader.head()
    if head is None:
        raise AgentError("SBX-JNL-903", 66, path=shell.paths.journal)
    start = max(0, head.n - last + 1)
    rows = []
    for block in reader.blocks(start, head.n):
        if records:
            if block.body is not None:
                shell.put(block.body.decode().rstrip("\n"))
            continue
        header = decode_header(decode(block.note).text)
        rows.append(
            [
                str(header.n),
                shell.when(header.utc_ms),
                header.letter,
                f"{header.first}..{header.last}",
                str(header.sums.alarms),
                str(header.body_bytes) if block.body is not None else "-",
            ]
        )
    if shell.json and not records:
        names = ("n", "time", "clock", "records", "alarms", "bytes")
        shell.data([dict(zip(names, row, strict=True)) for row in rows])
    elif not records:
        for line in table(["n", "time", "clock", "records", "alarms", "bytes"], rows, right=[0, 4, 5]):
            shell.put(line)
    return 0
