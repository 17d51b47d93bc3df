"""What a simulated DL/T 645-2007 meter knows: single data items, block items, texts and clock.

Its own table, written from the tables of the standard as quoted in public sources (DL/T 645-2007 annex A;
formats bobyuxinyang/dlt645_2007); never made from the client's profiles, so that a mistake in either shows.
All encodings here are low byte first and without the +33H of the wire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from drivers.simulated.reply import Shown

Side = Literal["none", "pt", "ct", "ptct"]


@dataclass(frozen=True, slots=True)
class Item:
    """A number: ``size`` bytes of BCD with ``decimals``; ``share`` of the value for tariff registers."""

    name: str
    size: int
    decimals: int
    signed: bool = False
    side: Side = "none"
    share: float = 1.0
    rolls: bool = False  # a register that starts again at 0 instead of standing still at its end


_PHASED = ("a", "b", "c")
_TARIFFS = (0.12, 0.31, 0.33, 0.24)  # T1 sharp, T2 peak, T3 flat, T4 valley; add up to the total


def _singles() -> dict[str, Item]:
    """Annex A.2 (variables 02) and A.1 (energy 00), by DI3 DI2 DI1 DI0 in hex."""
    items: dict[str, Item] = {}
    for index, phase in enumerate(_PHASED, start=1):
        items[f"02010{index}00"] = Item(f"u_{phase}", 2, 1, side="pt")
        items[f"02020{index}00"] = Item(f"i_{phase}", 3, 3, signed=True, side="ct")
    for index, suffix in enumerate(("", "_a", "_b", "_c")):
        items[f"02030{index}00"] = Item(f"p{suffix}", 3, 4, signed=True, side="ptct")
        items[f"02040{index}00"] = Item(f"q{suffix}", 3, 4, signed=True, side="ptct")
        items[f"02050{index}00"] = Item(f"s{suffix}", 3, 4, side="ptct")
        items[f"02060{index}00"] = Item(f"pf{suffix}", 2, 3, signed=True)
    items["02800001"] = Item("i_n", 3, 3, signed=True, side="ct")
    items["02800002"] = Item("f", 2, 2)
    items["02800004"] = Item("demand_p", 3, 4, signed=True, side="ptct")
    items["02800007"] = Item("temp", 2, 1, signed=True)
    for group, name in (("0001", "ep_imp"), ("0002", "ep_exp"), ("0003", "eq_imp"), ("0004", "eq_exp")):
        signed = group in ("0003", "0004")  # combined reactive 1, 2
        items[f"{group}0000"] = Item(name, 4, 2, signed=signed, side="ptct", rolls=True)
        for tariff, share in enumerate(_TARIFFS, start=1):
            items[f"{group}0{tariff}00"] = Item(
                f"{name}_t{tariff}", 4, 2, signed=signed, side="ptct", share=share, rolls=True
            )
    return items


SINGLES: Mapping[str, Item] = MappingProxyType(_singles())

BLOCKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "0201FF00": ("02010100", "02010200", "02010300"),
        "0202FF00": ("02020100", "02020200", "02020300"),
        "0203FF00": ("02030000", "02030100", "02030200", "02030300"),
        "0204FF00": ("02040000", "02040100", "02040200", "02040300"),
        "0205FF00": ("02050000", "02050100", "02050200", "02050300"),
        "0206FF00": ("02060000", "02060100", "02060200", "02060300"),
        "0001FF00": ("00010000", "00010100", "00010200", "00010300", "00010400"),
        "0002FF00": ("00020000", "00020100", "00020200", "00020300", "00020400"),
    }
)


# Annex A.4: counts of three bytes; 10000001 is a supplement (C82_DL689 ClouSoft/MeterPro/DL645V07.cpp)
COUNTS: Mapping[str, str] = MappingProxyType(
    {
        "03300000": "n_program",
        "03300100": "n_clear",
        "03300200": "n_demand_clear",
        "03300300": "n_event_clear",
        "03300400": "n_time_set",
        "03300D00": "n_cover",
        "03300E00": "n_terminal_cover",
        "03110000": "n_power_down",
        "10000001": "n_voltage_loss",
    }
)
# the same annex: count and minutes, three bytes each, of phase A, B, C; in `Facts645.counts` as 03040000.a
PHASED: Mapping[str, str] = MappingProxyType({"03040000": "n_phase_break", "030E0000": "n_reverse_flow"})
_MINUTES = 7  # of each such event
_WORD_7, _NUMBER = "04000507", "04000402"
_SEQUENCE = 0x0001  # status word 7, bit 0: voltage sequence reversed


def bcd(number: int, size: int, *, negative: bool = False) -> bytes:
    """``number`` as ``size`` bytes of packed BCD, low byte first; ``negative``: top bit of the last."""
    data = bytearray.fromhex(f"{number:0{2 * size}d}"[-2 * size :])
    data.reverse()
    if negative:
        data[-1] |= 0x80
    return bytes(data)


def number(item: Item, value: float) -> tuple[bytes, str]:
    """A value in the item's format: bytes and the text a reader must find in them."""
    raw = round(abs(value) * item.share * 10**item.decimals)
    most = (8 if item.signed else 10) * 10 ** (2 * item.size - 1) - 1  # the sign takes the top bit
    raw = raw % (most + 1) if item.rolls else min(raw, most)
    negative = item.signed and value < 0 and raw > 0
    text = f"{Decimal(-raw if negative else raw).scaleb(-item.decimals):f}"
    return bcd(raw, item.size, negative=negative), text


