"""The supply in a folder in place of /sys: on, off, unknown; records by the recorder; what status says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.inbox import Remark
from agent.mains import MainsUnknownError
from agent.mains.gpio import GpioLine
from agent.mains.supply import Supply
from agent.mains.watch import MainsWatch, source_of
from agent.notices import Outcome
from config.messages import text
from config.site import Power
from tests.support.boxes import Box
from tests.support.plants import PAIR, plant

POWER = Power(mains="power_supply", supply="ups", mains_debounce_s=2)


class Mains:
    """A watch with a hand on everything around it; ``look`` is one second."""

    def __init__(self, sysfs: Path) -> None:
        self.folder = sysfs / "class" / "power_supply" / "ups"
        self.told: list[Remark] = []
        self.said: list[Outcome] = []
        self.full = False
        source = source_of(POWER, sysfs)
        assert source is not None
        self.watch = MainsWatch(POWER, source, self._put, self.said.append)
        self.ms = 0

    def _put(self, seen: Remark) -> bool:
        if not self.full:
            self.told.append(seen)
        return not self.full

    def look(self, state: str | None, seconds: int = 1) -> None:
        if state is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "online").write_text(f"{state}\n")
        for _ in range(seconds):
            self.watch.step(self.ms)
            self.ms += 1000

    @property
    def states(self) -> list[tuple[object, object]]:
        return [(seen.fields["state"], seen.fields["since_mono"]) for seen in self.told]

    @property
    def codes(self) -> list[tuple[str, str]]:
        return [(check.level, check.code) for check in self.watch.checks()]


@pytest.fixture
def mains(tmp_path: Path) -> Mains:
    return Mains(tmp_path)


def test_on_at_the_start_then_off_then_on(mains: Mains) -> None:
    mains.look("1", 5)
    assert mains.states == [("on", 0)]
    assert mains.codes == [("ok", "SBX-PWR-007")]
    mains.look("0", 5)
    assert mains.states[1:] == [("off", 5000)]
    assert mains.codes == [("warn", "SBX-PWR-005")]
    mains.look("2", 5)
    assert mains.states[2:] == [("on", 10_000)]


def test_a_flicker_writes_nothing(mains: Mains) -> None:
    mains.look("1", 5)
    for state in "01010":
        mains.look(state)
    mains.look("1", 5)
    assert mains.states == [("on", 0)]


def test_a_missing_supply_is_unknown_never_off(mains: Mains) -> None:
    mains.look(None, 5)
    assert mains.states == [("unknown", 0)]
    assert mains.codes == [("warn", "SBX-PWR-001")]
    assert mains.told[0].kind == "mains"
    assert mains.told[0].fields["source"] == "power_supply"
    assert [outcome.code for outcome in mains.said] == ["SBX-PWR-001", "SBX-PWR-006"], "said once"


@pytest.mark.parametrize("state", ["", "3", "off", "\x00", "11"])
def test_what_no_kernel_says_is_unknown(mains: Mains, state: str) -> None:
    mains.look("1", 5)
    mains.look(state, 5)
    assert [one for one, _ in mains.states] == ["on", "unknown"]
    assert mains.codes == [("warn", "SBX-PWR-002")]


def test_a_supply_that_vanishes_is_unknown_and_comes_back(mains: Mains) -> None:
    mains.look("1", 5)
    (mains.folder / "online").unlink()
    mains.look(None, 5)
    mains.look("1", 5)
    assert [one for one, _ in mains.states] == ["on", "unknown", "on"]
    assert mains.codes == [("ok", "SBX-PWR-007")]


def test_a_supply_that_refuses_to_answer_says_why(mains: Mains) -> None:
    (mains.folder / "online").mkdir(parents=True)
    mains.look(None)
    (check,) = mains.watch.checks()
    assert (check.code, check.args["reason"]) == ("SBX-PWR-002", "Is a directory")
    for lang in ("en", "zh"):
        found = text(check.code, lang, **check.args)
        assert "{" not in found.what + found.why + found.next


def test_what_a_full_queue_did_not_take_is_told_later_as_it_is_then(mains: Mains) -> None:
    mains.full = True
    mains.look("1", 5)
    mains.full = False
    mains.look("1")
    assert mains.states == [("on", 0)]
    mains.full = True
    mains.look("0", 5)
    mains.look("1", 5)
    mains.full = False
    mains.look("1")
    assert mains.states == [("on", 0), ("on", 11_000)]


def test_where_to_look(tmp_path: Path) -> None:
    assert source_of(Power(), tmp_path) is None
    assert isinstance(source_of(POWER, tmp_path), Supply)
    assert isinstance(source_of(Power(mains="gpio", chip="/dev/gpiochip0", line=3), tmp_path), GpioLine)


def test_a_chip_that_is_not_there_and_one_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(MainsUnknownError) as caught:
        GpioLine(tmp_path / "gpiochip0", 3, False).read()
    assert caught.value.code == "SBX-PWR-003"
    (tmp_path / "file").touch()
    with pytest.raises(MainsUnknownError) as caught:
        GpioLine(tmp_path / "file", 3, False).read()
    assert (caught.value.code, caught.value.args_["line"]) == ("SBX-PWR-004", "3")
    assert "ioctl" in caught.value.args_["reason"]


# In the recorder


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, replace(plant(PAIR), power=POWER))
    yield made
    made.crash()


def test_each_state_is_a_record_and_the_rules_are_told(box: Box) -> None:
    box.start(0)
    seen: list[bool | None] = []
    for state, since_ms in (("on", 1_000), ("off", 7_000), ("unknown", 12_000)):
        fields = {"state": state, "source": "power_supply", "since_mono": since_ms}
        box.inbox.put(Remark("mains", fields))
        box.recorder.step(box.at(since_ms / 1000 + 2))
        world = box.recorder._rules.engine._world
        seen.append(world.mains)
        assert world.mains_ms == box.recorder._rules._axis.at(since_ms)
    box.recorder.step(box.at(20))
    assert seen == [True, False, None]
    assert [(r["state"], r["source"], r["since_mono"]) for r in box.records("mains")] == [
        ("on", "power_supply", 1_000),
        ("off", "power_supply", 7_000),
        ("unknown", "power_supply", 12_000),
    ]


def test_the_mains_gone_is_an_alarm_and_unknown_is_none(box: Box) -> None:
    """The rule that is always there hears it: a contact that says off."""
    box.start(0)
    for state, second in (("unknown", 5), ("off", 100), ("on", 300)):
        box.inbox.put(Remark("mains", {"state": state, "source": "gpio", "since_mono": second * 1000}))
        for later in range(second, second + 90, 10):
            box.poll(later, kiln="12", scrubber="8")
    box.recorder.step(box.at(400))
    cuts = [(r["state"], r["code"]) for r in box.records("alarm") if r["code"] == "SBX-RUL-017"]
    assert [state for state, _ in cuts] == ["raised", "cleared"]
