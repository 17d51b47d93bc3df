"""Rules that judge meters: what is written is taken, and one that could never fire, or always, is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from config.errors import ConfigInvalid
from config.load import load
from config.messages import known_codes, placeholders, render, template
from config.meterkinds import Balance, Frozen, MeterEvents, PhaseLoss, Register
from config.profiles import builtin_profiles
from config.rulekinds import Rule
from tests.unit.config.broken import METERS, METERS_NAME, SITE, SITE_NAME

SECOND = '\n[[point]]\nid = "second"\nrole = "total"\nmeter = "kiln"\non_above_kw = "5"\noff_below_kw = "4"\n'


def taken(*texts: str) -> tuple[Rule, ...]:
    written = METERS + SECOND + "".join(f'\n[[rule]]\nid = "r{n}"\n{text}' for n, text in enumerate(texts))
    files = [(SITE_NAME, SITE.encode()), (METERS_NAME, written.encode())]
    rules = load(files, builtin_profiles()).config.rules
    return tuple(rule for rule in rules if rule.id.startswith("r"))


def test_what_is_written_is_taken_and_the_rest_has_defaults() -> None:
    found = taken(
        'kind = "phase-loss"\nwires = 3\nmin_a = "2.5"\nmeters = ["kiln"]\nhold_s = 20\n',
        'kind = "balance"\ntotal = ["kiln"]\nparts = ["scrubber"]\nrest_percent = 30\nlevel = "alarm"\n',
        'kind = "frozen"\nafter_s = 600\n',
        'kind = "register"\nmax_kw = "500"\nkeep_s = 3600\n',
    )
    assert found == (
        PhaseLoss(id="r0", wires=3, min_a=Decimal("2.5"), meters=("kiln",), hold_s=20),
        Balance(id="r1", total=("kiln",), parts=("scrubber",), rest_percent=30, level="alarm"),
        Frozen(id="r2", after_s=600),
        Register(id="r3", max_kw=Decimal(500), keep_s=3600),
    )
    assert [rule.level for rule in found] == ["warning", "alarm", "warning", "warning"]


@pytest.mark.parametrize(
    "kind", ["phase-loss", "reversed-ct", "power-sum", "frozen", "register", "meter-swapped"]
)
def test_a_kind_alone_is_enough(kind: str) -> None:
    (rule,) = taken(f'kind = "{kind}"\n')
    assert (rule.kind, rule.level) == (kind, "warning")


MISTAKES = [
    ("SBX-CFG-070", "parts", 'kind = "balance"\ntotal = ["kiln"]\nparts = []\n'),
    ("SBX-CFG-070", "total", 'kind = "balance"\ntotal = []\nparts = ["kiln"]\n'),
    ("SBX-CFG-130", "parts", 'kind = "balance"\ntotal = ["kiln"]\nparts = ["scrubber", "kiln"]\n'),
    ("SBX-CFG-131", "parts", 'kind = "balance"\ntotal = ["kiln"]\nparts = ["second"]\n'),
    ("SBX-CFG-131", "total", 'kind = "balance"\ntotal = ["kiln", "second"]\nparts = ["scrubber"]\n'),
    ("SBX-CFG-132", "meters", 'kind = "ratio-changed"\nmeters = ["kiln"]\n'),
    ("SBX-CFG-133", "kind", 'kind = "ratio-changed"\n'),
    ("SBX-CFG-134", "watch", 'kind = "meter-events"\nwatch = ["n_coffee"]\n'),
    ("SBX-CFG-134", "watch", 'kind = "meter-events"\nwatch = ["p"]\n'),
    ("SBX-CFG-135", "max_kw", 'kind = "register"\nmax_kw = "0"\n'),
    ("SBX-CFG-075", "after_s", 'kind = "frozen"\nafter_s = 60\nmeters = ["slow"]\n'),
    ("SBX-CFG-023", "wires", 'kind = "phase-loss"\nwires = 2\n'),
    ("SBX-CFG-042", "meters", 'kind = "phase-loss"\nmeters = ["klin"]\n'),
    ("SBX-CFG-042", "parts", 'kind = "balance"\ntotal = ["kiln"]\nparts = ["klin"]\n'),
]


@pytest.mark.parametrize(("code", "key", "text"), MISTAKES)
def test_what_could_never_be_right_is_refused(code: str, key: str, text: str) -> None:
    slow = '\n[[meter]]\nid = "slow"\nbus = "net"\nprotocol = "modbus-tcp"\naddress = "7"\nevery_s = 60\n'
    with pytest.raises(ConfigInvalid) as caught:
        taken(f'{text}{slow}profile = "eastron-sdm630"\n')
    assert {(problem.code, problem.key) for problem in caught.value.problems} == {(code, f"rule.r0.{key}")}
    for problem in caught.value.problems:
        assert problem.line > METERS.count("\n")
        for lang in ("en", "zh"):
            assert not placeholders(template(problem.code, lang)) - set(problem.args), render(problem, lang)


def test_watched_counters_are_known() -> None:
    (rule,) = taken('kind = "meter-events"\nwatch = ["n_cover", "n_power_down"]\n')
    assert isinstance(rule, MeterEvents)
    assert rule.watch == ("n_cover", "n_power_down")


def test_every_code_of_these_rules_can_be_provoked() -> None:
    codes = {code for code in known_codes() if "SBX-CFG-130" <= code < "SBX-CFG-140"}
    assert {code for code, _, _ in MISTAKES if code >= "SBX-CFG-130"} == codes
