"""From a meter's number to the vocabulary's unit on the primary side: exact decimals, no float. Pure.

>>> from config.profile import Item
>>> from config.site import Meter
>>> meter = Meter(id="m", bus="b", protocol="modbus-rtu", address="1", profile="p", ct=Decimal(40))
>>> primary(Decimal("1.250"), Item(quantity="i_a", ratio="ct"), meter)
Decimal('50.000')
"""

from __future__ import annotations

from decimal import Context, Decimal
from functools import reduce
from typing import Final

from config.profile import Item
from config.site import Meter

EXACT: Final = Context(prec=400)  # the largest 64-bit float has 309 digits; nothing is ever rounded
_ONE: Final = Decimal(1)


def factor(item: Item, meter: Meter) -> Decimal | None:
    """Scale times transformer ratios; ones leave the digits alone, None if there is nothing else."""
    ratios = (ratio for name, ratio in (("ct", meter.ct), ("pt", meter.pt)) if name in item.ratio)
    factors = [one for one in (item.scale, *ratios) if one != 1]
    return reduce(EXACT.multiply, factors) if factors else None


def scaled(value: Decimal, by: Decimal | None) -> Decimal:
    """A number without a positive exponent times a `factor`, trailing zeros kept."""
    return value if by is None else plain(EXACT.multiply(value, by))


def primary(value: Decimal, item: Item, meter: Meter) -> Decimal:
    """Both in one: for a single value."""
    return scaled(plain(value), factor(item, meter))


def plain(value: Decimal) -> Decimal:
    """Without a positive exponent: 1E+6 is 1000000."""
    return value.quantize(_ONE, context=EXACT) if "E+" in str(value) else value
