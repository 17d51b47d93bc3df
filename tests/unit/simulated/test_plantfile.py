"""The plant file: defaults, all mistakes at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from config.site import Line
from drivers.simulated.plantfile import PlantFileError, parse

SMALL = """
[[bus]]
id = "b1"
link = "line/b1"
[[load]]
id = "kiln"
kw = 400
pattern = "furnace"
hours = ["22:00-06:00"]
[[meter]]
id = "kiln-main"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000012"
model = "dlt645-2007"
line = "2400 8E1"
loads = ["kiln"]
ct = "200/5"
"""


def mistakes(text: str) -> str:
    with pytest.raises(PlantFileError) as caught:
        parse(text, Path("/x"))
    return str(caught.value)


def test_defaults_and_conversions() -> None:
    spec = parse(SMALL, Path("/x"))
    assert spec.buses[0].link == "/x/line/b1"
    assert spec.loads[0].hours == ((1320, 360),)
    assert spec.meters[0].ct == Decimal(40)
    assert spec.meters[0].line == Line(2400, 8, "E", 1)
    assert spec.plant.period_s == 86400
    assert spec.meters[0].loads == ("kiln",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "kiln-main"', "", "meter: id is missing"),
        ('bus = "b1"', 'bus = "b2"', "no bus b2"),
        ('loads = ["kiln"]', 'loads = ["press"]', "no load press"),
        ('loads = ["kiln"]', 'loads = "kiln"', "loads = 'kiln' is wrong"),
        ('ct = "200/5"', 'ct = "1/5"', "ct = '1/5' is wrong"),
        ('ct = "200/5"', 'ct = "200/0"', "ct = '200/0' is wrong"),
        ('line = "2400 8E1"', 'line = "2400"', "line = '2400' is wrong"),
        ('address = "000000000012"', 'address = "12"', "address '12' is wrong"),
        ('model = "dlt645-2007"', 'model = "eastron-sdm630"', "does not speak dlt645-2007"),
        ('model = "dlt645-2007"', 'model = "x"', "model = 'x' is wrong"),
        ('protocol = "dlt645-2007"', 'protocol = "modbus-tcp"', "does not run on a serial bus"),
        ('hours = ["22:00-06:00"]', 'hours = ["22-06"]', "hours = ['22-06'] is wrong"),
        ("kw = 400", "kw = -1", "kw = -1 is wrong"),
        ("kw = 400", "kw = 400\npf = 0.0", "pf must lie"),
        ("kw = 400", 'kw = 400\npattern = "follow"\nhours2 = 1', "unknown key hours2"),
        ('link = "line/b1"', "link = 5", "link = 5 is wrong"),
        ('link = "line/b1"', 'kind = "tcp"', "does not run on a tcp bus"),
        ('ct = "200/5"', "delay_ms = true", "delay_ms = True is wrong"),
        ('ct = "200/5"', 'number = "12"', "number '12' is wrong"),
        ('ct = "200/5"', 'lacks = ["0330"]', "lacks '0330'"),
        ('ct = "200/5"', 'lacks = "10000001"', "lacks = '10000001' is wrong"),
        ('ct = "200/5"', 'refusal = "no"', "refusal = 'no' is wrong"),
        ('ct = "200/5"', "phases = 2", "phases must be 1 or 3"),
        ('ct = "200/5"', "most_data = 300", "most_data must lie"),
        ("[[bus]]", "[[line]]\n[[bus]]", "unknown table [line]"),
        ("[[bus]]", "[bus]", "must be a list of tables"),
        ("[[bus]]", "[[bus", "not TOML"),
    ],
)
def test_mistakes_are_named(old: str, new: str, said: str) -> None:
    text = SMALL.replace('pattern = "furnace"\n', "") if "follow" in new else SMALL
    assert old in text
    assert said in mistakes(text.replace(old, new, 1))


def test_all_mistakes_at_once() -> None:
    said = mistakes(SMALL.replace('ct = "200/5"', 'ct = "x"').replace("kw = 400", 'kw = "400 kW"'))
    assert "ct = 'x'" in said
    assert "kw = '400 kW'" in said


def test_ids_are_unique_and_followers_follow_loads() -> None:
    assert "load kiln: twice" in mistakes(SMALL + '[[load]]\nid = "kiln"\nkw = 1\n')
    assert "can be followed" in mistakes(SMALL + '[[load]]\nid = "fan"\nkw = 1\npattern = "follow"\n')
    fan = '[[load]]\nid = "fan"\nkw = 1\npattern = "follow"\nof = "kiln"\n'
    assert len(parse(SMALL + fan, Path()).loads) == 2


def test_a_unit_number_has_limits() -> None:
    modbus = SMALL.replace('protocol = "dlt645-2007"', 'protocol = "modbus-rtu"').replace(
        'model = "dlt645-2007"', 'model = "chint-dtsu666"'
    )
    assert "unit 248 is not in 1..247" in mistakes(modbus.replace("000000000012", "248"))
    assert parse(modbus.replace("000000000012", "247"), Path()).meters[0].address == "247"
