"""Every wrong clock: order, spacing, slots and alarm durations do not notice; records can be placed in time.

The true time is known to the test alone; the box sees a wall clock made from it, and a monotonic one. Its own
parts run as in the daemon: poller, timekeeper, recorder, rules, journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.inbox import Remark
from agent.poller import Poller, Round
from agent.timekeeper import Timekeeper
from buffer.instant import ClockLetter, Instant
from buffer.keys import Keys
from buffer.placing import Places
from buffer.reader import JournalReader
from buffer.receipt import Receipt
from buffer.verify import verify
from tests.support.boxes import START_MS, Box, result
from tests.support.plants import PAIR, plant

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_MS = 365 * DAY_MS
STEP_MS = 10_000
LIFE_MS = 130 * 60_000
Wall = Callable[[int], tuple[int, ClockLetter]]  # true ms since the start -> wall clock, letter


@dataclass(frozen=True)
class Case:
    """``wall``: see above; ``drift``: monotonic ms a true ms; ``bound_ms``: how well records are placed."""

    wall: Wall
    bound_ms: int | None
    drift: float = 1.0
    disputed: bool = False


def right(true_ms: int) -> tuple[int, ClockLetter]:
    return START_MS + true_ms, "S"


def until_network(start_ms: int) -> Wall:
    """Some other time, until a network is there after an hour."""

    def wall(true_ms: int) -> tuple[int, ClockLetter]:
        return right(true_ms) if true_ms >= HOUR_MS else (start_ms + true_ms, "R")

    return wall


def stepped(by_ms: int, letter: ClockLetter = "R") -> Wall:
    """Right, but from the second hour on wrong for ten minutes: set by a hand, or (S) by a lying server."""

    def wall(true_ms: int) -> tuple[int, ClockLetter]:
        if HOUR_MS <= true_ms < HOUR_MS + 600_000:
            return START_MS + true_ms + by_ms, letter
        return right(true_ms)

    return wall


NEAR = 1_000 + 2_000  # an hour's drift at 500 ppm, and the kernel's own error
CASES = {
    "right": Case(right, NEAR),
    "1970": Case(until_network(0), NEAR),
    "past": Case(until_network(START_MS - 3 * DAY_MS), NEAR),
    "2099": Case(until_network(4_080_000_000_000), NEAR),
    **{
        f"step {name}": Case(stepped(by_ms), NEAR)
        for name, by_ms in (
            ("+1 s", 1_000),
            ("-1 s", -1_000),
            ("+1 h", HOUR_MS),
            ("-1 h", -HOUR_MS),
            ("+10 y", 10 * YEAR_MS),
            ("-10 y", -10 * YEAR_MS),
        )
    },
    "500 ppm": Case(right, NEAR, drift=1.0005),
    "-500 ppm": Case(right, NEAR, drift=0.9995),
    "lying +1 h": Case(stepped(HOUR_MS, "S"), HOUR_MS + NEAR, disputed=True),
    "lying -1 h": Case(stepped(-HOUR_MS, "S"), HOUR_MS + NEAR, disputed=True),
    "never a network": Case(lambda true_ms: (true_ms, "R"), None),
}


class World(Box):
    """A box under a clock."""

    def __init__(self, folder: Path, case: Case) -> None:
        super().__init__(folder, plant(PAIR))
        self.case = case
        self.true_ms = 0

    def at(self, second: float) -> Instant:
        """The instant that the box believes in; ``second`` of true time."""
        true_ms = int(second * 1000)
        utc_ms, letter = self.case.wall(true_ms)
        mono_ms = int(true_ms * self.case.drift)
        return Instant(utc_ms, mono_ms, letter, max(self.boot, 1), "c0" * 16)

    @property
    def now(self) -> Instant:
        return self.at(self.true_ms / 1000)

    def live(self) -> None:
        """Two hours and more: polls each ten seconds, a treatment that stops for half an hour, receipts."""
        self.start(0)
        rounds = [Round(f"{name}-m", "fast", 10) for name in ("kiln", "scrubber")]
        poller = Poller(rounds, self.now.mono_ms, self.now.utc_ms)
        timekeeper = Timekeeper(self.now)
        while self.true_ms < LIFE_MS:
            now = self.now
            delta_ms = timekeeper.stepped_ms(now)
            if delta_ms is not None:
                self.inbox.put(Remark("step", {"delta_ms": delta_ms}))
                poller.rephase(now.mono_ms, now.utc_ms)
            anchor = timekeeper.anchor(now, 10)
            if anchor is not None:
                self.inbox.put(Remark("anchor", anchor))
            self._poll(poller, now)
            self.recorder.step(now)
            if self.true_ms % (20 * 60_000) == 0:
                self._receipt(now)
            self.true_ms += STEP_MS
        self.stop(self.true_ms / 1000)

    def _poll(self, poller: Poller, now: Instant) -> None:
        due, missed = poller.take(now.mono_ms)
        assert not missed
        stopped = 80 * 60_000 <= self.true_ms < 110 * 60_000
        powers = {"kiln-m": "12", "scrubber-m": "0" if stopped else "8"}
        for slot in due:
            one = result(slot.meter, now.mono_ms / 1000, powers[slot.meter])
            self.inbox.put(type(one)(**{**_fields(one), "slot": slot.number}))

    def _receipt(self, now: Instant) -> None:
        """The platform's clock is right; its word comes at once."""
        head = self.recorder._journal.head
        word = Receipt("city", self.config.site.id, head.epoch, head.n, head.hash, (), (), (), 0)
        true = type(word)(**{**_fields(word), "time_ms": START_MS + self.true_ms})
        if head.n:
            self.recorder._journal.advance("city", true, b"note", now)


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def lived(folder: Path, case: Case) -> tuple[World, list[Mapping[str, Any]]]:
    world = World(folder, case)
    world.live()
    reader = JournalReader(folder / "journal")
    found = [*reader.records(), *reader.tail_records()]
    reader.close()
    return world, found


