"""The register of imported energy (电能表底码) does what a register cannot do by itself.

Transition table, for each new value of ``ep_imp`` against the one before::

    it                                                            it happened
    fell by no more than two steps of its last digit              -
    fell from the last hundredth of a register's width, and       SBX-RUL-041  rolled over, a warning
    with that width added rose by no more than can have been
    drawn, where that is known
    fell                                                          SBX-RUL-042  backwards
    rose by more than max_kw can have drawn since (if given)      SBX-RUL-043  jumped
    rose, over a measured hour, by more than 1.5 times the        SBX-RUL-043  jumped
    power that was read in that time comes to
    else                                                          -

Two steps of the last digit, and two minutes at full power, are always granted: meters count in steps and
refresh their registers late. Nothing is held against a stretch in which the machine was off, the ratio was
changed (``ratio-changed``), or another meter answers by its number (``meter-swapped``): how long a box
without a clock was off nobody knows.

Widths: BCD registers of DL/T 645 end at 999 999.99, signed ones at 799 999.99; binary ones at 2^32 or 2^31
steps of the scales that our profiles have. All of them times the transformer ratio where the register
counts secondary energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.rules.finding import Finding, shown
from agent.rules.kinds.happened import NOTHING, What, noted, remembered, standing
from agent.rules.kinds.metered import newest, news
from agent.rules.metering import HOUR_MS, MeterView, Value
from agent.rules.world import World
from config.meterkinds import Register

KIND = "register"
ROLLED, BACK, JUMPED = "SBX-RUL-041", "SBX-RUL-042", "SBX-RUL-043"
USES = ("p", "p_a", "p_b", "p_c", "ep_imp", "ct", "pt", "serial")
WIDTHS = (
    Decimal(10**6),
    Decimal(8 * 10**5),
    *(Decimal(2**bits).scaleb(-digits) for bits in (31, 32) for digits in range(5)),
)
_NEAR = Decimal("0.01")  # of its width: what may be left before the end
_GRANTED = Decimal("0.0001")  # of its width, whatever the power says
_STRETCH_MS = (
    HOUR_MS  # short enough to be seen on the day, long enough for loads that pulse between two readings
)
_LAG_MS = 120_000
_FACTOR = Decimal("1.5")
_MEASURED = Decimal("0.95")
_FLOAT_STEPS = 2**22  # a float of 32 bits has a step of a four millionth
Known = Mapping[str, Any]
_SAME = ("ratio", "ct", "pt", "serial")  # else it begins anew


def step(rule: Register, world: World, held: Known) -> tuple[tuple[Finding, ...], Known]:
    """Findings keyed ``rule/meter/register/number``. ``held``: the last value of each meter, and where the
    stretch that is measured began."""
    last, log = held.get("meters", {}), held.get("log", NOTHING)
    for view in news(rule, world):
        value, before = newest(view, "ep_imp"), last.get(view.id)
        if value is None or (before is not None and before["i"] == value.record):
            continue
        now = _known(view, value, world, before or {})
        what: What | None = None
        start: Known = now
        if before is not None and all(before[name] in (None, now[name]) for name in _SAME):
            what, start = _judged(rule, before, now)
        last = {**last, view.id: {**now, "start": {k: v for k, v in start.items() if k != "start"}}}
        if what is not None:
            log = noted(log, rule, view.id, value, what)
    findings, log = standing(rule, log, world, "device")
    return findings, remembered(held, last, log)


def ratios(view: MeterView) -> list[Decimal]:
    """What its register may be multiplied by: nothing, the ratio of the site file, that of the meter."""
    told = Decimal(1)
    for name in ("ct", "pt"):
        value = newest(view, name)
        told *= Decimal(1) if value is None else value.value
    return [Decimal(1), view.ratio, told]


def fine_step(value: Decimal, ratio: Decimal) -> Decimal:
    """The step of a register's last digit, kWh on the primary side."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "no reading is NaN"
    return max(Decimal(1).scaleb(min(exponent, 0)) * ratio, abs(value) / _FLOAT_STEPS)


def rolled(old: Decimal, new: Decimal, factors: list[Decimal], most: Decimal | None) -> Decimal | None:
    """What was drawn if the register came to its end between two values; None if it cannot have. ``most``:
    that can have been drawn, where it is known."""
    for factor in factors:
        for width in (width * factor for width in WIDTHS):
            drawn = width - old + new
            limit = width * _NEAR if most is None else min(max(most, width * _GRANTED), width * _NEAR)
            if new < old < width and drawn <= limit:
                return drawn
    return None


def _known(view: MeterView, value: Value, world: World, before: Known) -> dict[str, Any]:
    told = {name: newest(view, name) for name in ("ct", "pt", "serial")}
    return {
        **{name: before.get(name) if one is None else one.value for name, one in told.items()},
        "ep": value.value,
        "i": value.record,
        "at": value.at_ms,
        "boot": world.boot,
        "work": view.sum.work,
        "covered": view.sum.covered_ms,
        "kw": Decimal(0) if view.power is None else view.power.value,
        "ratio": view.ratio,
    }


def _factors(now: Known) -> list[Decimal]:
    return [Decimal(1), now["ratio"], (now["ct"] or 1) * (now["pt"] or Decimal(1))]


def _judged(rule: Register, before: Known, now: Known) -> tuple[What | None, Known]:
    """What happened, if anything, and where the measured stretch begins from now on."""
    old, new = before["ep"], now["ep"]
    steps = 2 * fine_step(new, max(_factors(now)))
    facts = {"old": shown(old, "kWh"), "new": shown(new, "kWh")}
    if old - new > steps:
        likely = [
            one for one in (_flows(rule, before, now, steps), _read(before, now, steps)) if one is not None
        ]
        drawn = rolled(old, new, _factors(now), min(likely, default=None))
        if drawn is None:
            return What("register", BACK, facts), now
        return What("register", ROLLED, {**facts, "drawn": shown(drawn, "kWh")}, "warning"), now
    start = before["start"]
    for began, most in ((before, _flows(rule, before, now, steps)), (start, _measured(start, now, steps))):
        if most is not None and new - began["ep"] > most:
            facts = {"old": shown(began["ep"], "kWh"), "new": facts["new"]}
            rose = {"drawn": shown(new - began["ep"], "kWh"), "most": shown(most, "kWh")}
            return What("register", JUMPED, {**facts, **rose}), now
    goes_on = start["boot"] == now["boot"] and now["at"] - start["at"] < _STRETCH_MS
    return None, start if goes_on else now


def _flows(rule: Register, before: Known, now: Known, steps: Decimal) -> Decimal | None:
    """The most that can have flowed between two values; None: not known."""
    if rule.max_kw is None or before["boot"] != now["boot"]:
        return None
    return rule.max_kw * Decimal(now["at"] - before["at"] + _LAG_MS) / HOUR_MS + steps


def _measured(start: Known, now: Known, steps: Decimal) -> Decimal | None:
    """The most that the power read since ``start`` can come to, after an hour."""
    return None if now["at"] - start["at"] < _STRETCH_MS else _read(start, now, steps)


def _read(start: Known, now: Known, steps: Decimal) -> Decimal | None:
    """The same; None unless it was read all the time."""
    passed_ms = now["at"] - start["at"]
    if start["boot"] != now["boot"] or now["covered"] - start["covered"] < _MEASURED * passed_ms:
        return None
    work = (now["work"] - start["work"]) * _FACTOR + max(start["kw"], now["kw"]) * _LAG_MS
    return Decimal(work / HOUR_MS + steps)
