"""The words of bits of DL/T 645-2007: error words and status words, bit by bit. Data only.

Sources: error word: srdgame/lua-dlt645 code.lua, bobyuxinyang/dlt645_2007 dlt645_api_07.h; status words:
caokx/3jiliang App/Bkgrd.h, a meter's firmware; bits 8 to 15 of word 1 and 9, 10 of word 7 exist on newer
meters only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NO_SUCH_DATA: Final = 0x02  # bit 1 of the error word

ERROR_BITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "other error",
        1: "no such data requested",
        2: "password wrong or not authorised",
        3: "baud rate not changeable",
        4: "too many year zones",
        5: "too many day periods",
        6: "too many tariffs",
    }
)

_PHASE_BITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "voltage loss",
        1: "under-voltage",
        2: "over-voltage",
        3: "current loss",
        4: "over-current",
        5: "overload",
        6: "reverse flow",
        7: "phase break",
        8: "current break",
    }
)

# Status word 1..7: bit -> meaning when set. A bit that is not here has no meaning known.
STATUS_BITS: Final[Mapping[int, Mapping[int, str]]] = MappingProxyType(
    {
        1: MappingProxyType(
            {
                1: "demand by interval",
                2: "clock battery low",
                3: "reading battery low",
                4: "active power reverse",
                5: "reactive power reverse",
                8: "control loop error",
                9: "security module error",
                12: "program error",
                13: "memory error",
                14: "overdraft",
                15: "clock fault",
            }
        ),
        2: MappingProxyType(
            {
                0: "active power A reverse",
                1: "active power B reverse",
                2: "active power C reverse",
                4: "reactive power A reverse",
                5: "reactive power B reverse",
                6: "reactive power C reverse",
            }
        ),
        3: MappingProxyType(
            {
                0: "second table set runs",
                1: "auxiliary supply",
                2: "battery supply",
                3: "programming allowed",
                4: "relay open",
                5: "second zone set runs",
                6: "relay command open",
                7: "alarm before trip",
            }
        ),
        4: _PHASE_BITS,
        5: _PHASE_BITS,
        6: _PHASE_BITS,
        7: MappingProxyType(
            {
                0: "voltage sequence reversed",
                1: "current sequence reversed",
                2: "voltage unbalance",
                3: "current unbalance",
                4: "auxiliary supply lost",
                5: "power down",
                6: "demand over limit",
                7: "power factor low",
                8: "severe current unbalance",
                9: "cover open",
                10: "terminal cover open",
            }
        ),
    }
)

# N1 of 1CH: what the relay, alarm or protection is told. Source: frames captured in a terminal's log.
RELAY: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x1A: "trip",
        0x1B: "close allowed",
        0x1C: "close",
        0x2A: "alarm on",
        0x2B: "alarm off",
        0x3A: "protection on",
        0x3B: "protection off",
    }
)


def flags(value: int, bits: Mapping[int, str]) -> tuple[str, ...]:
    """The meanings of the bits that are set, lowest first; a bit without one is ``bit n``."""
    return tuple(bits.get(n, f"bit {n}") for n in range(value.bit_length()) if value >> n & 1)
