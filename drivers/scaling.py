"""From a meter's number to the vocabulary's unit on the primary side: exact decimals, no float. Pure.

>>> from config.profile import Item
>>> from config.site import Meter
>>> meter = Meter(id="m", bus="b", protocol="modbus-rtu", address="1", profile="p", ct=Decimal(40))
>>> primary(Decimal("1.250"), Item(quantity="i_a", ratio="ct"), meter)
Decimal('50.000')
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Final

from config.profile import Item
from config.site import Meter

EXACT: Final = Context(prec=400)  # the largest 64-bit float has 309 digits; nothing is ever rounded
_ONE: Final = Decimal(1)


def primary(value: Decimal, item: Item, meter: Meter) -> Decimal:
    """Scale, then apply the transformer ratios; trailing zeros kept, ones leave the digits alone."""
    if item.scale != 1:
        value = EXACT.multiply(value, item.scale)
    if item.ratio != "none":
        for name, factor in (("ct", meter.ct), ("pt", meter.pt)):
            if name in item.ratio and factor != 1:
                value = EXACT.multiply(value, factor)
    return plain(value)


def plain(value: Decimal) -> Decimal:
    """Without a positive exponent: 1E+6 is 1000000."""
    return value.quantize(_ONE, context=EXACT) if "E+" in str(value) else value
