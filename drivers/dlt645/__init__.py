"""DL/T 645-2007 meters, reading only. `DRIVER` is what the registry finds; the rest is pure functions.

``frame`` bytes <-> frames, ``reply`` which frame answers which request, ``format`` bytes -> decimals,
``item`` what a DI holds, ``event``, ``freeze`` and ``load`` what a meter stores, ``fetch`` one DI with its
follow-up frames, ``reading`` a poll, ``driver`` the edition of 2007, ``decode`` any frame in words. None of
it does IO or reads a clock.
"""

from __future__ import annotations

from drivers.dlt645.driver import DRIVER

__all__ = ["DRIVER"]
