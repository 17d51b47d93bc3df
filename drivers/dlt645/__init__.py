"""DL/T 645-2007 meters, reading only. `DRIVER` is what the registry finds; the rest is pure functions.

``frame`` bytes <-> frames, ``reply`` which frame answers which request, ``format`` bytes -> decimals,
``item`` what a DI holds, ``fetch`` one DI with its follow-up frames, ``driver`` a poll, ``decode`` any
frame in words. None of it does IO or reads a clock.
"""

from __future__ import annotations

from drivers.dlt645.driver import DRIVER

__all__ = ["DRIVER"]
