"""Ranges: merged where neighbours, never a cut value, split where learnt."""

from config.profile import ModbusItem
from drivers.modbus.plan import Range, plan
from tests.support.specs import item

NOTHING: frozenset[str] = frozenset()


def _labels(ranges: tuple[Range, ...]) -> list[str]:
    return [one.label for one in ranges]


def test_neighbours_are_merged() -> None:
    items = [item("u_a", 0x2006, "f32"), item("u_b", 0x2008, "f32"), item("p", 0x2012, "f32")]
    assert _labels(plan(items, 125, 0, NOTHING)) == ["03:0x2006+4", "03:0x2012+2"]


def test_gap_is_bridged_as_far_as_allowed() -> None:
    items = [item("u_a", 10), item("u_b", 13), item("u_c", 17)]
    assert _labels(plan(items, 125, 2, NOTHING)) == ["03:0x000A+4", "03:0x0011+1"]
    assert _labels(plan(items, 125, 3, NOTHING)) == ["03:0x000A+8"]


def test_limit_of_the_model_and_of_the_protocol() -> None:
    items = [item(f"q{n}", n) for n in range(300)]
    assert [one.count for one in plan(items, 125, 0, NOTHING)] == [125, 125, 50]
    assert [one.count for one in plan(items, 1000, 0, NOTHING)] == [125, 125, 50]
    assert [one.count for one in plan(items[:9], 4, 0, NOTHING)] == [4, 4, 1]


def test_bits_are_merged_to_their_own_limit() -> None:
    bits = [ModbusItem(quantity=f"b{n}", fc=2, address=n, type="bit") for n in range(2_300)]
    assert [one.count for one in plan(bits, 4, 0, NOTHING)] == [2000, 300]
    assert _labels(plan(bits[:2], 4, 0, frozenset({"02:0x0000+2"}))) == ["02:0x0000+1", "02:0x0001+1"]


def test_a_value_is_never_cut() -> None:
    items = [item("a", 0), item("b", 1, "f32"), item("c", 3, "u64")]
    assert _labels(plan(items, 4, 0, NOTHING)) == ["03:0x0000+3", "03:0x0003+4"]


def test_functions_are_never_mixed() -> None:
    items = [item("a", 0), ModbusItem(quantity="b", fc=4, address=1, type="u16"), item("c", 1)]
    assert _labels(plan(items, 125, 0, NOTHING)) == ["03:0x0000+2", "04:0x0001+1"]


def test_order_of_the_profile_does_not_matter_and_overlaps_are_read_once() -> None:
    items = [item("b", 2), item("a", 0, "u32"), item("a16", 1)]
    assert _labels(plan(items, 125, 0, NOTHING)) == ["03:0x0000+3"]


def test_learnt_ranges_are_split() -> None:
    items = [item("a", 0), item("b", 1), item("c", 8), item("same", 1)]
    ranges = plan(items, 125, 0, frozenset({"03:0x0000+2"}))
    assert _labels(ranges) == ["03:0x0000+1", "03:0x0001+1", "03:0x0008+1"]
    assert [one.quantity for one in ranges[1].items] == ["b", "same"]
