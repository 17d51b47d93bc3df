"""Loading: the sound file's values, each code's place, all mistakes at once, and the digest."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from config.errors import ConfigInvalid, Problem
from config.load import Loaded, load
from config.messages import known_codes, placeholders, render, template
from config.profiles import builtin_profiles, load_profile
from config.rulekinds import MeterSilent, Threshold, TreatmentOff
from config.site import Line, NotifyCommand, NotifyLed, Power
from tests.unit.config.broken import BROKEN, METERS, METERS_NAME, SITE, SITE_NAME, Broken

SOUND = [(SITE_NAME, SITE.encode()), (METERS_NAME, METERS.encode())]
ELSEWHERE = {  # codes of area CFG that no text of a site file provokes, and who provokes them
    "SBX-CFG-001": "tests/contract/test_example.py",
    "SBX-CFG-002": "test_a_file_in_another_encoding",
    "SBX-CFG-007": "test_no_file_at_all",
    "SBX-CFG-017": "test_too_many_files",
    "SBX-CFG-018": "test_without_a_site",
}
_PAIR = METERS[METERS.index('[[rule]]\nid = "pair"') : METERS.index('[[rule]]\nid = "hot"')]
_SILENT = METERS[METERS.index('[[rule]]\nid = "silent"') :]
WARNINGS = {f"SBX-CFG-{number:03}" for number in (91, 92, 93, 94, 95, 96, 97)}


def sound() -> Loaded:
    return load(SOUND, builtin_profiles())


def mistakes(files: list[tuple[str, bytes]]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigInvalid) as caught:
        load(files, builtin_profiles())
    return caught.value.problems


def test_sound_file() -> None:
    config = sound().config
    kiln, fan = config.meters
    assert (config.site.id, config.site.name) == ("SB-1", "三号厂")
    assert [(bus.kind, bus.port, bus.host, bus.tcp_port) for bus in config.buses] == [
        ("serial", "/dev/sitebox-bus1", None, 502),
        ("tcp", None, "10.0.0.9", 502),
    ]
    assert (kiln.ct, kiln.pt, kiln.line) == (Decimal(40), Decimal(1), Line(2400, 8, "E", 1))
    assert (fan.every_s, fan.slow_every_s, fan.line) == (10, 300, None)
    assert [type(rule) for rule in config.rules] == [TreatmentOff, Threshold, MeterSilent]
    assert config.points[0].off_below_kw == Decimal(4)
    assert sound().warnings == ()


def test_notices_power_and_an_uplink_for_warnings() -> None:
    text = f"""{SITE}
