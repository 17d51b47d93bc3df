"""A warmed process of the crash tests: imports once, then answers each request from a forked child.

::

    with Warm(library, folder) as warm:
        warm.ask({"do": "live", "how": "b", "k": 17})  ->  {"end": "killed", ...}

The library is preloaded into it (``tests/crash/faults.c``, ``recorder.c``). What it can do stands in
``tests.crash.warmed``.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import children


class Warm:
    """See the module; one request at a time."""

    def __init__(self, library: Path, folder: Path) -> None:
        self._child = children.start(
            "-m", "tests.crash.warmed", str(folder), env={"LD_PRELOAD": str(library)}, stdin=True
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer; AssertionError with what the process said last if it is gone."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            _, errors = self._child.communicate()
            raise AssertionError(f"the warmed process is gone: {errors.decode()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.communicate()
