"""Every wrong clock: order, spacing, slots and alarm durations do not notice; records can be placed in time.

The cells stand in CASES and in STEPS x MOMENTS; ``pytest -s -k prints`` prints what each of them measures.
The true time is known to the test alone (``tests.support.clocked``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.uplinks import tls
from buffer.block import decode_header
from buffer.instant import ClockLetter
from buffer.keys import Keys
from buffer.note import decode
from buffer.reader import JournalReader
from buffer.verify import verify
from tests.support.boxes import START_MS
from tests.support.clocked import (
    DAY_MS,
    HOUR_MS,
    LIFE_MS,
    OFF_MS,
    STEP_MS,
    YEAR_MS,
    Case,
    Wall,
    World,
    check_placed,
    lost,
    right,
)
from tests.support.handshake import shaken
from tests.support.pki import Pki

CUT_MS = 65 * 60_000
Lived = tuple[World, list[Mapping[str, Any]]]


def until_network(start_ms: int) -> Wall:
    """Some other time, until a network is there after an hour."""

    def wall(true_ms: int) -> tuple[int, ClockLetter]:
        return right(true_ms) if true_ms >= HOUR_MS else (start_ms + true_ms, "R")

    return wall


def stepped(by_ms: int, at_ms: int = HOUR_MS, letter: ClockLetter = "R", for_ms: int = 600_000) -> Wall:
    """Right, but for a while wrong: set by a hand, or (S) by a lying server."""

    def wall(true_ms: int) -> tuple[int, ClockLetter]:
        if at_ms <= true_ms < at_ms + for_ms:
            return START_MS + true_ms + by_ms, letter
        return right(true_ms)

    return wall


def changing(at_ms: int, before: Wall, after: Wall) -> Wall:
    """One clock, then another."""

    def wall(true_ms: int) -> tuple[int, ClockLetter]:
        return before(true_ms) if true_ms < at_ms else after(true_ms)

    return wall


def off(ms: int) -> Any:
    """A meter's clock, wrong by as much all the time."""
    return lambda true_ms: ms


def set_unseen(by_ms: int, at_ms: int = 65 * 60_000) -> Any:
    """A meter's clock that somebody set while the box was off."""
    return lambda true_ms: by_ms if true_ms >= at_ms else 0


NEAR = 1_000 + 2_000  # an hour's drift at 500 ppm, and the kernel's own error
BY_METER = 3_500  # the meter's half second twice, an hour's drift at 500 ppm
DARK = changing(CUT_MS, right, lost)  # without a network after the power cut
CASES = {
    "right": Case(right, NEAR),
    "boot in 1970, network after an hour": Case(until_network(0), NEAR),
    "boot in the past, network after an hour": Case(until_network(START_MS - 3 * DAY_MS), NEAR),
    "boot in 2099, network after an hour": Case(until_network(4_080_000_000_000), NEAR),
    "drift +500 ppm": Case(right, NEAR, drift=1.0005),
    "drift -500 ppm": Case(right, NEAR, drift=0.9995),
    "lying time server +1 h": Case(stepped(HOUR_MS, letter="S"), HOUR_MS + NEAR, disputed=True),
    "lying time server -1 h": Case(stepped(-HOUR_MS, letter="S"), HOUR_MS + NEAR, disputed=True),
    "never a network": Case(lost, None),
    "two boots without network": Case(lost, None, cuts=(CUT_MS,)),
    "two boots, a network in the second": Case(
        changing(CUT_MS, lost, right), NEAR, cuts=(CUT_MS,), bounded=frozenset((2,))
    ),
    "two boots, a network in the first": Case(DARK, NEAR, cuts=(CUT_MS,), bounded=frozenset((1,))),
    "meters +1 h and -90 s": Case(right, NEAR, meters={"kiln-m": off(HOUR_MS), "scrubber-m": off(-90_000)}),
    "meters -10 y and +10 y": Case(
        right, NEAR, meters={"kiln-m": off(-10 * YEAR_MS), "scrubber-m": off(10 * YEAR_MS)}
    ),
    "meters wrong, the second boot without network": Case(
        DARK, BY_METER, cuts=(CUT_MS,), meters={"kiln-m": off(HOUR_MS), "scrubber-m": off(-90_000)}
    ),
    "one meter set by +1 h unseen, no network": Case(
        DARK,
        HOUR_MS // 2 + BY_METER,
        disputed=True,
        cuts=(CUT_MS,),
        meters={"kiln-m": set_unseen(HOUR_MS), "scrubber-m": off(0)},
        bounded=frozenset((2,)),
    ),
    "one meter set by -1 h unseen, no network": Case(
        DARK,
        BY_METER,  # receipts say that it was not so early
        disputed=True,
        cuts=(CUT_MS,),
        meters={"kiln-m": set_unseen(-HOUR_MS), "scrubber-m": off(0)},
        bounded=frozenset((2,)),
    ),
    "meters set by +1 h unseen, network again": Case(
        changing(300_000, right, changing(HOUR_MS, lost, right)),
        NEAR,
        cuts=(300_000,),
        meters=dict.fromkeys(("kiln-m", "scrubber-m"), set_unseen(HOUR_MS, 300_000)),
    ),
}
STEPS = {
    "+1 s": 1_000,
    "-1 s": -1_000,
    "+1 h": HOUR_MS,
    "-1 h": -HOUR_MS,
    "+10 y": 10 * YEAR_MS,
    "-10 y": -10 * YEAR_MS,
}
MOMENTS = {  # when the step happens, and how long the clock stays wrong: it goes back at such a moment too
    "seal": (61 * 60_000, 10 * 60_000),
    "receipt": (60 * 60_000 + 30_000, 20 * 60_000),
    "TLS handshake": (63 * 60_000 + 20_000, 10 * 60_000),
}
QUICK = ("-1 h", "+10 y")  # the others are marked slow


