"""``sitebox export FILE``: blocks, receipts and the public key in one evidence file for an officer.

Beside it stands ``verify_sitebox.py``, which judges it on any PC: not in it, for nobody should believe a
judge that the evidence brought along, and so that its digest can be compared with the published one.
"""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path
from typing import Final

from agent.cli.shell import Shell
from agent.errors import AgentError
from agent.offline import open_reader
from agent.software import version
from buffer.block import decode_header, hash_text
from buffer.bundle import write_bundle
from buffer.note import decode

VERB = "export"
ORDER = 45
HELP = "SBX-CLI-115"
VERIFIER: Final = "verify_sitebox.py"


def add(parser: argparse.ArgumentParser) -> None:
    """A range of block numbers; the whole journal by default."""
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--from-block", type=int, default=0, metavar="N")
    parser.add_argument("--to-block", type=int, metavar="N")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Writes FILE, and beside it ``verify_sitebox.py``, which judges it on any PC (Python 3.9, OpenSSL 3):
    ``python3 verify_sitebox.py FILE --key KEY``. Refuses to replace a file."""
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
    about = f"sitebox {version()}, box {header.box}, blocks {first}..{last}"
    verifier = _put_verifier(path.with_name(VERIFIER))
    try:
        with path.open("xb") as file:
            write_bundle(file, reader.blocks(first, last), header.keys[0], receipts, about)
    except FileExistsError as error:
        raise AgentError("SBX-CFG-905", 73, path=path) from error
    if shell.json:
        size = path.stat().st_size
        found = {"file": str(path), "from": first, "to": last, "bytes": size, "verifier": str(verifier)}
        shell.data(found | {"verifier_sha256": hash_text(verifier.read_bytes())})
    else:
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-JNL-905', path=path, first=first, last=last)}")
        digest = hash_text(verifier.read_bytes())
        shell.tell(shell.say("SBX-JNL-906", verifier=verifier, path=path, digest=digest))
    return 0


def _put_verifier(path: Path) -> Path:
    """The second verifier at ``path``; the same one may stand there already."""
    text = files("buffer.verify").joinpath("alone.py").read_bytes()
    try:
        with path.open("xb") as file:
            file.write(text)
    except FileExistsError as error:
        if path.read_bytes() != text:
            raise AgentError("SBX-CFG-905", 73, path=path) from error
    return path
