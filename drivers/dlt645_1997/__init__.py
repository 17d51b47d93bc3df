"""DL/T 645-1997 meters, reading only. `DRIVER` is what the registry finds; the rest is pure functions.

Frames, formats and the poll are shared with ``drivers.dlt645``; ``item`` what a two-byte DI holds, ``words``
the error word, ``decode`` any frame in words, ``driver`` a poll. None of it does IO or reads a clock.
"""

from __future__ import annotations

from drivers.dlt645_1997.driver import DRIVER

__all__ = ["DRIVER"]
