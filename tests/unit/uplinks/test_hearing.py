"""What an uplink does with what it hears: floods, replays, hand-over to the recorder."""

from __future__ import annotations

from agent.errors import AgentError
from agent.uplinks.hearing import HAND_OVER_MS, Hearing, Memory, Setting
from agent.uplinks.livenews import LiveNews
from agent.uplinks.outbox import Outbox
from agent.uplinks.pipe import Message
from agent.uplinks.ranges import add, count, find
from agent.uplinks.remarks import QUIET_MS, Remarks
from buffer.wire import topic
from config import site
from tests.support.journals import BOX, CITY, EPOCH, T0, Life, make, receipt, signer
from tests.support.uplinks import Around, MemoryJournal, at, box

BLOCKS = make(Life(blocks=10))
CONFIG = site.Uplink(id="city", kind="mqtt", host="h", ca="a", cert="b", key="c")


class Ear:
    """A hearing with everything around it."""

    def __init__(self) -> None:
        self.around = Around(MemoryJournal(BLOCKS))
        hooks = self.around.hooks()
        self.memory = Memory(Outbox(), Remarks(hooks.on_event), EPOCH)
        self.memory.outbox.grow(9, ())
        setting = Setting(CONFIG, box(), hooks, self.around.journal, CITY.verifier, lambda: 0, LiveNews(()))
        self.hearing = Hearing(setting, self.memory)

    def say(self, payload: bytes, ms: int, name: str = "receipt", retained: bool = False) -> bool:
        message = Message(topic(BOX, "dn", name), payload, retained)
        return self.hearing.message(message, at(ms), self.around.journal.head())


def test_a_flood_of_one_receipt_is_one_hand_over() -> None:
    ear = Ear()
    note, _ = receipt(BLOCKS, 9)
    for ms in range(2_000):
        assert ear.say(note, ms)
    assert len(ear.around.receipts) == 1


def test_a_flood_of_forgeries_is_a_line_a_minute_with_their_count() -> None:
    ear = Ear()
    note, _ = receipt(BLOCKS, 9, by=signer("city", "forger"))
    for ms in range(0, QUIET_MS + 1, 100):
        assert not ear.say(note, ms)
    assert ear.around.codes == ["SBX-UPL-030"] * 2
    assert ear.around.events[1][1]["count"] == str(QUIET_MS // 100 + 1)
    assert ear.memory.outbox.claim.stored == -1


def test_receipts_reach_the_recorder_no_more_often_than_it_can_use() -> None:
    ear = Ear()
    for stored in range(10):
        ear.say(receipt(BLOCKS, stored)[0], stored * 200)
    assert [heard.stored_n for heard, _ in ear.around.receipts] == [0]
    ear.hearing.hand_over(at(HAND_OVER_MS))
    assert [heard.stored_n for heard, _ in ear.around.receipts] == [0, 9]


def test_the_last_one_is_handed_over_at_the_end() -> None:
    ear = Ear()
    ear.say(receipt(BLOCKS, 1)[0], 0)
    ear.say(receipt(BLOCKS, 2)[0], 10)
    ear.hearing.hand_over(at(20), last=True)
    assert [heard.stored_n for heard, _ in ear.around.receipts] == [1, 2]


def test_nothing_stored_is_heard_and_not_handed_over() -> None:
    ear = Ear()
    assert ear.say(receipt(BLOCKS, 0, stored_n=-1, stored_hash="")[0], 0)
    assert ear.around.receipts == []


def test_a_retained_receipt_moves_nothing() -> None:
    ear = Ear()
    assert not ear.say(receipt(BLOCKS, 9)[0], 0, retained=True)
    assert ear.around.codes == ["SBX-UPL-036"]
    assert ear.memory.outbox.claim.stored == -1


def test_another_history_freezes_until_a_fitting_receipt() -> None:
    ear = Ear()
    assert not ear.say(receipt(BLOCKS, 5, stored_hash="ab" * 32)[0], 0)
    assert ear.memory.frozen
    assert ear.memory.trouble is not None
    assert ear.memory.trouble.code == "SBX-UPL-033"
    assert ear.memory.outbox.claim.stored == -1
    assert ear.say(receipt(BLOCKS, 5)[0], 10)
    assert not ear.memory.frozen
    assert ear.memory.trouble is None


def test_the_platforms_loss_is_said_and_the_recorder_never_sees_it() -> None:
    ear = Ear()
    ear.say(receipt(BLOCKS, 8, time_ms=T0)[0], 0)
    ear.say(receipt(BLOCKS, 3, time_ms=T0 + 1)[0], HAND_OVER_MS)
    assert ear.around.codes == ["SBX-UPL-038"]
    assert ear.memory.outbox.claim.stored == 3
    assert [heard.stored_n for heard, _ in ear.around.receipts] == [8]


def test_remarks_of_different_codes_do_not_silence_each_other() -> None:
    said: list[str] = []
    remarks = Remarks(lambda code, args: said.append(code))
    for code in ("SBX-UPL-001", "SBX-UPL-002", "SBX-UPL-001"):
        remarks.add(AgentError(code), 0)
    assert said == ["SBX-UPL-001", "SBX-UPL-002"]
    assert remarks.counts == {"SBX-UPL-001": 2, "SBX-UPL-002": 1}


def test_ranges_join_what_touches() -> None:
    ranges = add(add(add((), 5, 5), 7, 9), 20, 30)
    assert add(ranges, 6, 6) == ((5, 9), (20, 30))
    assert add(ranges, 0, 100) == ((0, 100),)
    assert find(ranges, 8) == (7, 9)
    assert find(ranges, 6) is None
    assert count(ranges, 6, 25) == 3 + 6
