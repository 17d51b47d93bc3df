"""The recorder: durable within a commit, alarms sealed at once, no second alarm after a restart, losses told.

On a real folder (tmp_path): the journal is the real one; only the clock is run by hand.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from agent.inbox import ChoreDue, GivenBack, Inbox, Remark
from agent.latches import Latches
from buffer.errors import StoreFull
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.logbook import Logbook
from buffer.note import VerifierKey
from buffer.reader import JournalReader
from buffer.scrub import Rot
from buffer.verify import verify
from config.site import Journal as JournalSettings
from config.site import Uplink
from tests.support.boxes import Box, result
from tests.support.plants import OVER, PAIR, SILENT, plant


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, plant(PAIR))
    yield made
    made.crash()


def test_a_reading_is_durable_after_commit_s_and_sealed_after_seal_s(box: Box) -> None:
    box.start(0)
    box.poll(0, kiln="12.4100")
    assert box.records("reading") == []
    box.recorder.step(box.at(1))
    (record,) = box.records("reading")
    assert record["v"] == {"p": "12.4100"}
    assert record["m"] == "kiln-m"
    assert record["s"] == "f0"
    assert record["mono"] == 0
    assert box.recorder.snapshot.head.n == 0
    box.recorder.step(box.at(60))
    assert box.recorder.snapshot.head.n == 1


def test_a_failed_poll_is_a_reading_with_its_reason(box: Box) -> None:
    box.start(0)
    box.poll(0, kiln=None)
    box.recorder.step(box.at(1))
    (record,) = box.records("reading")
    assert record["v"] == {}
    assert record["e"] == "no_reply"
    assert box.recorder.snapshot.polls["kiln-m"].error == "no_reply"


def test_an_alarm_is_chained_and_sealed_at_once(box: Box) -> None:
    box.start(0)
    box.run(0, 30, kiln="12", scrubber="8")
    head = box.recorder.snapshot.head.n
    box.run(30, 100, kiln="12", scrubber="0")
    (alarm,) = box.records("alarm")
    assert (alarm["id"], alarm["state"], alarm["level"], alarm["code"]) == (
        "pair",
        "raised",
        "alarm",
        "SBX-RUL-001",
    )
    assert alarm["mono"] == 90_000
    assert alarm["since_mono"] == 30_000
    reader = JournalReader(box.folder / "journal")
    (n,) = reader.alarm_blocks(-1)
    reader.close()
    assert n > head
    assert box.recorder.snapshot.alarms[0].record == alarm["i"]


@pytest.mark.parametrize("logbook", ["kept", "deleted"])
@pytest.mark.parametrize("kill", [True, False])
def test_a_restart_raises_no_second_alarm_and_clears_the_first(box: Box, logbook: str, kill: bool) -> None:
    box.start(0)
    box.run(0, 100, kiln="12", scrubber="0")
    box.recorder.step(box.at(101))
    if kill:
        box.crash()
    else:
        box.stop(101)
    if logbook == "deleted":
        shutil.rmtree(box.folder / "logbook")
    box.start(105)
    assert [alarm.key for alarm in box.recorder.snapshot.alarms] == ["pair"]
    box.run(110, 200, kiln="12", scrubber="0")
    box.run(200, 220, kiln="12", scrubber="8")
    box.recorder.step(box.at(221))
    assert [record["state"] for record in box.records("alarm")] == ["raised", "cleared"]
    cleared = box.records("alarm")[1]
    assert cleared["dur_ms"] == 200_000  # since the violation began at 0 s, across the restart


def test_a_hold_time_goes_on_over_a_restart(box: Box) -> None:
    box.start(0)
    box.run(0, 50, kiln="12", scrubber="0")
    box.recorder.step(box.at(51))
    box.crash()
    box.start(52)
    box.run(60, 100, kiln="12", scrubber="0")
    box.recorder.step(box.at(101))
    (alarm,) = box.records("alarm")
    assert alarm["mono"] == 80_000  # 40 s were seen before, and the 20 s with a poll missing do not count
    assert alarm["since_mono"] == 0


class Rebooted(Box):
    """Each start is one of the machine: its monotonic time begins anew, under another id."""

    since = 0.0

    def at(self, second: float) -> Instant:
        ms = int((second - self.since) * 1000)
        whole = super().at(second)
        return replace(whole, mono_ms=ms, boot_id=f"{max(self.boot, 1):02x}" * 16)

    def start(self, second: float, capacity: int = 100_000) -> None:
        self.since = second
        super().start(second, capacity)

    def poll(self, second: float, **power_kw: str | None) -> None:
        for name, power in power_kw.items():
            self.inbox.put(result(f"{name}-m", second - self.since, power))
        self.recorder.step(self.at(second))


def test_a_power_cut_blinds_no_rule(tmp_path: Path) -> None:
    """The tail's records are sealed by the next start: their time is that of the boot before."""
    box = Rebooted(tmp_path, plant(PAIR))
    box.start(0)
    box.run(0, 5000, kiln="12", scrubber="8")
    box.recorder.step(box.at(4992))
    before = box.recorder.snapshot.world.now_ms
    box.crash()
    box.start(6000)
    assert box.recorder.snapshot.world.now_ms >= before, "the axis goes on"
    box.run(6000, 6100, kiln="12", scrubber="0")
    assert [one["mono"] for one in box.records("alarm")] == [60_000]
    box.crash()


