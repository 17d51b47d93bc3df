"""Values are recomputed from the bus frames by the driver that read them: a changed one is found.

Meters are the simulated ones, read by the daemon's own bus in virtual time; the thief holds both keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.accepted import Accepted
from agent.recompute import Recompute
from buffer.keys import Keys
from buffer.reader import JournalReader
from buffer.verify import Report, Wrong, verify
from config.load import Loaded
from config.profiles import builtin_profiles
from tests.attacks.honest import Evidence, Rewriting, rewrite
from tests.support.journals import Row
from tests.unit.agent.meters.plant import Plant

CFG = "ab" * 32  # of tests.support.boxes


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Ten minutes of one meter, with two silences and a clean stop."""
    made = Plant(tmp_path_factory.mktemp("plant"))
    made.start()
    made.run(200)
    made.device.silent = True
    made.run(60)
    made.device.silent = False
    made.run(200)
    made.device.silent = True
    made.run(30)
    made.device.silent = False
    made.run(200)
    made.off(1)
    return made


def recompute(plant: Plant, digest: str = CFG, **meter: Any) -> Recompute:
    """The decoder under this configuration, with other facts of the meter."""
    config = replace(plant.box.config, meters=(replace(plant.meter, **meter),))
    return Recompute(Accepted(Loaded(config, digest, "", ()), builtin_profiles(), False))


def evidence(plant: Plant) -> Evidence:
    reader = JournalReader(plant.box.folder / "journal")
    blocks = tuple(reader.blocks())
    reader.close()
    keys = Keys.open(plant.box.folder / "keys", "SB-TEST")
    ring = plant.box.recorder._journal.ratchet.stamp.keys.ratchet
    return Evidence(blocks, (), keys.identity.verifier, lambda n: (keys.identity, ring))


def judged(plant: Plant, given: Evidence, decoder: Recompute | None = None) -> Report:
    return verify(given.blocks, identity=given.identity, recompute=decoder or recompute(plant))


def test_honest_values_agree(plant: Plant) -> None:
    report = judged(plant, evidence(plant))
    assert report.exit_code() in (0, 1), report.findings
    assert report.values.status == "pass", report.values
    good = [one for one in plant.box.records("reading") if one["v"]]
    assert int(report.values.args["same"]) == len(good) > 30


def field(name: str, value: str) -> Callable[[list[Row]], None]:
    """A value of the last good reading of a body."""

    def edit(rows: list[Row]) -> None:
        row = [row for row in rows if row["k"] == "reading" and name in row["v"]][-1]
        row["v"] = {**row["v"], name: value}

    return edit


def last_with(given: Evidence, name: str) -> int:
    """The last block with a good value of that quantity, signed by the key that is still there."""
    return max(n for n, block in enumerate(given.blocks) if f'"{name}":'.encode() in (block.body or b""))


@pytest.mark.parametrize(("name", "value"), [("p", "0.0000"), ("p", "14.9999"), ("u_a", "229.9")])
def test_a_value_changed_with_both_keys_is_found(plant: Plant, name: str, value: str) -> None:
    given = evidence(plant)
    n = last_with(given, name)
    forged = rewrite(given, n, Rewriting(rows=field(name, value)))
    report = judged(plant, forged)
    assert (report.wrong_kind, report.first_wrong) == (Wrong.VALUE_DIFFERS, n), report.findings
    assert report.values.status == "fail"
    assert report.exit_code() == 65


def test_a_value_taken_out_is_found(plant: Plant) -> None:
    def edit(rows: list[Row]) -> None:
        row = [row for row in rows if row["k"] == "reading" and "p" in row["v"]][-1]
        row["x"] = {**row["x"], "p": "missing"}
        row["v"] = {name: text for name, text in row["v"].items() if name != "p"}

    given = evidence(plant)
    report = judged(plant, rewrite(given, last_with(given, "p"), Rewriting(rows=edit)))
    assert report.values.status != "pass"


def test_another_ratio_would_give_other_values(plant: Plant) -> None:
    """The ratios are part of the configuration: a false one is a difference, not a pass."""
    report = judged(plant, evidence(plant), recompute(plant, ct=plant.meter.ct * 2))
    assert report.wrong_kind == Wrong.VALUE_DIFFERS


def test_under_another_configuration_nothing_is_said(plant: Plant) -> None:
    report = judged(plant, evidence(plant), recompute(plant, digest="cd" * 32))
    assert (report.values.status, report.exit_code() in (0, 1)) == ("not-checked", True)


def test_without_frames_nothing_is_said(plant: Plant) -> None:
    given = evidence(plant)
    bare = tuple(replace(block, raw=None) for block in given.blocks)
    assert judged(plant, replace(given, blocks=bare)).values.status == "not-checked"
    half = (*bare[:4], *given.blocks[4:])
    assert judged(plant, replace(given, blocks=half)).values.status == "warn"