def durations(records: list[Mapping[str, Any]], drift: float) -> list[tuple[str, str, int]]:
    """Of the alarms, in true seconds."""
    return [
        (one["id"], one["state"], round(one.get("dur_ms", 0) / drift / 1000))
        for one in records
        if one["k"] == "alarm"
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_clock_costs_nothing(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    world, records = lived(tmp_path, case)
    readings = [one for one in records if one["k"] == "reading"]
    assert [one["i"] for one in records] == list(range(1, len(records) + 1)), "nothing lost"
    monos = [one["mono"] for one in readings]
    assert monos == sorted(monos), "order does not hang on the wall clock"
    for meter in ("kiln-m", "scrubber-m"):
        slots = [int(one["s"][1:]) for one in readings if one["m"] == meter]
        assert slots == list(range(slots[0], slots[0] + len(slots))), "each slot once"
        assert len(slots) >= LIFE_MS * case.drift // 10_000 - 1
    shift = durations(records, case.drift)
    assert [(one[0], one[1]) for one in shift] == [("pair", "raised"), ("pair", "cleared")]
    assert abs(shift[1][2] - 30 * 60) <= 2 * STEP_MS / 1000, "no alarm duration changed"
    _placed(records, case)
    reader = JournalReader(tmp_path / "journal")
    identity = Keys.open(tmp_path / "keys", world.config.site.id).identity.verifier
    report = verify(reader.blocks(), identity=identity)
    reader.close()
    assert report.exit_code() == 0, report.findings
    assert world.boot == 1


def _placed(records: list[Mapping[str, Any]], case: Case) -> None:
    """Each reading lies where it truly was, and the stated width is what it must be."""
    places = Places(records)
    widest = 0
    for one in records:
        if one["k"] != "reading":
            continue
        placed, true_ms = places.place(one), START_MS + one["mono"] / case.drift
        assert placed.low_ms is None or placed.low_ms <= true_ms
        assert placed.high_ms is None or true_ms <= placed.high_ms
        if case.bound_ms is not None:
            assert placed.error_ms is not None
            widest = max(widest, placed.error_ms)
            assert placed.disputed == case.disputed
        else:
            assert placed.high_ms is None, "nobody ever said what time it was"
    if case.bound_ms is not None:
        assert widest <= case.bound_ms


def test_a_technician_sees_where_records_truly_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``sitebox journal --placed`` of a box that woke up in 1970."""
    world = World(tmp_path, CASES["1970"])
    world.live()
    words = ["--state", str(tmp_path), "--config", str(tmp_path), "--runtime", str(tmp_path)]
    assert main(["journal", "--placed", "--last", "100000", *words]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = next(row for row in rows if row["k"] == "reading")
    assert first["t"] < DAY_MS, "as the clock said"
    assert first["placed"]["low"] <= START_MS + first["mono"] <= first["placed"]["high"]
    assert first["placed"]["by"] == ["kernel"]
