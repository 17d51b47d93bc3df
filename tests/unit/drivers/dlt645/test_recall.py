"""What a meter stored of itself, and its clock, read from the simulated meter, which encodes apart."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from config.profiles import builtin_profiles
from drivers.dlt645.clock import CLOCK_2007, read_clock
from drivers.dlt645.driver import DRIVER
from drivers.dlt645.fetch import MeterLine
from drivers.dlt645_1997.driver import DRIVER as DRIVER_1997
from drivers.memory import Ended, Nothing, Source, Span, Stored
from drivers.samples import Quality
from drivers.simulated.history import History
from drivers.simulated.items import SINGLES, Facts645
from drivers.simulated.slave645 import Habits, Refusal, Slave645, hunt
from tests.support.specs import with_meter
from tests.unit.drivers.dlt645.meter import Chunks, Played, di, play, wire
from tests.unit.drivers.dlt645.specs import ADDRESS, spec

moment = datetime.fromisoformat  # of a meter: without a zone
NOW = moment("2026-11-25 10:07:31")
START = moment("2026-01-01 00:00")
HOUR = timedelta(hours=1)
METER = with_meter(spec(builtin_profiles()["dlt645-2007-3p"]), ct=Decimal(40))
Line = Callable[[bytes], Chunks]


def register(at: datetime) -> Decimal:
    """What the meter's forward register showed: a hundredth a minute."""
    return Decimal(int((at - START) / timedelta(minutes=1)) + 100).scaleb(-2)


def shown(at: datetime) -> Mapping[str, float]:
    names = {item.name.split("_t", 1)[0] for item in SINGLES.values()}
    values = dict.fromkeys(names, 1.0)
    values |= {"u_a": 230.1, "i_a": -4.321, "p": -12.3456, "pf": -0.987, "f": 49.98}
    return values | {"ep_imp": float(register(at))}


