"""Order files: what is written is what is meant, and every mistake is found at once, with its line."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from config.calendar import Window, moment_ms
from config.errors import ConfigInvalid
from config.messages import placeholders, template
from config.orderfile import MAX_FILE, Ground, take_file, take_object
from config.orders import Declaration, Order
from config.site import Point
from config.source import Place

ZONE = ZoneInfo("Asia/Shanghai")
KW = Decimal(5)
POINTS = (
    Point(id="kiln", role="production", meter="m1", on_above_kw=KW, off_below_kw=KW),
    Point(id="press", role="production", meter="m2", on_above_kw=KW, off_below_kw=KW),
    Point(id="scrubber", role="treatment", meter="m3", on_above_kw=KW, off_below_kw=KW),
    Point(id="main", role="total", meter="m4", on_above_kw=KW, off_below_kw=KW),
)


def at(text: str) -> int:
    return moment_ms(text, ZONE)


GROUND = Ground(POINTS, ZONE, at("2026-11-25 12:00"), who="wang")
SOUND = """\
[[order]]
id = "2026-031"
kind = "limit"
from = "2026-11-25 24:00"
to = "2026-11-28 24:00"
points = ["kiln"]
reduce_percent = "30"
daily = "22:00-06:00"
level = "orange"
"""


def test_what_is_written_is_what_is_meant() -> None:
    text = (
        SOUND
        + """
[[order]]
id = "keep"
kind = "stop"
from = "2026-12-01 00:00"
points = ["main"]
provisional = true
grace_s = 600
exempt_kw = "12.5"
title = "红色预警"

