"""Makes the vectors of the built-in profiles: a meter's answers computed from ``meter_maps`` alone.

python -m tests.support.meter_vectors        writes config/profiles/vectors/*.toml

Its encoders share no line with the drivers. Three scenes: *load*; *reverse* (power against the counting
direction, raw values with the top bit set); *no value* (NaN, 0x8000..., FF).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from tests.support.meter_maps import DLT_MAPS, MAPS, DltMap, Map

FOLDER = Path(__file__).resolve().parents[2] / "config" / "profiles" / "vectors"
MAPS_TEXT = "computed from a second transcription of the register list, by encoders of the tests' own"
UNITS = {"W": "0.001", "VA": "0.001", "var": "0.001", "Wh": "0.001", "varh": "0.001"}
SIZES = {
    "sm16": ">H",
    "sm32": ">I",
    "u16": ">H",
    "i16": ">h",
    "u32": ">I",
    "i32": ">i",
    "u64": ">Q",
    "i64": ">q",
    "f32": ">f",
    "f64": ">d",
}
Scene = Mapping[str, Decimal | None]


def scene(name: str, amps: str = "3.21", factor: str = "0.95") -> dict[str, Decimal | None]:
    """What happens at the meter's terminals; the powers follow from voltage, current and power factor."""
    sign = -1 if name == "reverse" else 1
    values: dict[str, Decimal | None] = {
        "f": Decimal("50.02"),
        "i_n": Decimal("0.25"),
        "temp": Decimal("31.5"),
    }
    totals = dict.fromkeys("pqs", Decimal(0))
    for phase, volts, more in zip("abc", ("231.2", "230.7", "232.9"), ("0", "0.12", "0.31"), strict=True):
        u, i, pf = Decimal(volts), Decimal(amps) + Decimal(more), Decimal(factor) * sign
        s = (u * i / 1000).quantize(Decimal("0.001"), ROUND_HALF_UP)
        p = (s * pf).quantize(Decimal("0.001"), ROUND_HALF_UP)
        q = -(s / 4).quantize(Decimal("0.001"), ROUND_HALF_UP)
        values |= {f"u_{phase}": u, f"i_{phase}": i, f"p_{phase}": p, f"q_{phase}": q, f"s_{phase}": s}
        values[f"pf_{phase}"] = pf
        totals = {"p": totals["p"] + p, "q": totals["q"] + q, "s": totals["s"] + s}
    values |= totals
    values |= {"pf": Decimal(factor) * sign, "demand_p": totals["p"], "pt": Decimal(1), "ct": Decimal(40)}
    values |= {"u_ab": Decimal("400.1"), "u_bc": Decimal("401.6"), "u_ca": Decimal("402.3")}
    values |= {"ep_imp": Decimal("4321.5"), "ep_exp": Decimal("12.5")}
    values |= {"eq_imp": Decimal("87.5"), "eq_exp": Decimal("910.0")}
    counts = {"program": 12, "clear": 1, "demand_clear": 34, "event_clear": 2, "time_set": 56, "cover": 3}
    counts |= {"terminal_cover": 4, "power_down": 1207, "voltage_loss": 987654}
    counts |= {"phase_break_a": 5, "phase_break_b": 61, "phase_break_c": 703}
    counts |= {"reverse_flow_a": 8, "reverse_flow_b": 90, "reverse_flow_c": 123456}
    values |= {f"n_{what}": Decimal(count) for what, count in counts.items()}
    values |= {"serial": Decimal(201512345678), "phase_order": Decimal(0)}
    if name == "reverse":
        values |= {"serial": Decimal(12345678901), "phase_order": Decimal(1)}
        values |= {"pt": Decimal(100), "ct": Decimal(20), "ep_imp": Decimal(30_000_000)}
    return values


@dataclass(frozen=True, slots=True)
class Case:
    """One poll: requests with their replies, and what must come out."""

    name: str
    poll: str
    exchanges: tuple[tuple[bytes, bytes], ...]
    samples: Mapping[str, str]