def meter(*, step_min: int = 15, freezes: str = "sets", now: datetime = NOW, **habits: Any) -> Line:
    """A line with one simulated meter."""
    facts = Facts645(address=ADDRESS, ct=1, pt=1, clock=now, status=(0,) * 7, counts={})
    history = History(shown, lambda: now, step_min, freezes)
    slave = Slave645(ADDRESS, Habits(**habits), lambda: shown(now), lambda: facts, history.data)

    def talk(sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        reply = slave.answer(request)
        return [] if reply is None else [reply.frame]

    return talk


def recall(line: Line, span: Span, played: Played | None = None) -> tuple[Ended, list[Stored]]:
    told: list[Stored | Nothing] = []
    asked = DRIVER.recall(METER, span, told.append)
    assert asked is not None
    return play(asked, line, played), [one for one in told if isinstance(one, Stored)]


def energy(stored: Iterable[Stored]) -> list[tuple[Source, datetime, Decimal | None]]:
    return [
        (one.source, one.at, next(s.value for s in one.samples if s.quantity == "ep_imp")) for one in stored
    ]


def marks(begin: datetime, end: datetime, step: timedelta) -> list[datetime]:
    return [begin + n * step for n in range((end - begin) // step + 1)]


@pytest.mark.parametrize("most_data", [200, 60], ids=["whole records", "cut by frames"])
def test_load_records_come_oldest_first_in_the_profiles_quantities(most_data: int) -> None:
    span = Span(NOW - 3 * HOUR, NOW - HOUR)
    ended, told = recall(meter(most_data=most_data), span)
    assert ended == "done"
    times = marks(moment("2026-11-25 07:15"), moment("2026-11-25 09:00"), timedelta(minutes=15))
    assert energy(told) == [("load", at, register(at) * 40) for at in times]
    values = {s.quantity: s.value for s in told[0].samples}
    assert values["p"] == Decimal("-12.3456") * 40
    assert values["u_a"] == Decimal("230.1")
    assert values["i_a"] == Decimal("-4.321") * 40


def test_what_is_known_is_neither_asked_for_nor_told() -> None:
    span = Span(NOW - 3 * HOUR, NOW - HOUR)
    _, all_of_it = recall(meter(), span)
    known = frozenset(("load", one.at) for one in all_of_it[:5])
    played = Played()
    _, rest = recall(meter(), Span(span.begin, span.end, have=known), played)  # type: ignore[arg-type]  # literals
    assert rest == all_of_it[5:]
    _, nothing = recall(
        meter(), Span(span.begin, span.end, have=frozenset((o.source, o.at) for o in all_of_it))
    )
    assert nothing == []


@pytest.mark.parametrize("freezes", ["sets", "parts"])
def test_a_meter_without_load_records_has_its_hours(freezes: str) -> None:
    span = Span(NOW - 5 * HOUR, NOW - HOUR)
    ended, told = recall(meter(step_min=0, freezes=freezes), span)
    assert ended == "done"
    hours = marks(moment("2026-11-25 06:00"), moment("2026-11-25 09:00"), HOUR)
    assert energy(told) == [("hourly", at, register(at) * 40) for at in reversed(hours)]


def test_days_where_the_hours_end() -> None:
    span = Span(NOW - timedelta(days=15), NOW)
    ended, told = recall(meter(step_min=0), span)
    assert ended == "done"
    hourly = [one for one in told if one.source == "hourly"]
    daily = [one for one in told if one.source == "daily"]
    assert len(hourly) == 254
    assert [one.at for one in daily] == [
        at
        for at in reversed(marks(moment("2026-11-11 00:00"), moment("2026-11-25 00:00"), timedelta(days=1)))
        if at < min(one.at for one in hourly) - timedelta(hours=12)
    ]
    assert energy(daily)[0][2] == register(daily[0].at) * 40


def test_a_meter_that_stores_nothing_says_so_in_a_few_questions() -> None:
    played = Played()
    ended, told = recall(meter(step_min=0, freezes="none"), Span(NOW - 5 * HOUR, NOW), played)
    assert (ended, told) == ("done", [])
    assert len(played.labels) <= 5


NO_LOAD = frozenset({"06000001", "06040001"})


@pytest.mark.parametrize("refusal", ["no-data", "other", "silence"])
@pytest.mark.parametrize(
    "lacks", [NO_LOAD, NO_LOAD | {"04000901"}, NO_LOAD | {"04000901", "04000A05"}], ids=len
)
@pytest.mark.parametrize("freezes", ["sets", "parts"])
def test_the_next_source_is_asked_however_a_meter_refuses(
    refusal: Refusal, lacks: frozenset[str], freezes: str
) -> None:
    played = Played()
    line = meter(lacks=lacks, refusal=refusal, freezes=freezes)
    ended, told = recall(line, Span(NOW - timedelta(days=7), NOW - HOUR), played)
    assert ended == "done"
    assert {one.source for one in told} == {"hourly"}
    assert len(told) == 7 * 24 - 1
    load = [label for label in played.labels if label[:2] == "06"]
    assert len(load) <= 8, "not each chunk of the span"


@pytest.mark.parametrize("refusal", ["other", "silence"])
def test_a_meter_that_stores_nothing_and_does_not_say_so_well(refusal: Refusal) -> None:
    played = Played()
    line = meter(lacks=NO_LOAD, freezes="none", refusal=refusal)
    ended, told = recall(line, Span(NOW - timedelta(days=7), NOW), played)
    assert (ended, told) == ("done", [])
    assert len(played.labels) <= 40


def test_load_records_are_read_where_only_their_mode_is_not_told() -> None:
    """Silence on a parameter is no end: the records themselves are asked for."""
    lacks = frozenset({"04000901", "04000A05"})
    ended, told = recall(meter(lacks=lacks, refusal="silence"), Span(NOW - 3 * HOUR, NOW - HOUR))
    assert ended == "done"
    assert [one.source for one in told] == ["load"] * 8


def test_one_chunk_that_is_refused_costs_no_other() -> None:
    line, refused = meter(), 0

    def talk(sent: bytes) -> Chunks:
        nonlocal refused
        request, _ = hunt(sent)
        assert request is not None
        if request.data[3] == 0x06 and request.data[6:7] == b"\x06":  # of six o'clock
            refused += 1
            return [wire(ADDRESS, 0xD1, [1])]
        return line(sent)

    ended, told = recall(talk, Span(moment("2026-11-25 00:00"), moment("2026-11-25 08:00")))
    assert ended == "done"
    assert refused
    assert {one.at.hour for one in told if one.source == "load"} >= {0, 1, 2, 3, 4, 5, 7, 8}


def test_a_line_that_dies_under_a_question_is_not_taken_for_a_refusal() -> None:
    """Nothing is answered from the first load record on: neither the question nor what is always answered."""
    line, dead = meter(), False

    def talk(sent: bytes) -> Chunks:
        nonlocal dead
        request, _ = hunt(sent)
        assert request is not None
        dead = dead or request.data[3] == 0x06
        return [] if dead else line(sent)

    played = Played()
    ended, told = recall(talk, Span(NOW - 5 * HOUR, NOW), played)
    assert (ended, told) == ("interrupted", [])
    assert played.labels[-1] == "00010000"


def test_a_line_that_comes_back_at_once_has_lost_nothing() -> None:
    """Three questions fall into a loose wire; the meter then answers, and is asked for the same again."""
    line, silent = meter(), 3

    def talk(sent: bytes) -> Chunks:
        nonlocal silent
        request, _ = hunt(sent)
        assert request is not None
        if request.data[3] == 0x06 and silent:
            silent -= 1
            return []
        return line(sent)

    span = Span(NOW - 3 * HOUR, NOW - HOUR)
    assert recall(talk, span) == recall(line, span)


def test_noise_on_a_question_is_no_refusal() -> None:
    line = meter()

    def talk(sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        return [b"\x68\x00\x55"] if request.data[3] == 0x06 else line(sent)

    ended, told = recall(talk, Span(NOW - 3 * HOUR, NOW - HOUR))
    assert (ended, told) == ("interrupted", [])


def test_what_a_meter_was_found_not_to_keep_is_not_asked_for_again() -> None:
    told: list[Stored | Nothing] = []
    span = Span(NOW - timedelta(days=2), NOW)
    asked = DRIVER.recall(METER, span, told.append)
    assert asked is not None
    line = meter(lacks=NO_LOAD, freezes="none", refusal="silence")
    play(asked, line)
    assert told == [Nothing("load"), Nothing("hourly"), Nothing("daily")]
    played = Played()
    lacks: frozenset[Source] = frozenset(("load", "hourly", "daily"))
    assert recall(line, Span(span.begin, span.end, lacks=lacks), played) == ("done", [])
    assert played.labels == []


def test_a_meter_that_was_dead_has_no_records_for_that_time() -> None:
    """An empty reply is no end: later records are found."""
    line, skipped = meter(), 0

    def talk(sent: bytes) -> Chunks:
        nonlocal skipped
        request, _ = hunt(sent)
        assert request is not None
        if request.data[3] == 0x06 and request.data[6:7] == b"\x05" and skipped < 2:
            skipped += 1
            return [wire(ADDRESS, 0x91, di("06000001"))]
        return line(sent)

    ended, told = recall(talk, Span(moment("2026-11-25 05:00"), NOW))
    assert ended == "done"
    assert skipped
    assert {one.source for one in told} >= {"load"}


def test_a_line_that_fails_interrupts_and_going_on_completes() -> None:
    seed = random.randrange(10_000)
    print(f"seed={seed}")
    rng = random.Random(seed)
    span = Span(NOW - timedelta(days=2), NOW)
    _, whole = recall(meter(), span)
    line, ended, rounds = meter(), "interrupted", 0
    have: list[Stored] = []
    while ended == "interrupted":
        rounds += 1
        fails_at = rng.randrange(3, 30)
        asked = 0

        def talk(sent: bytes) -> Chunks:
            nonlocal asked
            asked += 1
            return [] if asked > fails_at else line(sent)  # noqa: B023 used within the round

        known = frozenset((one.source, one.at) for one in have)
        ended, told = recall(talk, Span(span.begin, span.end, known))
        have += told
        assert rounds < 200
    assert rounds > 1
    assert have == whole


def test_a_record_that_is_not_to_be_believed_is_not_told() -> None:
    line = meter()

    def talk(sent: bytes) -> Chunks:
        chunks = line(sent)
        request, _ = hunt(sent)
        assert request is not None
        if request.control != 0x11 or request.data[3] != 0x06:
            return chunks
        frame = chunks[0][chunks[0].index(0x68) :]
        data = [(byte - 0x33) & 0xFF for byte in frame[10:-2]]
        data[30] ^= 1  # the record's own sum no longer fits; the frame's does
        return [wire(ADDRESS, frame[8], data)]

    span = Span(NOW - HOUR - timedelta(minutes=20), NOW - timedelta(minutes=20))
    _, sound = recall(line, span)
    _, told = recall(talk, span)
    assert sound[0].source == "load"
    assert told == sound[1:], "the first record of the one question is missing, the others are there"


def test_fill_has_its_quality_and_no_number() -> None:
    line = meter()
    told: list[Stored | Nothing] = []
    asked = DRIVER.recall(METER, Span(NOW - HOUR, NOW), told.append)
    assert asked is not None

    def talk(sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        if request.data[3] != 0x06 or len(request.data) < 10:
            return line(sent)
        body = list(request.data[5:10]) + [0xFF] * 17 + [0xAA] * 6
        record = [0xA0, 0xA0, len(body), *body]
        return [wire(ADDRESS, 0x91, [*di("06000001"), *record, sum(record) % 256, 0xE5])]

    play(asked, talk)
    assert isinstance(told[0], Stored)
    assert told[0].source == "load"
    assert {sample.quality for sample in told[0].samples} == {Quality.MISSING}


@pytest.mark.parametrize("together", [True, False])
def test_the_meters_clock(together: bool) -> None:
    line = meter()

    def talk(sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        if request.data[:4] == bytes(di("0400010C")) and not together:
            return [wire(ADDRESS, 0xD1, [2])]
        return line(sent)

    read = DRIVER.clock(METER)
    assert read is not None
    played = Played()
    assert play(read, talk, played) == NOW
    assert played.labels[-1] == ("0400010C" if together else "04000102")


def test_a_date_from_before_midnight_is_read_again() -> None:
    day = [moment("2026-11-24 23:59:59"), moment("2026-11-25 00:00:01")]
    clocks = [day[0], day[0], day[1], day[1], day[1]]

    def talk(sent: bytes) -> Chunks:
        return meter(now=clocks.pop(0))(sent)

    lines = MeterLine(ADDRESS)
    refused = iter([[wire(ADDRESS, 0xD1, [2])]])

    def without_together(sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        if request.data[:4] == bytes(di("0400010C")):
            clocks.pop(0)
            return next(refused)
        return talk(sent)

    assert play(read_clock(lines, CLOCK_2007), without_together) == day[1]


def test_the_edition_of_1997_has_a_clock_and_no_memory() -> None:
    assert DRIVER_1997.recall(METER, Span(NOW, NOW), lambda _: None) is None
    asked: list[bytes] = []

    def silent(sent: bytes) -> Chunks:
        asked.append(sent)
        return []

    read = DRIVER_1997.clock(METER)
    assert read is not None
    assert play(read, silent) is None
    assert asked