def fill(item: Item) -> bytes:
    """What a meter sends for a phase it does not have."""
    return b"\xff" * item.size


@dataclass(frozen=True, slots=True)
class Facts645:
    """What such a meter is, besides its numbers. ``status``: the seven status words."""

    address: str
    ct: int
    pt: int
    clock: datetime
    status: tuple[int, ...]
    counts: Mapping[
        str, int
    ]  # event counts by DI: power down 03110000, cover 03300D00, phase break 03040000.a
    number: str = ""  # meter number, 12 digits; else the address
    long_status: bool = False  # newer meters append the 4-byte key status (04000508)


def fixed(di: str, facts: Facts645) -> bytes | None:
    """Data of a parameter, status word, clock or event count; None for a DI that is none of them."""
    if di in facts.counts:
        return bcd(facts.counts[di], 3)
    if di in PHASED and f"{di}.a" in facts.counts:
        counts = [facts.counts[f"{di}.{phase}"] for phase in _PHASED]
        return b"".join(bcd(count, 3) + bcd(count * _MINUTES, 3) for count in counts)
    if di == "040005FF":
        return words(facts.status) + (bytes(4) if facts.long_status else b"")
    if di.startswith("0400050") and "1" <= di[-1] <= "7":
        return words(facts.status[int(di[-1]) - 1 :][:1])
    return _clock(di, facts.clock) or _parameter(di, facts)


def words(status: Sequence[int]) -> bytes:
    """Status words, low byte first."""
    return b"".join(word.to_bytes(2, "little") for word in status)


def _clock(di: str, clock: datetime) -> bytes | None:
    week = (clock.weekday() + 1) % 7  # 0 = Sunday
    date = bytes.fromhex(f"{week:02d}{clock:%d%m%y}")
    day_time = bytes.fromhex(f"{clock:%S%M%H}")
    return {"04000101": date, "04000102": day_time, "0400010C": day_time + date}.get(di)


def _parameter(di: str, facts: Facts645) -> bytes | None:
    address = bytes.fromhex(facts.address)[::-1]
    texts = {"0400040B": ("SIM645", 10), "0400040D": ("DL/T645-2007", 16)}
    if di in texts:
        text, size = texts[di]
        return text.ljust(size).encode("ascii")[::-1]  # ASCII goes last character first
    return {
        "04000306": bcd(facts.ct, 3),
        "04000307": bcd(facts.pt, 3),
        "04000401": address,
        _NUMBER: bytes.fromhex(facts.number or facts.address)[::-1],
        "04000409": bcd(6400, 3),
    }.get(di)


def shown(di: str, data: bytes) -> tuple[Shown, ...]:
    """The truth about fixed data: counts, the phase order, the meter number; else its bytes as hex."""
    if di == _WORD_7:
        return (Shown("phase_order", str(int.from_bytes(data, "little") & _SEQUENCE)),)
    if di in PHASED:
        counts = [data[at : at + 3] for at in (0, 6, 12)]
        return tuple(
            Shown(f"{PHASED[di]}_{phase}", str(int(count[::-1].hex())))
            for phase, count in zip(_PHASED, counts, strict=True)
        )
    name = "serial" if di == _NUMBER else COUNTS.get(di)
    if name is not None:
        return (Shown(name, str(int(data[::-1].hex()))),)
    return (Shown(di, data.hex()),)
