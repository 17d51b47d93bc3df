"""``sitebox-receiver``: the platform's side. Without a verb it serves; the others only look.

::

    sitebox-receiver [run|key|status|gaps|alarms|records|verify] --config FILE [--json] [--box ID]

Exit: 0 fine; 1 warnings and 2 failures for status and gaps; verify as ``sitebox verify`` (0, 1, 65, 66);
64 usage, 69 unavailable, 74 the store failed, 78 configuration.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from buffer.bundle import write_bundle
from config.messages import text
from receiver import loop
from receiver.config import Config, read
from receiver.errors import ReceiverError
from receiver.keys import Registry, open_key
from receiver.log import Log
from receiver.query import Query

EX_USAGE: Final = 64
EX_IOERR: Final = 74


class _Parser(argparse.ArgumentParser):
    """argparse ends usage errors with 2, which here means "failures found"."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    args = _parser(_lang()).parse_args(list(sys.argv[1:] if argv is None else argv))
    try:
        return VERBS[args.verb](read(Path(args.config)), args)
    except ReceiverError as error:
        return _fail(error, args)
    except sqlite3.Error as error:
        return _fail(ReceiverError("SBX-RCV-007", EX_IOERR, reason=error), args)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(lang: str) -> argparse.ArgumentParser:
    parser = _Parser(prog="sitebox-receiver", description=text("SBX-RCV-100", lang).what)
    parser.add_argument("verb", nargs="?", choices=tuple(VERBS), default="run")
    parser.add_argument("--config", metavar="FILE", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--box", metavar="ID")
    parser.add_argument("--from", metavar="N", dest="first", type=int, default=0)
    parser.add_argument("--to", metavar="N", dest="last", type=int, default=2**53)
    parser.add_argument("--file", metavar="FILE", help="export: where to")
    parser.add_argument("--lang", choices=("zh", "en"), default=lang)
    return parser


def _run(config: Config, args: argparse.Namespace) -> int:
    return loop.serve(config, Log(args.lang))


def _key(config: Config, args: argparse.Namespace) -> int:
    """The verifier key for the boxes' ``platform_key``; made now if there is none."""
    _put(str(open_key(config.key, config.authority).verifier))
    return 0


def _status(config: Config, args: argparse.Namespace) -> int:
    boxes = _boxes(config, args)
    if args.json:
        _data({"authority": config.authority, "boxes": boxes})
    else:
        for box in boxes:
            facts = {name: str(value) for name, value in box.items()}
            gap_count = len(box["gaps"])
            _put(text("SBX-RCV-101", args.lang, **{**facts, "gaps": str(gap_count)}).what)
        if not boxes:
            _put(text("SBX-RCV-102", args.lang).what)
    return _level(boxes)


def _gaps(config: Config, args: argparse.Namespace) -> int:
    boxes = _boxes(config, args)
    found = {box["box"]: box["gaps"] for box in boxes if box["gaps"]}
    if args.json:
        _data({"gaps": found})
    else:
        for name, ranges in found.items():
            _put(f"{name} " + " ".join(f"{a}..{b}" for a, b in ranges))
    return 1 if found else 0


def _alarms(config: Config, args: argparse.Namespace) -> int:
    with closing(Query(config.store)) as query:
        found = query.alarms(args.box)
    if args.json:
        _data({"alarms": found})
    else:
        for one in found:
            _put(" ".join(str(one[name]) for name in ("time", "box", "state", "level", "code", "id")))
    return 0


def _records(config: Config, args: argparse.Namespace) -> int:
    """One JSON object a line, as the box wrote it."""
    box = _one_box(args)
    with closing(Query(config.store)) as query:
        for record in query.records(box, query.epoch(box), args.first, args.last):
            _put(json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
    return 0


def _verify(config: Config, args: argparse.Namespace) -> int:
    box = _one_box(args)
    with closing(Query(config.store)) as query:
        report = query.verify(box, query.epoch(box), Registry(config.boxes).key(box))
    status = report.exit_code()
    if args.json:
        verdicts = {
            name: {"status": one.status, "code": one.code, "args": dict(one.args)}
            for name, one in report.verdicts.items()
        }
        _data(
            {
                "box": box,
                "blocks": report.blocks,
                "records": report.records,
                "verdicts": verdicts,
                "exit": status,
            }
        )
        return status
    for name, one in report.verdicts.items():
        _put(f"{name:<13}{one.status:<12}{one.code} {text(one.code, args.lang, **one.args).what}")
    return status


def _export(config: Config, args: argparse.Namespace) -> int:
    """An evidence file of what is stored: for an officer, or for the box to put back what it lost."""
    box = _one_box(args)
    if args.file is None:
        raise ReceiverError("SBX-RCV-032", EX_USAGE)
    identity = Registry(config.boxes).key(box)
    if identity is None:
        raise ReceiverError("SBX-RCV-030", 66, box=box)
    with closing(Query(config.store)) as query, _new(Path(args.file)) as file:
        blocks = query.blocks(box, query.epoch(box), args.first, args.last)
        count = write_bundle(
            file, blocks, identity, query.handovers(box), f"stored by {config.authority}, box {box}"
        )
    _put(text("SBX-RCV-103", args.lang, file=args.file, blocks=str(count)).what)
    return 0


def _new(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except OSError as error:
        raise ReceiverError("SBX-RCV-033", 73, path=path, reason=error) from error


VERBS: Final[Mapping[str, Callable[[Config, argparse.Namespace], int]]] = {
    "run": _run,
    "key": _key,
    "status": _status,
    "gaps": _gaps,
    "alarms": _alarms,
    "records": _records,
    "verify": _verify,
    "export": _export,
}


def _boxes(config: Config, args: argparse.Namespace) -> list[dict[str, Any]]:
    with closing(Query(config.store)) as query:
        found = query.status()
    return [box for box in found if args.box in (None, box["box"])]


def _one_box(args: argparse.Namespace) -> str:
    if args.box is None:
        raise ReceiverError("SBX-RCV-031", EX_USAGE, verb=args.verb)
    return str(args.box)


def _level(boxes: Sequence[Mapping[str, Any]]) -> int:
    if any(box["quarantined"] for box in boxes):
        return 2
    return int(any(box["gaps"] or box["flawed"] or not box["online"] for box in boxes))


def _put(line: str) -> None:
    sys.stdout.write(line + "\n")


def _data(value: object) -> None:
    _put(json.dumps(value, ensure_ascii=False, indent=2))


def _fail(error: ReceiverError, args: argparse.Namespace) -> int:
    if args.json:
        _data({"ok": False, "code": error.code, "args": error.args_})
    found = text(error.code, args.lang, **error.args_)
    lines = [f"{error.code} {found.what}", *(f"    {line}" for line in (found.why, found.next) if line)]
    sys.stderr.write("\n".join(lines) + "\n")
    return error.status


def _lang() -> str:
    for name in ("SITEBOX_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "zh" if value.startswith("zh") else "en"
    return "en"


if __name__ == "__main__":
    sys.exit(main())
