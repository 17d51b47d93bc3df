"""What the rules cost: the replay of recorded days against reading their JSON, and one step of all rules.

    python -m tests.bench.rules [--days 30] [--meters 32]

A plant of twelve points (six of production, six of treatment) on twelve meters, read every ten seconds with
nine quantities each; loads go up and down, polls fail now and then. The lines are made a day at a time; both
times are CPU of this process, of the same lines, one after the other. The replay is the daemon's own: records
in, engine and daybook, alarms out; ``json.loads`` of its lines is part of it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agent.axis import Axis
from agent.orders.book import fold
from agent.replay import Replay
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import Moment
from config.calendar import Window
from config.meterkinds import (
    Frozen,
    MeterEvents,
    MeterSwapped,
    PhaseLoss,
    PhaseOrder,
    PowerSum,
    RatioChanged,
    Register,
    ReversedCt,
)
from config.orders import Order
from config.quantities import STANDING
from config.rulekinds import (
    Band,
    DeliveryLate,
    Load,
    MeterSilent,
    OffShift,
    OverCapacity,
    Rule,
    Threshold,
    TreatmentOff,
    TreatmentStopped,
)
from config.site import Meter, Point, Shift, Site, SiteConfig

BOOT = "5a" * 16
START_MS = 1_794_931_200_000  # a midnight in Shanghai
STEP_S = 10
DAY_S = 86_400
CHUNK = 600  # lines


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of both, and how many changes of alarms came."""

    loads_s: float
    replay_s: float
    lines: int
    changes: int

    @property
    def ratio(self) -> float:
        return self.replay_s / self.loads_s


WIRING: tuple[Rule, ...] = (
    PhaseLoss(id="phases"),
    PhaseOrder(id="order"),
    ReversedCt(id="reversed"),
    RatioChanged(id="ratio"),
    PowerSum(id="sums"),
    Frozen(id="frozen"),
    Register(id="register"),
    MeterSwapped(id="swapped"),
    MeterEvents(id="events"),
)


def plant(meters: int = 12, wiring: tuple[Rule, ...] = ()) -> SiteConfig:
    """Half of the points production, half treatment; about a dozen rules whatever the number. ``wiring``:
    what is judged of each meter on top."""
    names = [f"{'kiln' if n % 2 == 0 else 'fan'}-{n // 2}" for n in range(meters)]
    kilns, fans = names[::2], names[1::2]
    points = [
        Point(
            id=name,
            role="production" if name in kilns else "treatment",
            meter=f"{name}-m",
            on_above_kw=Decimal(5),
            off_below_kw=Decimal(4),
        )
        for name in names
    ]
    pairs: list[Rule] = []
    for kiln, fan in list(zip(kilns, fans, strict=True))[:3]:
        pairs.append(TreatmentOff(id=f"off-{kiln}", production=(kiln,), treatment=(fan,)))
    rest: list[Rule] = [
        TreatmentOff(id="off-all", production=tuple(kilns), treatment=tuple(fans), need="any"),
        TreatmentStopped(id="early", production=(kilns[0],), treatment=(fans[0],)),
        Load(id="load", point=fans[1], by=(kilns[1],), bands=(Band(Decimal(0), Decimal(5), Decimal(30)),)),
        OffShift(id="night", shifts=(Window.parse("06:00-22:00"),)),
        OverCapacity(id="capacity", points=tuple(kilns), limit_kw=Decimal(5000)),
        MeterSilent(id="silent"),
        DeliveryLate(id="late"),
        Threshold(id="volts", meter=f"{kilns[0]}-m", quantity="u_a", above=Decimal(250), clear=Decimal(245)),
        Threshold(id="share", sum=(fans[0],), over=(kilns[0],), below=Decimal("0.05"), clear=Decimal("0.06")),
    ]
    return SiteConfig(
        site=Site(id="B1"),
        meters=tuple(
            Meter(id=f"{name}-m", bus="b1", protocol="dlt645-2007", address="1", profile="x")
            for name in names
        ),
        points=tuple(points),
        rules=(*pairs, *rest, *wiring),
        shifts=(Shift(id="day", window=Window.parse("06:00-22:00")),),
    )


def orders() -> tuple[Order, ...]:
    """A stop order by day on one kiln, a limit on another."""
    return (
        Order(
            id="s1",
            kind="stop",
            source="local",
            from_ms=START_MS,
            points=("kiln-4",),
            daily=Window.parse("10:00-12:00"),
        ),
        Order(
            id="l1", kind="limit", source="local", from_ms=START_MS, points=("kiln-5",), limit_kw=Decimal(50)
        ),
    )


def given() -> Iterator[dict[str, Any]]:
    """The records that gave them, before all readings."""
    for i, order in enumerate(orders(), start=1):
        fields = {"by": "box", "id": order.id, "note": "", "number": i, "op": "put", "order": order.fields()}
        yield {"i": i, "k": "order", "t": START_MS, **fields}


