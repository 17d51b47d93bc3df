"""``sitebox decode HEX...``: explain captured bytes, without a meter, a daemon or a configuration.

Blanks, colons, commas and 0x between the bytes do not matter; a byte has two digits, behind 0x one will do.
Exit 0: at least one sound frame; 65: none.
"""

from __future__ import annotations

import argparse
import re

from agent.cli.parsing import said
from agent.cli.shell import Shell, as_text
from agent.cli.table import table
from agent.decode import PROTOCOLS, Decoded, Rejected, Told, decode
from agent.errors import AgentError

VERB = "decode"
ORDER = 35
HELP = "SBX-CLI-150"

EX_DATAERR = 65
EX_USAGE = 64
MAX_BYTES = 65_536
_BETWEEN = re.compile(r"[\s:,;_-]+")
_PREFIX = re.compile(r"0[xX]")
_REASONS = {
    "checksum": "SBX-CLI-154",
    "end": "SBX-CLI-155",
    "incomplete": "SBX-CLI-156",
    "crc": "SBX-CLI-157",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The bytes in hex, in one word or many; ``--protocol`` looks for one protocol alone."""
    parser.add_argument("hex", metavar="HEX", nargs="+", help=said(parser, "SBX-CLI-221"))
    parser.add_argument("--protocol", choices=PROTOCOLS, help=said(parser, "SBX-CLI-222"))


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: at least one sound frame, 65: none, 64: not hex."""
    found = decode(_bytes(args.hex), args.protocol)
    if shell.json:
        shell.data(as_json(found))
    else:
        _print(found, shell)
    if found.frames:
        return 0
    shell.fault("SBX-CLI-158")
    return EX_DATAERR


def _bytes(words: list[str]) -> bytes:
    parts: list[str] = []
    for word in _BETWEEN.split(" ".join(words)):
        bare, *prefixed = _PREFIX.split(word)
        parts += [bare, *(part.zfill(2) if part else "0x" for part in prefixed)]
    digits = "".join(parts)
    if len(digits) > 2 * MAX_BYTES:
        raise AgentError("SBX-CLI-160", EX_USAGE, limit=MAX_BYTES)
    wrong = re.search(r"[^0-9A-Fa-f]", digits)
    half = next((part for part in parts if len(part) % 2), "")  # which byte lacks a digit nobody knows
    if wrong is not None or half or not digits:
        raise AgentError("SBX-CLI-159", EX_USAGE, text=wrong[0] if wrong else half or "-")
    return bytes.fromhex(digits)


def as_json(found: Decoded) -> dict[str, object]:
    """The one object of ``--json``."""
    return {
        "frames": [_frame(told) for told in found.frames],
        "rejected": [{"offset": one.offset, "reason": one.reason} for one in found.rejected],
    }


def _frame(told: Told) -> dict[str, object]:
    return {
        "protocol": told.protocol,
        "direction": told.direction,
        "address": told.address,
        "control": told.control,
        "di": told.di,
        "error": told.error,
        "items": [
            {"name": i.name, "kind": i.kind, "value": i.value, "unit": i.unit, "quality": i.quality}
            for i in told.items
        ],
    }


def _print(found: Decoded, shell: Shell) -> None:
    parts: list[Told | Rejected] = sorted((*found.frames, *found.rejected), key=lambda one: one.offset)
    for part in parts:
        if isinstance(part, Rejected):
            shell.put(shell.say("SBX-CLI-153", offset=part.offset, reason=shell.say(_REASONS[part.reason])))
        else:
            _put_frame(part, shell)


def _put_frame(told: Told, shell: Shell) -> None:
    code = "SBX-CLI-151" if told.direction == "reply" else "SBX-CLI-152"
    line = shell.say(
        code, offset=told.offset, protocol=told.protocol, address=told.address, control=told.control
    )
    shell.put(line if told.di is None else f"{line}  DI {told.di}")
    rows = []
    for item in told.items:
        value = as_text(item.value) if item.quality == "good" else item.quality
        rows.append([f"  {item.name}", value, item.unit, ", ".join(item.meanings)])
    for line in table(["", "", "", ""], rows, right=[1])[1:] if rows else ():
        shell.put(line)