def test_an_alarm_over_a_power_cut_claims_no_duration(tmp_path: Path) -> None:
    box = Rebooted(tmp_path, plant(PAIR, OVER))
    box.start(0)
    box.run(0, 30, kiln="12", scrubber="0")
    for second in (32, 42, 52):
        box.poll(second, kiln="120", scrubber="0")
    box.poll(60, kiln="120", scrubber="0")  # the pair is raised, and sealed
    sealed = box.recorder.snapshot.head.n
    box.poll(62, kiln="120", scrubber="0")  # over as well: its seal has to wait
    box.recorder.step(box.at(63.5))
    assert [one["id"] for one in box.records("alarm")] == ["pair", "over"]
    assert box.recorder.snapshot.head.n == sealed
    box.crash()
    box.start(500)
    assert {alarm.key for alarm in box.recorder.snapshot.alarms} == {"pair", "over"}
    box.poll(510, kiln="12", scrubber="8")
    box.recorder.step(box.at(512))
    cleared = [one for one in box.records("alarm") if one["state"] == "cleared"]
    assert sorted(one["id"] for one in cleared) == ["over", "pair"]
    assert all("dur_ms" not in one for one in cleared)
    box.crash()


def test_what_the_queue_could_not_take_is_counted_in_one_loss_record(box: Box) -> None:
    box.start(0, capacity=3)
    for second in range(5):
        box.inbox.put(result("kiln-m", second, "12"))
    box.recorder.step(box.at(5))
    box.recorder.step(box.at(7))
    (loss,) = box.records("loss")
    assert (loss["count"], loss["reason"]) == (2, "queue full")
    assert box.recorder.snapshot.dropped == 2
    assert len(box.records("reading")) == 3


def test_the_daily_summary_is_the_difference_of_the_sums(box: Box) -> None:
    box.start(0)
    box.run(0, 50, kiln="12", scrubber=None)
    box.recorder.step(box.at(120))
    day = 86_400
    box.recorder.step(box.at(day))
    box.recorder.step(box.at(day + 2))
    (summary,) = [row for row in box.records("summary") if row["what"] == "day"]
    assert (summary["reads_ok"], summary["reads_failed"], summary["lost"]) == (5, 5, 0)
    assert summary["day"] == "2026-11-18"  # of the plant's zone, Asia/Shanghai


def test_remarks_are_records(box: Box) -> None:
    box.start(0)
    box.inbox.put(Remark("step", {"delta_ms": -3_600_000}))
    box.recorder.step(box.at(0))
    box.recorder.step(box.at(2))
    (step,) = box.records("step")
    assert step["delta_ms"] == -3_600_000


