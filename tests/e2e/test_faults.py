"""Each fault gives a coded message with a next step, and everything else goes on; with the real daemon."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.demo import plant
from agent.demo.stage import Stage
from config.messages import known_codes, text
from tests.support.pki import Pki

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A plant whose daemon is started by the test; its one platform has a broker and no receiver."""
    made = Stage(tmp_path, "en", ("city",), seed=11)
    made.start_plant()
    try:
        yield made
    finally:
        made.close()


def site_file(stage: Stage) -> Path:
    return stage.folder / "etc" / "sitebox.toml"


def edit(stage: Stage, old: str, new: str) -> None:
    """Change the site file; the text must be there exactly once."""
    content = site_file(stage).read_text()
    assert content.count(old) == 1, old
    site_file(stage).write_text(content.replace(old, new))


def checks(stage: Stage) -> list[dict[str, Any]]:
    return stage.look.rows("checks")


def has_code(stage: Stage, code: str) -> Callable[[], bool]:
    return lambda: any(check["code"] == code for check in checks(stage))


def assert_helps(code: str) -> None:
    """A person who meets the code is told what to do, in both languages."""
    assert code in known_codes()
    for lang in ("en", "zh"):
        found = text(code, lang)
        assert found.what
        assert found.next, f"{code} says no next step in {lang}"


def good(stage: Stage) -> set[str]:
    """Meters that gave a value lately."""
    return {
        row["id"]
        for row in stage.look.rows("meters")
        if row["age_ms"] is not None and row["age_ms"] < 9_000 and row["error"] is None
    }


ALL = {"kiln-1", "scrubber-1", "press-1", "fan-1"}


def test_dead_meter(stage: Stage) -> None:
    stage.start_daemon()
    assert stage.wait_for(lambda: good(stage) == ALL, 20)
    stage.switch("unplug", meter="scrubber-1", on=True)
    assert stage.wait_for(lambda: stage.look.alarm_up("silent/scrubber-1"), 25)
    assert stage.wait_for(has_code(stage, "SBX-STA-002"), 15)
    assert stage.wait_for(lambda: good(stage) == ALL - {"scrubber-1"}, 10)
    assert not stage.look.alarm_up("kiln-scrubber"), "no data was taken for off"
    stage.switch("unplug", meter="scrubber-1", on=False)
    assert stage.wait_for(lambda: good(stage) == ALL, 30), "back within one back-off step"
    assert_helps("SBX-STA-002")


def test_unknown_address_and_wrong_profile(stage: Stage) -> None:
    edit(stage, 'address = "000000000021"', 'address = "000000000099"')
    edit(stage, 'profile = "acrel-adl400"', 'profile = "eastron-sdm630"')
    edit(
        stage,
        'line = "9600 8N1"\nevery_s = 2\nslow_every_s = 20\nct = "200/5"',
        'line = "9600 8N1"\nevery_s = 2',
    )
    stage.start_daemon()
    assert stage.wait_for(lambda: good(stage) == {"kiln-1", "fan-1"}, 25)
    expected = {"kiln-1": None, "fan-1": None, "scrubber-1": "no_reply", "press-1": "refused"}
    assert stage.wait_for(lambda: _errors(stage) == expected, 15), _errors(stage)
    read = stage.processes.ask("agent.cli", "read", "press-1", *stage.scenery.places, good=(2,))
    assert "SBX-MTR-012" in read.stderr.decode()
    read = stage.processes.ask("agent.cli", "read", "scrubber-1", *stage.scenery.places, good=(2,))
    assert "SBX-MTR-010" in read.stderr.decode()
    assert_helps("SBX-MTR-010")
    assert_helps("SBX-MTR-012")


def _errors(stage: Stage) -> dict[str, str | None]:
    return {row["id"]: row["error"] for row in stage.look.rows("meters")}


def test_port_vanishes_and_returns(stage: Stage) -> None:
    stage.start_daemon()
    assert stage.wait_for(lambda: good(stage) == ALL, 20)
    stage.switch("bus-gone", bus="line1", on=True)
    assert stage.wait_for(lambda: any(check["topic"] == "bus" for check in checks(stage)), 20)
    (trouble,) = [check for check in checks(stage) if check["topic"] == "bus"]
    assert_helps(trouble["code"])
    assert stage.wait_for(lambda: good(stage) == {"fan-1"}, 20), "the other bus goes on"
    stage.switch("bus-gone", bus="line1", on=False)
    assert stage.wait_for(lambda: good(stage) == ALL, 45)
    assert not any(check["topic"] == "bus" for check in checks(stage))


