"""Register maps of the simulated Modbus meters; the simulator's own tables.

Sources: Acrel ADL400 and DTSD1352, secondary-side map, two public integrations that agree; Chint DTSU666
volkszaehler/mbmd dtsu666.go; Eastron SDM630 volkszaehler/mbmd sdm.go. Addresses are zero-based PDU
addresses. Never made from the client's profiles.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from drivers.simulated.reply import Shown

Side = Literal["none", "pt", "ct", "ptct"]


@dataclass(frozen=True, slots=True)
class Register:
    """A value of a map: on the wire stands value / scale. ``size`` of a float is kept to ``digits`` decimals
    of the raw number, so that its text is short."""

    address: int
    name: str
    kind: Literal["u16", "i16", "u32", "i32", "f32"]
    scale: str  # decimal text: vocabulary unit per raw 1
    side: Side = "none"
    absolute: bool = False  # this model shows no sign
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """``areas``: first and last readable address; holes inside read 0, an address outside is refused (02)."""

    fc: Literal[3, 4]
    primary: bool  # shows primary values itself
    areas: tuple[tuple[int, int], ...]
    registers: tuple[Register, ...]
    ratios: tuple[tuple[int, str], ...] = ()  # address -> "ct" | "pt", u16


def _row(start: int, step: int, names: str, like: Register) -> Iterator[Register]:
    for index, name in enumerate(names.split()):
        yield Register(
            start + index * step, name, like.kind, like.scale, like.side, like.absolute, like.digits
        )


def _like(
    kind: Literal["u16", "i16", "u32", "i32", "f32"], scale: str, side: Side = "none", **more: int
) -> Register:
    return Register(0, "", kind, scale, side, bool(more.get("absolute")), more.get("digits", 0))


_ADL400 = (
    *_row(0x000A, 10, "ep_imp ep_exp", _like("u32", "0.01", "ptct")),
    *_row(0x0028, 10, "eq_imp eq_exp", _like("u32", "0.01", "ptct")),
    *_row(0x0061, 1, "u_a u_b u_c", _like("u16", "0.1", "pt")),
    *_row(0x0064, 1, "i_a i_b i_c", _like("u16", "0.01", "ct", absolute=1)),
    *_row(0x0077, 1, "f", _like("u16", "0.01")),
    *_row(0x0078, 1, "u_ab u_bc u_ca", _like("u16", "0.1", "pt")),
    *_row(0x0164, 2, "p_a p_b p_c p", _like("i32", "0.001", "ptct")),
    *_row(0x016C, 2, "q_a q_b q_c q", _like("i32", "0.001", "ptct")),
    *_row(0x0174, 2, "s_a s_b s_c s", _like("i32", "0.001", "ptct")),
    *_row(0x017C, 1, "pf_a pf_b pf_c pf", _like("i16", "0.001")),
)

_DTSU666 = (
    *_row(0x101E, 10, "ep_imp ep_exp", _like("f32", "1", "ptct", digits=2)),
    *_row(0x2006, 2, "u_a u_b u_c", _like("f32", "0.1", "pt")),
    *_row(0x200C, 2, "i_a i_b i_c", _like("f32", "0.001", "ct", absolute=1)),
    *_row(0x2012, 2, "p p_a p_b p_c", _like("f32", "0.0001", "ptct")),  # 0.1 W
    *_row(0x201A, 2, "q q_a q_b q_c", _like("f32", "0.0001", "ptct")),
    *_row(0x202A, 2, "pf pf_a pf_b pf_c", _like("f32", "0.001")),
    *_row(0x2044, 2, "f", _like("f32", "0.01")),
)

_SDM630 = (
    *_row(0x0000, 2, "u_a u_b u_c", _like("f32", "1", digits=1)),
    *_row(0x0006, 2, "i_a i_b i_c", _like("f32", "1", absolute=1, digits=3)),
    *_row(0x000C, 2, "p_a p_b p_c", _like("f32", "0.001", digits=1)),  # W
    *_row(0x0012, 2, "s_a s_b s_c", _like("f32", "0.001", digits=1)),
    *_row(0x0018, 2, "q_a q_b q_c", _like("f32", "0.001", digits=1)),
    *_row(0x001E, 2, "pf_a pf_b pf_c", _like("f32", "1", digits=3)),
    *_row(0x0034, 2, "p", _like("f32", "0.001", digits=1)),
    *_row(0x0038, 2, "s", _like("f32", "0.001", digits=1)),
    *_row(0x003C, 2, "q", _like("f32", "0.001", digits=1)),
    *_row(0x003E, 2, "pf", _like("f32", "1", digits=3)),
    *_row(0x0046, 2, "f", _like("f32", "1", digits=2)),
    *_row(0x0048, 2, "ep_imp ep_exp eq_imp eq_exp", _like("f32", "1", digits=2)),
)

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "acrel-adl400": Model(
            3,
            False,
            ((0x0000, 0x00B5), (0x0164, 0x017F)),
            _ADL400,
            ((0x008D, "pt"), (0x008E, "ct")),
        ),
        "chint-dtsu666": Model(3, False, ((0x101E, 0x102F), (0x2006, 0x2045)), _DTSU666),
        "eastron-sdm630": Model(4, True, ((0x0000, 0x004F), (0x0156, 0x0165)), _SDM630),
    }
)

_INTEGERS = {
    "u16": (0, 0xFFFF),
    "i16": (-0x8000, 0x7FFF),
    "u32": (0, 0xFFFFFFFF),
    "i32": (-(1 << 31), (1 << 31) - 1),
}


def contents(
    model: Model, values: Mapping[str, float], ratios: Mapping[str, int], asked: range
) -> tuple[bytes, tuple[Shown, ...]]:
    """The asked registers' bytes, and the truth about the values that lie whole in them. Holes read 0.
    ``ratios``: "ct" and "pt" as whole numbers."""
    words = dict.fromkeys(asked, b"\0\0")
    words.update(
        (address, (ratios[name] & 0xFFFF).to_bytes(2, "big"))
        for address, name in model.ratios
        if address in asked
    )
    shown = []
    for register in model.registers:
        here = range(register.address, register.address + (1 if register.kind.endswith("16") else 2))
        if here.stop <= asked.start or here.start >= asked.stop:
            continue
        data, text = pack(register, values[register.name])
        for at, address in enumerate(here):
            if address in asked:
                words[address] = data[2 * at : 2 * at + 2]
        if here[0] in asked and here[-1] in asked:
            shown.append(Shown(register.name, text, register.side))
    return b"".join(words.values()), tuple(shown)


def pack(register: Register, value: float) -> tuple[bytes, str]:
    """A value as the register holds it, high word first, and the text a reader must find after scaling."""
    raw = (abs(value) if register.absolute else value) / float(register.scale)
    if register.kind == "f32":
        data = struct.pack(">f", round(raw, register.digits) + 0.0)
        return data, f"{Decimal(shortest(data)) * Decimal(register.scale):f}"
    low, high = _INTEGERS[register.kind]
    whole = max(low, min(high, round(raw)))
    data = whole.to_bytes(4 if register.kind.endswith("32") else 2, "big", signed=low < 0)
    return data, f"{Decimal(whole) * Decimal(register.scale):f}"


def shortest(data: bytes) -> str:
    """The shortest decimal text that is this big-endian float32: 6 to 9 significant digits."""
    value: float = struct.unpack(">f", data)[0]
    if not math.isfinite(value):
        return str(value)
    for digits in range(1, 9):
        text = f"{value:.{digits}g}"
        if struct.pack(">f", float(text)) == data:
            return text
    return f"{value:.9g}"


def within(areas: Sequence[tuple[int, int]], asked: range) -> bool:
    """Whether all asked registers lie in one readable area."""
    return any(first <= asked[0] and asked[-1] <= last for first, last in areas)
