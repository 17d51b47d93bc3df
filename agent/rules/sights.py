"""How long a violation was seen: the time between two readings that both say so, none missing between them.

::

    reading    wrong  wrong  (lost)  wrong  wrong  fine  wrong  wrong
    counts        10 s           0      10 s     0     0     10 s

Neither a reading that is missing nor one that is fine lets time count: so removing readings can make what was
seen shorter, never longer, and nothing else is held against anybody. Two readings further apart than one and
a half periods have one missing between them. A reading between the two thresholds of a point leaves its state
as it is, and so ends nothing and begins nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.rules.finding import Finding, Verdict
from agent.rules.points import PointView
from agent.rules.world import World


class Run(NamedTuple):
    """Readings of a point or meter without one missing, all of one state: it was seen from ``from_ms`` to
    ``to_ms``, which is earlier while none of them says so by itself. The newest is of ``read_ms``;
    ``since_ms``: when the state of a point began."""

    from_ms: int
    to_ms: int
    read_ms: int
    since_ms: int | None = None


class Seen(NamedTuple):
    """For how long a violation was seen in all, up to when that is counted, when it was seen last, and the
    present run of readings: None after a break."""

    ms: int
    to_ms: int
    until_ms: int
    run: Run | None


def run_of(before: Run | None, view: PointView, step_ms: int) -> Run | None:
    """The run of a point after one more look at it; None while nothing is known of it."""
    if view.sure is None or view.power is None:
        return None
    now = Run(view.power.at_ms, view.sure.at_ms, view.power.at_ms, view.since_ms)
    return _followed(before, now, step_ms)


def first(finding: Finding, world: World, before: Seen | None = None) -> Seen:
    """It is seen for the first time, or again after so long that it is another one. What a point was seen to
    do before that was judged counts: the clock was wrong, another order spoke for it."""
    known = None if before is None or finding.until_ms is None else before.run
    until_ms, run = _until_ms(finding, world), _run(known, finding, world)
    if run is None:
        return Seen(0, until_ms, until_ms, run)
    from_ms = run.from_ms
    if before is None and run.since_ms is not None:
        from_ms = max(run.since_ms, world.watched_ms)
    return Seen(max(0, run.to_ms - max(finding.began_ms, from_ms)), run.to_ms, until_ms, run)


def again(before: Seen, finding: Finding, world: World) -> Seen:
    """It is seen once more."""
    until_ms, run = max(before.until_ms, _until_ms(finding, world)), _run(before.run, finding, world)
    if run is None or run.to_ms <= max(before.to_ms, run.from_ms):
        return before._replace(until_ms=until_ms, run=run)
    return Seen(before.ms + run.to_ms - max(before.to_ms, run.from_ms), run.to_ms, until_ms, run)


def not_seen(before: Seen, finding: Finding) -> Seen:
    """It is fine, or not known: fine ends the run, as does unknown for what must hold without a break."""
    ends = finding.verdict is Verdict.FINE or not finding.bridge_ms
    return before._replace(run=None) if ends else before


def apart(before: Seen, finding: Finding, world: World) -> bool:
    """Whether it was not seen, or the box was off, for so long that this is another violation."""
    apart_ms = 0 if finding.until_ms is None else finding.until_ms - before.until_ms
    return apart_ms > finding.bridge_ms or before.until_ms < world.watched_ms


def _until_ms(finding: Finding, world: World) -> int:
    return world.now_ms if finding.until_ms is None else finding.until_ms


def _run(before: Run | None, finding: Finding, world: World) -> Run | None:
    """As its rule says, else by the readings of the point or meter that it is on."""
    if finding.until_ms is None:  # it holds now: judged without a break
        return Run(finding.began_ms if before is None else before.from_ms, world.now_ms, world.now_ms)
    if finding.seen is not None:
        return Run(*finding.seen, finding.until_ms)
    if len(finding.subjects) == 1 and not finding.meters and finding.subjects[0] in world.points:
        name = finding.subjects[0]
        return run_of(before, world.points[name], world.meter_of(name).step_ms)
    return _followed(before, Run(*(finding.until_ms,) * 3), _step_ms(finding.bridge_ms))


def _step_ms(fresh_ms: int) -> int:
    """Two readings further apart have one missing between them: of ``agent.rules.metering.fresh_ms``."""
    return (fresh_ms - 5_000) // 2


def _followed(before: Run | None, now: Run, step_ms: int) -> Run:
    if before is None or before.since_ms != now.since_ms or now.read_ms - before.read_ms > step_ms:
        return now
    return now if before.from_ms > before.to_ms else now._replace(from_ms=before.from_ms)
