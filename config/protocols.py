"""What the site file may say of each protocol: its profile family, the kinds of bus it runs on, addresses.

The drivers themselves are found under ``drivers/``; a contract test holds the two lists together. Knows
nothing of frames.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from config.profile import Family
from config.site import BusKind


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol name of the site file. ``low..high``: units of Modbus; DL/T 645 has 12 digits instead."""

    family: Family
    kinds: tuple[BusKind, ...]
    low: int = 0
    high: int = 0

    def address_ok(self, address: str) -> bool:
        """Whether a meter can have this address; each address has exactly one spelling."""
        if self.family != "modbus":  # 12 BCD digits; 99..9 is broadcast (DL/T 645 address field)
            return re.fullmatch(r"[0-9]{12}", address) is not None and address != "9" * 12
        return (
            re.fullmatch(r"0|[1-9][0-9]{0,2}", address) is not None and self.low <= int(address) <= self.high
        )

    def address_example(self, written: object) -> str:
        """How the address should be written, made from what was written where that is possible."""
        digits = "12"
        if isinstance(written, str) and re.fullmatch(r"[0-9]{1,12}", written):
            digits = written
        elif isinstance(written, int) and not isinstance(written, bool) and 0 <= written < 10**12:
            digits = str(written)
        return (
            digits.zfill(12) if self.family != "modbus" else str(max(self.low, min(int(digits), self.high)))
        )

    @property
    def addresses(self) -> str:
        """The address form, for messages."""
        return "000000000000..999999999998" if self.family != "modbus" else f"{self.low}..{self.high}"


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "dlt645-2007": Protocol("dlt645-2007", ("serial", "rtu-over-tcp")),
        "dlt645-1997": Protocol("dlt645-1997", ("serial", "rtu-over-tcp")),
        # Modbus over serial line V1.02, 2.2: units 1..247. On TCP 0 and 255 address the device itself.
        "modbus-rtu": Protocol("modbus", ("serial", "rtu-over-tcp"), 1, 247),
        "modbus-tcp": Protocol("modbus", ("tcp",), 0, 255),
    }
)