def lived(world: World) -> list[Mapping[str, Any]]:
    world.live()
    reader = JournalReader(world.folder / "journal")
    found = [*reader.records(), *reader.tail_records()]
    reader.close()
    return found


def check(world: World, records: list[Mapping[str, Any]]) -> int | None:
    """What must hold in every cell; how wide records are placed at most."""
    readings = [one for one in records if one["k"] == "reading"]
    assert [one["i"] for one in records] == list(range(1, len(records) + 1)), "nothing lost"
    for boot, those in groupby(readings, lambda one: one["boot"]):
        _in_order(world, boot, list(those))
    assert sorted({one["boot"] for one in readings}) == [*range(1, len(world.case.cuts) + 2)]
    shift = list(durations(records, world.case.drift))
    assert [(one[0], one[1]) for one in shift] == [("pair", "raised"), ("pair", "cleared")]
    assert abs(shift[1][2] - 30 * 60) <= 2 * STEP_MS / 1000, "no alarm duration changed"
    widest = check_placed(world, records)
    assert widest is None or world.case.bound_ms is None or widest <= world.case.bound_ms
    reader = JournalReader(world.folder / "journal")
    identity = Keys.open(world.folder / "keys", world.config.site.id).identity.verifier
    report = verify(reader.blocks(), identity=identity)
    reader.close()
    assert report.exit_code() == 0, report.findings
    told = report.time.args["disputed"] != "0"
    assert told == world.case.disputed, "anchors that contradict one another are counted"
    assert world.boot == 1 + len(world.case.cuts)
    return widest


def _in_order(world: World, boot: int, readings: list[Mapping[str, Any]]) -> None:
    """Within one boot: by the monotonic time, each slot once, and as many as there was time for."""
    monos = [one["mono"] for one in readings]
    assert monos == sorted(monos), "order does not hang on the wall clock"
    cuts = [0, *(cut + OFF_MS for cut in world.case.cuts), LIFE_MS + OFF_MS]
    true_ms = cuts[boot] - OFF_MS - cuts[boot - 1]
    for meter in ("kiln-m", "scrubber-m"):
        slots = [int(one["s"][1:]) for one in readings if one["m"] == meter]
        assert slots == list(range(slots[0], slots[0] + len(slots))), "each slot once"
        assert len(slots) >= true_ms * world.case.drift // 10_000 - 2, "a cut takes the second before it"


def durations(records: list[Mapping[str, Any]], drift: float) -> Iterator[tuple[str, str, int]]:
    """Of the alarms, in true seconds."""
    for one in records:
        if one["k"] == "alarm":
            yield one["id"], one["state"], round(one.get("dur_ms", 0) / drift / 1000)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_clock_costs_nothing(tmp_path: Path, name: str) -> None:
    world = World(tmp_path, CASES[name])
    records = lived(world)
    check(world, records)
    jumps = [one["m"] for one in records if one["k"] == "meter-event" and one["what"] == "clock-jump"]
    told = ["kiln-m", "scrubber-m"] if "network again" in name else []
    assert jumps == told, "a meter's clock that was set is told when there is time again"