levels = ["warning"]
[[notify]]
id = "lamp"
kind = "led"
led = "red:alarm"
levels = ["alarm"]
[[notify]]
id = "siren"
kind = "command"
command = ["/usr/local/bin/siren", "--for", "20 s"]
timeout_s = 3
[power]
mains = "gpio"
chip = "/dev/gpiochip0"
line = 17
active_low = true
[[uplink]]
id = "plant"
kind = "mqtt"
host = "10.0.0.8"
ca = "/tls/ca.pem"
cert = "/tls/box.pem"
key = "/keys/box.key"
receipts = false
blocks = false
levels = ["warning", "alarm"]
"""
    found = load([(SITE_NAME, text.encode()), (METERS_NAME, METERS.encode())], builtin_profiles())
    config = found.config
    assert config.notify == (
        NotifyLed(id="lamp", led="red:alarm", levels=("alarm",)),
        NotifyCommand(id="siren", command=("/usr/local/bin/siren", "--for", "20 s"), timeout_s=3),
    )
    assert config.power == Power(mains="gpio", chip="/dev/gpiochip0", line=17, active_low=True)
    assert [(one.levels, one.blocks, one.receipts) for one in config.uplinks] == [
        (("warning",), True, True),
        (("warning", "alarm"), False, False),
    ]
    assert found.warnings == ()  # it carries no evidence, so nobody need sign for it
    assert sound().config.power == Power()


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.code}-{case.edits[0][1][:24]!r}")
def test_each_mistake_is_named_with_its_line(case: Broken) -> None:
    problems = mistakes(case.files())
    file, line = case.place()
    here = [problem for problem in problems if (problem.file, problem.line) == (file, line)]
    assert case.code in {problem.code for problem in here}, [render(problem, "en") for problem in problems]
    if case.key:
        assert case.key in {problem.key for problem in here if problem.code == case.code}


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.code)
def test_a_message_has_all_it_needs(case: Broken) -> None:
    for problem in mistakes(case.files()):
        for lang in ("en", "zh"):
            missing = placeholders(template(problem.code, lang)) - set(problem.args)
            assert not missing, f"{problem.code} {lang}"
            assert render(problem, lang).isprintable()


def test_every_code_of_the_site_file_can_be_provoked() -> None:
    site_codes = {code for code in known_codes() if code.startswith("SBX-CFG-0")}
    assert {case.code for case in BROKEN} | set(ELSEWHERE) | WARNINGS == site_codes


def test_one_mistake_is_reported_once() -> None:
    """What refers to a broken table is not wrong because of it."""
    files = [(SITE_NAME, SITE.replace('port = "/dev/sitebox-bus1"', 'port = "x"').encode()), SOUND[1]]
    assert [problem.code for problem in mistakes(files)] == ["SBX-CFG-035"]


def test_all_mistakes_at_once() -> None:
    site = SITE.replace('id = "SB-1"', "id = 5").replace("port = 502", "port = 0").encode()
    meters = METERS.replace('bus = "b1"', 'bus = "b9"').replace('ct = "200/5"', 'ct = "200"').encode()
    found = [(p.code, p.key) for p in mistakes([(SITE_NAME, site), (METERS_NAME, meters)])]
    assert found == [
        ("SBX-CFG-042", "meter.kiln.bus"),
        ("SBX-CFG-030", "meter.kiln.ct"),
        ("SBX-CFG-020", "site.id"),
        ("SBX-CFG-023", "bus.net.port"),
    ]


def test_an_unreadable_file_hides_no_mistake_of_another_and_invents_none() -> None:
    meters = METERS.replace('ct = "200/5"', 'ct = "200"').encode()
    found = [problem.code for problem in mistakes([(SITE_NAME, b"[site"), (METERS_NAME, meters)])]
    assert found == ["SBX-CFG-030", "SBX-CFG-009"]


def test_a_file_in_another_encoding() -> None:
    (problem,) = mistakes([(SITE_NAME, SITE.encode("gbk")), SOUND[1]])
    assert (problem.code, problem.line) == ("SBX-CFG-002", 3)


def test_windows_endings_and_byte_order_mark_are_fine() -> None:
    files = [(name, b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n")) for name, data in SOUND]
    assert load(files, builtin_profiles()).digest == sound().digest


def test_no_file_at_all() -> None:
    assert [problem.code for problem in mistakes([])] == ["SBX-CFG-007"]


def test_too_many_files() -> None:
    files = [*SOUND, *((f"conf.d/{number}.toml", b"") for number in range(63))]
    assert [problem.code for problem in mistakes(files)] == ["SBX-CFG-017"]


def test_without_a_site() -> None:
    assert [problem.code for problem in mistakes([(SITE_NAME, b"")])] == ["SBX-CFG-018"]


def test_a_table_may_be_written_in_two_files() -> None:
    more = b'[[meter]]\nid = "fan"\nevery_s = 7\n[journal]\nraw_days = 1\n'
    config = load([*SOUND, ("conf.d/90.toml", more)], builtin_profiles()).config
    assert [meter.every_s for meter in config.meters] == [10, 7]
    assert (config.journal.seal_s, config.journal.raw_days) == (60, 1)


def test_the_digest_is_of_the_meaning() -> None:
    plain = sound()
    assert plain.digest == load(list(reversed(SOUND)), builtin_profiles()).digest
    second = METERS.index('[[meter]]\nid = "fan"')
    moved = METERS[second:] + METERS[:second]
    assert plain.digest == load([SOUND[0], (METERS_NAME, moved.encode())], builtin_profiles()).digest
    commented = [(name, b"# moved\n\n" + data) for name, data in SOUND]
    assert plain.digest == load(commented, builtin_profiles()).digest
    default = [(SITE_NAME, SITE.encode() + b"port = 8883\n"), SOUND[1]]
    assert plain.digest == load(default, builtin_profiles()).digest
    changed = [SOUND[0], (METERS_NAME, METERS.replace("200/5", "250/5").encode())]
    assert plain.digest != load(changed, builtin_profiles()).digest


def test_the_digest_covers_the_profiles_used() -> None:
    text = json.loads(sound().text)
    used = {name: builtin_profiles()[name].digest for name in ("dlt645-2007-3p", "eastron-sdm630")}
    assert text["profiles"] == used
    assert [meter["ct"] for meter in text["config"]["meters"]] == ["1", "40"]  # by id: fan, kiln


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("every_s = 10", "every_s = 2", "SBX-CFG-091"),
        (_SILENT, "", "SBX-CFG-094"),
        (_PAIR, "", "SBX-CFG-095"),
        ("receipts = true", "receipts = false", "SBX-CFG-097"),
    ],
)
def test_warnings(old: str, new: str, code: str) -> None:
    assert old in SITE + METERS
    files = [(name, data.decode().replace(old, new).encode()) for name, data in SOUND]
    assert {problem.code for problem in load(files, builtin_profiles()).warnings} == {code}


def test_an_almost_empty_site_is_sound_and_warned_of() -> None:
    loaded = load([(SITE_NAME, b'[site]\nid = "new"\n')], builtin_profiles())
    assert [problem.code for problem in loaded.warnings] == ["SBX-CFG-092", "SBX-CFG-093"]


DOUBTFUL = b"""
id = "doubtful"
title = "one public source"
family = "modbus"
source = [{ title = "a forum", confidence = "C" }]
item = [{ quantity = "u_a", address = 0, type = "u16" }]
"""


def test_a_doubtful_profile_is_warned_of() -> None:
    profiles = {**builtin_profiles(), "doubtful": load_profile("doubtful.toml", DOUBTFUL)}
    more = b'[[meter]]\nid = "d"\nbus = "net"\nprotocol = "modbus-tcp"\naddress = "7"\nprofile = "doubtful"\n'
    loaded = load([*SOUND, ("conf.d/90.toml", more)], profiles)
    assert [(problem.code, problem.line) for problem in loaded.warnings] == [("SBX-CFG-096", 6)]


def test_a_point_needs_a_meter_that_reads_power() -> None:
    profiles = {**builtin_profiles(), "doubtful": load_profile("doubtful.toml", DOUBTFUL)}
    meters = METERS.replace('"eastron-sdm630"', '"doubtful"').replace('"i_a"', '"u_a"').encode()
    with pytest.raises(ConfigInvalid) as caught:
        load([SOUND[0], (METERS_NAME, meters)], profiles)
    assert [(p.code, p.key) for p in caught.value.problems] == [("SBX-CFG-046", "point.scrubber.meter")]


@pytest.mark.parametrize("encoded", ["=" * 44, "A" * 44, "A" * 43 + "="])
def test_a_platform_key_of_the_wrong_bytes(encoded: str) -> None:
    old = "AS7+EFYRu26IYzcseordbIZXipw3dmAU1mS5rof6wOoj"
    (problem,) = mistakes([(SITE_NAME, SITE.replace(old, encoded).encode()), SOUND[1]])
    assert problem.code == "SBX-CFG-080"
