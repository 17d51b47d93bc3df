"""How long a platform has been waiting, on a real journal."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.inbox import Owed
from agent.owed import owed_ms
from buffer.head import Cursor
from buffer.reader import JournalReader
from config.rulekinds import DeliveryLate
from config.site import Uplink
from tests.support.boxes import START_MS, Box
from tests.support.plants import plant

CITY = Uplink(id="city", kind="mqtt", host="h", ca="/a", cert="/b", key="/c")
OWN = replace(CITY, id="own", receipts=False, blocks=False, levels=("warning",))


def test_the_oldest_block_that_is_not_confirmed_counts(tmp_path: Path) -> None:
    late = DeliveryLate(id="late", deadline_s=300, warn_before_s=100)
    box = Box(tmp_path, replace(plant(late), uplinks=(CITY, OWN)))
    box.start(0)
    box.run(0, 310, kiln="12", scrubber="8")
    now_ms = START_MS + 310_000
    with closing(JournalReader(box.folder / "journal")) as reader:
        head = reader.head()
        oldest, newest = reader.infos(0, 0)[0].utc_ms, reader.infos(head.n, head.n)[0].utc_ms
        assert owed_ms(reader, box.config, {}, now_ms) == {"city": now_ms - oldest}
        one_less = {"city": Cursor(head.n - 1, "", 0)}
        assert owed_ms(reader, box.config, one_less, now_ms) == {"city": now_ms - newest}
        all_of_it = {"city": Cursor(head.n, "", 0)}
        assert owed_ms(reader, box.config, all_of_it, now_ms) == {"city": 0}
        box.inbox.put(Owed(owed_ms(reader, box.config, {}, now_ms)))
    box.recorder.step(box.at(311))
    assert [alarm.key for alarm in box.recorder.snapshot.alarms] == ["late/city/missed", "late/city/near"]
    box.inbox.put(Owed({"city": 0}))
    box.recorder.step(box.at(312))
    assert box.recorder.snapshot.alarms == ()
    box.crash()
