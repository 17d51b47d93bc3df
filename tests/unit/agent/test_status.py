"""Status: the level is the worst check; silence, backlog, full card and bad files each have their code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from agent.busstatus import BusFacts
from agent.clock import Sync
from agent.lastpolls import LastPoll
from agent.rules.alarms import Alarm
from agent.status import Facts, StorageFacts, UplinkFacts, build
from buffer.instant import Instant
from config.errors import Problem
from config.messages import placeholders, template
from drivers.bus import BusState
from drivers.counters import BusCounters, Counters
from tests.support.plants import plant

NOW = Instant(1_795_000_000_000, 1_000_000, "S", 3, "ab" * 16)
POLL = LastPoll(999_000, None, 999_000, MappingProxyType({"p": "12.4100"}), 1_794_999_999_000)
ONLINE = UplinkFacts("city", "online", None, 41, 41, 41, 0, 5_000)
ALARM = Alarm(
    "pair",
    "pair",
    "SBX-RUL-001",
    "alarm",
    ("kiln", "scrubber"),
    {"production": "kiln 12 kW", "treatment": "scrubber 0 kW"},
    1,
    7,
    9,
)
GOOD = Facts(
    config=plant(),
    version="1",
    daemon=True,
    now=NOW,
    sync=Sync(True, 3),
    polls={name: POLL for name in ("kiln-m", "scrubber-m", "spare-m")},
    alarms=(),
    uplinks=(ONLINE,),
    storage=StorageFacts(1 << 20, 1 << 30, 412),
    head_n=41,
    records=2_000,
    dropped=0,
    buses=(),
    problems=(),
    last_good=False,
)


def bus(code: str = "", facts: Mapping[str, str] = MappingProxyType({}), notice: str = "") -> BusFacts:
    """A bus with a trouble or a notice."""
    state = BusState(open=not code, code=code, facts=facts, notice=notice, last_good_ms={}, silent=())
    return BusFacts("b1", state, BusCounters(Counters(), {"kiln-m": Counters()}, 0))


def codes(facts: Facts) -> list[str]:
    return [check["code"] for check in build(facts)["checks"]]


def test_all_well() -> None:
    found = build(GOOD)
    assert found["level"] == "ok"
    assert codes(GOOD) == ["SBX-STA-001", "SBX-STA-021", "SBX-STA-032", "SBX-CLK-001"]
    assert found["meters"][0] == {"id": "kiln-m", "error": None, "age_ms": 1_000, "values": {"p": "12.4100"}}


@pytest.mark.parametrize(
    ("changes", "level", "code"),
    [
        ({"receipts": False, "quiet_ms": None}, "ok", "SBX-STA-021"),
        ({"receipts": False, "quiet_ms": None, "error": "SBX-UPL-070"}, "warn", "SBX-STA-023"),
        ({"receipts": False, "quiet_ms": None, "state": "offline"}, "warn", "SBX-STA-022"),
        ({"receipts": False, "blocks": False, "quiet_ms": None}, "ok", "SBX-STA-024"),
        ({"quiet_ms": None}, "warn", "SBX-STA-022"),
    ],
)
def test_an_uplink_without_receipts_is_well_while_the_broker_takes_all(
    changes: dict[str, Any], level: str, code: str
) -> None:
    checks = build(replace(GOOD, uplinks=(replace(ONLINE, **changes),)))["checks"]
    assert [(one["level"], one["code"]) for one in checks if one["topic"] == "uplink"] == [(level, code)]


OLD = replace(POLL, good_ms=NOW.mono_ms - 36_000)


@pytest.mark.parametrize(
    ("changed", "level", "code"),
    [
        (replace(GOOD, polls={**GOOD.polls, "kiln-m": OLD}), "warn", "SBX-STA-002"),
        (replace(GOOD, polls={}), "fail", "SBX-STA-002"),
        (replace(GOOD, daemon=False), "fail", "SBX-SYS-010"),
        (replace(GOOD, sync=Sync(False, None)), "warn", "SBX-CLK-002"),
        (replace(GOOD, alarms=(ALARM,)), "fail", "SBX-RUL-001"),
        (replace(GOOD, alarms=(replace(ALARM, level="warning"),)), "warn", "SBX-RUL-001"),
        (replace(GOOD, dropped=7), "fail", "SBX-STA-033"),
        (replace(GOOD, logbook="No space left on device"), "warn", "SBX-STA-034"),
        (replace(GOOD, storage=StorageFacts(1, 1, 10)), "warn", "SBX-STA-032"),
        (replace(GOOD, storage=StorageFacts(1, 1, 2)), "fail", "SBX-STA-032"),
        (replace(GOOD, uplinks=(replace(ONLINE, quiet_ms=None),)), "warn", "SBX-STA-022"),
        (replace(GOOD, uplinks=(replace(ONLINE, quiet_ms=200_000),)), "warn", "SBX-STA-022"),
        (
            replace(GOOD, uplinks=(replace(ONLINE, state="offline", error="SBX-UPL-001"),)),
            "warn",
            "SBX-STA-023",
        ),
        (replace(GOOD, buses=(bus("SBX-SER-001", {"port": "/dev/x"}),)), "fail", "SBX-SER-001"),
        (replace(GOOD, buses=(bus(notice="SBX-SER-009"),)), "warn", "SBX-SER-009"),
        (replace(GOOD, wrong_clocks=(("kiln-m", -300_000),)), "warn", "SBX-CLK-003"),
        (replace(GOOD, key_fault="full"), "warn", "SBX-KEY-005"),
        (
            replace(GOOD, last_good=True, problems=(Problem("SBX-CFG-011", "sitebox.toml", 3, "site.idd"),)),
            "fail",
            "SBX-CFG-900",
        ),
    ],
)
def test_each_trouble_has_its_level_and_code(changed: Facts, level: str, code: str) -> None:
    found = build(changed)
    assert found["level"] == level
    assert code in [check["code"] for check in found["checks"] if check["level"] != "ok"]
    assert found["next"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_line_has_all_the_words_its_text_wants(lang: str) -> None:
    facts = replace(
        GOOD,
        daemon=False,
        polls={},
        alarms=(ALARM,),
        dropped=3,
        last_good=True,
        uplinks=(
            ONLINE,
            replace(ONLINE, quiet_ms=None),
            replace(ONLINE, state="offline", error="SBX-UPL-001"),
        ),
    )
    for found in (build(facts), build(GOOD)):
        for check in found["checks"]:
            what = template(check["code"], lang).what
            assert (
                placeholders(replace(template(check["code"], lang), why="", next="")) <= check["args"].keys()
            ), what
