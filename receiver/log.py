"""The receiver's log: one coded line an event on stderr, in the form journald reads; repeats once a minute.

A flood of bad messages is counted in the store, not written out line by line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

from config.messages import text
from receiver import clock

QUIET_MS: Final = 60_000
_MOST: Final = 1_000


class Log:
    """``mono_ms`` is a clock that never steps."""

    def __init__(self, lang: str, mono_ms: Callable[[], int] = clock.mono_ms) -> None:
        self._lang = lang
        self._mono_ms = mono_ms
        self._said: dict[tuple[str, str], int] = {}

    def info(self, code: str, **args: object) -> None:
        """A change of state."""
        self._write("<6>", code, {name: str(value) for name, value in args.items()})

    def warn(self, code: str, args: Mapping[str, str]) -> None:
        """Something that somebody should look at, at most once a minute for each code and box."""
        key, now_ms = (code, args.get("box", "")), self._mono_ms()
        said = self._said.get(key)
        if said is not None and now_ms - said < QUIET_MS:
            return
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[key] = now_ms
        self._write("<4>", code, args)

    def _write(self, prefix: str, code: str, args: Mapping[str, str]) -> None:
        found = text(code, self._lang, **args)
        words = f"{code} {found.what}" + (f" ({found.why})" if found.why else "")
        sys.stderr.write(f"{prefix}{words}{f' -> {found.next}' if found.next else ''}\n")
        sys.stderr.flush()
