"""Campaigns too long for ``./run test``: each is a module of this folder with ``main(argv) -> exit code``.

::

    ./run soak                  the campaigns, one line each: the first line of their docstrings
    ./run soak late --help      what this one takes
    ./run soak late --count 300 runs it; exit 0 held, 1 not held, 64 no such campaign

A campaign says its seed and its figures, so that they can be repeated and stand in docs/performance.md.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = 64  # sysexits.h


def campaigns() -> dict[str, str]:
    """Name -> the first line of its docstring."""
    paths = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    docs = {path.stem: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}
    return {name: (doc or "").partition("\n")[0] for name, doc in docs.items()}


def main(argv: Sequence[str]) -> int:
    """See the module."""
    known = campaigns()
    name = argv[0] if argv else "--help"
    if name in known:
        return int(importlib.import_module(f"tests.soak.{name}").main(argv[1:]))
    wrong = name not in ("-h", "--help")
    out = sys.stderr if wrong else sys.stdout
    if wrong:
        print(f"run soak: there is no campaign {name!r}", file=out)
    print("usage: ./run soak NAME [ARGS]", file=out)
    for known_name, line in known.items():
        print(f"  {known_name:<10} {line}", file=out)
    return USAGE if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
