"""The switches of the simulated plant: what a control message may set, and what it then changes.

One table of commands (see the docstring of ``drivers.simulated``); each checks its own arguments. Called by
one thread at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from drivers.errors import DriverError
from drivers.simulated.faults import PERMILLES
from drivers.simulated.feed import PHASES, Wiring
from drivers.simulated.load import Load
from drivers.simulated.meter import EVENTS, Meter

Message = Mapping[str, Any]
_METER_PHASE_ON = frozenset(("meter", "phase", "on"))
_KEYS: Mapping[str, frozenset[str]] = {  # what each message may hold; anything else is a slip of its writer
    "unplug": frozenset(("meter", "on")),
    "wrong-phase": frozenset(("meter", "on")),
    "phase-order": frozenset(("meter", "on")),
    "reversed-ct": _METER_PHASE_ON,
    "phase-loss": _METER_PHASE_ON,
    "load": frozenset(("load", "factor")),
    "treatment-off": frozenset(("load", "on")),
    "power-cut": frozenset(("scope", "on")),
    "late": frozenset(("meter", "ms", "count")),
    "clock": frozenset(("meter", "offset_s")),
    "event": frozenset(("meter", "what")),
    "number": frozenset(("meter", "number")),
    **dict.fromkeys(PERMILLES, frozenset(("meter", "permille"))),
}
_POWER_DOWN = EVENTS["power-down"]


class ControlError(DriverError):
    """A control message is wrong. The control socket answers with its text; a test sees it raised."""


class Switches:
    """``now_ms``: the plant's time since its anchor."""

    def __init__(
        self, loads: Mapping[str, Load], meters: Mapping[str, Meter], now_ms: Callable[[], float]
    ) -> None:
        self._loads = loads
        self._meters = meters
        self._now_ms = now_ms
        self._factors = dict.fromkeys(loads, 1.0)
        self._treatment_off: set[str] = set()
        self._cut = False
        self._commands: dict[str, Callable[[Message], None]] = {
            "unplug": self._unplug,
            "wrong-phase": self._wire,
            "phase-order": self._wire,
            "reversed-ct": self._wire,
            "phase-loss": self._wire,
            "load": self._load,
            "treatment-off": self._treatment,
            "power-cut": self._power_cut,
            "late": self._late,
            "clock": self._clock,
            "event": self._event,
            "number": self._number,
            **dict.fromkeys(PERMILLES, self._permille),
        }

    def set(self, message: Message) -> None:
        """Do what ``message["set"]`` says. Raises ControlError."""
        command = self._commands.get(str(message["set"]))
        if command is None:
            raise ControlError(f"no switch {message['set']!r}; there are {', '.join(sorted(self._commands))}")
        refuse_unknown(message, _KEYS[str(message["set"])] | {"set"})
        command(message)

    def _meter(self, message: Message) -> Meter:
        meter = self._meters.get(str(message.get("meter")))
        if meter is None:
            raise ControlError(f"no meter {message.get('meter')!r}")
        return meter

    def _unplug(self, message: Message) -> None:
        self._meter(message).faults.unplugged = flag(message)

    def _wire(self, message: Message) -> None:
        """Wiring of one meter; phases are "a", "b", "c" or several: "ab"."""
        meter, on = self._meter(message), flag(message)
        meter.feed = meter.feed.changed(
            self._now_ms(), meter.feed.factors, _rewired(meter.feed.wiring, message, on)
        )

    def _load(self, message: Message) -> None:
        name = str(message.get("load"))
        if name not in self._loads:
            raise ControlError(f"no load {name!r}")
        self._factors[name] = number(message, "factor", 0.0, 10.0)
        self._refeed()

    def _treatment(self, message: Message) -> None:
        """Every load of role treatment, or the one named by "load"."""
        name = message.get("load")
        chosen = {
            one for one, load in self._loads.items() if load.spec.role == "treatment" and name in (None, one)
        }
        if not chosen:
            raise ControlError(f"no load of role treatment {name or ''}".strip())
        if flag(message):
            self._treatment_off |= chosen
        else:
            self._treatment_off -= chosen
        self._refeed()

    def _power_cut(self, message: Message) -> None:
        """Scope "loads": everything stands still. Scope "meters": the meters have no supply either."""
        scope, on = message.get("scope", "loads"), flag(message)
        if scope not in ("loads", "meters"):
            raise ControlError('scope is "loads" or "meters"')
        self._cut = on
        for meter in self._meters.values():
            silent = on and scope == "meters"
            if silent and not meter.silent:
                meter.happened(_POWER_DOWN)
            meter.silent = silent
        self._refeed()

    def _late(self, message: Message) -> None:
        faults = self._meter(message).faults
        faults.late_left = int(number(message, "count", 0, 1_000_000)) if "count" in message else -1
        faults.late_ms = int(number(message, "ms", 0, 60_000))

    def _permille(self, message: Message) -> None:
        setattr(self._meter(message).faults, message["set"], int(number(message, "permille", 0, 1000)))

    def _clock(self, message: Message) -> None:
        self._meter(message).clock_offset_s = int(number(message, "offset_s", -(10**9), 10**9))

    def _event(self, message: Message) -> None:
        di = EVENTS.get(str(message.get("what")))
        if di is None:
            raise ControlError(f"what is one of {', '.join(EVENTS)}")
        self._meter(message).happened(di)

    def _number(self, message: Message) -> None:
        """Another meter number: as after a swap by a meter that was given the old one's address."""
        digits = message.get("number")
        if not isinstance(digits, str) or not re.fullmatch(r"\d{12}", digits):
            raise ControlError('"number" is text of 12 digits')
        self._meter(message).number = digits

    def _refeed(self) -> None:
        """Give every meter the loads' factors as they now are."""
        now = self._now_ms()
        for meter in self._meters.values():
            factors = tuple(
                0.0 if self._cut or load.spec.id in self._treatment_off else self._factors[load.spec.id]
                for load in meter.feed.loads
            )
            if factors != meter.feed.factors:
                meter.feed = meter.feed.changed(now, factors, meter.feed.wiring)


def _rewired(wiring: Wiring, message: Message, on: bool) -> Wiring:
    if message["set"] == "wrong-phase":
        return replace(wiring, rotated=on)
    if message["set"] == "phase-order":
        return replace(wiring, swapped=on)
    phases = frozenset(str(message.get("phase")))
    if not phases or not phases <= set(PHASES):
        raise ControlError('phase is "a", "b" or "c"')
    if message["set"] == "reversed-ct":
        return replace(wiring, reversed=wiring.reversed | phases if on else wiring.reversed - phases)
    return replace(wiring, lost=wiring.lost | phases if on else wiring.lost - phases)


def refuse_unknown(message: Message, known: AbstractSet[str]) -> None:
    """A misspelt key must not pass for its default."""
    unknown = sorted(message.keys() - known)
    if unknown:
        raise ControlError(f"unknown {', '.join(map(repr, unknown))}; known are {', '.join(sorted(known))}")


def flag(message: Message) -> bool:
    """``"on"``: true (the default) or false."""
    on = message.get("on", True)
    if not isinstance(on, bool):
        raise ControlError('"on" is true or false')
    return on


def number(message: Message, key: str, low: float, high: float) -> float:
    """A number between its limits; text is taken too."""
    try:
        value = float(message[key])
    except (KeyError, TypeError, ValueError) as error:
        raise ControlError(f"{key!r} is missing or no number") from error
    if not low <= value <= high:
        raise ControlError(f"{key!r} must lie between {low:g} and {high:g}")
    return value