def unit_of(text: str) -> Decimal:
    """``0.1W`` in the vocabulary's unit: 0.0001 kW."""
    digits = text.rstrip("ABCDEFGHVWabcdefghijklmnopqrstuvwxyz-")
    return Decimal(digits or "1") * Decimal(UNITS.get(text[len(digits) :], "1"))


def crc(data: bytes) -> bytes:
    """CRC-16 of Modbus by polynomial division, bit by bit."""
    remainder = 0xFFFF
    for bit in (byte >> place & 1 for byte in data for place in range(8)):
        remainder = remainder >> 1 ^ (0xA001 if (remainder ^ bit) & 1 else 0)
    return bytes((remainder % 256, remainder // 256))


def place(address: str) -> int:
    """``x0061`` or decimal."""
    return int(address[1:], 16) if address.startswith("x") else int(address)


def ratio_of(quantity: str, ct: Decimal, pt: Decimal) -> Decimal:
    """Currents take CT, voltages PT, powers and energies both; what has no side takes none."""
    head = quantity.split("_")[0]
    if head in ("pf", "f", "ct", "pt", "temp", "n", "serial", "phase"):
        return Decimal(1)
    return {"u": pt, "i": ct}.get(head, ct * pt)


def number(kind: str, value: Decimal | None, unit: Decimal, highest: bool) -> tuple[bytes, Decimal | None]:
    """The bytes of a value, high word first, and the raw number they stand for."""
    form = SIZES[kind.removesuffix("le")]
    if kind[0] == "f":
        if value is None:
            return struct.pack(form, float("nan")), None
        raw = (value / unit).normalize()
        return struct.pack(form, float(raw)), Decimal(f"{raw:f}")
    if value is None:
        size = struct.calcsize(form)
        if kind[0] == "i" and not highest:
            return b"\x80" + bytes(size - 1), None
        return (b"\x7f" if kind[0] == "i" else b"\xff") + b"\xff" * (size - 1), None
    raw = value / unit
    if kind == "u32" and value == 30_000_000:
        raw = Decimal(3_000_000_000)
    if raw != int(raw):
        raise ValueError(f"{value} is no multiple of {unit}")
    if kind[0] == "s" and raw < 0:  # sign and magnitude
        data = struct.pack(form, -int(raw))
        return bytes((data[0] + 128, *data[1:])), Decimal(int(raw))
    return struct.pack(form, int(raw)), Decimal(int(raw))


def image(table: Map, at: Scene) -> tuple[dict[int, int], dict[str, str]]:
    """Register contents, and each quantity's expected text."""
    words: dict[int, int] = {}
    expected: dict[str, str] = {}
    ct, pt = (Decimal(40), Decimal(1)) if table.side == "site" else (Decimal(1), Decimal(1))
    if table.side == "meter":
        ct, pt = at["ct"] or Decimal(1), at["pt"] or Decimal(1)
    for row in table.rows.strip().splitlines():
        address, kind, unit, *quantities = row.split()
        first = place(address)
        for quantity in quantities:
            data, raw = number(kind, at[quantity], unit_of(unit), table.highest)
            found = [int.from_bytes(data[k : k + 2], "big") for k in range(0, len(data), 2)]
            for word in found[::-1] if kind.endswith("le") else found:
                words[first] = word
                first += 1
            full = None if raw is None else raw * unit_of(unit) * ratio_of(quantity, ct, pt)
            expected[quantity] = "missing" if full is None else f"{full:f}"
    return words, expected


def modbus_case(table: Map, name: str, poll: str, at: Scene, order: tuple[str, ...]) -> Case:
    """The requests of one poll with the answers of unit 1. A register that no row names holds 0xDEAD."""
    words, expected = image(table, at)
    exchanges = []
    covered: set[int] = set()
    for read in (table.fast if poll == "fast" else table.slow).split():
        first, count = place(read.split("+")[0]), int(read.split("+")[1])
        request = struct.pack(">BBHH", 1, table.fc, first, count)
        span = range(first, first + count)
        covered.update(span)
        reply = struct.pack(">BBB", 1, table.fc, 2 * count)
        reply += b"".join(words.get(cell, 0xDEAD).to_bytes(2, "big") for cell in span)
        exchanges.append((request + crc(request), reply + crc(reply)))
    return Case(name, poll, tuple(exchanges), {name: expected[name] for name in order})


def dlt_number(value: Decimal | None, decimals: int, size: int, *, signed: bool) -> bytes:
    """BCD, low byte first; FF without a value; the top bit is the sign where there is one."""
    if value is None:
        return b"\xff" * size
    digits = f"{int(abs(value).scaleb(decimals)):0{2 * size}d}"
    if len(digits) > 2 * size or (signed and digits[0] > "7") or (value < 0 and not signed):
        raise ValueError(f"{value} does not fit")
    data = bytearray.fromhex(digits)[::-1]
    if value < 0:
        data[-1] += 0x80
    return bytes(data)


def dlt_word(value: Decimal | None, bit: int) -> bytes:
    """A status word with other bits set beside the one that is meant; FF without a value."""
    if value is None:
        return b"\xff\xff"
    word = 0x0602 if value == 0 else 0x0602 + 2**bit
    return bytes((word % 256, word // 256))


def dlt_nth(before: bytes | None, value: Decimal | None, size: int, sign: str) -> bytes:
    """Several numbers, one of them the value and the others of no concern; FF without a value."""
    nth, of = (int(part) for part in sign.split("/"))
    minutes = b"\xff" * size if value is None else dlt_number(Decimal(4711), 0, size, signed=False)
    data = before or minutes * of
    return data[: (nth - 1) * size] + dlt_number(value, 0, size, signed=False) + data[nth * size :]


def dlt_frame(control: int, data: bytes) -> bytes:
    """A frame of meter 000000000012."""
    body = b"\x68" + bytes.fromhex("120000000000") + b"\x68" + bytes((control, len(data)))
    body += bytes((byte + 0x33) % 256 for byte in data)
    return body + bytes((sum(body) % 256, 0x16))


def dlt_case(table: DltMap, name: str, poll: str, at: Scene, order: tuple[str, ...]) -> Case:
    """Requests and replies of one poll; a block DI ...FF00 is the single ones in order of number."""
    rows = [row.split() for line in table.rows.strip().splitlines() for row in line.split("|")]
    ct = Decimal(40) if table.side == "site" else Decimal(1)
    data: dict[str, bytes] = {}
    expected: dict[str, str] = {}
    for di, decimals, size, sign, quantity in rows:
        value = at[quantity]
        if value is not None and sign == "+":
            value = abs(value)
        if sign[0] == "b":
            data[di] = dlt_word(value, int(sign[1:]))
        elif "/" in sign:
            data[di] = dlt_nth(data.get(di), value, int(size), sign)
        else:
            data[di] = dlt_number(value, int(decimals), int(size), signed=sign == "-")
        full = None if value is None else value.quantize(Decimal(1).scaleb(-int(decimals)))
        full = None if full is None else full * ratio_of(quantity, ct, Decimal(1))
        expected[quantity] = "missing" if full is None else f"{full:f}"
    exchanges = []
    for di in (table.fast if poll == "fast" else table.slow).split():
        members = [one for one in data if one[:4] == di[:4]] if di.endswith("FF00") else [di]
        wire = bytes.fromhex(di)[::-1]
        reply = dlt_frame(0x91, wire + b"".join(data[one] for one in members))
        exchanges.append((b"\xfe" * 4 + dlt_frame(0x11, wire), b"\xfe" * 4 + reply))
    return Case(name, poll, tuple(exchanges), {name: expected[name] for name in order})


def _modbus_order(table: Map, poll: str) -> tuple[str, ...]:
    """Quantities whose registers the poll asks for, ratios and neighbours of the other poll apart."""
    slow = {"f", "ep_imp", "ep_exp", "eq_imp", "eq_exp", "u_ab", "u_bc", "u_ca", "s", "s_a", "s_b", "s_c"}
    slow |= {"pt", "ct"} | ({"u_a", "u_b", "u_c"} if table.slow == "2108+6" else set())
    named = [q for row in table.rows.strip().splitlines() for q in row.split()[3:]]
    return tuple(q for q in named if (q in slow) is (poll == "slow"))


def _dlt_order(table: DltMap, poll: str) -> tuple[str, ...]:
    rows = [row.split() for line in table.rows.strip().splitlines() for row in line.split("|")]
    asked = (table.fast if poll == "fast" else table.slow).split()
    return tuple(r[4] for r in rows if r[0] in asked or f"{r[0][:4]}FF00" in asked)


def cases(profile: str) -> Iterator[Case]:
    """All cases of one profile."""
    if profile in DLT_MAPS:
        dlt = DLT_MAPS[profile]
        reverse = scene("reverse", "90.123") | {"ep_imp": Decimal("812345.67")}
        for phase in "abc":
            current = reverse[f"i_{phase}"] or Decimal(0)
            reverse[f"i_{phase}"] = Decimal("812.345") if dlt.big_current else -current
            if dlt.big_current:
                reverse[f"pf_{phase}"] = Decimal("0.105")  # U x I x PF is P again
        nothing: Scene = dict.fromkeys(reverse)
        for name, at in (("load", scene("load")), ("reverse", reverse), ("no value", nothing)):
            for poll in ("fast", "slow"):
                yield dlt_case(dlt, name, poll, _for(dlt, at), _dlt_order(dlt, poll))
        return
    table = MAPS[profile]
    scenes: list[tuple[str, Scene]] = [("load", _for(table, scene("load")))]
    scenes.append(("reverse", _for(table, scene("reverse", "400.37"))))
    scenes.append(("no value", dict.fromkeys(scene("load"))))
    for name, at in scenes:
        for poll in ("fast", "slow"):
            yield modbus_case(table, name, poll, at, _modbus_order(table, poll))


def _for(table: Map | DltMap, at: Scene) -> Scene:
    """A single-phase meter's totals are those of its phase."""
    whole = {name: at[f"{name}_a"] for name in ("p", "q", "s", "pf")} if table.phases == 1 else {}
    return {**at, **whole}


def text(profile: str) -> str:
    """The vector file of one profile."""
    dlt = profile in DLT_MAPS
    side = DLT_MAPS[profile].side if dlt else MAPS[profile].side
    lines = [f'profile = "{profile}"', f'provenance = "{MAPS_TEXT}"', "", "[meter]"]
    lines += [f'protocol = "{"dlt645-2007" if dlt else "modbus-rtu"}"']
    lines += [f'address = "{"000000000012" if dlt else "1"}"', *(['ct = "200/5"'] if side == "site" else [])]
    for case in cases(profile):
        lines += ["", "[[case]]", f'name = "{case.name}"', f'poll = "{case.poll}"', "exchange = ["]
        for request, reply in case.exchanges:
            lines.append(f'  {{ request = "{request.hex()}", reply = "{reply.hex()}" }},')
        lines += ["]", "", "[case.samples]", *(f'{name} = "{value}"' for name, value in case.samples.items())]
    return "\n".join(lines) + "\n"


def names() -> tuple[str, ...]:
    """Profiles that have a map here."""
    return tuple(sorted((*MAPS, *DLT_MAPS)))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for profile_name in names():
        (FOLDER / f"{profile_name}.toml").write_text(text(profile_name), encoding="utf-8")
