"""The clerk on a real journal: one record for each change, once; who may what; nothing lost by a restart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.inbox import Remark
from agent.orders.judge import FRESH_BLOCKS
from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from agent.rules.world import Moment
from agent.whatif import compare, did, would
from buffer.command import decode_command, sign_command
from buffer.note import decode
from buffer.reader import JournalReader
from buffer.rows import MAX_ROW, encode_row
from config.orders import Declaration, Order
from config.site import Issuer
from tests.support.boxes import START_MS, Box
from tests.support.journals import CITY, COUNTY, signer
from tests.support.orders import SITE, Desk, at, codes, command, stop

FILE = """\
[[order]]
id = "2026-031"
kind = "limit"
from = "2026-11-18 24:00"
to = "2030-11-28 24:00"
reduce_percent = "30"
"""
STOP = stop("7", "2026-11-18 00:00", "2030-12-01 00:00")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, SITE)
    made.start(0)
    made.recorder.step(made.at(0))
    yield made
    made.crash()


@pytest.fixture
def desk(box: Box) -> Desk:
    return Desk(box)


def again(box: Box, second: float) -> None:
    """SIGKILL and a new start."""
    box.crash()
    box.start(second)


def ids(box: Box) -> list[str]:
    """The orders that the rules know."""
    return [order.id for order in box.recorder.snapshot.world.orders]


def test_the_clock_of_these_tests() -> None:
    assert at("2026-11-18 19:06") // 60_000 == START_MS // 60_000


def test_a_file_becomes_a_command_of_the_box_and_one_record(box: Box, desk: Desk) -> None:
    answer = desk.file(FILE)
    assert answer.problems == ()
    (record,) = box.records("order")
    (outcome,) = answer.done
    assert (outcome.kind, outcome.op, outcome.id, outcome.record) == ("order", "put", "2026-031", record["i"])
    assert record["order"] == {
        "id": "2026-031",
        "kind": "limit",
        "source": "local",
        "from_ms": at("2026-11-19 00:00"),
        "to_ms": at("2030-11-29 00:00"),
        "reduce_percent": "30",
    }
    assert (record["op"], record["by"], record["number"], record["who"]) == ("put", "T1", 1, "wang")
    note = decode(record["note"].encode())
    identity = box.clerk._office.signer.verifier
    assert note.signed_by((identity,)) == (identity,)
    asked = decode_command(note.text)
    assert asked.object == {name: v for name, v in record["order"].items() if name != "source"}
    assert ids(box) == ["2026-031"]


def test_it_is_durable_when_it_is_answered_and_sealed_at_once(box: Box, desk: Desk) -> None:
    desk.file(FILE)
    assert box.recorder.snapshot.head.n == 1
    assert box.clerk._office.journal._store.alarm_blocks(-1) == (1,)
    desk.second = 1.1
    assert desk.platform(1, "order-put", STOP).problems == ()
    assert box.recorder.snapshot.head.n == 1, "two early seals in five seconds would wear the card"
    again(box, 2)
    assert ids(box) == ["city/7", "2026-031"]


def test_a_mistake_in_a_file_takes_nothing_of_it(box: Box, desk: Desk) -> None:
    second = FILE.replace("2026-031", "b").replace('"30"', '"300"')
    assert codes(desk.file(FILE + second)) == ["SBX-ORD-013"]
    assert box.records("order") == []
    assert ids(box) == []


def test_orders_of_one_file_are_judged_against_each_other(box: Box, desk: Desk) -> None:
    assert codes(desk.file(FILE + FILE.replace("2026-031", "b").replace('"30"', '"40"'))) == ["SBX-ORD-017"]
    assert len(desk.file(FILE + FILE.replace("2026-031", "b")).done) == 2
    assert [record["number"] for record in box.records("order")] == [1, 2]


def test_a_command_of_a_platform_counts_once(box: Box, desk: Desk) -> None:
    asked = command(box.recorder.snapshot.head, 5, "order-put", STOP)
    raw = sign_command(asked, CITY)
    first = desk.ask("file", data=raw)
    assert [one.id for one in first.done] == ["city/7"]
    for _ in range(2):
        repeated = desk.ask("file", data=raw)
        assert [(one.id, one.record, one.repeated) for one in repeated.done] == [
            ("city/7", first.done[0].record, True)
        ]
        again(box, 3)
        desk.second = 4
    assert len(box.records("order")) == 1
    assert box.records("order")[0]["note"] == raw.decode()


def test_who_may_command(desk: Desk) -> None:
    assert codes(desk.platform(1, "order-put", STOP, signer=signer("city", "another"))) == ["SBX-ORD-031"]
    assert codes(desk.platform(1, "order-put", STOP, signer=signer("province"))) == ["SBX-ORD-031"]
    assert desk.platform(1, "order-put", STOP, signer=COUNTY).problems == ()
    assert codes(desk.platform(2, "order-cancel", {"id": "7"}, signer=COUNTY)) == ["SBX-ORD-038"]
    assert codes(desk.platform(1, "meter-reset", {})) == ["SBX-ORD-039"]


def test_a_changed_command_is_refused(box: Box, desk: Desk) -> None:
    raw = sign_command(command(box.recorder.snapshot.head, 5, "order-put", STOP), CITY)
    assert codes(desk.ask("file", data=raw.replace(b'"stop"', b'"limi"'))) == ["SBX-ORD-031"]
    assert codes(desk.ask("file", data=raw.replace(b"\n{", b"\n {"))) == ["SBX-ORD-030"]
    assert codes(desk.ask("file", data=raw.replace(b"command/v1", b"command/v2"))) == ["SBX-ORD-032"]
    for spoilt in (raw[:-1], raw.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + raw):
        assert codes(desk.ask("file", data=spoilt)) == ["SBX-ORD-030"], "by an editor or a mail program"
    assert box.records("order") == []
    desk.second = 3
    box.recorder.step(box.at(3))
    said = [(one["file"], one["codes"], one["who"]) for one in box.records("audit")]
    assert said == [
        ("order.toml", [code], "wang")
        for code in ("SBX-ORD-031", "SBX-ORD-030", "SBX-ORD-032", *["SBX-ORD-030"] * 3)
    ]


def test_for_another_box_another_life_or_another_history(box: Box, desk: Desk) -> None:
    head = box.recorder.snapshot.head
    assert codes(desk.platform(1, "order-put", STOP, box="T2")) == ["SBX-ORD-033"]
    assert codes(desk.platform(1, "order-put", STOP, epoch="e0")) == ["SBX-ORD-034"]
    assert codes(desk.platform(1, "order-put", STOP, head_hash="1a" * 32)) == ["SBX-ORD-035"]
    assert codes(desk.platform(1, "order-put", STOP, head_n=head.n + 1)) == ["SBX-ORD-035"]
    assert desk.platform(1, "order-put", STOP).problems == ()


def test_a_command_that_was_held_back_for_long_is_refused(
    desk: Desk, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = box.recorder.snapshot.head
    for second in (100, 200, 300):
        desk.second = second
        box.poll(second, kiln="1")
        box.recorder.step(box.at(second))
    new = box.recorder.snapshot.head
    assert new.n == old.n + 3 < FRESH_BLOCKS
    monkeypatch.setattr("agent.orders.judge.FRESH_BLOCKS", 2)
    assert codes(desk.platform(1, "order-put", STOP, head_n=old.n, head_hash=old.hash)) == ["SBX-ORD-036"]
    monkeypatch.setattr("agent.orders.judge.FRESH_BLOCKS", 3)
    assert desk.platform(1, "order-put", STOP, head_n=old.n, head_hash=old.hash).problems == ()


def test_numbers_rise_and_belong_to_their_issuer(box: Box, desk: Desk) -> None:
    assert desk.platform(5, "order-put", STOP).problems == ()
    for number in (5, 4, 0):
        assert codes(desk.platform(number, "order-put", {**STOP, "id": "8"})) == ["SBX-ORD-037"]
    assert desk.platform(1, "order-put", STOP, signer=COUNTY).problems == ()
    again(box, 2)
    assert codes(desk.platform(5, "order-put", {**STOP, "id": "8"})) == ["SBX-ORD-037"]
    assert desk.platform(6, "order-put", {**STOP, "id": "8"}).problems == ()


def test_issuers_do_not_take_each_others_ids(box: Box, desk: Desk) -> None:
    desk.platform(1, "order-put", STOP)
    desk.platform(1, "order-put", STOP, signer=COUNTY)
    desk.file(FILE.replace("2026-031", "7").replace("2026-11-18", "2026-11-19"))
    assert ids(box) == ["city/7", "county/7", "7"]
    assert codes(desk.platform(2, "order-put", STOP)) == ["SBX-ORD-022"]


def test_only_who_gave_an_order_can_take_it_back(box: Box, desk: Desk) -> None:
    desk.platform(1, "order-put", STOP)
    desk.file(FILE)
    assert codes(desk.ask("order-cancel", id="city/7")) == ["SBX-ORD-041"]
    assert codes(desk.platform(2, "order-cancel", {"id": "2026-031"})) == ["SBX-ORD-041"]
    assert codes(desk.ask("order-cancel", id="nothing")) == ["SBX-ORD-040"]
    assert codes(desk.platform(2, "order-cancel", {"id": "7", "more": 1})) == ["SBX-ORD-043"]
    assert desk.ask("order-cancel", id="2026-031", reason="lifted").problems == ()
    assert ids(box) == ["city/7"]
    assert codes(desk.ask("order-cancel", id="2026-031")) == ["SBX-ORD-042"]
    assert desk.platform(2, "order-cancel", {"id": "7"}).problems == ()
    assert ids(box) == []
    assert [(r["op"], r["id"], r.get("reason")) for r in box.records("order")][2:] == [
        ("cancel", "2026-031", "lifted"),
        ("cancel", "city/7", None),
    ]


def test_an_end_is_moved_by_an_order_that_takes_the_place_of_the_old_one(box: Box, desk: Desk) -> None:
    """暂定为16日24时: the first one holds until the second begins."""
    first = stop("1", "2026-11-18 00:00", "2026-11-20 24:00", provisional=True)
    second = stop("2", "2026-11-20 24:00", "2026-11-25 24:00", replaces="1", points=["kiln"])
    third = stop("3", "2026-11-19 00:00", "2026-11-22 24:00", replaces="1")
    desk.platform(1, "order-put", first)
    assert desk.platform(2, "order-put", second).problems == ()
    assert codes(desk.platform(3, "order-put", third)) == ["SBX-ORD-024"], "it was replaced already"
    for _ in range(2):
        known = {order.id: (order.from_ms, order.to_ms) for order in box.recorder.snapshot.world.orders}
        assert known == {
            "city/1": (at("2026-11-18 00:00"), at("2026-11-21 00:00")),
            "city/2": (at("2026-11-21 00:00"), at("2026-11-26 00:00")),
        }
        again(box, 2)
    desk.platform(4, "order-put", stop("4", "2026-11-19 00:00", None, replaces="2"))
    assert ids(box) == ["city/1", "city/4"]
    desk.platform(5, "order-cancel", {"id": "4"})
    assert ids(box) == ["city/1"], "what was replaced does not come back"


def test_a_declaration_says_how_late_it_was_and_what_it_overlaps(box: Box, desk: Desk) -> None:
    words = {
        "kind": "maintenance",
        "points": ["kiln"],
        "from": "2026-11-18 18:06:40",
        "to": "2026-11-18 20:00",
    }
    desk.ask("declaration-put", **words, reason="换轴承")
    desk.ask("declaration-put", **{**words, "points": ["scrubber"]})
    desk.ask("declaration-put", kind="power-cut", to="2026-11-18 19:30")
    first, second, third = box.records("declaration")
    assert first["declaration"] == {
        "id": "d1",
        "kind": "maintenance",
        "points": ["kiln"],
        "from_ms": at("2026-11-18 18:06:40"),
        "to_ms": at("2026-11-18 20:00"),
        "declared_ms": START_MS + 1000,
        "by": "wang",
        "reason": "换轴承",
    }
    assert (first["late_ms"], first["overlaps"]) == (3_601_000, [])
    assert (second["late_ms"], second["overlaps"]) == (3_601_000, [])
    assert (third["id"], third["late_ms"], third["overlaps"]) == ("d3", 0, ["d1", "d2"])
    assert [one.id for one in box.recorder.snapshot.world.declarations] == ["d1", "d2", "d3"]


def test_the_mistakes_of_a_declaration_name_the_option(desk: Desk) -> None:
    answer = desk.ask("declaration-put", kind="stop", points=["klin"], to="tomorrow")
    assert {(p.code, p.key) for p in answer.problems} == {
        ("SBX-CFG-042", "--points"),
        ("SBX-ORD-018", "--to"),
    }


def test_the_end_of_a_declaration_holds_from_its_own_moment(box: Box, desk: Desk) -> None:
    desk.ask("declaration-put", kind="stop", to="2026-11-19 20:00")
    desk.second = 60
    assert desk.ask("declaration-end", id="d1").problems == ()
    (declaration,) = box.recorder.snapshot.world.declarations
    assert declaration.to_ms == START_MS + 60_000
    desk.second = 61
    assert codes(desk.ask("declaration-end", id="d1")) == ["SBX-ORD-042"]
    again(box, 62)
    assert [one.to_ms for one in box.recorder.snapshot.world.declarations] == [START_MS + 60_000]


@pytest.mark.parametrize("page", [True, False])
def test_what_a_declaration_covered_is_no_change_of_the_book(box: Box, desk: Desk, page: bool) -> None:
    """The rules write such records of the same kind; they have no note."""
    desk.ask("declaration-put", kind="stop", to="2026-11-19 20:00")
    covered = {
        "op": "covered",
        "id": "d1",
        "alarm": "pair",
        "rule": "pair",
        "code": "SBX-RUL-001",
        "facts": {},
    }
    for second in (60, 130):
        box.inbox.put(Remark("declaration", {**covered, "since_i": 1}))
        box.recorder.step(box.at(second))
    before = box.clerk.book
    box.crash()
    if not page:
        shutil.rmtree(box.folder / "logbook")
    box.start(140)
    assert len(box.records("declaration")) == 3
    assert box.clerk.book == before


def test_a_platform_may_declare_and_end_its_own(box: Box, desk: Desk) -> None:
    value = {"id": "p", "kind": "power-cut", "from_ms": START_MS, "to_ms": START_MS + 10**7}
    assert desk.platform(1, "declaration-put", value).problems == ()
    assert box.records("declaration")[0]["declaration"]["by"] == "city"
    assert codes(desk.ask("declaration-end", id="city/p")) == ["SBX-ORD-041"]
    desk.second = 5
    assert desk.platform(2, "declaration-end", {"id": "p"}).problems == ()


@pytest.mark.parametrize("lost", ["nothing", "page", "logbook", "broken page"])
def test_the_book_is_found_again(box: Box, desk: Desk, lost: str) -> None:
    desk.file(FILE)
    desk.ask("declaration-put", kind="stop", to="2026-11-19 20:00")
    desk.second = 70
    box.recorder.step(box.at(70))
    desk.platform(3, "order-put", STOP)
    before = box.clerk.book
    box.crash()
    page = box.folder / "logbook" / "orders.json"
    assert page.exists()
    if lost == "page":
        page.unlink()
    elif lost == "logbook":
        shutil.rmtree(box.folder / "logbook")
    elif lost == "broken page":
        page.write_text('{"orders": {"1": {"name": "book", "epoch": 7, "n": "x", "records": [{}]}}}')
    box.start(80)
    assert box.clerk.book == before
    assert (ids(box), [one.id for one in box.recorder.snapshot.world.declarations]) == (
        ["city/7", "2026-031"],
        ["d2"],
    )
    assert len(box.records("order")) == 2


def test_a_restart_judges_each_record_by_what_was_known_then(
    box: Box, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is told of an order when the record that gave it is shown to it again."""
    desk.platform(1, "order-put", STOP)
    desk.ask("declaration-put", kind="stop", to="2026-11-19 20:00")
    for second in range(10, 80, 10):
        box.poll(second, kiln="12", scrubber="3")
    box.crash()
    seen: list[tuple[int, int]] = []
    tick = Engine.tick

    def spied(engine: Engine, moment: Moment) -> tuple[AlarmChange, ...]:
        seen.append((len(engine._world.orders), len(engine._world.declarations)))
        return tick(engine, moment)

    monkeypatch.setattr(Engine, "tick", spied)
    box.start(90)
    assert seen == sorted(seen), "nothing is forgotten again"
    assert set(seen) <= {(0, 0), (1, 0), (1, 1)}
    assert seen.count((1, 1)) >= 5