[[declaration]]
id = "d"
kind = "maintenance"
from = "2026-11-25 08:00"
to = "2026-11-25 18:00"
points = ["press"]
reason = "换轴承"
"""
    )
    orders, declarations = take_file("a.toml", text.encode(), GROUND)
    assert orders == (
        Order(
            id="2026-031",
            kind="limit",
            source="local",
            from_ms=at("2026-11-26 00:00"),
            to_ms=at("2026-11-29 00:00"),
            points=("kiln",),
            reduce_percent=Decimal(30),
            daily=Window.parse("22:00-06:00"),
            level="orange",
        ),
        Order(
            id="keep",
            kind="stop",
            source="local",
            from_ms=at("2026-12-01 00:00"),
            points=("main",),
            provisional=True,
            grace_s=600,
            exempt_kw=Decimal("12.5"),
            title="红色预警",
        ),
    )
    assert declarations == (
        Declaration(
            id="d",
            kind="maintenance",
            from_ms=at("2026-11-25 08:00"),
            to_ms=at("2026-11-25 18:00"),
            declared_ms=GROUND.now_ms,
            points=("press",),
            by="wang",
            reason="换轴承",
        ),
    )
    assert declarations[0].late_ms == 4 * 3_600_000


def broken(code: str, *changes: tuple[str, str], line: int) -> object:
    return pytest.param(code, changes, line, id=f"{code}-{changes[0][1][:24]}")


MISTAKES = [
    broken("SBX-CFG-011", ("level =", "levle ="), line=9),
    broken("SBX-CFG-013", ('from = "2026-11-25 24:00"\n', ""), line=1),
    broken("SBX-CFG-013", ('kind = "limit"\n', ""), line=1),
    broken("SBX-CFG-024", ('"limit"', '"halt"'), line=3),
    broken("SBX-CFG-024", ('"orange"', '"purple"'), line=9),
    broken("SBX-CFG-042", ('["kiln"]', '["klin"]'), line=6),
    broken("SBX-CFG-042", ('["kiln"]', '["klin"]'), ("2026-11-28", "2026-11-20"), line=6),
    broken("SBX-CFG-072", ('["kiln"]', '["kiln", "kiln"]'), line=6),
    broken("SBX-CFG-010", ("[[order]]", "[[ordre]]"), line=1),
    broken("SBX-CFG-014", (SOUND, SOUND + SOUND), line=11),
    broken("SBX-ORD-010", ("2026-11-28 24:00", "2026-11-26 00:00"), line=5),
    broken("SBX-ORD-011", ('reduce_percent = "30"\n', ""), line=3),
    broken("SBX-ORD-011", ("daily", 'limit_kw = "5"\ndaily'), line=8),
    broken("SBX-ORD-012", ('"limit"', '"stop"'), line=7),
    broken("SBX-ORD-012", ('"limit"', '"stop"'), ("reduce_percent", "baseline_kw"), line=7),
    broken("SBX-ORD-013", ('"30"', '"0"'), line=7),
    broken("SBX-ORD-013", ('"30"', '"-1"'), line=7),
    broken("SBX-ORD-013", ('"30"', '"100.5"'), line=7),
    broken("SBX-CFG-029", ('"30"', "30"), line=7),
    broken("SBX-CFG-023", ("level =", "reference_days = 15\nlevel ="), line=9),
    broken("SBX-ORD-014", ('["kiln"]', "[]"), line=6),
    broken("SBX-ORD-015", ("reduce_percent", 'baseline_kw = "9"\nlimit_kw'), line=7),
    broken("SBX-ORD-016", ('["kiln"]', '["scrubber"]'), line=6),
    broken("SBX-ORD-018", ("2026-11-25 24:00", "2026-11-25 24:01"), line=4),
    broken("SBX-ORD-018", ('"2026-11-25 24:00"', "2026-11-25T00:00:00"), line=4),
    broken("SBX-ORD-018", ("2026-11-25 24:00", "2026-11-31 00:00"), line=4),
    broken("SBX-ORD-019", ("22:00-06:00", "22-6"), line=8),
    broken(
        "SBX-ORD-020",
        ("reduce_percent", "limit_kwh"),
        ('to = "2026-11-28 24:00"\n', ""),
        ("daily", "#"),
        line=6,
    ),
    broken("SBX-ORD-021", (SOUND, "# nothing\n"), line=0),
    broken("SBX-ORD-022", ("2026-031", "used"), line=2),
    broken("SBX-ORD-023", ("2026-11-25 24", "2025-11-25 24"), ("2026-11-28", "2025-11-28"), line=5),
    broken("SBX-ORD-024", ("level =", 'replaces = "2026-030"\nlevel ='), line=9),
    broken("SBX-ORD-025", (SOUND, "#" * (MAX_FILE + 1)), line=0),
    broken("SBX-CFG-008", ('"limit"', "limit"), line=3),
]


@pytest.mark.parametrize(("code", "changes", "line"), MISTAKES)
def test_each_mistake_is_found_at_its_line(
    code: str, changes: tuple[tuple[str, str], ...], line: int
) -> None:
    text = SOUND
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ConfigInvalid) as caught:
        take_file("a.toml", text.encode(), replace(GROUND, used=frozenset(("used",))))
    found = [(problem.code, problem.line) for problem in caught.value.problems]
    assert (code, line) in found
    for problem in caught.value.problems:
        assert placeholders(template(problem.code, "zh")) <= problem.args.keys() | {"key"}, problem.code


def test_all_mistakes_are_told_at_once() -> None:
    text = SOUND.replace('"30"', '"0"').replace("kiln", "klin") + SOUND.replace("22:00-06:00", "x").replace(
        "2026-031", "b"
    )
    with pytest.raises(ConfigInvalid) as caught:
        take_file("a.toml", text.encode(), GROUND)
    found = {(problem.code, problem.line) for problem in caught.value.problems}
    assert found == {("SBX-CFG-042", 6), ("SBX-ORD-013", 7), ("SBX-ORD-019", 17)}


def test_every_production_point_where_none_is_named_and_nobody_where_there_is_none() -> None:
    text = SOUND.replace('points = ["kiln"]\n', "").encode()
    assert take_file("a.toml", text, GROUND)[0][0].points == ()
    with pytest.raises(ConfigInvalid, match="SBX-ORD-014"):
        take_file("a.toml", text, replace(GROUND, points=POINTS[2:]))


def order(**changes: object) -> Order:
    (made,), _ = take_file("a.toml", SOUND.encode(), GROUND)
    return replace(made, **changes)  # type: ignore[arg-type]  # a shorthand of this test


@pytest.mark.parametrize(
    ("changes", "contradicts"),
    [
        ({}, False),
        ({"reduce_percent": Decimal(50)}, True),
        ({"reduce_percent": None, "kind": "stop"}, True),
        ({"reduce_percent": Decimal(50), "points": ()}, True),
        ({"reduce_percent": Decimal(50), "points": ("press", "main")}, False),
        ({"reduce_percent": Decimal(50), "source": "city"}, False),
        ({"reduce_percent": Decimal(50), "daily": Window.parse("06:00-22:00")}, False),
        ({"reduce_percent": Decimal(50), "daily": Window.parse("05:00-07:00")}, True),
        ({"reduce_percent": Decimal(50), "daily": Window.parse("mon 12:00-13:00")}, False),
        ({"reduce_percent": Decimal(50), "daily": None}, True),
        ({"reduce_percent": Decimal(50), "to_ms": at("2026-11-26 00:00"), "from_ms": 0}, False),
        ({"reduce_percent": Decimal(50), "from_ms": at("2026-11-29 00:00"), "to_ms": None}, False),
        ({"reduce_percent": Decimal(50), "grace_s": 5, "level": "red", "title": "x"}, True),
        ({"grace_s": 5, "level": "red", "title": "x"}, False),
    ],
)
def test_orders_that_contradict_each_other(changes: dict[str, object], contradicts: bool) -> None:
    known = replace(GROUND, orders=(order(id="other", **changes),))
    if contradicts:
        with pytest.raises(ConfigInvalid, match="SBX-ORD-017"):
            take_file("a.toml", SOUND.encode(), known)
    else:
        take_file("a.toml", SOUND.encode(), known)


def test_a_window_of_another_weekday_is_met_in_the_week_after() -> None:
    """The order begins on a Thursday; the other holds on Tuesdays: they meet five days later."""
    late = SOUND.replace("2026-11-28", "2026-12-05").replace("22:00-06:00", "00:00-24:00")
    other = order(id="other", reduce_percent=Decimal(50), daily=Window.parse("tue 10:00-11:00"), to_ms=None)
    with pytest.raises(ConfigInvalid, match="SBX-ORD-017"):
        take_file("a.toml", late.encode(), replace(GROUND, orders=(other,)))


def test_one_order_may_take_the_place_of_another() -> None:
    known = replace(GROUND, orders=(order(id="2026-030", reduce_percent=Decimal(50)),))
    text = SOUND.replace("level =", 'replaces = "2026-030"\nlevel =')
    assert take_file("a.toml", text.encode(), known)[0][0].replaces == "2026-030"
    with pytest.raises(ConfigInvalid, match="SBX-ORD-024"):
        take_file("a.toml", text.encode(), replace(known, replaced=frozenset(("2026-030",))))
    theirs = replace(known, orders=(order(id="2026-030", source="city"),))
    with pytest.raises(ConfigInvalid, match="SBX-ORD-024"):
        take_file("a.toml", text.encode(), theirs)


def test_two_of_one_file_that_replace_the_same_one() -> None:
    known = replace(GROUND, orders=(order(id="2026-030"),))
    one = SOUND.replace("level =", 'replaces = "2026-030"\nlevel =')
    with pytest.raises(ConfigInvalid, match="SBX-ORD-024"):
        take_file("a.toml", (one + one.replace("2026-031", "2026-032")).encode(), known)


def test_the_object_of_a_command_is_judged_alike_and_named_after_its_issuer() -> None:
    value = {"id": "7", "kind": "stop", "from_ms": 1, "to_ms": at("2026-12-01 00:00"), "points": ["kiln"]}
    (made,), _ = take_object("order", Place("c", 8, "order"), value, "city", GROUND)
    assert (made.id, made.source, made.from_ms) == ("city/7", "city", 1)
    for change, code in (
        ({"from": "2026-11-25 24:00"}, "SBX-CFG-011"),
        ({"from_ms": "1"}, "SBX-CFG-021"),
        ({"points": ["klin"]}, "SBX-CFG-042"),
        ({"points": [7]}, "SBX-CFG-020"),
        ({"source": "county"}, "SBX-CFG-011"),
        ({"to_ms": 1}, "SBX-ORD-010"),
        ({"limit_kw": "5"}, "SBX-ORD-012"),
    ):
        with pytest.raises(ConfigInvalid, match=code):
            take_object("order", Place("c", 8, "order"), {**value, **change}, "city", GROUND)


def test_a_declaration_may_be_late_but_has_an_end_after_its_beginning() -> None:
    text = '[[declaration]]\nid = "d"\nkind = "stop"\nfrom = "2026-11-01 08:00"\nto = "2026-11-01 07:00"\n'
    with pytest.raises(ConfigInvalid, match="SBX-ORD-010"):
        take_file("a.toml", text.encode(), GROUND)
    _, (late,) = take_file("a.toml", text.replace("07:00", "09:00").encode(), GROUND)
    assert late.late_ms == 24 * 86_400_000 + 4 * 3_600_000
    with pytest.raises(ConfigInvalid, match="SBX-CFG-013"):
        take_file("a.toml", re.sub("to = .*\n", "", text).encode(), GROUND)
