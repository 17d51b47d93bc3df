"""The law of removed readings where meters have periods of their own and are read one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import Moment
from config.site import SiteConfig
from tests.property.test_rules import spans
from tests.support.plants import PAIR, plant

END_MS = 900_000
POWERS = {
    "kiln-m": (None, "0", "4.5", "12", "12"),
    "scrubber-m": (None, "0", "0", "1.5", "8"),
    "spare-m": (None, "0", "1.5", "8"),
}
Played = tuple[SiteConfig, list[Observation], list[Observation]]


@st.composite
def _played(draw: st.DrawFn) -> Played:
    """A pair, all that is read of it in a quarter of an hour, and the same with holes."""
    lag_s = draw(st.sampled_from((0, 30, 60, 90)))
    rule = replace(
        PAIR,
        production=draw(st.sampled_from((("kiln",), ("kiln", "spare")))),
        stop_lag_s=lag_s,
        start_lead_s=draw(st.sampled_from((0, 0, 40))),
        clear_s=draw(st.sampled_from((0, 0, 40))),
        warn_s=draw(st.sampled_from((None, 20))) if lag_s > 20 else None,
    )
    every_s = {name: draw(st.sampled_from((10, 10, 30))) for name in POWERS}
    config = plant(rule)
    config = replace(config, meters=tuple(replace(one, every_s=every_s[one.id]) for one in config.meters))
    found: list[Observation] = []
    for name, powers in POWERS.items():
        first_ms, step_ms = draw(st.integers(0, 4000)), every_s[name] * 1000
        stretch = st.tuples(st.sampled_from(powers), st.sampled_from((1, 1, 2, 3, 5, 13)))
        track = [one for one, count in draw(st.lists(stretch, min_size=3, max_size=25)) for _ in range(count)]
        for at_ms, power in zip(range(first_ms, END_MS, step_ms), track, strict=False):
            found.append(Observation(name, at_ms, 0, {} if power is None else {"p": Decimal(power)}))
    seen = [one._replace(record=n + 1) for n, one in enumerate(sorted(found, key=lambda one: one.at_ms))]
    ways = st.sampled_from(("stays", "stays", "stays", "fails", "lacks", "gone"))
    holes = draw(st.lists(ways, min_size=len(seen), max_size=len(seen)))
    left = [_less(one, way) for one, way in zip(seen, holes, strict=True) if way != "gone"]
    return config, seen, left


def _less(one: Observation, way: str) -> Observation:
    if way == "stays" or not one.values:
        return one
    return one._replace(values={}) if way == "fails" else one._replace(values={"u_a": Decimal(230)})


def _alarms(config: SiteConfig, seen: Iterable[Observation]) -> list[AlarmChange]:
    """Judged after each reading, as in life."""
    engine = Engine(config, 0)
    found: list[AlarmChange] = []
    for one in seen:
        engine.observe(one)
        found += engine.tick(Moment(one.at_ms))
    return [change for change in found if change.alarm.key == "pair"]


@settings(max_examples=60, deadline=None)
@given(_played())
def test_removing_readings_never_creates_a_treatment_off_alarm(played: Played) -> None:
    config, seen, left = played
    whole = _alarms(config, seen)
    for change in _alarms(config, left):
        if change.change in ("raised", "escalated"):
            levels = ("alarm",) if change.alarm.level == "alarm" else ("alarm", "warning")
            since_ms, at_ms = change.alarm.since_ms, change.at_ms
            up = spans(whole, "pair", levels)
            assert [span for span in up if span[0] <= at_ms and since_ms <= span[1]], (up, change)