@pytest.mark.parametrize("page", [True, False])
@pytest.mark.parametrize("grace_s", [0, 600])
def test_an_order_counts_from_when_it_was_heard_after_a_restart_too(
    box: Box, grace_s: int, page: bool
) -> None:
    """It speaks of a time long before it was given; what was read before it came is not held against it."""
    box.letter = "S"
    desk = Desk(box, 300)
    box.run(10, 300, kiln="12", scrubber="8")
    order = {"id": "7", "kind": "stop", "from_ms": START_MS - 10**7, "grace_s": grace_s}
    desk.platform(1, "order-put", order)
    box.run(310, 330, kiln="12", scrubber="8")
    box.crash()
    if not page:
        shutil.rmtree(box.folder / "logbook")
    box.start(335)
    box.run(340, 1500, kiln="12", scrubber="8")
    raised = [one for one in box.records("alarm") if one["state"] == "raised"]
    assert [one["since_mono"] for one in raised] == [300_000 + grace_s * 1000]


def test_rules_replay_judges_by_what_was_known_then(box: Box) -> None:
    """An order that came late, and one that was lifted since."""
    box.letter = "S"
    desk = Desk(box, 300)
    box.run(10, 300, kiln="12", scrubber="8")
    desk.platform(1, "order-put", {"id": "7", "kind": "stop", "from_ms": START_MS - 10**7, "grace_s": 0})
    box.run(310, 900, kiln="12", scrubber="8")
    desk.second = 900
    desk.platform(2, "order-cancel", {"id": "7", "reason": "over"})
    box.run(910, 1000, kiln="12", scrubber="8")
    box.stop(1010)
    span = (START_MS, START_MS + 10**7)
    with closing(JournalReader(box.folder / "journal")) as reader:
        rows = compare(did(reader, span), would(reader, SITE, span, box.clerk.book))
    assert [(row.any.id, row.any.state) for row in rows] == [
        ("stop-order/city/7/kiln", "raised"),
        ("stop-order/city/7/kiln", "cleared"),
    ]
    assert all(row.did is not None and row.would is not None for row in rows)