def values(rng: random.Random, name: str, second: int) -> dict[str, str]:
    """Nine quantities; production by day, treatment with it."""
    hour = second // 3600 % 24
    on = 6 <= hour < 22
    power = rng.gauss(60 if name.startswith("kiln") else 15, 2) if on else abs(rng.gauss(0.5, 0.2))
    third = power / 3
    found = {"p": f"{power:.4f}", "p_a": f"{third:.4f}", "p_b": f"{third:.4f}", "p_c": f"{third:.4f}"}
    found |= {f"u_{phase}": f"{rng.gauss(231, 1):.1f}" for phase in "abc"}
    return found | {"i_a": f"{third * 4.4:.3f}", "pf": "0.970"}


def lines(config: SiteConfig, day: int, seconds: int, seed: int = 1) -> Iterator[str]:
    """The records of one day as lines of the journal."""
    rng = random.Random(seed * 1000 + day)
    number = len(orders()) + day * (DAY_S // STEP_S) * len(config.meters)
    for second in range(day * DAY_S, day * DAY_S + seconds, STEP_S):
        for offset, meter in enumerate(config.meters):
            number += 1
            mono = second * 1000 + offset * 300
            good = rng.random() > 0.001
            record: dict[str, Any] = {"boot": 1, "i": number, "k": "reading", "m": meter.id, "mono": mono}
            record |= {"q": "S", "s": f"f{second // STEP_S}", "src": "live", "t": START_MS + mono, "x": {}}
            record["v"] = values(rng, meter.id, second) if good else {}
            record |= {} if good else {"e": "no_reply"}
            yield json.dumps(record, separators=(",", ":"), sort_keys=True)


def measure(days: int, seconds: int = DAY_S, tell: Callable[[int, Cost], None] | None = None) -> Cost:
    """Read, then replay, day by day; ``tell`` hears how it goes."""
    config = plant()
    engine = Engine(config, START_MS, daily=True)
    replay = Replay(engine, Axis(BOOT, START_MS), fold(given()))
    loads_s = replay_s = 0.0
    count = changes = 0
    for day in range(days):
        made = list(lines(config, day, seconds))
        count += len(made)
        for start in range(0, len(made), CHUNK):  # in turns, so that other work on the machine meets both
            begin = time.process_time()
            for line in made[start : start + CHUNK]:
                json.loads(line)
            middle = time.process_time()
            for line in made[start : start + CHUNK]:
                changes += len(replay.take(json.loads(line)))
            end = time.process_time()
            loads_s, replay_s = loads_s + middle - begin, replay_s + end - middle
        if engine.daybook is not None:
            for one in engine.daybook.ended(START_MS + (day + 1) * DAY_S * 1000):
                engine.daybook.written(one.day, day)
        if tell is not None:
            tell(day + 1, Cost(loads_s, replay_s, count, changes))
    return Cost(loads_s, replay_s, count, changes)


def slow_values(name: str, step: int) -> dict[str, Decimal]:
    """What a meter tells beside its measurements."""
    told = dict.fromkeys(sorted(STANDING), Decimal(3)) | {"phase_order": Decimal(0), "ct": Decimal(40)}
    return told | {"ep_imp": Decimal(4711) + step, "serial": Decimal(len(name))}


def step_ms(meters: int = 32, steps: int = 200, wiring: tuple[Rule, ...] = WIRING) -> float:
    """One step of all rules: the median of some, after all meters were read."""
    config = plant(meters, wiring)
    engine = Engine(config, START_MS, daily=True)
    engine.know(orders(), ())
    rng = random.Random(2)
    took = []
    for step in range(steps):
        ms = START_MS + step * 1000
        if step % STEP_S == 0:
            for meter in config.meters:
                read = {name: Decimal(text) for name, text in values(rng, meter.id, 12 * 3600).items()}
                engine.observe(Observation(meter.id, ms, step, read))
                engine.observe(Observation(meter.id, ms, step, slow_values(meter.id, step), slow=True))
        begin = time.process_time()
        engine.tick(Moment(ms, ms, wall_ms=ms))
        took.append(time.process_time() - begin)
    return sorted(took)[steps // 2] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench rules")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--meters", type=int, default=32)
    args = parser.parse_args()
    cost = measure(
        args.days, tell=lambda day, so_far: print(f"day {day}: {so_far.ratio:.1f}", file=sys.stderr)
    )
    rules = len(plant().rules) + 3
    print(
        f"{args.days} days at {STEP_S} s, 12 points, {rules} rules: {cost.lines} lines, {cost.changes} alarms"
    )
    print(f"json.loads  {cost.loads_s:8.2f} s  {cost.loads_s / cost.lines * 1e6:6.1f} us a line")
    print(f"replay      {cost.replay_s:8.2f} s  {cost.replay_s / cost.lines * 1e6:6.1f} us a line")
    print(f"ratio       {cost.ratio:8.1f}    goal 25")
    few, many = step_ms(args.meters, wiring=()), step_ms(args.meters)
    print(f"one step of these rules, {args.meters} meters: {few:.2f} ms")
    print(f"one step of every kind, {args.meters} meters: {many:.2f} ms, aim 1")


if __name__ == "__main__":
    main()
