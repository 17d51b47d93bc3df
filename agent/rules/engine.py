"""The engine: takes observations into the world, asks every rule, and leads the alarms' lives.

::

    observe(reading), know(orders, declarations), mains(...), owed(...)  ->  world
    tick(moment)     ->  world -> step() of each rule -> findings -> latches -> AlarmChange

Time is passed in; the engine reads no clock and touches no file. Nothing but ``tick`` changes an alarm, so
what is raised depends on what was observed and on the moments of the ticks, not on how readings are batched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from agent.rules.alarms import Alarm, AlarmChange
from agent.rules.baseline import Baseline, held, remembered
from agent.rules.daybook import Daybook
from agent.rules.daywords import order_verdicts
from agent.rules.finding import Finding
from agent.rules.kinds.registry import steps, uses
from agent.rules.latches import Latches
from agent.rules.metering import Observation, fresh_ms
from agent.rules.page import back, plain, restore_world, world_page
from agent.rules.world import DayUse, Moment, Sight, World
from config.orders import Declaration, Order
from config.rulekinds import LimitOrder, PowerCut, Rule, StopOrder
from config.site import SiteConfig


def all_rules(config: SiteConfig) -> tuple[Rule, ...]:
    """The rules of a site, and those that are always there: orders are judged without being asked for, and
    a plant in the dark is told from many dead meters."""
    have = {rule.kind for rule in config.rules}
    always: tuple[Rule, ...] = (StopOrder(), LimitOrder(), PowerCut())
    return (*config.rules, *(rule for rule in always if rule.kind not in have))


# budget: what it is told and what it is asked: each name is one thing, none can be another
class Engine:
    """Rules of one site."""

    def __init__(self, config: SiteConfig, now_ms: int, *, daily: bool = False) -> None:
        self._rules = all_rules(config)
        self._steps = steps()
        means = {rule.average_s for rule in self._rules if hasattr(rule, "average_s")}
        self._world = World(config, now_ms, means)
        self._pause_ms = min((fresh_ms(meter.every_s) for meter in config.meters), default=0)
        self._held: dict[str, Mapping[str, Any]] = {}
        self._told: set[str] = set()  # orders whose baseline is on record
        self._latches = Latches(self._world)
        self.daybook = Daybook(config, self._world, lambda: self._latches.active) if daily else None

    @property
    def world(self) -> Sight:
        """What others may see of the world: a copy."""
        return self._world.sight()

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that are up, oldest record first."""
        return self._latches.active

    @property
    def wanted(self) -> frozenset[str]:
        """The quantities that the world and the rules look at."""
        return frozenset(_BASIC).union(*(uses(rule) for rule in self._rules))

    @property
    def meters(self) -> frozenset[str]:
        """The meters it knows of."""
        return frozenset(self._world.meters)

    def observe(self, seen: Observation) -> None:
        """Take one reading in."""
        self._watch(seen.at_ms)
        self._world.observe(seen)
        if self.daybook is not None and seen.meter in self._world.meters:
            self.daybook.observe(seen.meter, seen.at_ms)

    def know(self, orders: Iterable[Order], declarations: Iterable[Declaration]) -> None:
        """All orders and declarations that may matter now; replaces what was known."""
        self._world.orders, self._world.declarations = tuple(orders), tuple(declarations)

    def mains(self, on: bool | None, at_ms: int) -> None:
        """What a contact or a supply says of the mains; None: it cannot be read."""
        self._world.mains, self._world.mains_ms = on, at_ms

    def owed(self, uplink: str, age_ms: int) -> None:
        """How old the oldest block is that an uplink has not confirmed; 0: none."""
        self._world.owed_ms[uplink] = age_ms

    def tick(self, moment: Moment) -> tuple[AlarmChange, ...]:
        """Judge everything as of now."""
        self._watch(moment.ms)
        self._world.advance(moment)
        if self.daybook is not None:
            self.daybook.tick(moment)
        self._latches.begin()
        on_orders: list[Finding] = []
        for rule in self._rules:
            findings, held = self._steps[rule.kind](rule, self._world, self._held.get(rule.id, _NOTHING))
            self._held[rule.id] = held
            if rule.kind in _ON_ORDERS:
                findings = tuple(findings)
                on_orders += findings
                findings = (one for one in findings if not one.overruled)
            self._latches.take_all(rule, findings)
        changes = self._latches.end()
        if self.daybook is not None:
            self.daybook.noted(order_verdicts(on_orders, self._world, moment.wall_ms))
        return changes

    @property
    def zone(self) -> ZoneInfo:
        """The plant's."""
        return self._world.zone

    @property
    def history(self) -> Mapping[str, tuple[DayUse, ...]]:
        """What each point drew on the days before, newest first."""
        return self._world.history

    def recall(self, history: Mapping[str, tuple[DayUse, ...]]) -> None:
        """Replace the history."""
        self._world.history = dict(history)

    @property
    def baselines(self) -> dict[str, Baseline]:
        """The baselines that were found and fixed, by order."""
        return dict(self._fixed())

    @property
    def untold(self) -> dict[str, Baseline]:
        """Those of them that are not on record yet; ``told`` when they are."""
        return {name: one for name, one in self._fixed() if one.whole and name not in self._told}

    def told(self, order: str) -> None:
        """The baseline of an order is on record."""
        self._told.add(order)

    def fix(self, order: str, found: Baseline) -> None:
        """A baseline that is on record holds: it is not found anew."""
        if found.whole:
            self._told.add(order)
        for rule in self._rules:
            if rule.kind == "limit-order":
                memory = self._held.get(rule.id, {})
                self._held[rule.id] = {**memory, order: {**memory.get(order, {}), **remembered(found)}}

    def _fixed(self) -> Iterator[tuple[str, Baseline]]:
        of_rules = (self._held.get(rule.id, _NOTHING) for rule in self._rules if rule.kind == "limit-order")
        for name, memory in (one for memories in of_rules for one in memories.items()):
            found = held(memory)
            if found is not None:
                yield name, found

    def verdicts(self) -> dict[str, dict[str, str]]:
        """How each rule judges each of its things now; changes nothing."""
        found: dict[str, dict[str, str]] = {}
        for rule in self._rules:
            findings, _ = self._steps[rule.kind](rule, self._world, self._held.get(rule.id, _NOTHING))
            found[rule.id] = {finding.key: finding.verdict.value for finding in findings}
        return found

    def _watch(self, now_ms: int) -> None:
        """Polls come, or fail, all the time: after a pause without any, the box was off and watches anew."""
        if now_ms - self._world.now_ms > self._pause_ms:
            self._world.watched_ms = now_ms

    def acknowledge(self, key: str, by: str, reason: str) -> AlarmChange | None:
        """Somebody has seen an alarm; None if it is not up."""
        return self._latches.acknowledge(key, by, reason)

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """The alarms that were up before a restart, all of them: they are not raised a second time. One whose
        rule no longer exists is cleared by the next tick."""
        self._latches.restore(alarms)

    def page(self) -> Mapping[str, Any]:
        """All that a restart must not forget, for the logbook."""
        return {
            "world": world_page(self._world),
            "told": sorted(self._told),
            "held": {name: plain(held) for name, held in self._held.items()},
            **self._latches.page(),
            **({} if self.daybook is None else {"daybook": self.daybook.page()}),
        }

    def turn_to(self, page: Mapping[str, Any]) -> None:
        """Go on where a page ends. KeyError, TypeError or ValueError for one of another version; then the
        engine is of no more use."""
        restore_world(self._world, page["world"])
        self._told = set(page["told"])
        self._held = {name: back(kept) for name, kept in page["held"].items()}
        self._told -= {name for name, found in self._fixed() if not found.whole}
        self._latches.turn_to(page)
        if self.daybook is not None and "daybook" in page:
            self.daybook.turn_to(page["daybook"])

    def undo(self, change: AlarmChange) -> None:
        """The change could not be recorded: as if it had not happened, so that it comes again."""
        self._latches.undo(change)

    def numbered(self, key: str, record: int) -> None:
        """Tell the engine in which record an alarm was raised."""
        self._latches.numbered(key, record)


_BASIC = ("p", "p_a", "p_b", "p_c", "i_a", "i_b", "i_c", "ep_imp")
_NOTHING: Mapping[str, Any] = {}
_ON_ORDERS = frozenset(("stop-order", "limit-order"))
