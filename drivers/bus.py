"""One bus: the only user of its line. Polls come in as jobs, and each ends as exactly one `PollResult`.

::

    submit(job) --> its meter's lane --> step(now): the most urgent lane, one exchange --> emit(result)
                      |  failed: fence of the meter, the poll waits behind it; others go on
                      |  silent: one short probe per back-off step, slots in between end at once
                      |  port lost: closed, everything due ends as "port", opened again later

``step`` belongs to one thread and may block on the port for one exchange; ``submit``, ``counters``, ``state``
and ``unsupported`` may be called from any. Knows no protocol, and catches nothing but `PortError`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from config.site import Bus as BusConfig
from drivers.counters import BusCounters, Counters, Tally
from drivers.course import probing
from drivers.errand import Errand
from drivers.errors import DriverError
from drivers.exchange import Answer, MeterSpec, Polled
from drivers.link import Link
from drivers.port import Port, PortError
from drivers.queue import Job, Lane, Task, lane_of
from drivers.results import any_good, backed_off, error_of, judged, refused, result, unasked
from drivers.samples import PollError, PollResult, WireFrame, alive
from drivers.spare import Spare
from drivers.state import BusState
from drivers.wire import Heard, Manner, Wire

IDLE_MS: Final = 1_000  # longest time between two steps
_PORT_FAILED: Final = Answer(failure="port")

__all__ = ["Bus", "BusState", "Job"]


class Bus:
    """See the module. ``emit`` and ``tap`` are called on the thread of ``step``; they must not block."""

    def __init__(
        self,
        config: BusConfig,
        specs: Sequence[MeterSpec],
        port: Port,
        emit: Callable[[PollResult], None],
        tap: Callable[[str, WireFrame], None] | None = None,
    ) -> None:
        self.config = config
        self._port = port
        self._wire = Wire(port, tap)
        self._emit = emit
        self._lanes = {spec.meter.id: lane_of(config, spec) for spec in specs}
        self._tally = Tally(self._lanes)
        self._inbox: deque[Job] = deque()
        self._late_ms = round(config.late_reply_s * 1000)
        self._fence_ms = 0  # of the whole line
        self._link = Link(port, self._tally)
        self._spare = Spare(self._wire, self._link, self._tally, self._lanes, self._late_ms)

    def submit(self, job: Job) -> None:
        """Queue a poll; thread-safe. Raises `DriverError` for a meter that is not on this bus."""
        if job.meter not in self._lanes:
            raise DriverError(f"bus {self.config.id} has no meter {job.meter}")
        self._inbox.append(job)

    def errand(self, errand: Errand) -> None:
        """Run an errand when nothing else needs the line; thread-safe."""
        self._spare.put(errand)

    def manner(self, meter: str) -> Manner:
        """How a meter of this bus is spoken to: for the asks of errands."""
        return self._lanes[meter].manner

    def counters(self) -> BusCounters:
        """The counts since start; any thread."""
        return self._tally.snapshot()

    def state(self) -> BusState:
        """Open or why not, who answers and who is silent; any thread."""
        fault = self._link.fault
        good = {name: lane.last_good_ms for name, lane in self._lanes.items()}
        return BusState(
            open=self._port.is_open,
            code=fault.code if fault is not None else "",
            facts=MappingProxyType(dict(fault.facts) if fault is not None else {}),
            notice=self._port.notice,
            last_good_ms=MappingProxyType({name: ms for name, ms in good.items() if ms is not None}),
            silent=tuple(name for name, lane in self._lanes.items() if lane.backoff.active),
        )

    def unsupported(self) -> Mapping[str, frozenset[str]]:
        """Blocks and items that each meter was found not to know; any thread."""
        return MappingProxyType({name: lane.support.learnt for name, lane in self._lanes.items()})

    def preset(self, learnt: Mapping[str, frozenset[str]]) -> None:
        """Before the first step: what an earlier run learnt. Meters that are gone are ignored."""
        for name in learnt.keys() & self._lanes.keys():
            self._lanes[name].support.learnt |= learnt[name]

    def close(self) -> None:
        """Close the port; jobs still queued get no result. For the end of the process."""
        self._port.close()

    def step(self, now_ms: int, free_until_ms: float = math.inf) -> int:
        """Run one exchange at most; gives when to be called next, mono ms: at once behind an exchange.
        ``free_until_ms``: when the next slot will be due; errands leave the line free by then."""
        self._take_in(now_ms)
        if not self._port.is_open:
            if not self._link.opened(now_ms):
                self._end_without_port(now_ms)
                return self._next_ms(now_ms, free_until_ms)
            self._wire.opened()
        lane = self._pick(now_ms)
        if lane is not None:
            self._run(lane, now_ms)
            return now_ms
        if self._spare.errands and now_ms >= self._fence_ms:
            self._spare.run(now_ms, self._free_ms(free_until_ms))
        return self._next_ms(self._port.now(), free_until_ms)

    def _take_in(self, now_ms: int) -> None:
        """Queue what came; end what was overtaken, and slots of a silent meter between two probes."""
        while self._inbox:
            job = self._inbox.popleft()
            pushed = self._lanes[job.meter].put(job)
            if pushed is not None:
                self._emit(unasked(pushed, "overrun", now_ms))
        for lane in self._lanes.values():
            if lane.active is not None or lane.paused is not None:
                lane.hasten(now_ms)
            if lane.waiting and (len(lane.waiting) > 1 or lane.backoff.active):
                for job, error in lane.end_unasked(now_ms):
                    self._emit(unasked(job, error, now_ms))

    def _end_without_port(self, now_ms: int) -> None:
        for lane in self._lanes.values():
            for task in lane.tasks:
                self._end_task(lane, task)
            for job in lane.drop_due(now_ms, reads=True):
                self._emit(unasked(job, "port", now_ms))

    def _end_task(self, lane: Lane, task: Task) -> None:
        """The port went away under a poll: what it has read counts."""
        told = Polled(()) if task.probe else judged(lane, task, task.course.abandon(_PORT_FAILED))
        while told is None:
            told = judged(lane, task, task.course.abandon(_PORT_FAILED))
        self._finish(lane, task, Polled(told.samples), None if any_good(told.samples) else "port")

    def _finish(self, lane: Lane, task: Task, polled: Polled, error: PollError | None) -> None:
        lane.ended(task)
        slow = task.job.poll == "slow" and error is None
        if slow or polled.unsupported:
            lane.support.polled(polled.unsupported, slow=slow)
        at_ms = task.answered_ms if error is None else None
        end_ms = self._port.now() if at_ms is None else at_ms
        if error is None and polled.samples:
            lane.last_good_ms = end_ms
        if error is not None or lane.backoff.failures:
            lane.backoff = backed_off(lane.backoff, error, end_ms)
        declined = refused(polled.samples)
        if declined or polled.doubted:
            self._tally.add(lane.spec.meter.id, Counters(refused=declined, doubted=polled.doubted))
        self._emit(result(task, polled.samples, error, end_ms))

    def _ready(self) -> list[tuple[int, Lane]]:
        """When each lane with work may use the line. Without a port no fence holds: work ends at once."""
        fenced = self._port.is_open
        held = self._spare.held() if self._spare.errands else None
        ready: list[tuple[int, Lane]] = []
        for name, lane in self._lanes.items():
            ms = lane.start_ms()
            if ms is not None and name != held:
                fences = (lane.fence_ms, self._fence_ms, self._spare.fence_ms)
                ready.append((max(ms, *fences) if fenced else ms, lane))
        return ready

    def _pick(self, now_ms: int) -> Lane | None:
        """The most urgent lane that may use the line now. Its port is open."""
        if now_ms < self._fence_ms or now_ms < self._spare.fence_ms:
            return None
        held = self._spare.held() if self._spare.errands else None
        ready: list[Lane] = []
        for name, lane in self._lanes.items():
            if not lane.waiting and lane.active is None and lane.paused is None:
                continue  # as most of them, most of the time
            ms = lane.start_ms()
            if ms is not None and ms <= now_ms and lane.fence_ms <= now_ms and name != held:
                ready.append(lane)
        if len(ready) < 2:
            return ready[0] if ready else None
        return min(ready, key=partial(Lane.rank, family=self._wire.family))

    def _next_ms(self, now_ms: int, free_until_ms: float) -> int:
        times: list[float] = [now_ms + IDLE_MS]
        times += [ms for ms, _ in self._ready()]
        if not self._port.is_open:
            times.append(self._link.again_ms)
        elif self._spare.errands:
            errand_ms = self._spare.next_ms(max(now_ms, self._fence_ms), self._free_ms(free_until_ms))
            times += [] if errand_ms is None else [errand_ms]
        return max(now_ms, math.ceil(min(times)))

    def _free_ms(self, free_until_ms: float) -> float:
        """Until when no poll wants the line."""
        return min([free_until_ms, *(ms for ms, _ in self._ready())])

    def _run(self, lane: Lane, now_ms: int) -> None:
        task = lane.active
        if lane.paused is not None or (task is not None and lane.waiting):
            task = lane.turn(now_ms)
        if task is None:
            job, since_ms = lane.take(now_ms)
            task = lane.active = self._start(lane, job, since_ms, now_ms)
        if task is None:
            return
        heard = Heard()
        try:
            self._wire.exchange(lane.manner, task.exchange, heard)
        except PortError as fault:
            self._book(lane, task, heard)
            self._link.lost(fault)
            self._spare.lost(fault)
            self._end_task(lane, task)
            return
        if self._link.shaky:
            self._link.works()
        self._book(lane, task, heard)
        self._answer(lane, task, heard)

    def _start(self, lane: Lane, job: Job, since_ms: int, now_ms: int) -> Task | None:
        """Begin a poll; a silent meter is probed first. None if there was nothing to ask."""
        probe = lane.backoff.active and job.poll != "read"
        learnt = frozenset[str]() if probe else lane.support.skip(now_ms)
        course = probing(lane.driver, lane.spec) if probe else lane.course(job.poll, learnt)
        first = course.first()
        if isinstance(first, Polled):
            self._emit(unasked(job, None, now_ms))
            return None
        return Task(job, course, first, since_ms, now_ms, learnt, probe)

    def _book(self, lane: Lane, task: Task, heard: Heard) -> None:
        """Count and keep what an exchange brought; without an answer, or open to any, it raises the fence."""
        task.keep(heard)
        self._tally.add(lane.spec.meter.id, heard.counters)
        if heard.stray:
            self._tally.add(None, Counters(dropped=heard.stray))
        wildcard = task.exchange.wildcard
        late = heard.failure is not None or (wildcard and len(self._lanes) > 1)
        if late and heard.sent:
            lane.fence_ms = self._port.now() + self._late_ms
            self._fence_ms = lane.fence_ms if wildcard else self._fence_ms

    def _answer(self, lane: Lane, task: Task, heard: Heard) -> None:
        if heard.failure is not None:
            task.tries += 1
            if task.tries <= lane.spec.meter.retries and not task.probe:
                return  # the poll waits behind the fence
        task.tries = 0
        if heard.failure is not None or lane.support.attentive:
            lane.heard(task, heard.failure)
        told = task.course.answer(heard)
        if not isinstance(told, Polled):
            task.exchange = told
        elif task.probe:
            self._probed(lane, task, told)
        elif (believed := judged(lane, task, told)) is not None:
            self._finish(lane, task, believed, error_of(believed.samples))

    def _probed(self, lane: Lane, task: Task, polled: Polled) -> None:
        """A probe ended: of a meter that lives the poll begins."""
        if alive(polled.samples):
            lane.backoff = lane.backoff.good()
            full = lane.active = self._start(lane, task.job, task.since_ms, self._port.now())
            if full is not None:
                full.attempts, full.frames, full.alive = task.attempts, task.frames, True
        else:
            self._finish(lane, task, Polled(()), error_of(polled.samples) or "no_reply")
