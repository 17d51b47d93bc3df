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
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from config.site import Bus as BusConfig
from drivers.counters import BusCounters, Counters, Tally
from drivers.errand import Errand
from drivers.errors import DriverError
from drivers.exchange import Answer, MeterSpec, Polled
from drivers.limits import limits
from drivers.link import Link
from drivers.plausible import Watch
from drivers.port import Port, PortError
from drivers.queue import Job, Lane, Task
from drivers.registry import drivers
from drivers.results import abandon, alive, any_good, error_of, read, refused, result, unasked
from drivers.samples import PollError, PollResult, WireFrame
from drivers.spare import Spare
from drivers.support import Support, slow_items
from drivers.wire import Heard, Manner, Wire

IDLE_MS: Final = 1_000  # longest time between two steps
_PORT_FAILED: Final = Answer(failure="port")

__all__ = ["Bus", "BusState", "Job"]


@dataclass(frozen=True, slots=True)
class BusState:
    """What status shows of a bus."""

    open: bool
    code: str  # why it is closed, or ""
    facts: Mapping[str, str]  # what the code's text names
    notice: str  # code of something worth knowing about the port, or ""
    last_good_ms: Mapping[str, int]  # meter -> mono ms of its last good value
    silent: tuple[str, ...]  # meters that are only probed


def _lane(config: BusConfig, spec: MeterSpec) -> Lane:
    meter = spec.meter
    driver = drivers().get(meter.protocol)
    if driver is None:
        raise DriverError(f"meter {meter.id}: no driver for {meter.protocol}")
    default = 0 if config.kind == "tcp" else driver.default_gap_ms
    gap = default if meter.gap_ms is None else meter.gap_ms
    manner = Manner(meter.id, meter.line, gap, meter.reply_timeout_s * 1000, driver)
    return Lane(spec, driver, manner, Watch(limits(spec)), Support(slow_items(spec.profile)))


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
        self._lanes = {spec.meter.id: _lane(config, spec) for spec in specs}
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
        """Run one exchange at most; gives when to be called next, mono ms. ``free_until_ms``: when the next
        slot will be due; errands leave the line free by then."""
        self._take_in(now_ms)
        if self._link.opened(now_ms):
            self._wire.opened()
        if not self._port.is_open:
            self._end_without_port(now_ms)
            return self._next_ms(now_ms, free_until_ms)
        lane = self._pick(now_ms)
        if lane is not None:
            self._run(lane, now_ms)
        elif self._spare.errands and now_ms >= self._fence_ms:
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
            if lane.hasten(now_ms) and (len(lane.waiting) > 1 or lane.backoff.active):
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
        polled = abandon(task.poll, _PORT_FAILED, started=True)
        samples = () if task.probe else polled.samples
        self._finish(lane, task, Polled(samples), None if any_good(samples) else "port")

    def _finish(self, lane: Lane, task: Task, polled: Polled, error: PollError | None) -> None:
        lane.ended(task)
        slow = task.job.poll == "slow" and error is None
        if slow or polled.unsupported:
            lane.support.polled(polled.unsupported, slow=slow)
        now_ms = self._port.now()
        ended = result(task, polled.samples, error, now_ms)
        if error is None and polled.samples:
            lane.last_good_ms = ended.mono_ms
        if error in ("no_reply", "garbled"):
            lane.backoff = lane.backoff.failed(now_ms)
        elif error != "port" and lane.backoff.failures:
            lane.backoff = lane.backoff.good()
        declined = refused(ended.samples)
        if declined or polled.doubted:
            self._tally.add(lane.spec.meter.id, Counters(refused=declined, doubted=polled.doubted))
        self._emit(ended)

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
        ready = [lane for ms, lane in self._ready() if ms <= now_ms]
        if len(ready) == 1:
            return ready[0]
        return min(ready, key=partial(Lane.rank, family=self._wire.family), default=None)

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
        task = lane.turn(now_ms)
        if task is None:
            job, since_ms = lane.take(now_ms)
            task = lane.active = self._start(lane, job, since_ms)
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
        self._link.works()
        self._book(lane, task, heard)
        self._answer(lane, task, heard)

    def _start(self, lane: Lane, job: Job, since_ms: int) -> Task | None:
        """Begin a poll; a silent meter is probed first. None if there was nothing to ask."""
        probe = lane.backoff.active and job.poll != "read"
        if probe:
            poll = lane.driver.probe(lane.spec)
        else:
            ask = partial(read, lane.driver, lane.spec, job.poll)
            poll = lane.watch.poll(ask, lane.support.skip(now := self._port.now()), now)
        try:
            return Task(job, poll, next(poll), since_ms, probe)
        except StopIteration:
            self._emit(unasked(job, None, self._port.now()))
            return None

    def _book(self, lane: Lane, task: Task, heard: Heard) -> None:
        """Count and keep what an exchange brought; without an answer, or open to any, it raises the fence."""
        task.keep(heard.frames)
        task.attempts += heard.sent
        self._tally.add(lane.spec.meter.id, heard.counters)
        if heard.stray:
            self._tally.add(None, Counters(dropped=heard.stray))
        wildcard = task.exchange.wildcard
        late = heard.answer.failure is not None or (wildcard and len(self._lanes) > 1)
        if heard.sent and late:
            lane.fence_ms = self._port.now() + self._late_ms
            self._fence_ms = lane.fence_ms if wildcard else self._fence_ms

    def _answer(self, lane: Lane, task: Task, heard: Heard) -> None:
        if heard.answer.failure is not None:
            task.tries += 1
            if task.tries <= lane.spec.meter.retries and not task.probe:
                return  # the poll waits behind the fence
        task.tries = 0
        lane.heard(task, heard.answer.failure)
        if heard.answer.failure is None:
            task.answered(heard.frames[-1].mono_ms)
        try:
            task.exchange = task.poll.send(heard.answer)
        except StopIteration as stop:
            self._ended(lane, task, stop.value)

    def _ended(self, lane: Lane, task: Task, polled: Polled) -> None:
        if not task.probe:
            self._finish(lane, task, polled, error_of(polled.samples))
        elif alive(polled.samples):
            lane.backoff = lane.backoff.good()
            full = lane.active = self._start(lane, task.job, task.since_ms)
            if full is not None:
                full.attempts, full.frames, full.alive = task.attempts, task.frames, True
        else:
            self._finish(lane, task, Polled(()), error_of(polled.samples) or "no_reply")
