"""Simulated meters: from a power to all that a three-phase meter would read, consistent, never quite still.

::

    kw --> p_a p_b p_c (a third each) --> p = their sum
           u 230 V, pf 0.9            --> i = p / (u pf),  q = p tan(acos pf),  s = p / pf

The last digits move by a jitter that depends on meter, quantity and moment alone: the same scenario gives the
same readings everywhere. A machine that stands still draws exactly 0, as at a plant.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from agent.scenario.model import Answer, Item, Power, Whole
from config.quantities import STANDING

SLOW = STANDING | {"ep_imp", "ep_exp", "eq_imp", "eq_exp", "ct", "pt", "demand_p", "temp"}
START_KWH = 1000.0  # every register begins here
PF = 0.9
_VOLTS = 230.0
_TAN = math.tan(math.acos(PF))
_PHASES = ("a", "b", "c")
_DIGITS = {"u": 1, "i": 3, "p": 4, "q": 4, "s": 4, "pf": 3, "f": 2, "ep": 2, "eq": 2, "ct": 0, "pt": 0}
_HOUR_MS = 3_600_000


@dataclass(slots=True)
class SimMeter:
    """One meter; ``run_to`` first, then ``read``."""

    id: str
    answer: Answer = "back"
    bus_answer: Answer = "back"
    frozen: bool = False
    reversed: str = ""
    lost: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    last: dict[str, Decimal] = field(default_factory=dict)
    _course: Power = field(default_factory=lambda: Power("", 0.0, 0.0))
    _since_ms: int = 0
    _now_ms: int = 0
    _kwh: float = 0.0
    _dark: bool = False

    def kw(self, at_ms: int) -> float:
        """Its power at a moment, as it truly is."""
        course, passed = self._course, at_ms - self._since_ms
        if self._dark:
            return 0.0
        if passed >= course.over_ms:
            return course.kw
        start = course.from_kw or 0.0
        return start + (course.kw - start) * passed / course.over_ms

    def run_to(self, at_ms: int) -> None:
        """Let it draw power until then."""
        self._kwh += (self.kw(self._now_ms) + self.kw(at_ms)) / 2 * (at_ms - self._now_ms) / _HOUR_MS
        self._now_ms = at_ms

    def draw(self, power: Power, at_ms: int) -> None:
        """Another power from now on."""
        start = self.kw(at_ms) if power.from_kw is None else power.from_kw
        self._course, self._since_ms = Power(power.meter, power.kw, start, power.over_ms), at_ms

    def darken(self, dark: bool) -> None:
        """Its feeder is off, or on again."""
        self._dark = dark

    def set(self, whole: Whole) -> None:
        """Something about all of it."""
        if whole.how == "free":
            self.items.clear()
            self.frozen, self.reversed, self.lost = False, "", ""
        elif whole.how == "frozen":
            self.frozen = True
        elif whole.how == "reversed":
            self.reversed = whole.phases
        else:
            self.lost = whole.phases

    def set_item(self, item: Item) -> None:
        """Something about one quantity."""
        if item.how == "free":
            self.items.pop(item.quantity, None)
        else:
            self.items[item.quantity] = item

    def error(self) -> str | None:
        """Why a poll fails now, as drivers say it."""
        word = {"silent": "no_reply", "port": "port"}
        return word.get(self.bus_answer) or word.get(self.answer)

    def read(self, at_ms: int, slow: bool, wanted: Iterable[str]) -> Mapping[str, Decimal]:
        """The ``wanted`` quantities of a class, as they are read."""
        names = [name for name in wanted if (name in SLOW) is slow]
        if self.frozen:
            return {name: self.last[name] for name in names if name in self.last}
        true = self._slow() if slow else self._fast(at_ms)
        found = {name: _round(name, true[name]) for name in names if name in true}
        for name in names:
            self._alter(name, found)
        self.last.update(found)
        return found

    def _alter(self, name: str, found: dict[str, Decimal]) -> None:
        item = self.items.get(name)
        if item is None:
            return
        if item.how == "missing":
            found.pop(name, None)
        elif item.how == "frozen":
            found[name] = self.last.get(name, found.get(name, Decimal(0)))
        elif item.how == "set":
            found[name] = item.value
        elif name in found:
            found[name] = found[name] + item.value if item.how == "plus" else found[name] * item.value

    def _slow(self) -> dict[str, float]:
        kwh = START_KWH + self._kwh
        return {"ep_imp": kwh, "ep_exp": 0.0, "eq_imp": kwh * _TAN, "eq_exp": 0.0, "ct": 1.0, "pt": 1.0}

    def _fast(self, at_ms: int) -> dict[str, float]:
        kw = self.kw(at_ms)
        found = {"f": 0.0 if self._dark else 50 + 0.02 * self._jitter("f", at_ms)}
        pf = PF + 0.003 * self._jitter("pf", at_ms)
        for phase in _PHASES:
            gone = self._dark or phase in self.lost
            volts = 0.0 if gone else _VOLTS * (1 + 0.004 * self._jitter(f"u{phase}", at_ms))
            power = 0.0 if gone else kw / 3 * (1 + 0.002 * self._jitter(f"p{phase}", at_ms))
            sign = -1 if phase in self.reversed else 1
            power = round(sign * power, 4)
            found |= {f"u_{phase}": volts, f"p_{phase}": power, f"q_{phase}": power * _TAN}
            found |= {
                f"i_{phase}": power * 1000 / (volts * pf) if volts else 0.0,
                f"s_{phase}": abs(power) / pf,
                f"pf_{phase}": math.copysign(pf, power) if power else 1.0,
            }
        for pair in ("ab", "bc", "ca"):
            found[f"u_{pair}"] = math.sqrt(3) / 2 * (found[f"u_{pair[0]}"] + found[f"u_{pair[1]}"])
        for name in ("p", "q"):
            found[name] = sum(found[f"{name}_{phase}"] for phase in _PHASES)
        found["s"] = abs(found["p"]) / pf
        found["pf"] = math.copysign(pf, found["p"]) if found["p"] else 1.0
        return found

    def _jitter(self, what: str, at_ms: int) -> float:
        """From -1 to 1."""
        return zlib.crc32(f"{self.id} {what} {at_ms}".encode()) / 2**31 - 1


def _round(name: str, value: float) -> Decimal:
    digits = _DIGITS[name.split("_")[0]]
    return Decimal(f"{value + 0.0:.{digits}f}")
