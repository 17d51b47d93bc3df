"""The daemon's log: one line an event, with its code, to stderr in the form journald reads (``<3>`` prefix).

State changes only, never a line a reading. The lasting log is the journal; this one may be lost.
"""

from __future__ import annotations

import sys
import threading

from config.messages import known_codes, text

_PRIORITY = {"info": "<6>", "warn": "<4>", "fail": "<3>"}
_lock = threading.Lock()


class Log:
    """Bound to a language; thread-safe."""

    def __init__(self, lang: str, plain: bool) -> None:
        self._lang = lang
        self._plain = plain  # a terminal: no journald prefixes

    def put(self, level: str, code: str, **args: object) -> None:
        """One coded line: what happened and what to do."""
        words = {name: str(value) for name, value in args.items()}
        if code in known_codes():
            found = text(code, self._lang, **words)
            line = f"{code} {found.what}" + (f" -> {found.next}" if found.next and level != "info" else "")
        else:
            line = f"{code} {words}"
        prefix = "" if self._plain else _PRIORITY[level]
        with _lock:
            sys.stderr.write(f"{prefix}{line}\n")
            sys.stderr.flush()