def test_a_new_history_carries_over_what_is_in_force(box: Box, desk: Desk) -> None:
    desk.file(FILE)
    raw = sign_command(command(box.recorder.snapshot.head, 5, "order-put", STOP), CITY)
    desk.ask("file", data=raw)
    desk.second = 6
    desk.ask("order-cancel", id="2026-031")
    box.stop(20)
    shutil.rmtree(box.folder / "journal")
    box.start(30)
    (record,) = box.records("order")
    assert (record["id"], record["note"], record["order"]["source"]) == ("city/7", raw.decode(), "city")
    assert ids(box) == ["city/7"]
    desk.second = 31
    assert [one.repeated for one in desk.ask("file", data=raw).done] == [True]
    assert desk.file(FILE.replace("2026-031", "2026-032")).problems == ()
    assert box.records("order")[-1]["number"] == 3, "numbers go on"
    shutil.rmtree(box.folder / "logbook")
    again(box, 40)
    assert ids(box) == ["city/7", "2026-032"], "the new journal says all by itself"


def test_the_longest_order_fits_its_record(box: Box, desk: Desk) -> None:
    names = [f"a-very-long-name-of-a-point-{n:03d}" for n in range(64)]
    point = SITE.points[0]
    box.stop(2)
    box.config = replace(SITE, points=tuple(replace(point, id=name) for name in names), rules=())
    box.start(3)
    desk.second = 4
    quoted = '"' * 128
    text = f"{FILE}points = {json.dumps(names)}\ntitle = '{quoted}'\n"
    assert codes(desk.file(text)) == []
    (record,) = box.records("order")
    assert MAX_ROW // 2 < len(encode_row(record)) <= MAX_ROW


