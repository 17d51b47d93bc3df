"""Each mistake a profile can hold, with its line; and the codes are all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.errors import ConfigInvalid
from config.messages import known_codes, placeholders, render, template
from config.profile import missing_codes
from config.profiles import load_profile

DLT = """\
id = "m"
title = "a meter"
family = "dlt645-2007"
lines = ["2400 8E1"]
source = [{ title = "somewhere", confidence = "A" }]
item = [
  { quantity = "u_a", di = "02010100", format = "XXX.X", ratio = "pt" },
  { quantity = "u_b", di = "02010200", format = "XXX.X", ratio = "pt" },
  { quantity = "f", di = "02800002", format = "XX.XX", poll = "slow" },
]
block = [
  { di = "0201FF00", items = ["02010100", "02010200"] },
]
"""

MODBUS = """\
id = "m"
title = "a meter"
family = "modbus"
max_registers = 2

[[source]]
title = "somewhere"
confidence = "B"

[[item]]
quantity = "u_a"
fc = 4
address = 0x0000
type = "f32"

[[item]]
quantity = "p"
fc = 4
address = 0x0002
type = "f32"
scale = "0.001"
"""

RATIO = (
    MODBUS.replace("max_registers = 2", 'ratio_source = "meter"')
    .replace('quantity = "u_a"', 'quantity = "ct"')
    .replace('quantity = "p"', 'quantity = "i_b"\nratio = "ct"')
)

# code, which profile, old, new, the line
MISTAKES = (
    ("SBX-CFG-003", DLT, 'id = "m"', "= 1", 1),
    ("SBX-CFG-011", DLT, "di = ", "id = ", 7),
    ("SBX-CFG-011", DLT, 'format = "XX.XX"', 'format = "XX.XX", fc = 4', 9),
    ("SBX-CFG-011", MODBUS, "max_registers", "max_register", 4),
    ("SBX-CFG-012", MODBUS, "[[source]]", "[source]", 6),
    ("SBX-CFG-013", MODBUS, "address = 0x0000", "", 10),
    ("SBX-CFG-013", DLT, 'title = "a meter"', "", 0),
    ("SBX-CFG-023", MODBUS, "max_registers = 2", "max_registers = 126", 4),
    ("SBX-CFG-023", MODBUS, "fc = 4", "fc = 6", 12),
    ("SBX-CFG-023", MODBUS, "max_registers = 2", "phases = 2", 4),
    ("SBX-CFG-023", MODBUS, 'scale = "0.001"', 'scale = "0"', 21),
    ("SBX-CFG-024", MODBUS, 'type = "f32"', 'type = "float"', 14),
    ("SBX-CFG-025", DLT, 'lines = ["2400 8E1"]', 'lines = "2400 8E1"', 4),
    ("SBX-CFG-029", MODBUS, 'scale = "0.001"', "scale = 0.001", 21),
    ("SBX-CFG-031", DLT, '"2400 8E1"', '"2400 8X1"', 4),
    ("SBX-CFG-045", DLT, '"u_a"', '"ua"', 7),
    ("SBX-CFG-101", DLT, 'id = "m"', 'id = "n"', 1),
    ("SBX-CFG-102", DLT, 'di = "02010100"', 'di = "2010100"', 7),
    ("SBX-CFG-102", DLT, 'di = "0201FF00"', 'di = "0201ff00"', 12),
    ("SBX-CFG-102", DLT, 'items = ["02010100", "02010200"]', "items = []", 12),
    ("SBX-CFG-102", DLT, 'di = "02800002"', 'di = "9010"', 9),
    ("SBX-CFG-102", DLT, 'di = "0201FF00"', 'di = "B61F"', 12),
    ("SBX-CFG-103", DLT, '"XX.XX"', '"XX.X"', 9),
    ("SBX-CFG-104", DLT, 'items = ["02010100"', 'items = ["02010300"', 12),
    ("SBX-CFG-104", DLT, 'items = ["02010100"', 'items = ["02010200"', 12),
    ("SBX-CFG-105", DLT, '"u_b"', '"u_a"', 8),
    ("SBX-CFG-106", DLT, 'ratio = "pt"', 'ratio = "ptct"', 7),
    ("SBX-CFG-106", DLT, 'poll = "slow"', 'ratio = "pt"', 9),
    ("SBX-CFG-107", MODBUS, "address = 0x0002", "address = 0x0001", 19),
    ("SBX-CFG-108", DLT, 'source = [{ title = "somewhere", confidence = "A" }]', "", 0),
    ("SBX-CFG-109", DLT, 'di = "02010200"', 'di = "02010100"', 8),
    ("SBX-CFG-110", MODBUS, MODBUS[MODBUS.index("[[item]]") :], "", 0),
    ("SBX-CFG-112", MODBUS, "address = 0x0002", "address = 0xFFFF", 19),
    ("SBX-CFG-113", MODBUS, 'type = "f32"', 'type = "f64"', 14),
    ("SBX-CFG-115", MODBUS, 'type = "f32"', 'type = "f32"\nmissing = [1]', 15),
    ("SBX-CFG-115", MODBUS, 'type = "f32"', 'type = "u16"\nmissing = ["0x80000000"]', 15),
    ("SBX-CFG-116", RATIO, 'quantity = "ct"', 'quantity = "i_a"', 4),
    ("SBX-CFG-118", MODBUS, "fc = 4", "fc = 2", 12),
    ("SBX-CFG-118", MODBUS, 'type = "f32"', 'type = "bit"', 12),
    ("SBX-CFG-023", DLT, 'format = "XX.XX"', 'format = "word", bit = 16', 9),
    ("SBX-CFG-109", DLT, 'di = "02800002", format = "XX.XX"', 'di = "02010100", format = "word", bit = 1', 9),
    ("SBX-CFG-023", DLT, 'format = "XX.XX"', 'format = "XX.XX", nth = 2', 9),
    ("SBX-CFG-023", DLT, 'format = "XX.XX"', 'format = "XX.XX", nth = 4, of = 3', 9),
    ("SBX-CFG-023", DLT, 'format = "XX.XX"', 'format = "XX.XX", of = 17', 9),
    ("SBX-CFG-023", DLT, 'format = "XX.XX"', 'format = "word", bit = 0, of = 2', 9),
    ("SBX-CFG-119", DLT, 'format = "XX.XX"', 'format = "word"', 9),
    ("SBX-CFG-119", DLT, 'format = "XX.XX"', 'format = "XX.XX", bit = 0', 9),
    ("SBX-CFG-119", DLT, 'format = "XX.XX"', 'format = "word", bit = 0, signed = true', 9),
    ("SBX-CFG-117", DLT, 'lines = ["2400 8E1"]', 'ratio_source = "meter"', 4),
    ("SBX-CFG-114", DLT, 'ratio = "pt" }', 'ratio = "pt", poll = "slow" }', 12),
)
ELSEWHERE = {"SBX-CFG-111": "tests/contract/test_profiles.py"}


@pytest.mark.parametrize("text", [DLT, MODBUS], ids=["dlt", "modbus"])
def test_the_profiles_to_break_are_sound(text: str) -> None:
    profile = load_profile("m.toml", text.encode())
    assert (len(profile.dlt), len(profile.modbus)) in ((3, 0), (0, 2))
    assert len(profile.digest) == 64


@pytest.mark.parametrize(("code", "text", "old", "new", "line"), MISTAKES)
def test_mistake(code: str, text: str, old: str, new: str, line: int) -> None:
    assert old in text
    with pytest.raises(ConfigInvalid) as caught:
        load_profile("profiles/m.toml", text.replace(old, new, 1).encode())
    problems = caught.value.problems
    assert (code, line) in {(problem.code, problem.line) for problem in problems}, [
        render(problem, "en") for problem in problems
    ]
    for problem in problems:
        assert problem.file == "profiles/m.toml"
        assert placeholders(template(problem.code, "en")) <= set(problem.args)


def test_every_profile_code_can_be_provoked() -> None:
    codes = {code for code in known_codes() if "SBX-CFG-1" <= code < "SBX-CFG-130"}
    assert {row[0] for row in MISTAKES if row[0] >= "SBX-CFG-1"} | set(ELSEWHERE) == codes


def parts(*said: str) -> str:
    """A profile that reads numbers of one answer, and nothing else."""
    items = [
        f'{{ quantity = "n_phase_break_{phase}", di = "03040000", {one}, poll = "slow" }},'
        for phase, one in zip("abc", said, strict=False)
    ]
    return DLT[: DLT.index("item = [")] + "\n".join(("item = [", *items, "]"))


def test_items_share_an_answer_that_all_take_for_the_same() -> None:
    first, third = 'format = "XXXXXX", nth = 1, of = 6', 'format = "XXXXXX", nth = 3, of = 6'
    assert len(load_profile("m.toml", parts(first, third).encode()).dlt) == 2
    for other in (first, 'format = "XXXX", nth = 3, of = 6', 'format = "XXXXXX", nth = 3, of = 5'):
        with pytest.raises(ConfigInvalid) as caught:
            load_profile("m.toml", parts(first, other).encode())
        assert [problem.code for problem in caught.value.problems] == ["SBX-CFG-109"]


def words(*bits: int) -> str:
    """A profile that reads bits of one status word, and nothing else."""
    items = [
        f'{{ quantity = "in_{number}", di = "04000507", format = "word", bit = {bit}, poll = "slow" }},'
        for number, bit in enumerate(bits, 1)
    ]
    return DLT[: DLT.index("item = [")] + "\n".join(("item = [", *items, "]", ""))


def test_one_word_serves_many_bits_but_each_bit_one_quantity() -> None:
    found = load_profile("m.toml", words(0, 9).encode())
    assert [item.bit for item in found.dlt] == [0, 9]
    with pytest.raises(ConfigInvalid) as caught:
        load_profile("m.toml", words(0, 9, 0).encode())
    assert [(problem.code, problem.line) for problem in caught.value.problems] == [("SBX-CFG-109", 9)]


def test_the_editions_have_their_own_identifiers() -> None:
    old = DLT.replace("dlt645-2007", "dlt645-1997")
    with pytest.raises(ConfigInvalid) as caught:
        load_profile("m.toml", old.encode())
    assert {problem.code for problem in caught.value.problems} == {"SBX-CFG-102"}
    for new, name in (("B611", "02010100"), ("B612", "02010200"), ("B660", "02800002"), ("B61F", "0201FF00")):
        old = old.replace(name, new)
    profile = load_profile("m.toml", old.replace("XXX.X", "XXX").encode())
    assert [(item.di, item.format) for item in profile.dlt] == [
        ("B611", "XXX"),
        ("B612", "XXX"),
        ("B660", "XX.XX"),
    ]


def test_all_mistakes_at_once() -> None:
    text = DLT.replace('"u_a"', '"ua"').replace('"XX.XX"', '"?"').replace('di = "02010200"', 'di = "0"')
    with pytest.raises(ConfigInvalid) as caught:
        load_profile("m.toml", text.encode())
    assert [problem.line for problem in caught.value.problems] == [7, 8, 9]


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("", (0xFFFF_FFFF,)),
        ("missing = []", ()),
        ('missing = ["0x7FFFFFFF", "0x80000000"]', (0x7FFF_FFFF, 0x8000_0000)),
    ],
)
def test_what_means_no_value_takes_the_place_of_the_fill(written: str, codes: tuple[int, ...]) -> None:
    text = MODBUS.replace('type = "f32"', f'type = "u32"\n{written}', 1)
    voltage, power = load_profile("m.toml", text.encode()).modbus
    assert missing_codes(voltage) == codes
    assert missing_codes(power) == (), "of a float it is NaN"
    assert missing_codes(replace(voltage, quantity="n_cover")) == (codes if written else ())
