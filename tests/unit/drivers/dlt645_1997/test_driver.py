"""Polls of 1997 meters: blocks with and without their ends, volts and tenths, parts, refusals, silence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.profile import DltItem, Profile
from config.profiles import builtin_profiles
from drivers.dlt645.fetch import DIALECT_1997, MeterLine
from drivers.dlt645_1997.driver import DRIVER
from drivers.samples import Quality
from tests.unit.drivers.dlt645.meter import Played, bcd, play
from tests.unit.drivers.dlt645_1997.meter import ADDRESS, FakeMeter1997, direct, spec

SINGLES: dict[str, list[int] | int | None] = {
    "B611": bcd("0231", 2),
    "B612": bcd("0232", 2),
    "B613": bcd("0233", 2),
    "B621": bcd("1.50", 2),
    "B622": bcd("2.50", 2),
    "B623": bcd("3.50", 2),
    "B630": bcd("1.2345", 3),
    "B631": bcd("0.1000", 3),
    "B632": bcd("0.2000", 3),
    "B633": bcd("0.3000", 3),
    "9010": bcd("1062.48", 4),
}
FAST = ["231", "232", "233", "1.50", "2.50", "3.50", "1.2345", "0.1000", "0.2000", "0.3000"]


def bytes_of(*dis: str) -> list[int]:
    out: list[int] = []
    for di in dis:
        found = SINGLES[di]
        assert isinstance(found, list)
        out += found
    return out


BLOCKS: dict[str, list[int] | int | None] = {
    "B61F": bytes_of("B611", "B612", "B613"),
    "B62F": bytes_of("B621", "B622", "B623"),
    "B63F": bytes_of("B630", "B631", "B632", "B633"),
}


def fast(meter: FakeMeter1997, made: Profile | None = None) -> list[str | None]:
    polled = play(DRIVER.poll(spec(made), "fast", frozenset()), direct(meter))
    return [None if s.value is None else f"{s.value:f}" for s in polled.samples]


@pytest.mark.parametrize("end", [[], [0xAA], [0xDD]])
def test_blocks_with_and_without_an_end(end: list[int]) -> None:
    meter = FakeMeter1997(items={di: [*data, *end] for di, data in BLOCKS.items() if isinstance(data, list)})
    assert fast(meter) == FAST
    assert meter.asked == ["B61F", "B62F", "B63F"]


def test_a_power_block_with_its_limits() -> None:
    power = BLOCKS["B63F"]
    assert isinstance(power, list)
    meter = FakeMeter1997(items={**BLOCKS, "B63F": [*power, 0, 0x60, 0, 0x60]})
    assert fast(meter) == FAST


def test_a_meter_without_blocks_is_read_item_by_item() -> None:
    meter = FakeMeter1997(items=SINGLES)
    polled = play(DRIVER.poll(spec(), "fast", frozenset()), direct(meter))
    assert [f"{s.value:f}" for s in polled.samples if s.value is not None] == FAST
    assert polled.unsupported == {"B61F", "B62F", "B63F"}


@pytest.mark.parametrize("extra", [[0x11], [0x11, 0xAA], [0xAA, 0xAA]])
def test_a_block_of_another_length_is_not_believed(extra: list[int]) -> None:
    volts = BLOCKS["B61F"]
    assert isinstance(volts, list)
    meter = FakeMeter1997(items={**BLOCKS, "B61F": [*volts, *extra]})
    assert fast(meter)[:3] == [None, None, None]


def test_tenths_of_volts_are_never_taken_for_volts() -> None:
    tenths = bcd("230.1", 2)
    meter = FakeMeter1997(items={**SINGLES, "B611": tenths, "B612": tenths, "B613": tenths})
    polled = play(DRIVER.poll(spec(), "fast", frozenset()), direct(meter))
    assert [(s.value, s.quality) for s in polled.samples[:3]] == [(None, Quality.INVALID)] * 3
    generic = builtin_profiles()["dlt645-1997-3p"]
    items = tuple(replace(i, format="XXX.X") if i.di.startswith("B61") else i for i in generic.dlt)
    assert fast(meter, replace(generic, dlt=items))[:3] == ["230.1"] * 3


def test_what_b660_is_says_the_profile() -> None:
    generic = builtin_profiles()["dlt645-1997-3p"]
    meter = FakeMeter1997(items={"B660": bcd("50.03", 2)})
    for item in (
        DltItem(quantity="f", di="B660", format="XX.XX"),
        DltItem(quantity="s", di="B660", format="XX.XX"),
    ):
        made = replace(generic, dlt=(item,), blocks=())
        assert fast(meter, made) == ["50.03"]


def test_parts_are_joined_without_frame_numbers() -> None:
    meter = FakeMeter1997(items={"901F": list(range(20))}, frame_data=6)
    found = play(MeterLine(ADDRESS, DIALECT_1997).fetch("901F", 20), direct(meter))
    assert found == bytes(range(20))
    assert meter.asked == ["901F", "901F+", "901F+", "901F+"]


@pytest.mark.parametrize(("word", "quality"), [(0x02, Quality.UNSUPPORTED), (0x01, Quality.REFUSED)])
def test_refusals_are_results(word: int, quality: Quality) -> None:
    polled = play(DRIVER.poll(spec(), "slow", frozenset()), direct(FakeMeter1997(default=word)))
    assert {(s.value, s.quality) for s in polled.samples} == {(None, quality)}


def test_silence_ends_the_poll_at_once() -> None:
    played = Played()
    polled = play(DRIVER.poll(spec(), "fast", frozenset()), direct(FakeMeter1997(default=None)), played)
    assert {s.quality for s in polled.samples} == {Quality.NO_REPLY}
    assert played.labels == ["B61F"]


def test_the_probe_reads_the_energy_total() -> None:
    meter = FakeMeter1997(items=SINGLES)
    polled = play(DRIVER.probe(spec()), direct(meter))
    assert [(s.quantity, f"{s.value:f}") for s in polled.samples] == [("ep_imp", "1062.48")]
    assert meter.asked == ["9010"]
