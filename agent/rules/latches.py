"""The latches of all alarms: one a key. Takes the findings of a step in and gives the changes out.

Owned by the engine. ``agent.rules.alarms`` draws an alarm's life; declarations lower or cover it
(``agent.rules.declared``).
"""

# budget: an alarm's life from first sight to end is one thing

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from agent.rules import declared, equipment, sights
from agent.rules.alarms import Alarm, AlarmChange, Latch, flapped, worse
from agent.rules.finding import Finding, Verdict
from agent.rules.inforce import terms
from agent.rules.page import latch_page, restore_latch
from agent.rules.storm import STORM_CODE, STORM_KEY, Storm
from agent.rules.world import World
from config.rulekinds import Level, Rule


class Latches:
    """``begin``, then ``take`` each finding, then ``end`` gives the changes of this step."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._latches: dict[str, Latch] = {}
        self._changes: list[AlarmChange] = []
        self._judged: set[str] = set()
        self._rules: set[str] = set()  # asked in this step
        self._ended: dict[str, Latch] = {}  # in this step: an end that cannot be recorded is undone
        self._storm = Storm()

    @property
    def active(self) -> tuple[Alarm, ...]:
        """What is up, oldest record first."""
        up = (latch.alarm for latch in self._latches.values() if latch.alarm is not None)
        return tuple(sorted(up, key=lambda alarm: (alarm.since_record, alarm.key)))

    def begin(self) -> None:
        """A new step."""
        self._changes, self._judged, self._rules, self._ended = [], set(), set(), {}
        self._storm.begin(self._world.now_ms)

    def take_all(self, rule: Rule, findings: Iterable[Finding]) -> None:
        """The findings of a rule. Most are fine and have no latch: nothing is to be done."""
        self._rules.add(rule.id)
        latches, violated = self._latches, Verdict.VIOLATED
        for finding in findings:
            if finding.verdict is violated or finding.key in latches:
                self.take(rule, finding)

    def take(self, rule: Rule, finding: Finding) -> None:
        """One finding of this step."""
        latch = self._latches.get(finding.key)
        if latch is None:
            if finding.verdict is Verdict.VIOLATED:
                self._judged.add(finding.key)
                self._pend(rule, finding)
            return
        self._judged.add(finding.key)
        if latch.alarm is None:
            self._pending(rule, finding, latch)
        else:
            self._up(rule, finding, latch, latch.alarm)

    def end(self) -> tuple[AlarmChange, ...]:
        """All changes; alarms that no rule judges any more are cleared."""
        for key in [key for key in self._latches if key not in self._judged and key != STORM_KEY]:
            self._unjudged(key, self._latches[key])
        self._tell_storm()
        return tuple(self._changes)

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """What was up before a restart, as the journal says. What this engine alone took for up waits
        again."""
        up = {alarm.key: alarm for alarm in alarms}
        for key, latch in self._latches.items():
            if latch.alarm is not None and key not in up:
                self._latches[key] = replace(latch, alarm=None, fine_ms=None)
        for key, alarm in up.items():
            known = self._latches.get(key)
            if known is None:
                self._latches[key] = self._again(alarm)
            else:
                flaps = known.alarm.flaps if known.alarm else alarm.flaps
                self._latches[key] = replace(known, alarm=replace(alarm, flaps=flaps))

    def _again(self, alarm: Alarm) -> Latch:
        before = equipment.begun_of(alarm.subjects, self._world)
        seen = sights.Seen(0, self._world.now_ms, self._world.now_ms, None)
        return Latch(alarm.since_ms, seen, alarm.since_record, before, alarm, alarm.peak)

    def page(self) -> Mapping[str, Any]:
        """For the logbook."""
        latches = {key: latch_page(latch) for key, latch in self._latches.items()}
        return {"latches": latches, "storm": self._storm.page()}

    def turn_to(self, page: Mapping[str, Any]) -> None:
        """As the page says. KeyError, TypeError or ValueError for one of another version."""
        self._latches = {key: restore_latch(kept) for key, kept in page["latches"].items()}
        self._storm.turn_to(page["storm"])

    def undo(self, change: AlarmChange) -> None:
        """As if the change had not happened."""
        key = change.alarm.key
        latch = self._latches.get(key)
        if change.change == "acknowledged" and latch is not None and latch.alarm is not None:
            self._latches[key] = replace(latch, alarm=replace(latch.alarm, acknowledged=""))
        elif change.change == "raised" and latch is not None:
            self._latches[key] = replace(latch, alarm=None)
        elif change.change == "escalated" and latch is not None and latch.alarm is not None:
            self._latches[key] = replace(latch, alarm=replace(latch.alarm, level="warning"))
        elif change.change == "excused" and latch is not None:
            self._latches[key] = replace(latch, excused="", done=False)
        elif change.change == "cleared":
            self._latches[key] = self._ended.get(key) or self._again(change.alarm)

    def numbered(self, key: str, record: int) -> None:
        """The record that raised an alarm."""
        latch = self._latches.get(key)
        if latch is not None and latch.alarm is not None:
            self._latches[key] = replace(latch, alarm=replace(latch.alarm, record=record))

    def acknowledge(self, key: str, by: str, reason: str) -> AlarmChange | None:
        """It stays up, and is marked as seen."""
        latch = self._latches.get(key)
        if latch is None or latch.alarm is None:
            return None
        alarm = replace(latch.alarm, acknowledged=by)
        self._latches[key] = replace(latch, alarm=alarm)
        return AlarmChange("acknowledged", alarm, self._world.now_ms, reason=reason)

    # budget: what one pending violation is made of
    def _pend(
        self, rule: Rule, finding: Finding, seen: sights.Seen | None = None, warned_ms: int = 0
    ) -> None:
        """It begins, or begins anew: what was ``seen`` before counts as far as it is the same violation."""
        record = finding.record or self._world.record
        seen, before = self._seen(finding, seen), equipment.begun(finding, self._world)
        latch = Latch(finding.began_ms, seen, record, before, peak=finding.peak, warned_ms=warned_ms)
        self._latches[finding.key] = latch
        self._ripe(rule, finding, latch)

    def _seen(self, finding: Finding, before: sights.Seen | None) -> sights.Seen:
        if before is None or sights.apart(before, finding, self._world):
            return sights.first(finding, self._world, before)
        return sights.again(before, finding, self._world)

    def _further(self, finding: Finding, latch: Latch) -> Latch:
        """It is violated in this step too."""
        seen, peak = self._seen(finding, latch.seen), worse(latch.peak, finding.peak)
        return replace(
            latch, seen=seen, peak=peak, before=equipment.begun(finding, self._world, latch.before)
        )

    def _pending(self, rule: Rule, finding: Finding, latch: Latch) -> None:
        if latch.done and finding.verdict is Verdict.VIOLATED:
            return
        if finding.verdict is not Verdict.VIOLATED:
            if self._world.now_ms - latch.seen.until_ms > finding.bridge_ms:
                del self._latches[finding.key]
            else:
                self._latches[finding.key] = replace(latch, seen=sights.not_seen(latch.seen, finding))
            return
        apart = sights.apart(latch.seen, finding, self._world)
        if apart or latch.over:
            self._pend(rule, finding, latch.seen, 0 if apart else latch.seen.ms)
            return
        latch = self._further(finding, latch)
        latch = replace(latch, began_ms=min(latch.began_ms, finding.began_ms))
        self._latches[finding.key] = latch
        self._ripe(rule, finding, latch)

    def _ripe(self, rule: Rule, finding: Finding, latch: Latch) -> None:
        """Raise it once it has been seen for long enough."""
        hold_ms, lasted_ms = finding.hold_ms, latch.seen.ms
        warn_ms = hold_ms if rule.warn_s is None else min(hold_ms, rule.warn_s * 1000)
        if lasted_ms < warn_ms:
            return
        cover = declared.covering(rule, finding.subjects, self._world)
        if cover is not None and cover.whole:
            self._excuse(rule, finding, latch, cover.id)
            return
        lowered = lasted_ms < hold_ms or cover is not None
        if lowered and lasted_ms - latch.warned_ms < warn_ms:
            return
        alarm = _alarm(rule, finding, latch)
        level: Level = "warning" if lowered else alarm.level
        alarm = replace(alarm, level=level, declared="" if cover is None else cover.id)
        if self._storm.holds(alarm, self._world.now_ms):
            self._latches[finding.key] = replace(latch, held=True)
            return
        self._latches[finding.key] = replace(latch, alarm=alarm, held=False, excused="")
        self._changes.append(AlarmChange("raised", alarm, self._world.now_ms))

    def _excuse(self, rule: Rule, finding: Finding, latch: Latch, declaration: str) -> None:
        """A declaration covers it wholly: no alarm, but it is on record, once."""
        if latch.excused == declaration:
            return
        alarm = replace(_alarm(rule, finding, latch), declared=declaration, level="warning")
        self._latches[finding.key] = replace(latch, excused=declaration, done=finding.event)
        self._changes.append(AlarmChange("excused", alarm, self._world.now_ms))

    def _up(self, rule: Rule, finding: Finding, latch: Latch, alarm: Alarm) -> None:
        if finding.event:
            self._event(finding, latch, alarm)
        elif finding.verdict is Verdict.VIOLATED:
            if latch.fine_ms is not None:
                latch = flapped(latch)
            self._latches[finding.key] = self._escalated(rule, finding, self._further(finding, latch))
        else:
            latch = replace(latch, seen=sights.not_seen(latch.seen, finding))
            if finding.verdict is Verdict.FINE and latch.fine_ms is None:
                latch = replace(latch, fine_ms=self._world.now_ms, fine_record=self._world.record)
            self._latches[finding.key] = latch
            if finding.verdict is Verdict.FINE:
                self._fine(rule, finding, latch, alarm)

    def _fine(self, rule: Rule, finding: Finding, latch: Latch, alarm: Alarm) -> None:
        """Cleared once it was fine for long enough."""
        assert latch.fine_ms is not None
        if self._world.now_ms - latch.fine_ms < rule.clear_s * 1000:
            return
        self._clear(finding.key, latch, replace(alarm, peak=latch.peak))
        if _may_rise(rule, finding, alarm):
            self._latches[finding.key] = replace(latch, alarm=None, fine_ms=None, over=True)

    def _event(self, finding: Finding, latch: Latch, alarm: Alarm) -> None:
        """What happened ends when somebody has seen it, or when its kind no longer keeps it up."""
        violated = finding.verdict is Verdict.VIOLATED
        if violated and not alarm.acknowledged:
            return
        ended = replace(latch, fine_ms=self._world.now_ms, fine_record=self._world.record)
        self._clear(finding.key, ended, alarm, "acknowledged" if violated else "expired")
        if violated:
            self._latches[finding.key] = replace(latch, alarm=None, done=True)

    def _escalated(self, rule: Rule, finding: Finding, latch: Latch) -> Latch:
        """A warning becomes the rule's alarm when it was seen for so long and no declaration lowers it."""
        assert latch.alarm is not None
        if not _may_rise(rule, finding, latch.alarm) or latch.seen.ms < finding.hold_ms:
            return latch
        if declared.covering(rule, finding.subjects, self._world) is not None:
            return latch
        alarm = replace(latch.alarm, level=rule.level, declared="", facts=_facts(finding))
        self._changes.append(AlarmChange("escalated", alarm, self._world.now_ms))
        return replace(latch, alarm=alarm)

    def _unjudged(self, key: str, latch: Latch) -> None:
        """No rule speaks of it any more. An order that is over is an end like any other; else nobody knows
        when it ended: its rule is gone, its meter, or what was remembered of it."""
        if latch.alarm is None:
            del self._latches[key]
            return
        world, order = self._world, latch.alarm.facts.get("order")
        alarm = replace(latch.alarm, peak=latch.peak)
        if alarm.rule not in self._rules or order is None:
            self._ended[key] = self._latches.pop(key)
            reason = "not judged" if alarm.rule in self._rules else "rule gone"
            self._changes.append(AlarmChange("cleared", alarm, world.now_ms, reason=reason))
            return
        if latch.fine_ms is None and latch.seen.until_ms >= world.watched_ms:
            latch = replace(latch, fine_ms=world.now_ms, fine_record=world.record)
        in_force = any(term.order.id == order for term in terms(world))
        self._clear(key, latch, alarm, "not judged" if in_force else "order over")

    def _clear(self, key: str, latch: Latch, alarm: Alarm, reason: str = "") -> None:
        self._ended[key] = self._latches.pop(key)
        kwh, percent = equipment.drawn(latch.before, self._world)
        change = AlarmChange(
            "cleared", alarm, self._world.now_ms, latch.fine_ms, kwh, percent, latch.fine_record, reason
        )
        self._changes.append(change)

    def _tell_storm(self) -> None:
        """One alarm says that others are held back; it ends when none is."""
        held = any(latch.held for latch in self._latches.values())
        latch = self._latches.get(STORM_KEY)
        up = None if latch is None else latch.alarm
        now_ms, record = self._world.now_ms, self._world.record
        if up is None and held:
            alarm = Alarm(
                STORM_KEY, STORM_KEY, STORM_CODE, "warning", (), self._storm.facts(), now_ms, record
            )
            seen = sights.Seen(0, now_ms, now_ms, None)
            self._latches[STORM_KEY] = Latch(now_ms, seen, record, {}, alarm)
            self._changes.append(AlarmChange("raised", alarm, now_ms))
        elif up is not None and not held:
            del self._latches[STORM_KEY]
            alarm = replace(up, facts=self._storm.facts())
            self._changes.append(AlarmChange("cleared", alarm, now_ms, now_ms))
        elif up is None:
            self._latches.pop(STORM_KEY, None)
            self._storm.over()


def _may_rise(rule: Rule, finding: Finding, alarm: Alarm) -> bool:
    """Whether it is a warning of what is an alarm once it has lasted, or without its declaration."""
    return alarm.level != rule.level and "warning" not in (rule.level, finding.level)


def _facts(finding: Finding) -> Mapping[str, str]:
    return MappingProxyType(dict(finding.facts()))


def _alarm(rule: Rule, finding: Finding, latch: Latch) -> Alarm:
    return Alarm(
        finding.key,
        rule.id,
        finding.code,
        finding.level or rule.level,
        finding.subjects,
        _facts(finding),
        latch.began_ms,
        latch.record,
        fault=finding.fault,
        peak=latch.peak,
    )
