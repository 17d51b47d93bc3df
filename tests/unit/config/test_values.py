"""Takers and protocol addresses: exact values, and no exception but Wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from config import profileshapes, ruleshapes, shapes, values
from config.build import Shape
from config.messages import placeholders, template
from config.protocols import PROTOCOLS
from config.quantities import COUNTERS, QUANTITIES, STANDING
from config.values import Taker, Wrong

DESIGN_11 = (
    "u_a u_b u_c u_ab u_bc u_ca i_a i_b i_c i_n p p_a p_b p_c q q_a q_b q_c s s_a s_b s_c pf pf_a pf_b pf_c "
    "f ep_imp ep_exp eq_imp eq_exp demand_p temp"
)


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("1", "1"),
        ("5/5", "1"),
        ("200/5", "40"),
        ("75/5", "15"),
        ("150/1", "150"),
        ("1000/5", "200"),
        ("10000/100", "100"),
        ("10/0.1", "100"),
        ("37.5/5", "7.5"),
        ("6/5", "1.2"),
    ],
)
def test_a_ratio_is_exact_and_without_exponent(written: str, exact: str) -> None:
    """Readings are multiplied by it and keep their digits, so 1E+2 would not do."""
    assert str(values.ratio(written)) == exact


@pytest.mark.parametrize(
    "written", ["200", "5/200", "200/3", "0/5", "5/0", "-200/5", "200/5/1", "", 40, 40.0, True]
)
def test_an_unclear_ratio_is_refused(written: object) -> None:
    with pytest.raises(Wrong):
        values.ratio(written)


@pytest.mark.parametrize(
    ("written", "kept"), [("5", "5"), ("5.50", "5.50"), ("-0.25", "-0.25"), ("007", "7")]
)
def test_a_decimal_keeps_its_digits(written: str, kept: str) -> None:
    assert str(values.decimal(written)) == kept


@pytest.mark.parametrize(
    "written", ["1e3", "NaN", "Infinity", "1_000", " 5", "5 ", "٥", ".5", "5.", "1" * 10, 5, 5.0]
)
def test_no_other_spelling_of_a_decimal(written: object) -> None:
    with pytest.raises(Wrong):
        values.decimal(written)


@pytest.mark.parametrize("written", ["三", "a b", "-a", "", "a" * 33, "a/b", "a+b", "a.b", "é", "a\n"])
def test_ids_are_plain_ascii(written: str) -> None:
    with pytest.raises(Wrong):
        values.ident(written)


@pytest.mark.parametrize("written", ["SB-7F3A-92", "a", "-", "A" * 32])
def test_site_ids(written: str) -> None:
    assert values.site_id(written) == written


@pytest.mark.parametrize("written", ["SB_1", "SB/1", "SB+", "#", "", "A" * 33, "三号厂", "SB 1"])
def test_site_ids_fit_topics(written: str) -> None:
    with pytest.raises(Wrong):
        values.site_id(written)


@pytest.mark.parametrize("written", ["mqtt.city.example", "10.0.0.9", "a", "fe80::1", "::1", "box-1.lan"])
def test_hosts(written: str) -> None:
    assert values.host(written) == written


@pytest.mark.parametrize("written", ["", "a:502", "a/b", "-a", "a-", "http://a", "a b", "..", "主机"])
def test_no_hosts(written: str) -> None:
    with pytest.raises(Wrong):
        values.host(written)


@pytest.mark.parametrize(
    ("protocol", "good", "bad"),
    [
        (
            "dlt645-2007",
            ["000000000012", "999999999998"],
            ["12", "99" * 6, "AAAAAAAAAAAA", "0000000000123", "１２" * 6],
        ),
        ("modbus-rtu", ["1", "247"], ["0", "248", "01", "", "1.0", "x", "³"]),
        ("modbus-tcp", ["0", "1", "255"], ["256", "-1", "00"]),
    ],
)
def test_addresses(protocol: str, good: list[str], bad: list[str]) -> None:
    assert all(PROTOCOLS[protocol].address_ok(address) for address in good)
    assert not any(PROTOCOLS[protocol].address_ok(address) for address in bad)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("written", [0, 12, 10**40, "7", "x", "12345", True, -3, []])
def test_the_address_shown_as_example_would_be_accepted(protocol: str, written: object) -> None:
    assert PROTOCOLS[protocol].address_ok(PROTOCOLS[protocol].address_example(written))


ODD: tuple[object, ...] = (
    *(0, -1, 10**400, 0.5, float("nan"), float("inf"), True, False),
    *("", "x", "三", "\x00", "9" * 5000, "\u0665", "-", ":", "/", "1/", "::", "a+b+c"),
    *(
        [],
        [1],
        ["a", "a"],
        [[]],
        {},
        {"a": 1},
        date(1979, 5, 27),
        time(7, 32),
        datetime(1979, 5, 27, tzinfo=UTC),
    ),
)
SHAPES: tuple[Shape, ...] = (
    *(shapes.SITE, shapes.JOURNAL, shapes.SERIAL_BUS, shapes.NETWORK_BUS, shapes.METER, shapes.POINT),
    *(shapes.UPLINK, *(shape for _, shape in ruleshapes.RULES.values())),
    *(profileshapes.HEAD, profileshapes.SOURCE, profileshapes.DLT_ITEM, profileshapes.MODBUS_ITEM),
    profileshapes.BLOCK,
)


@pytest.mark.parametrize("taker", [taker for shape in SHAPES for taker in shape.values()])
def test_a_taker_takes_or_says_what_is_wrong(taker: Taker) -> None:
    """No other exception, and a message with every argument it needs ("key" comes with the place)."""
    refused = 0
    for value in ODD:
        try:
            taker(value)
        except Wrong as wrong:
            refused += 1
            needed = placeholders(template(wrong.code, "en")) - {"key"}
            assert needed <= set(wrong.args_of_message), (wrong.code, value)  # noqa: PT017 - every value in turn
    assert refused > len(ODD) / 2


def test_the_vocabulary_is_that_of_the_design() -> None:
    later = "in_1 in_2 in_3 in_4 ct pt"  # ADR 0009, ADR 0006
    counted = "program clear demand_clear event_clear time_set cover terminal_cover power_down voltage_loss"
    counted += "".join(f" {what}_{phase}" for what in ("phase_break", "reverse_flow") for phase in "abc")
    later += "".join(f" n_{name}" for name in counted.split()) + " phase_order serial"  # ADR 0010
    assert " ".join(QUANTITIES) == f"{DESIGN_11} {later}"
    units = {quantity.unit for quantity in QUANTITIES.values()}
    assert units == {"V", "A", "kW", "kvar", "kVA", "-", "Hz", "kWh", "kvarh", "C"}
    codes = [quantity.obis for quantity in QUANTITIES.values() if quantity.obis]
    assert len(codes) == len(set(codes))
    assert QUANTITIES["u_a"].obis == "1-0:32.7.0"
    assert all(quantity.title_en and quantity.title_zh for quantity in QUANTITIES.values())


def test_what_stands_still_is_part_of_the_vocabulary() -> None:
    assert {name for name in QUANTITIES if name.startswith("n_")} == COUNTERS
    assert {"phase_order", "serial"} == STANDING - COUNTERS
    assert set(QUANTITIES) >= STANDING
    assert {QUANTITIES[name].unit for name in STANDING} == {"-"}


def test_the_vocabulary_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        QUANTITIES["x"] = QUANTITIES["p"]  # type: ignore[index]  # what the test is about
