"""``sitebox verify [FILE]``: judge evidence: this box's journal, or a file that ``export`` wrote.

Values are recomputed from the bus frames that are kept, where this box's own configuration was in force.
Exit 0 authentic and complete, 1 authentic with gaps, 65 not authentic, 66 unreadable.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.accepted import accept
from agent.cli.shell import Shell
from agent.cli.table import pad
from agent.cli.whose import key_of
from agent.errors import AgentError
from agent.offline import open_reader
from agent.recompute import Recompute
from buffer.bundle import read_bundle
from buffer.errors import FormatError
from buffer.note import VerifierKey
from buffer.reader import handovers
from buffer.verify import BlockData, Report, verify
from buffer.verify.report import CODES

VERB = "verify"
ORDER = 40
HELP = "SBX-CLI-114"

_LEVEL = {"pass": "ok", "warn": "warn", "fail": "fail", "not-checked": "warn"}
_NAMES = {
    "signatures": "SBX-VFY-911",
    "chain": "SBX-VFY-912",
    "completeness": "SBX-VFY-913",
    "time": "SBX-VFY-914",
    "receipts": "SBX-VFY-915",
    "values": "SBX-VFY-916",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Keys are given as verifier keys or as files that hold one."""
    parser.add_argument("file", metavar="FILE", nargs="?")
    parser.add_argument("--key", metavar="KEY", help="identity key of the box, as the platform registered it")
    parser.add_argument("--authority", metavar="KEY", action="append", default=[])


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Print one line a verdict."""
    identity = None if args.key is None else key_of(args.key)
    authorities = [key_of(word) for word in args.authority]
    try:
        given = _own(shell) if args.file is None else _filed(Path(args.file))
        receipts = _signed(given.receipts, authorities)
        report = verify(
            given.blocks,
            identity=identity,
            receipts=receipts,
            handovers=given.handovers,
            recompute=_recompute(shell),
        )
    except (OSError, FormatError) as error:  # members are read while they are judged
        if args.file is None:
            raise
        raise AgentError("SBX-VFY-900", 66, file=args.file, reason=error) from error
    try:
        show(report, shell)
    except BrokenPipeError:  # the verdict stands in the exit code, whether anybody reads the words or not
        shell.hush()
    return report.exit_code()


@dataclass(frozen=True, slots=True)
class _Given:
    """What is judged, and the notes beside it."""

    blocks: Iterable[BlockData]
    receipts: Sequence[bytes]
    handovers: Sequence[bytes]


def _recompute(shell: Shell) -> Recompute | None:
    """The decoder, with this box's own configuration; without one no value is recomputed."""
    try:
        return Recompute(accept(shell.paths.config, shell.paths.accepted))
    except AgentError:
        return None


def _own(shell: Shell) -> _Given:
    reader = open_reader(shell.paths)
    receipts = [stored.note for stored in reader.receipts() if stored.note]
    return _Given(reader.blocks(0, reader.head().n), receipts, handovers(shell.paths.journal))


def _filed(path: Path) -> _Given:
    bundle = read_bundle(path)
    return _Given(bundle.blocks, bundle.receipts, bundle.handovers)


def _signed(notes: Sequence[bytes], keys: Sequence[VerifierKey]) -> list[tuple[bytes, VerifierKey]]:
    """Each receipt with the key of the authority that it names; others cannot be checked."""
    return [(note, key) for note in notes for key in keys if f"\nby {key.name}\n".encode() in note]


def show(report: Report, shell: Shell) -> None:
    """All verdicts apart from each other: none speaks for another."""
    if shell.json:
        found: dict[str, object] = {
            name: {"status": v.status, "code": v.code, "args": dict(v.args)}
            for name, v in report.verdicts.items()
        }
        found |= {
            "blocks": report.blocks,
            "records": report.records,
            "first_wrong": report.first_wrong,
            "wrong_kind": report.wrong_kind,
            "exit": report.exit_code(),
        }
        shell.data(found)
        return
    for name, verdict in report.verdicts.items():
        what = shell.say(verdict.code, **verdict.args)
        shell.tell(f"{shell.tag(_LEVEL[verdict.status])} {pad(shell.say(_NAMES[name]), 13)}{what}", 20)
    shell.put(shell.say("SBX-VFY-902", blocks=report.blocks, records=report.records))
    if report.findings:
        first = report.findings[0]
        shell.tell(f"{shell.tag('fail')} {shell.say(CODES[first.kind], **first.args)}")
