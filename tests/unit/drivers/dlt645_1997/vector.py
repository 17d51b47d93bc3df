"""The vectors of the 1997 profiles, computed by the test meter's encoder from readings given here.

python -m tests.unit.drivers.dlt645_1997.vector        writes config/profiles/vectors/dlt645-1997-*.toml
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.unit.drivers.dlt645.meter import bcd, wire
from tests.unit.drivers.dlt645_1997.meter import di

FOLDER = Path(__file__).resolve().parents[4] / "config/profiles/vectors"
ADDRESS = "000000000012"
CT = 40
NO_SUCH_DATA = 0x02
Reading = tuple[str, str, str, int, bool]
Exchange = tuple[str, list[int] | None]
# DI, quantity, reading as the meter shows it, bytes, behind the current transformer
CURRENTS = (
    ("B621", "i_a", "3.21", 2, True),
    ("B622", "i_b", "3.25", 2, True),
    ("B623", "i_c", "3.30", 2, True),
)
POWERS = (
    ("B630", "p", "2.1418", 3, True),
    ("B631", "p_a", "0.7044", 3, True),
    ("B632", "p_b", "0.7163", 3, True),
    ("B633", "p_c", "0.7211", 3, True),
)
REACTIVE: Reading = ("B640", "q", "0.70", 2, True)
FACTOR: Reading = ("B650", "pf", "0.950", 2, False)
ENERGIES = (
    ("9010", "ep_imp", "4321.50", 4, True),
    ("9020", "ep_exp", "12.50", 4, True),
    ("9110", "eq_imp", "765.43", 4, True),
    ("9120", "eq_exp", "0.25", 4, True),
)
SAID = (("C032", "serial", "201512345678", 6, False), ("B212", "n_program", "0012", 2, False))
REACTIVES = (
    REACTIVE,
    ("B641", "q_a", "0.23", 2, True),
    ("B642", "q_b", "0.23", 2, True),
    ("B643", "q_c", "0.24", 2, True),
)
FACTORS = (
    FACTOR,
    ("B651", "pf_a", "0.950", 2, False),
    ("B652", "pf_b", "0.951", 2, False),
    ("B653", "pf_c", "0.949", 2, False),
)
FREQUENCY: Reading = ("B660", "f", "50.02", 2, False)
APPARENT = (
    ("B680", "s", "2.2546", 3, True),
    ("B681", "s_a", "0.7415", 3, True),
    ("B682", "s_b", "0.7540", 3, True),
    ("B683", "s_c", "0.7590", 3, True),
)


def volts(*shown: str) -> tuple[Reading, ...]:
    return tuple((f"B61{n}", f"u_{'abc'[n - 1]}", one, 2, False) for n, one in enumerate(shown, 1))


Block = tuple[str, Sequence[Reading], int | None]  # DI, what is in it, the byte behind it


@dataclass(frozen=True, slots=True)
class Made:
    """One profile's readings in the order of its samples, its blocks in the order of the requests; what no
    block holds is asked for by itself behind them."""

    fast: Sequence[Reading]
    slow: Sequence[Reading]
    fast_blocks: Sequence[Block] = ()
    slow_blocks: Sequence[Block] = ()

    def of(self, poll: str) -> tuple[Sequence[Reading], Sequence[Block]]:
        return (self.fast, self.fast_blocks) if poll == "fast" else (self.slow, self.slow_blocks)


def _three(*shown: str) -> Made:
    voltages = volts(*shown)
    blocks: tuple[Block, ...] = (("B61F", voltages, 0xAA), ("B62F", CURRENTS, 0xDD), ("B63F", POWERS, None))
    return Made((*voltages, *CURRENTS, *POWERS), (REACTIVE, FACTOR, *ENERGIES, *SAID), blocks)


_WHOLE = _three("0231", "0232", "0230")
MADE = {
    "dlt645-1997-3p": _WHOLE,
    "dlt645-1997-3p-tenths": _three("231.2", "230.7", "232.9"),
    "dlt645-1997-3p-b660-f": Made(
        _WHOLE.fast,
        (*REACTIVES, *FACTORS, FREQUENCY, *APPARENT, *ENERGIES, *SAID),
        _WHOLE.fast_blocks,
        (("B64F", REACTIVES, 0xAA), ("B65F", FACTORS, None), ("B68F", APPARENT, 0xDD)),
    ),
    "dlt645-1997-1p": Made(
        (*volts("0231"), CURRENTS[0], ("B630", "p", "0.7044", 3, True)), (FACTOR, *ENERGIES[:2], *SAID)
    ),
}


def _in_blocks(made: Made, poll: str, fill: bool) -> Iterator[Exchange]:
    readings, blocks = made.of(poll)
    for name, members, end in blocks:
        data = [byte for _, _, shown, size, _ in members for byte in bcd(shown, size)]
        yield name, [0xFF] * len(data) if fill else [*data, *([] if end is None else [end])]
    held = {member for _, members, _ in blocks for member in members}
    yield from _singles([one for one in readings if one not in held], fill)


def _singles(rows: Sequence[Reading], fill: bool = False) -> Iterator[Exchange]:
    for name, _, shown, size, _ in rows:
        yield name, [0xFF] * size if fill else bcd(shown, size)


def _refused(made: Made, poll: str) -> Iterator[Exchange]:
    readings, blocks = made.of(poll)
    yield from ((name, None) for name, _, _ in blocks)
    yield from _singles(readings)


def _case(
    made: Made, name: str, poll: str, exchanges: Iterator[Exchange], fill: bool = False
) -> Iterator[str]:
    yield from ("", "[[case]]", f'name = "{name}"', f'poll = "{poll}"', "exchange = [")
    for asked, data in exchanges:
        request = wire(ADDRESS, 0x01, di(asked), fe=4).hex()
        told = (
            wire(ADDRESS, 0xC1, [NO_SUCH_DATA]) if data is None else wire(ADDRESS, 0x81, [*di(asked), *data])
        )
        yield f'  {{ request = "{request}", reply = "{told.hex()}" }},'
    yield from ("]", "", "[case.samples]")
    for _, quantity, shown, _, behind in made.of(poll)[0]:
        value = Decimal(shown) * (CT if behind else 1)
        yield f'{quantity} = "{"missing" if fill else value}"'


def text(profile: str) -> str:
    """The whole file."""
    made = MADE[profile]
    lines = [
        f'profile = "{profile}"',
        'provenance = "computed by an encoder of the tests\' own; block ends as measured on meters"',
        "",
        "[meter]",
        'protocol = "dlt645-1997"',
        f'address = "{ADDRESS}"',
        'ct = "200/5"',
    ]
    for poll in ("fast", "slow"):
        blocks = made.of(poll)[1]
        name = "load, in blocks" if blocks else "load"
        lines += _case(made, name, poll, _in_blocks(made, poll, False))
        if blocks:
            lines += _case(made, "load, blocks refused", poll, _refused(made, poll))
        lines += _case(made, "no value", poll, _in_blocks(made, poll, True), True)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for profile_name in MADE:
        (FOLDER / f"{profile_name}.toml").write_text(text(profile_name), encoding="utf-8")
