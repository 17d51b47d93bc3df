"""The error word of DL/T 645-1997, bit by bit. Data only.

Source: bobyuxinyang/dlt645_1997 dlt645_api_97.h; C1 02, C4 01 and C4 04 were captured (KTS-Intek/DLT645).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ERROR_BITS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "illegal data",
        1: "data identifier wrong",
        2: "password wrong",
        4: "too many year zones",
        5: "too many day periods",
        6: "too many tariffs",
    }
)
