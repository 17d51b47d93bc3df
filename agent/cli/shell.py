"""What every verb needs of the person before it: language, output form, where things are.

Texts come from the message catalogues by code; tables use ASCII and count terminal cells, because Chinese
characters are two cells wide. ``--json`` prints one object on stdout and nothing else there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.cli.table import wrap
from agent.errors import AgentError
from agent.paths import Paths
from buffer.errors import JournalError, StorageError
from config.messages import known_codes, text

EX_NOINPUT = 66
EX_IOERR = 74
TAGS = {
    "en": {"ok": "[ OK ]", "warn": "[WARN]", "fail": "[FAIL]"},
    "zh": {"ok": "[正常]", "warn": "[注意]", "fail": "[故障]"},
}


def choose_lang(asked: str | None, env: Mapping[str, str]) -> str:
    """--lang, SITEBOX_LANG, locale; the Linux console has no Chinese glyphs and gets English."""
    for word in (asked, env.get("SITEBOX_LANG")):
        if word in TAGS:
            return str(word)
    if env.get("TERM") == "linux":
        return "en"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if env.get(name):
            return "zh" if env[name].startswith("zh") else "en"
    return "en"


@dataclass(frozen=True, slots=True)
class Shell:
    """``bare``: ``sitebox`` was called without a verb."""

    lang: str
    json: bool
    paths: Paths
    bare: bool = False

    def put(self, line: str = "") -> None:
        """One line for a person."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def hush(self) -> None:
        """The reader of a pipe left (| head): nothing more can be written, and nothing need be said of it."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def tell(self, line: str, indent: int = 7) -> None:
        """One sentence for a person, broken at 80 cells."""
        self.put(wrap(line, indent))

    def complain(self, line: str) -> None:
        """One line of what is wrong, on stderr."""
        sys.stderr.write(wrap(line, 7) + "\n")

    def data(self, value: object) -> None:
        """The one object of ``--json``."""
        self.put(json.dumps(value, ensure_ascii=False, indent=2))

    def tag(self, level: str) -> str:
        """``[ OK ]``, ``[WARN]`` or ``[FAIL]`` in the language; six cells each."""
        return TAGS[self.lang][level]

    def say(self, code: str, /, **args: object) -> str:
        """The ``what`` of a code, filled in."""
        return text(code, self.lang, **{name: str(value) for name, value in args.items()}).what

    def fault(self, code: str, /, **args: object) -> None:
        """Code, what, why and next step on stderr."""
        self._explain("fail", code, args)

    def warn(self, code: str, /, **args: object) -> None:
        """The same of what is no failure."""
        self._explain("warn", code, args)

    def _explain(self, level: str, code: str, args: Mapping[str, object]) -> None:
        found = text(code, self.lang, **{name: str(value) for name, value in args.items()})
        self.complain(f"{self.tag(level)} {code} {found.what}")
        for line in (found.why, found.next):
            if line:
                self.complain(f"       {line}")

    def failed(self, error: AgentError | JournalError | OSError) -> int:
        """Print what ended the verb; gives the exit status: its own, 66 (unreadable journal) or 74 (IO)."""
        if isinstance(error, AgentError):
            code, args, status = error.code, error.args_, error.status
        elif isinstance(error, StorageError):
            code, args, status = error.code, error.facts, EX_NOINPUT
        elif isinstance(error, JournalError):
            code, args, status = "SBX-CLI-006", {"reason": f"{type(error).__name__}: {error}"}, EX_NOINPUT
        else:
            code, args, status = "SBX-CLI-005", {"reason": str(error)}, EX_IOERR
        if self.json:
            self.data({"ok": False, "code": code, "args": args})
        if code not in known_codes():
            code, args = "SBX-CLI-002", {"code": code}
        self.fault(code, **args)
        return status

    def when(self, utc_ms: int, zone: str | None = None) -> str:
        """Local time with its offset, to the second."""
        moment = datetime.fromtimestamp(utc_ms / 1000, tz=UTC)
        try:
            local = moment.astimezone(ZoneInfo(zone)) if zone else moment.astimezone()
        except ZoneInfoNotFoundError:
            local = moment
        offset = local.strftime("%z")
        return local.strftime("%Y-%m-%d %H:%M:%S ") + (offset[:3] if offset.endswith("00") else offset)


def env_lang(paths_lang: str | None = None) -> str:
    """The language of a process without arguments (the daemon's log)."""
    return choose_lang(paths_lang, os.environ)


def as_text(value: Any) -> str:
    """A cell of a table: nothing is a dash."""
    return "-" if value is None else str(value)
