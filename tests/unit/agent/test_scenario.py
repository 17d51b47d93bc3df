"""Scenario files: what is understood, what is refused with line and code, and what simulated meters read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agent.scenario.compare import compare
from agent.scenario.file import take
from agent.scenario.meters import SimMeter
from agent.scenario.model import Expected, Happened, Item, Power, Scenario, Whole
from agent.scenario.play import play
from config.errors import ConfigInvalid
from config.messages import render

HEAD = """title = "One kiln"
title_zh = "一台窑炉"
begin = "2026-11-25 08:00"
"""
PLANT = """
[[point]]
id = "kiln"
role = "production"
on_above_kw = "5"
off_below_kw = "4"

[[rule]]
id = "over"
kind = "threshold"
meter = "kiln-m"
above = "20"
clear = "18"

[[order]]
id = "o1"
kind = "stop"
from = "2026-11-25 12:00"
"""


def written(timeline: str, expect: str = "", plant: str = PLANT, head: str = HEAD) -> str:
    return f'{head}timeline = """\n{timeline}\n"""\nexpect = """\n{expect}\n"""\n{plant}'


def taken(timeline: str, expect: str = "", **parts: str) -> Scenario:
    return take("x.toml", written(timeline, expect, **parts).encode())


def mistakes(timeline: str, expect: str = "", **parts: str) -> list[tuple[str, int]]:
    with pytest.raises(ConfigInvalid) as caught:
        taken(timeline, expect, **parts)
    for problem in caught.value.problems:
        for lang in ("en", "zh"):
            assert "{" not in render(problem, lang), "a placeholder is left"
    return [(problem.code, problem.line) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("08:61 kiln 12", "SBX-SCN-010"),
        ("morning kiln 12", "SBX-SCN-010"),
        ("07:59 kiln 12", "SBX-SCN-010"),
        ("2026-02-30 08:00 kiln 12", "SBX-SCN-010"),
        ("08:10 kiln twelve", "SBX-SCN-011"),
        ("08:10 kiln", "SBX-SCN-011"),
        ("08:10", "SBX-SCN-011"),
        ("08:10 kiln ramp 0 12", "SBX-SCN-011"),
        ("08:10 kiln ramp 0 12 soon", "SBX-SCN-013"),
        ("08:10 kiln reversed d", "SBX-SCN-011"),
        ("08:10 oven 12", "SBX-SCN-012"),
        ("08:10 kiln.p_d 3", "SBX-CFG-045"),
        ("08:10 kiln.p much", "SBX-SCN-011"),
        ("08:10 bus b7 silent", "SBX-SCN-012"),
        ("08:10 bus b1 asleep", "SBX-SCN-011"),
        ("08:10 lose 10%", "SBX-SCN-011"),
        ("08:10 lose 101% seed 1", "SBX-SCN-011"),
        ("08:10 mains gone", "SBX-SCN-011"),
        ("08:10 dark now", "SBX-SCN-011"),
        ("08:10 restart twice", "SBX-SCN-011"),
        ("08:10 reboot", "SBX-SCN-011"),
        ("08:10 clock 1h", "SBX-SCN-011"),
        ("08:10 clock lost 20m", "SBX-SCN-011"),
        ("08:10 clock +later", "SBX-SCN-013"),
        ("08:10 order o2", "SBX-SCN-014"),
        ("08:10 declare o1", "SBX-SCN-014"),
        ("08:10 cancel", "SBX-SCN-011"),
        ("08:10 uplink city late", "SBX-SCN-011"),
    ],
)
def test_a_line_that_is_not_understood(line: str, code: str) -> None:
    assert mistakes(f"08:00 kiln 12\n{line}\n09:00 end") == [(code, 6)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("08:10 appear over", "SBX-SCN-020"),
        ("08:10 raise", "SBX-SCN-020"),
        ("08:10 +-much raise over", "SBX-SCN-013"),
        ("08:10 raise above", "SBX-SCN-021"),
        ("08:10 raise over size=big", "SBX-SCN-022"),
        ("08:10 raise over level=high", "SBX-SCN-022"),
        ("08:10 raise over code=SBX-RUL-999", "SBX-SCN-022"),
        ("10:10 raise over", "SBX-SCN-019"),
    ],
)
def test_an_expectation_that_is_not_understood(line: str, code: str) -> None:
    assert mistakes("08:00 kiln 12\n09:00 end", line) == [(code, 9)]


def test_all_mistakes_are_named_at_once() -> None:
    plant = PLANT.replace('"20"', "20").replace('"production"', '"producer"')
    found = mistakes("08:10 kiln 12\n08:05 kiln 13\n08:20 end\n08:30 kiln 0", "08:15 raise no", plant=plant)
    assert found == [
        ("SBX-SCN-015", 6),
        ("SBX-SCN-016", 8),
        ("SBX-SCN-021", 11),
        ("SBX-CFG-024", 16),
        ("SBX-CFG-029", 24),
    ]


def test_a_head_that_is_not_whole() -> None:
    assert mistakes("09:00 end", head='begin = "now"\nspeed = 3\n') == [
        ("SBX-CFG-013", 1),
        ("SBX-CFG-013", 1),
        ("SBX-SCN-001", 1),
        ("SBX-CFG-011", 2),
    ]
    assert mistakes("08:00 kiln 12") == [("SBX-SCN-018", 5)]
    assert mistakes("+700:00 end", head=HEAD + "step_s = 1\n") == [("SBX-SCN-017", 6)]


def test_orders_are_checked() -> None:
    found = mistakes("09:00 end", plant=PLANT + 'points = ["oven"]\nreduce_percent = "0"\nto = "soon"\n')
    assert [code for code, _ in found] == ["SBX-CFG-042", "SBX-ORD-013", "SBX-ORD-018"]


def test_times_of_all_forms_are_the_same_moments() -> None:
    scenario = taken(
        "08:00 kiln 1\n+0:10 kiln 2\n08:20:30 kiln 3\n24:05 kiln 4\n2026-11-26 01:00 kiln 5\n+18:00 end"
    )
    minutes = [event.at_ms / 60_000 for event in scenario.events]
    assert minutes == [0, 10, 20.5, 16 * 60 + 5, 17 * 60]
    assert scenario.end_ms == 18 * 3_600_000


def test_what_need_not_be_written() -> None:
    config = taken("09:00 end", plant=PLANT + '\n[[meter]]\nid = "stray"\nbus = "b2"\n').config
    assert [(meter.id, meter.bus, meter.every_s, meter.slow_every_s) for meter in config.meters] == [
        ("stray", "b2", 10, 60),
        ("kiln-m", "b1", 10, 60),
    ]
    assert {bus.id for bus in config.buses} == {"b1", "b2"}
    assert config.points[0].meter == "kiln-m"
    slow = taken("09:00 end", head=HEAD + "step_s = 120\n").config.meters[0]
    assert (slow.every_s, slow.slow_every_s) == (120, 120)


def test_a_scenario_is_played_the_same_each_time() -> None:
    scenario = taken("08:00 lose 20% seed 9\n08:00 kiln 19\n08:10 kiln 25\n08:40 kiln 2\n09:00 end")
    assert play(scenario) == play(scenario)
    assert [change.verb for change in play(scenario)] == ["raise", "clear"]


QUANTITIES = ("p", "p_a", "p_b", "p_c", "u_a", "u_b", "u_c", "i_a", "i_b", "i_c", "pf", "q", "s", "f", "u_ab")


def test_a_simulated_meter_is_consistent_and_never_still() -> None:
    meter = SimMeter("m")
    meter.draw(Power("m", 12.0), 0)
    meter.run_to(3_600_000)
    first = meter.read(3_600_000, False, QUANTITIES)
    meter.run_to(3_610_000)
    second = meter.read(3_610_000, False, QUANTITIES)
    assert all(first[name] != second[name] for name in ("p", "u_a", "i_b"))
    for read in (first, second):
        assert read["p"] == read["p_a"] + read["p_b"] + read["p_c"]
        made = sum(read[f"u_{x}"] * read[f"i_{x}"] for x in "abc") * read["pf"] / 1000
        assert abs(made - read["p"]) < Decimal("0.02")
        assert abs(read["p"] - 12) < Decimal("0.03")
    assert meter.read(3_610_000, True, ("ep_imp",)) == {"ep_imp": Decimal("1012.03")}


def test_what_the_words_do_to_a_meter() -> None:
    meter = SimMeter("m")
    meter.draw(Power("m", 12.0), 0)
    meter.set(Whole("m", "reversed", "a"))
    read = meter.read(0, False, QUANTITIES)
    assert read["p_a"] < 0 < read["p_b"]
    assert abs(read["p"] - 4) < Decimal("0.02")
    meter.set(Whole("m", "lost", "b"))
    read = meter.read(0, False, QUANTITIES)
    assert not any((read["u_b"], read["i_b"], read["p_b"]))
    meter.set(Whole("m", "free"))
    meter.set_item(Item("m", "p", "times", Decimal(-1)))
    assert meter.read(0, False, QUANTITIES)["p"] < -11
    meter.set_item(Item("m", "p", "missing"))
    assert "p" not in meter.read(0, False, QUANTITIES)
    meter.set_item(Item("m", "p", "free"))
    meter.set_item(Item("m", "ep_imp", "plus", Decimal(500)))
    assert meter.read(0, True, ("ep_imp",)) == {"ep_imp": Decimal("1500.00")}
    still = meter.read(0, False, QUANTITIES)
    meter.set(Whole("m", "frozen"))
    assert meter.read(10_000, False, QUANTITIES) == still
    meter.draw(Power("m", 0.0), 0)
    meter.set(Whole("m", "free"))
    assert meter.read(20_000, False, QUANTITIES)["i_a"] == 0


def line(at_s: int, verb: str = "raise", key: str = "a", **said: str) -> Expected:
    assert verb in ("raise", "clear")
    return Expected(at_s * 1000, 20_000, "raise" if verb == "raise" else "clear", key, **said)


def change(at_s: int, verb: str = "raise", key: str = "a", level: str = "alarm") -> Happened:
    return Happened(
        at_s * 1000, "raise" if verb == "raise" else "clear", key, level, "SBX-RUL-001", "plant", ""
    )


@pytest.mark.parametrize(
    ("expected", "actual", "agrees"),
    [
        ([], [], []),
        ([line(100)], [change(120)], [True]),
        ([line(100)], [change(121)], [False, False]),
        ([line(100)], [change(100, "clear")], [False, False]),
        ([line(100)], [change(100, key="b")], [False, False]),
        ([line(100, level="warning")], [change(100)], [False, False]),
        ([line(100)], [change(90), change(95)], [True, False]),
        ([line(110), line(100)], [change(90), change(120)], [True, True]),
    ],
)
def test_nothing_may_be_left_over(
    expected: list[Expected], actual: list[Happened], agrees: list[bool]
) -> None:
    assert [row.agrees for row in compare(expected, actual)] == agrees
