"""``sitebox export FILE``: blocks, receipts and the public key in one evidence file for an officer."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.cli.shell import Shell
from agent.errors import AgentError
from agent.offline import open_reader
from agent.software import version
from buffer.block import decode_header
from buffer.bundle import write_bundle
from buffer.note import decode

VERB = "export"
ORDER = 45
HELP = "SBX-CLI-115"


def add(parser: argparse.ArgumentParser) -> None:
    """A range of block numbers; the whole journal by default."""
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--from-block", type=int, default=0, metavar="N")
    parser.add_argument("--to-block", type=int, metavar="N")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Refuses to replace a file."""
    reader = open_reader(shell.paths)
    head, genesis = reader.head(), reader.block(0)
    if head is None or genesis is None:
        raise AgentError("SBX-JNL-903", 66, path=shell.paths.journal)
    first = max(0, args.from_block)
    last = head.n if args.to_block is None else min(args.to_block, head.n)
    if first > last:
        raise AgentError("SBX-JNL-904", 64, first=first, last=last)
    header = decode_header(decode(genesis.note).text)
    receipts = [stored.note for stored in reader.receipts() if stored.note]
    path = Path(args.file)
    try:
        with path.open("xb") as file:
            about = f"sitebox {version()}, box {header.box}, blocks {first}..{last}"
            write_bundle(file, reader.blocks(first, last), header.keys[0], receipts, about)
    except FileExistsError as error:
        raise AgentError("SBX-CFG-905", 73, path=path) from error
    if shell.json:
        shell.data({"file": str(path), "from": first, "to": last, "bytes": path.stat().st_size})
    else:
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-JNL-905', path=path, first=first, last=last)}")
    return 0