@pytest.mark.parametrize(
    ("kind", "code"), [("foreign", "SBX-TLS-"), ("expired", "SBX-TLS-"), ("missing", "SBX-TLS-")]
)
def test_wrong_certificates(stage: Stage, kind: str, code: str) -> None:
    foreign = Pki(stage.folder / "foreign")
    certificate = stage.folder / "city" / "box.crt"
    if kind == "missing":
        certificate.unlink()
    else:
        validity = foreign.expired() if kind == "expired" else None
        made = foreign.client(plant.BOX, validity)
        certificate.write_bytes(made.cert.read_bytes())
        (stage.folder / "city" / "box.key").write_bytes(made.key.read_bytes())
    stage.start_broker("city")
    stage.start_daemon()
    assert stage.wait_for(lambda: stage.look.uplink("city")["error"] is not None, 25)
    found = str(stage.look.uplink("city")["error"])
    assert found.startswith((code, "SBX-UPL-")), found
    assert_helps(found)
    assert stage.wait_for(lambda: good(stage) == ALL, 20), "reading goes on"
    assert stage.wait_for(has_code(stage, "SBX-STA-023"), 5)


def test_bad_configuration_never_replaces_a_good_one(stage: Stage) -> None:
    stage.start_daemon()
    assert stage.wait_for(lambda: good(stage) == ALL, 20)
    sound = site_file(stage).read_text()
    site_file(stage).write_text(sound.replace('role = "treatment"', 'role = "treatmemt"'))
    stage.processes.signal("daemon", signal.SIGHUP)
    assert stage.wait_for(has_code(stage, "SBX-CFG-900"), 10)
    assert stage.wait_for(lambda: good(stage) == ALL, 10), "the running configuration was not touched"
    stage.kill_daemon()
    stage.start_daemon()
    assert stage.wait_for(lambda: good(stage) == ALL, 20), "last good carries it over a kill"
    assert has_code(stage, "SBX-CFG-900")()
    assert_helps("SBX-CFG-900")
    site_file(stage).write_text(sound.replace("演示焦化厂", "Coking works"))
    stage.processes.signal("daemon", signal.SIGHUP)
    assert stage.wait_for(
        lambda: (stage.look.status() or {}).get("site", {}).get("name") == "Coking works", 20
    )
    assert stage.processes.alive("daemon"), "a reload keeps the process"
    assert not has_code(stage, "SBX-CFG-900")()


def test_without_any_good_configuration_it_ends_with_78(stage: Stage) -> None:
    site_file(stage).write_text("[site]\nid = 5\n")
    done = stage.processes.ask("agent.cli", "run", *stage.scenery.places, good=(78,))
    errors = done.stderr.decode()
    assert "sitebox.toml:2 site.id" in errors
    assert "SBX-CFG-902" in errors


def test_two_daemons_on_one_journal(stage: Stage) -> None:
    stage.start_daemon()
    done = stage.processes.ask("agent.cli", "run", *stage.scenery.places, good=(66, 69, 75))
    assert "SBX-JNL-001" in done.stderr.decode()
    assert stage.wait_for(lambda: good(stage) == ALL, 20), "the first one is not disturbed"


def test_a_clean_stop_is_clean(stage: Stage) -> None:
    stage.start_daemon()
    assert stage.wait_for(lambda: good(stage) == ALL, 20)
    assert stage.processes.stop("daemon") == 0
    done = stage.processes.ask("agent.cli", "verify", *stage.scenery.places, good=(0, 1))
    assert "SBX" not in done.stderr.decode()
    offline = stage.processes.ask("agent.cli", "status", *stage.scenery.places, good=(2,))
    assert "SBX-SYS-010" in offline.stdout.decode()
    old = stage.processes.ask("agent.cli", "read", "kiln-1", *stage.scenery.places, good=(1,))
    assert "kW" in old.stdout.decode()