def test_what_no_record_can_hold_is_refused(box: Box, desk: Desk) -> None:
    for reason in ("x" * 4000, "\ud800", 1.5, None):
        assert codes(desk.ask("order-cancel", id="a", reason=reason)) == ["SBX-ORD-049"]
    assert codes(desk.ask("order-cancel", id=["a"], reason="")) == ["SBX-ORD-043"]
    assert codes(desk.ask("declaration-put", kind=7, points="a", to=None)) != []
    assert box.records("order") == []


def test_a_full_card_takes_no_order_and_says_so(
    box: Box, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from buffer.errors import StoreFull

    journal = box.clerk._office.journal
    append = journal.append

    def full(kind: str, *rest: object) -> int:
        if kind == "order":
            raise StoreFull("SBX-JNL-003", path="x")
        return append(kind, *rest)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(journal, "append", full)
    assert codes(desk.file(FILE)) == ["SBX-ORD-044"]
    monkeypatch.undo()
    assert ids(box) == []
    assert desk.file(FILE).problems == ()


def test_an_issuer_that_left_cannot_command_and_its_orders_stay(box: Box, desk: Desk) -> None:
    desk.platform(1, "order-put", STOP)
    box.stop(2)
    box.config = replace(SITE, issuers=(Issuer(id="county", key=str(COUNTY.verifier), verbs=("order-put",)),))
    box.start(3)
    desk.second = 4
    assert ids(box) == ["city/7"]
    assert codes(desk.platform(2, "order-cancel", {"id": "7"})) == ["SBX-ORD-031"]


def test_the_values_that_the_rules_get(box: Box, desk: Desk) -> None:
    desk.file(FILE)
    desk.ask("declaration-put", kind="stop", to="2026-11-19 20:00")
    engine = box.recorder.snapshot.world
    assert all(type(one) is Order for one in engine.orders)
    assert all(type(one) is Declaration for one in engine.declarations)


def test_a_flood_of_orders_ends(box: Box, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.orders.judge.MOST", 3)
    for number in (1, 2, 3):
        assert desk.platform(number, "order-put", {**STOP, "id": f"o{number}"}).problems == ()
    assert codes(desk.platform(4, "order-put", {**STOP, "id": "o4"})) == ["SBX-ORD-046"]
    assert desk.platform(5, "order-cancel", {"id": "o1"}).problems == ()
    assert desk.platform(6, "order-put", {**STOP, "id": "o4"}).problems == ()


def test_a_clock_far_ahead_hides_no_order(box: Box, desk: Desk) -> None:
    """A box that wakes up in 2099 without a network still knows what it was told."""
    desk.platform(1, "order-put", STOP)
    box.crash()
    years_s = 73 * 365 * 86_400
    box.boot += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.support.boxes.START_MS", START_MS + years_s * 1000)
        box.start(10)
        assert ids(box) == ["city/7"]
        box.crash()
        box.letter = "S"
        box.start(20)
        assert ids(box) == []
