"""A driver for tests of the rules that judge meters and wiring: any quantities, and restarts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from agent.rules.alarms import Alarm, AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import Moment
from config.orders import Declaration
from config.rulekinds import Rule
from tests.support.plants import plant

Values = Mapping[str, str]
CUT = "power-cut"

# A kiln of 12 kW on a meter with transformers, as read in one poll.
_READ = """
    u_a 231.2  u_b 230.7  u_c 230.9     i_a 20.0  i_b 20.1  i_c 19.9
    p 12.48  p_a 4.16  p_b 4.17  p_c 4.15     pf 0.9  pf_a 0.9  pf_b 0.9  pf_c 0.9
"""
SOUND: Values = dict(zip(_READ.split()[::2], _READ.split()[1::2], strict=True))


class Bench:
    """An engine with its rules on the kiln's meter, and what came of it. The rule ``power-cut``, which
    is always there, is left out of what it tells."""

    def __init__(self, *rules: Rule, utc_ms: int | None = None, ct: str = "1") -> None:
        config = plant(*rules)
        self.config = replace(config, meters=tuple(replace(one, ct=Decimal(ct)) for one in config.meters))
        self.engine = Engine(self.config, 0)
        self.utc_ms = utc_ms
        self.boot = "boot-1"
        self.now_s = 0
        self.record = 0
        self.all: list[AlarmChange] = []

    def see(self, values: Values, slow: bool = False, meter: str = "kiln-m") -> None:
        """One reading, now, and a judgement of it."""
        self.record += 1
        numbers = {name: Decimal(text) for name, text in values.items()}
        self.engine.observe(Observation(meter, self.now_s * 1000, self.record, numbers, slow))
        self.tick()

    def tick(self) -> None:
        """Judge."""
        utc_ms = None if self.utc_ms is None else self.utc_ms + self.now_s * 1000
        changes = self.engine.tick(Moment(self.now_s * 1000, utc_ms, self.boot))
        self.all += [one for one in changes if one.alarm.key != CUT]

    def wait(self, seconds: int) -> None:
        """Let time pass, judged at each second as in life, at most the last minute of it."""
        end = self.now_s + seconds
        self.now_s = max(self.now_s, end - 60)
        while self.now_s < end:
            self.now_s += 1
            self.tick()

    def run(self, seconds: int, *sequence: Values, every_s: int = 10, slow: bool = False) -> None:
        """Readings in turn, for so long."""
        for number in range(seconds // every_s):
            self.see(sequence[number % len(sequence)], slow)
            self.now_s += every_s

    def restart(self, boot: str = "") -> None:
        """Stop, and go on from the page and the alarms that were up; of another ``boot``: the machine too."""
        page = json.loads(json.dumps(self.engine.page()))
        up = self.engine.active
        self.engine = Engine(self.config, self.now_s * 1000)
        self.engine.turn_to(page)
        self.engine.restore(up)
        self.boot = boot or self.boot

    def forget(self) -> None:
        """Stop, and go on without the page: the journal still says which alarms are up."""
        up = self.engine.active
        self.engine = Engine(self.config, self.now_s * 1000)
        self.engine.restore(up)

    def declare(self, *declarations: Declaration) -> None:
        """What is declared from now on."""
        self.engine.know((), declarations)

    @property
    def raised(self) -> list[tuple[str, str]]:
        """(key, code) of all that was ever raised."""
        return [(one.alarm.key, one.alarm.code) for one in self.all if one.change == "raised"]

    @property
    def codes(self) -> list[str]:
        """Their codes alone."""
        return [code for _, code in self.raised]

    @property
    def cleared(self) -> list[tuple[str, str]]:
        """(key, reason) of all that was cleared."""
        return [(one.alarm.key, one.reason) for one in self.all if one.change == "cleared"]

    @property
    def up(self) -> tuple[Alarm, ...]:
        """The alarms that are up."""
        return tuple(alarm for alarm in self.engine.active if alarm.key != CUT)


def without(values: Values, *names: str) -> Values:
    """A reading that lacks some items."""
    return {name: value for name, value in values.items() if name not in names}


def varied(values: Values, factors: Iterable[str]) -> list[Values]:
    """The same reading at other loads: powers and currents times each factor."""
    found: list[Values] = []
    for factor in factors:
        scaled = {
            name: str(Decimal(value) * Decimal(factor))
            for name, value in values.items()
            if name[0] in "pi" and not name.startswith("pf")
        }
        found.append({**values, **scaled})
    return found
