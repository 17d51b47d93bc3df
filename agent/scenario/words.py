"""The words of a timeline: one line is one act. ``docs/scenarios.md`` lists them; each has its function here.

::

    scrubber 12.4            scrubber ramp 0 12 10m      scrubber.u_b 0        scrubber silent
    bus b1 silent            lose 10% seed 7             mains off             clock +1h

Raises Wrong with what is not understood; executes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from agent.scenario.model import (
    Act,
    Answer,
    Answers,
    ClockSet,
    Dark,
    Heard,
    Item,
    Lose,
    Mains,
    Owed,
    Power,
    Restart,
    Whole,
)
from agent.scenario.times import span_ms
from config.quantities import QUANTITIES
from config.suggest import nearest
from config.values import Wrong

Words = tuple[str, ...]
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")
_ANSWERS: Mapping[str, Answer] = MappingProxyType({"silent": "silent", "back": "back", "port": "port"})


@dataclass(frozen=True, slots=True)
class Ground:
    """What lines may name. ``meters``: each point and each meter, and the meter that is meant."""

    meters: Mapping[str, str]
    buses: Mapping[str, tuple[str, ...]]
    orders: Mapping[str, str]  # as written, and as the box knows it
    declarations: Collection[str]


def take(text: str, ground: Ground) -> Act:
    """The act of a line. Raises Wrong."""
    words = tuple(text.split())
    if not words:
        raise Wrong("SBX-SCN-011", value="", near=" ".join(_FIRST))
    known = _FIRST.get(words[0])
    if known is not None:
        return known(words[1:], ground)
    name, dot, quantity = words[0].partition(".")
    if name not in ground.meters:
        near = nearest(name, (*ground.meters, *_FIRST))
        raise Wrong("SBX-SCN-012", value=name, near=near)
    meter = ground.meters[name]
    return _item(meter, quantity, words[1:]) if dot else _meter(meter, words[1:])


def _meter(meter: str, words: Words) -> Act:
    first = words[0] if words else ""
    if first == "ramp" and len(words) == 4:
        return Power(meter, _kw(words[2]), _kw(words[1]), span_ms(words[3]))
    if first in ("reversed", "lost") and len(words) == 2 and set(words[1]) <= set("abc"):
        return Whole(meter, "reversed" if first == "reversed" else "lost", words[1])
    if len(words) != 1:
        raise _not_understood(words, "12.4", "ramp 0 12.4 10m", "silent")
    if first in _ANSWERS:
        return Answers((meter,), _ANSWERS[first])
    if first in ("frozen", "free"):
        return Whole(meter, "frozen" if first == "frozen" else "free")
    return Power(meter, _kw(first))


def _item(meter: str, quantity: str, words: Words) -> Item:
    if quantity not in QUANTITIES:
        raise Wrong("SBX-CFG-045", value=quantity, near=nearest(quantity, QUANTITIES))
    word = words[0] if len(words) == 1 else ""
    if word in ("free", "missing", "frozen"):
        return Item(
            meter, quantity, "free" if word == "free" else "missing" if word == "missing" else "frozen"
        )
    how, number = {"+": ("plus", word[1:]), "x": ("times", word[1:])}.get(word[:1], ("set", word))
    if not _NUMBER.fullmatch(number):
        raise _not_understood(words, "0", "+500", "x-1", "missing", "frozen", "free")
    return Item(
        meter, quantity, "plus" if how == "plus" else "times" if how == "times" else "set", Decimal(number)
    )


def _bus(words: Words, ground: Ground) -> Act:
    if len(words) != 2 or words[1] not in _ANSWERS:
        raise _not_understood(words, *(f"bus b1 {word}" for word in _ANSWERS))
    if words[0] not in ground.buses:
        raise Wrong("SBX-SCN-012", value=words[0], near=nearest(words[0], ground.buses))
    return Answers(ground.buses[words[0]], _ANSWERS[words[1]], bus=True)


def _lose(words: Words, ground: Ground) -> Act:
    del ground
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)% seed ([0-9]{1,9})", " ".join(words))
    if words in (("0%",), ("nothing",)):
        return Lose(0.0, 0)
    if found is None or float(found[1]) > 100:
        raise _not_understood(words, "lose 10% seed 7", "lose nothing")
    return Lose(float(found[1]), int(found[2]))


def _mains(words: Words, ground: Ground) -> Act:
    del ground
    states = {("on",): True, ("off",): False, ("unknown",): None}
    if words not in states:
        raise _not_understood(words, "mains on", "mains off", "mains unknown")
    return Mains(states[words])


def _lit(dark: bool) -> Callable[[Words, Ground], Act]:
    def take(words: Words, ground: Ground) -> Act:
        del ground
        _nothing(words, "dark", "light")
        return Dark(dark)

    return take


def _restart(words: Words, ground: Ground) -> Act:
    del ground
    _nothing(words, "restart")
    return Restart()


def _reboot(words: Words, ground: Ground) -> Act:
    del ground
    if len(words) != 1:
        raise _not_understood(words, "reboot 20m")
    return Restart(span_ms(words[0]))


def _clock(words: Words, ground: Ground) -> Act:
    """``+1h`` ``-20m``: it steps, and its keeper vouches for it. ``lost [-20m]``: nobody does. ``back``."""
    del ground
    if words == ("back",):
        return ClockSet(None, True)
    sure = words[:1] != ("lost",)
    rest = words if sure else words[1:]
    if not rest and not sure:
        return ClockSet(0, False)
    if len(rest) != 1 or rest[0][:1] not in ("+", "-"):
        raise _not_understood(words, "clock +1h", "clock lost", "clock lost -20m", "clock back")
    return ClockSet(span_ms(rest[0][1:]) * (-1 if rest[0][0] == "-" else 1), sure)


def _order(words: Words, ground: Ground) -> Act:
    return Heard(ground.orders[_one_of(words, ground.orders, "order 2026-031")])


def _declare(words: Words, ground: Ground) -> Act:
    return Heard(_one_of(words, ground.declarations, "declare d1"))


def _cancel(words: Words, ground: Ground) -> Act:
    name = _one_of(words, (*ground.orders, *ground.declarations), "cancel 2026-031")
    return Heard(ground.orders.get(name, name), cancel=True)


def _uplink(words: Words, ground: Ground) -> Act:
    del ground
    if len(words) != 3 or words[1] != "owed":
        raise _not_understood(words, "uplink city owed 23h", "uplink city owed 0")
    return Owed(words[0], 0 if words[2] == "0" else span_ms(words[2]))


_FIRST: Mapping[str, Callable[[Words, Ground], Act]] = MappingProxyType(
    {
        "bus": _bus,
        "lose": _lose,
        "mains": _mains,
        "dark": _lit(True),
        "light": _lit(False),
        "restart": _restart,
        "reboot": _reboot,
        "clock": _clock,
        "order": _order,
        "declare": _declare,
        "cancel": _cancel,
        "uplink": _uplink,
    }
)


def _one_of(words: Words, known: Collection[str], example: str) -> str:
    if len(words) != 1:
        raise _not_understood(words, example)
    if words[0] not in known:
        raise Wrong("SBX-SCN-014", value=words[0], near=nearest(words[0], known))
    return words[0]


def _kw(word: str) -> float:
    if not _NUMBER.fullmatch(word):
        raise _not_understood((word,), "12.4", "ramp 0 12.4 10m", "silent", "back", "frozen")
    return float(word)


def _nothing(words: Words, *examples: str) -> None:
    if words:
        raise _not_understood(words, *examples)


def _not_understood(words: Iterable[str], *examples: str) -> Wrong:
    return Wrong("SBX-SCN-011", value=" ".join(words), near=" | ".join(examples))
