"""The shipped profiles, the table of items and the simulated meters agree, though each was written apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from config.profile import PollClass, Profile
from config.profiles import builtin_profiles
from config.quantities import STANDING
from drivers.dlt645 import DRIVER
from drivers.dlt645.item import lookup
from drivers.dlt645.layout import Field
from drivers.samples import Quality
from drivers.simulated.items import COUNTS, PHASED, SINGLES, Facts645
from drivers.simulated.slave645 import Habits, Slave645, hunt
from tests.unit.drivers.dlt645.meter import Chunks, Played, play
from tests.unit.drivers.dlt645.specs import ADDRESS, spec

DLT = {name: made for name, made in builtin_profiles().items() if made.family == "dlt645-2007"}
# For meters that use the top bit of a current as a digit: another reading of the same items than the table's.
UNSIGNED = {
    name: made
    for name, made in DLT.items()
    if any(item.di.startswith("0202") and not item.signed for item in made.dlt)
}
PROFILES = {name: made for name, made in DLT.items() if name not in UNSIGNED}
VALUES = {
    "u": 230.1,
    "i": -4.321,
    "p": -12.3456,
    "q": 1.2345,
    "s": 13.0001,
    "pf": -0.987,
    "ep": 123456.78,
    "f": 49.98,
}


OF_PHASES = [f"{di}.{phase}" for di in PHASED for phase in "abc"]


def slave(habits: Habits) -> Slave645:
    names = {item.name.split("_t", 1)[0] for item in SINGLES.values()}
    shown = {name: VALUES.get(name.split("_", 1)[0], 1.0) for name in names}
    facts = Facts645(
        address=ADDRESS,
        ct=1,
        pt=1,
        clock=datetime(2026, 1, 7, tzinfo=UTC),
        status=(0, 0, 0, 0, 0, 0, 0x0601),
        counts={di: number for number, di in enumerate((*COUNTS, *OF_PHASES), 998)},
    )
    return Slave645(ADDRESS, habits, lambda: shown, lambda: facts)


def line(meter: Slave645, told: dict[str, str]) -> Callable[[bytes], Chunks]:
    """A line with the simulated meter; ``told`` collects what it says it showed."""

    def talk(sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        reply = meter.answer(request)
        if reply is None:
            return []
        told.update((one.name, one.text) for one in reply.shown)
        return [reply.frame]

    return talk


def form(field: Field) -> str:
    """A field's format as a profile writes it: digits that are a name are a number there."""
    return "word" if field.kind == "word" else "XX" * field.size if field.form == "digits" else field.form


@pytest.mark.parametrize("made", PROFILES.values(), ids=PROFILES.keys())
def test_a_shipped_profile_says_what_the_table_says(made: Profile) -> None:
    assert made.dlt
    for item in made.dlt:
        layout = lookup(item.di)
        assert layout is not None, item.di
        one = layout.fields[item.nth - 1]
        assert (form(one), one.signed) == (item.format, item.signed), item.di
        assert item.of in (1, len(layout.fields)), item.di
        assert item.of == 1 or one.name.endswith(f"{item.quantity[-1].upper()} event count"), one
    for block in made.blocks:
        whole = lookup(block.di)
        assert whole is not None
        members = [lookup(di) for di in block.items]
        assert [f.size for f in whole.fields] == [m.fields[0].size for m in members if m is not None]
        assert [f.name.replace(" block", "") for f in whole.fields] == [
            m.fields[0].name for m in members if m
        ]


@pytest.mark.parametrize("made", UNSIGNED.values(), ids=UNSIGNED.keys())
def test_a_profile_without_signs_has_the_formats_of_the_table(made: Profile) -> None:
    for item in made.dlt:
        layout = lookup(item.di)
        assert layout is not None, item.di
        assert form(layout.fields[0]) == item.format, item.di


@pytest.mark.parametrize("poll", ["fast", "slow"])
@pytest.mark.parametrize(
    "habits",
    [Habits(), Habits(preamble=0), Habits(blocks=False), Habits(most_data=7), Habits(most_data=10)],
    ids=["plain", "no preamble", "no blocks", "two bytes a frame", "five bytes a frame"],
)
@pytest.mark.parametrize("made", PROFILES.values(), ids=PROFILES.keys())
def test_a_shipped_profile_reads_what_the_simulated_meter_shows(
    made: Profile, habits: Habits, poll: PollClass
) -> None:
    told: dict[str, str] = {}
    played = Played()
    polled = play(DRIVER.poll(spec(made), poll, frozenset()), line(slave(habits), told), played)
    got = {s.quantity: s.value for s in polled.samples if s.value is not None}
    assert got
    assert {s.quality for s in polled.samples} <= {Quality.GOOD, Quality.UNSUPPORTED}
    for quantity, value in got.items():
        if quantity in told:
            assert f"{value:f}" == told[quantity], quantity
            assert value == Decimal(told[quantity])
    assert len(got.keys() & told.keys()) > 1
    assert got.keys() & STANDING <= told.keys()
    assert bool(got.keys() & STANDING) is (poll == "slow")
    blocks = {b.di for b in made.blocks} & set(played.labels)
    assert polled.unsupported == (frozenset() if habits.blocks else blocks)