def steps() -> Iterator[Any]:
    for name in STEPS:
        for moment in MOMENTS:
            marks = () if name in QUICK else (pytest.mark.slow,)
            yield pytest.param(name, moment, marks=marks, id=f"{name} at {moment}")


@pytest.mark.parametrize(("name", "moment"), list(steps()))
def test_a_step_costs_nothing(tmp_path: Path, name: str, moment: str) -> None:
    world, records, said = stepping(tmp_path, name, moment)
    check(world, records)
    at_ms = MOMENTS[moment][0]
    shown_ms = START_MS + at_ms + STEPS[name]
    if moment == "seal":
        assert (at_ms, shown_ms) in sealed(world), "the step fell on a seal"
    elif moment == "receipt":
        times = [(one["mono"], one["t"]) for one in records if one["k"] == "receipt"]
        assert (at_ms, shown_ms) in times, "the step fell on a receipt"
    else:
        expired = name == "+10 y"  # by that clock both certificates are; a bound, not a loss
        there, back = ("SBX-TLS-010", "SBX-TLS-015") if expired else ("connected", "connected")
        assert said == [there, back, "connected"], "and again one seal later at the latest"


def stepping(folder: Path, name: str, moment: str) -> tuple[World, list[Mapping[str, Any]], list[str]]:
    """The life with a step, and what became of TLS handshakes in which it falls."""
    at_ms, for_ms = MOMENTS[moment]
    world = World(folder / "box", Case(stepped(STEPS[name], at_ms, for_ms=for_ms), NEAR))
    said: list[str] = []
    if moment == "TLS handshake":
        pki = Pki(folder / "pki", datetime.fromtimestamp(START_MS / 1000, UTC))
        moments = (at_ms, at_ms + for_ms, at_ms + for_ms + 60_000)

        def during(world: World) -> None:
            if world.true_ms in moments:
                before = world.at((world.true_ms - 1) / 1000)
                said.append(shaken(pki, before, world.now, floor_ms(world)))

        world.during = during
    return world, lived(world), said


def floor_ms(world: World) -> int:
    """As the uplink asks for it: the newest block and the newest receipt."""
    reader = JournalReader(world.folder / "journal")
    block = reader.block(reader.head().n)
    reader.close()
    cursor = world.recorder.snapshot.cursors.get("city")
    return tls.floor_ms(block, 0 if cursor is None else cursor.time_ms)


def sealed(world: World) -> list[tuple[int, int]]:
    """Monotonic time and wall clock of every header."""
    reader = JournalReader(world.folder / "journal")
    headers = [decode_header(decode(block.note).text) for block in reader.blocks()]
    reader.close()
    return [(header.mono_ms, header.utc_ms) for header in headers]


@pytest.mark.slow
def test_the_matrix_prints(tmp_path: Path) -> None:
    """One line a cell: bound and what was measured."""
    width = max(map(len, CASES))
    print(f"\n{'cell':{width}}  records  bound ms  widest ms")
    for at, (name, case) in enumerate(CASES.items()):
        world = World(tmp_path / str(at), case)
        records = lived(world)
        print(
            f"{name:{width}}  {len(records):7}  {case.bound_ms or '-':>8}  {check(world, records) or '-':>9}"
        )
    for name in STEPS:
        for moment in MOMENTS:
            world, records, said = stepping(tmp_path / f"{name} {moment}", name, moment)
            widest = check(world, records)
            cell = f"step {name} at {moment}"
            print(f"{cell:{width}}  {len(records):7}  {NEAR:>8}  {widest:>9}  {' '.join(said)}".rstrip())


def test_a_technician_sees_where_records_truly_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``sitebox journal --placed`` of a box that woke up in 1970."""
    world = World(tmp_path, CASES["boot in 1970, network after an hour"])
    world.live()
    words = ["--state", str(tmp_path), "--config", str(tmp_path), "--runtime", str(tmp_path)]
    assert main(["journal", "--placed", "--last", "100000", *words]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = next(row for row in rows if row["k"] == "reading")
    assert first["t"] < DAY_MS, "as the clock said"
    assert first["placed"]["low"] <= START_MS + first["mono"] <= first["placed"]["high"]
    assert first["placed"]["by"] == ["kernel"]