def test_a_life_with_kills_and_stops_verifies(box: Box) -> None:
    box.config = plant(PAIR, SILENT)
    second = 0
    for turn in range(6):
        box.start(second)
        box.run(second, second + 90, kiln="12", scrubber="0" if turn % 2 else "8", spare=None)
        second += 91
        box.recorder.step(box.at(second))
        if turn % 3:
            box.stop(second)
        else:
            box.crash()
        second += 4
    reader = JournalReader(box.folder / "journal")
    identity = next(record["vkey"] for record in reader.records() if record.get("op") == "identity")
    report = verify(reader.blocks(), identity=VerifierKey.parse(identity))
    reader.close()
    assert report.signatures.status == "pass"
    assert report.chain.status == "pass"
    assert report.completeness.status == "pass", report.completeness


def test_inbox_wakes_and_counts() -> None:
    inbox = Inbox(1)
    assert inbox.put(Remark("step", {"delta_ms": 1}))
    assert not inbox.put(Remark("step", {"delta_ms": 2}))
    items, dropped = inbox.take(10)
    assert len(items) == 1
    assert dropped == 1
    assert inbox.take(10) == ((), 0)


class FullCard:
    """A journal whose card is full while ``full`` is set; otherwise the real one."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.full = False

    def append(self, *args: Any) -> int:
        if self.full:
            raise StoreFull("SBX-JNL-003", path="card", reason="test")
        return self.journal.append(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


def test_a_full_card_stops_neither_rules_nor_reading_and_is_owned_up_to(box: Box) -> None:
    box.start(0)
    real = box.recorder._journal
    card = FullCard(real)
    box.recorder._journal = cast(Journal, card)
    card.full = True
    box.run(0, 100, kiln="12", scrubber="0")
    assert box.recorder.snapshot.alarms == (), "an alarm counts once it stands in the journal"
    assert box.recorder.snapshot.polls["kiln-m"].values == {"p": "12"}
    card.full = False
    box.recorder.step(box.at(101))
    box.recorder.step(box.at(103))
    box.recorder._journal = real
    (loss,) = box.records("loss")
    assert (loss["count"], loss["reason"]) == (20, "card full")
    assert box.recorder.snapshot.dropped == 20
    (alarm,) = box.records("alarm")
    assert (alarm["state"], alarm["mono"], alarm["since_mono"]) == ("raised", 101_000, 0)


def test_a_logbook_that_cannot_be_written_stops_nothing(box: Box) -> None:
    box.start(0)
    folder = box.folder / "logbook"
    aside = folder.rename(box.folder / "aside")
    box.run(0, 100, kiln="12", scrubber="0")
    assert [alarm.key for alarm in box.recorder.snapshot.alarms] == ["pair"], "the alarm is up and sealed"
    assert "logbook" in box.recorder.snapshot.logbook, "and what is not on the card is said"
    aside.rename(folder)
    box.inbox.put(ChoreDue("retention"))
    box.recorder.step(box.at(101))
    assert box.recorder.snapshot.logbook == ""
    page = Latches(Logbook(folder), "test").page()
    assert list(page.up) == ["pair"]


def test_a_logbook_from_the_future_counts_as_none(box: Box) -> None:
    """A card restored without its logbook, or a logbook of another card: the journal alone decides."""
    box.start(0)
    box.run(0, 100, kiln="12", scrubber="0")
    box.stop(101)
    page = Latches(Logbook(box.folder / "logbook"), "test")
    page.alarms((), box.recorder.snapshot.head.n + 1_000)
    box.start(105)
    assert [alarm.key for alarm in box.recorder.snapshot.alarms] == ["pair"]


def test_what_rotted_is_a_loss_record_once(box: Box) -> None:
    box.start(0)
    box.run(0, 70, kiln="12")
    n = box.recorder.snapshot.head.n
    assert n >= 1
    for _ in range(2):
        box.inbox.put(Rot(n, "body", 7))
        box.recorder.step(box.at(71))
    (loss,) = box.records("loss")
    assert (loss["what"], loss["reason"], loss["blocks"], loss["count"]) == ("bodies", "rotten", [[n, n]], 7)
    assert box.recorder.snapshot.rot == {(n, "body")}
    reader = JournalReader(box.folder / "journal")
    block = reader.block(n)
    reader.close()
    assert block is not None
    assert block.body is None


def test_what_a_platform_gives_back_is_on_record(box: Box) -> None:
    box.start(0)
    box.run(0, 70, kiln="12")
    n = box.recorder.snapshot.head.n
    with closing(JournalReader(box.folder / "journal")) as reader:
        whole = list(reader.blocks())
    box.inbox.put(Rot(n, "body", 7))
    box.recorder.step(box.at(71))
    box.inbox.put(GivenBack(tuple(whole), "city.zip"))
    box.recorder.step(box.at(72))
    box.recorder.step(box.at(74))
    (record,) = box.records("audit")
    assert (record["what"], record["file"]) == ("refill", "city.zip")
    assert n in record["blocks"]
    assert box.recorder.snapshot.rot == frozenset()
    with closing(JournalReader(box.folder / "journal")) as reader:
        again = reader.block(n)
    assert again == whole[n]


@pytest.mark.parametrize("blocks", [True, False])
def test_an_uplink_for_warnings_alone_holds_up_no_retention(tmp_path: Path, blocks: bool) -> None:
    """Nobody ever confirms anything on it. One that carries blocks holds every body for it; one that does not
    holds none."""
    plant_broker = Uplink(
        id="plant", kind="mqtt", host="h", ca="a", cert="c", key="k", receipts=False, levels=("warning",)
    )
    config = replace(
        plant(),
        uplinks=(replace(plant_broker, blocks=blocks),),
        journal=JournalSettings(keep_days=1, raw_days=0),
    )
    box = Box(tmp_path, config)
    box.letter = "S"
    box.start(0)
    box.run(0, 130, kiln="12")
    days = 3 * 86_400
    box.recorder.step(box.at(days))
    box.inbox.put(ChoreDue("retention"))
    box.recorder.step(box.at(days + 1))
    with closing(JournalReader(tmp_path / "journal")) as reader:
        oldest = reader.block(1)
    box.crash()
    assert oldest is not None
    assert (oldest.body is not None) is blocks


def test_each_alarm_record_is_announced_as_it_stands_in_the_journal(box: Box) -> None:
    box.start(0)
    heard: list[dict[str, Any]] = []
    box.recorder.listen(lambda record: heard.append(dict(record)))
    box.run(0, 100, kiln="12", scrubber="0")
    box.run(100, 130, kiln="12", scrubber="8")
    box.recorder.step(box.at(131))
    records = box.records("alarm")
    assert [record["state"] for record in records] == ["raised", "cleared"]
    for told, record in zip(heard, records, strict=True):
        assert told.items() <= record.items()
        assert set(record) - set(told) == {"boot", "mono", "q"}


@pytest.mark.parametrize("off_s", [40, 100, 900, 7200])
def test_the_silence_while_the_box_was_off_is_nobodys(box: Box, off_s: int) -> None:
    box.config = plant(PAIR, SILENT)
    box.start(0)
    box.run(0, 100, kiln="12", scrubber="8", spare="8")
    box.stop(101)
    again = 101 + off_s
    box.start(again)
    box.recorder.step(box.at(again))
    box.recorder.step(box.at(again + 1))
    box.poll(again + 2, kiln=None)
    box.run(again + 5, again + 50, kiln="12", scrubber="8", spare="8")
    assert box.recorder.snapshot.alarms == ()
    box.recorder.step(box.at(again + 52))
    assert box.records("alarm") == []


def test_a_meter_that_was_silent_before_the_box_was_off_raises_no_second_alarm(box: Box) -> None:
    box.config = plant(PAIR, SILENT)
    box.start(0)
    box.run(0, 30, kiln="12", scrubber="8", spare="8")
    box.run(30, 200, kiln="12", scrubber="8", spare=None)
    box.stop(201)
    box.start(900)
    box.run(900, 1100, kiln="12", scrubber="8", spare=None)
    box.recorder.step(box.at(1102))
    assert [(row["id"], row["state"]) for row in box.records("alarm")] == [("silent/spare-m", "raised")]
