"""The vector of the generic 1997 profile, computed by the test meter's encoder from readings given here.

python -m tests.unit.drivers.dlt645_1997.vector        writes config/profiles/vectors/dlt645-1997-3p.toml
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tests.unit.drivers.dlt645.meter import bcd, wire
from tests.unit.drivers.dlt645_1997.meter import di

PROFILE = "dlt645-1997-3p"
FILE = Path(__file__).resolve().parents[4] / f"config/profiles/vectors/{PROFILE}.toml"
ADDRESS = "000000000012"
CT = 40
# DI, quantity, reading as the meter shows it, bytes, behind the current transformer
READINGS = (
    ("B611", "u_a", "0231", 2, False),
    ("B612", "u_b", "0232", 2, False),
    ("B613", "u_c", "0230", 2, False),
    ("B621", "i_a", "3.21", 2, True),
    ("B622", "i_b", "3.25", 2, True),
    ("B623", "i_c", "3.30", 2, True),
    ("B630", "p", "2.1418", 3, True),
    ("B631", "p_a", "0.7044", 3, True),
    ("B632", "p_b", "0.7163", 3, True),
    ("B633", "p_c", "0.7211", 3, True),
    ("B640", "q", "0.70", 2, True),
    ("B650", "pf", "0.950", 2, False),
    ("9010", "ep_imp", "4321.50", 4, True),
    ("9020", "ep_exp", "12.50", 4, True),
    ("9110", "eq_imp", "765.43", 4, True),
    ("9120", "eq_exp", "0.25", 4, True),
    ("C032", "serial", "201512345678", 6, False),
    ("B212", "n_program", "0012", 2, False),
)
FAST, SLOW = READINGS[:10], READINGS[10:]
BLOCKS = (("B61F", READINGS[:3], 0xAA), ("B62F", READINGS[3:6], 0xDD), ("B63F", READINGS[6:10], None))
NO_SUCH_DATA = 0x02
Exchange = tuple[str, list[int] | None]


def _data(di: str) -> list[int]:
    return next(bcd(shown, size) for name, _, shown, size, _ in READINGS if name == di)


def _blocks(fill: bool = False) -> Iterator[Exchange]:
    for name, members, end in BLOCKS:
        data = [byte for member in members for byte in _data(member[0])]
        yield name, [0xFF] * len(data) if fill else [*data, *([] if end is None else [end])]


def _singles(rows: tuple[tuple[str, str, str, int, bool], ...], fill: bool = False) -> Iterator[Exchange]:
    for name, _, _, size, _ in rows:
        yield name, [0xFF] * size if fill else _data(name)


def _case(name: str, poll: str, exchanges: list[Exchange], fill: bool = False) -> Iterator[str]:
    yield from ("", "[[case]]", f'name = "{name}"', f'poll = "{poll}"', "exchange = [")
    for asked, data in exchanges:
        request = wire(ADDRESS, 0x01, di(asked), fe=4).hex()
        told = (
            wire(ADDRESS, 0xC1, [NO_SUCH_DATA]) if data is None else wire(ADDRESS, 0x81, [*di(asked), *data])
        )
        yield f'  {{ request = "{request}", reply = "{told.hex()}" }},'
    yield from ("]", "", "[case.samples]")
    for _, quantity, shown, _, behind in FAST if poll == "fast" else SLOW:
        value = Decimal(shown) * (CT if behind else 1)
        yield f'{quantity} = "{"missing" if fill else value}"'


def text() -> str:
    """The whole file."""
    refused: list[Exchange] = [(name, None) for name, _, _ in BLOCKS]
    lines = [
        f'profile = "{PROFILE}"',
        'provenance = "computed by an encoder of the tests\' own; block ends as measured on meters"',
        "",
        "[meter]",
        'protocol = "dlt645-1997"',
        f'address = "{ADDRESS}"',
        'ct = "200/5"',
        *_case("load, in blocks", "fast", list(_blocks())),
        *_case("load", "slow", list(_singles(SLOW))),
        *_case("load, blocks refused", "fast", [*refused, *_singles(FAST)]),
        *_case("no value", "fast", list(_blocks(fill=True)), fill=True),
        *_case("no value", "slow", list(_singles(SLOW, fill=True)), fill=True),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
