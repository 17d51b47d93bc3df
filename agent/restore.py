"""What the rules knew before the restart: the engine's page in the logbook, and the journal's records behind
it.

The journal is the truth. Without a page, or with one that this version cannot read, the rules begin to watch
at the oldest record that any of them may need. What is up is not raised a second time; what the replay alone
would raise is raised, and recorded, by the engine's next tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.axis import Axis, Wall
from agent.dayrecords import remembered
from agent.history import Record, alarms_up, behind, recent
from agent.latches import Page
from agent.orders.book import Book
from agent.pastdays import baselines, last_summary, walk
from agent.replay import Replay
from agent.rules.engine import Engine, all_rules
from agent.rules.metering import fresh_ms
from agent.rules.world import DayUse
from agent.ruling import Ruling
from buffer.instant import Instant
from buffer.reader import JournalReader
from config.site import SiteConfig

_MARGIN_MS = 60_000
_HOLDS = ("stop_lag_s", "start_lead_s", "hold_s", "after_s", "average_s", "clear_s", "grace_s")


def horizon_ms(config: SiteConfig) -> int:
    """How much history the rules need without a page: their longest times, with a margin."""
    rules = all_rules(config)
    holds = [sum(getattr(rule, name, 0) or 0 for name in _HOLDS) for rule in rules]
    holds += [point.hold_s for point in config.points]
    slow = [fresh_ms(meter.slow_every_s) for meter in config.meters]
    return max(holds, default=0) * 1000 + max(slow, default=0) + _MARGIN_MS


def restore(reader: JournalReader, config: SiteConfig, now: Instant, page: Page, book: Book) -> Ruling:
    """An engine that knows what one that had never stopped would know, and the times it runs by. ``book``:
    the orders and declarations; what the records show is judged by those that were known at the time."""
    found = None if page.engine_n > reader.head().n else _go_on(reader, config, now, page, book)
    if found is None:
        found = _begin(config, now, recent(reader, now.mono_ms - horizon_ms(config), now.boot_id), book)
    _recall(reader, found.engine)
    found.engine.restore(alarms_up(reader, found.axis, page).values())
    return found


def _go_on(reader: JournalReader, config: SiteConfig, now: Instant, page: Page, book: Book) -> Ruling | None:
    """From the page on; None without one, or if it is of another version."""
    kept = page.engine
    if kept is None:
        return None
    try:
        before = Axis(kept["axis"]["boot_id"], kept["axis"]["offset_ms"])
        engine = Engine(config, kept["world"]["now"], daily=True)
        engine.turn_to(kept)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    return _run(Replay(engine, before, book), behind(reader, page.engine_n), now)


def _begin(config: SiteConfig, now: Instant, records: list[Record], book: Book) -> Ruling:
    axis = Axis.begin(now)
    polls = (record["mono"] for record in records if record["k"] == "reading")
    engine = Engine(config, axis.at(min(polls, default=now.mono_ms)), daily=True)
    return _run(Replay(engine, axis, book), records, now)


def _recall(reader: JournalReader, engine: Engine) -> None:
    """The days before, and the baselines that were found on them."""
    book = engine.daybook
    assert book is not None, "an engine of the daemon has one"
    book.written("", last_summary(reader, max(0, book.last_n)))
    days = tuple(walk(reader, book.last_n))
    for order, found in baselines(reader, book.last_n, days):
        engine.fix(order, found)
    history: Mapping[str, tuple[DayUse, ...]] = {}
    for rows in days:
        history = remembered(history, rows, engine.zone)
    engine.recall(history)


def _run(replay: Replay, records: Iterable[Record], now: Instant) -> Ruling:
    for record in records:
        replay.take(record)
    replay.end()
    ruling = replay.ruling
    if ruling.axis.boot_id == now.boot_id:
        return ruling
    return Ruling(ruling.engine, Axis.begin(now, ruling.axis, replay.last_ms), Wall())
