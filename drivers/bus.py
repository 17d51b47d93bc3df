"""One bus: the only user of its line. Polls come in as jobs, and each ends as exactly one `PollResult`.

::

    submit(job) --> its meter's lane --> step(now): the most urgent lane, one exchange --> emit(result)
                      |  failed: fence of the meter, the poll waits behind it; others go on
                      |  silent: one short probe per back-off step, slots in between end at once
                      |  port lost: closed, everything due ends as "port", opened again later

``step`` belongs to one thread and may block on the port for one exchange; ``submit``, ``counters``,
``state`` and ``unsupported`` may be called from any. Nothing here knows a protocol, and nothing but
`PortError` is caught.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from config.site import Bus as BusConfig
from drivers.backoff import PORT
from drivers.counters import BusCounters, Counters, Tally
from drivers.errors import DriverError
from drivers.exchange import Answer, MeterSpec, Polled
from drivers.ports import Port, PortError
from drivers.queue import Job, Lane, Task, abandon, alive, read_all
from drivers.registry import drivers
from drivers.samples import PollError, PollResult, Quality, Sample, WireFrame
from drivers.wire import Heard, Manner, Wire

IDLE_MS: Final = 1_000  # longest time between two steps
_PORT_FAILED: Final = Answer(failure="port")
_ERRORS: Final[Mapping[Quality, PollError]] = MappingProxyType(
    {Quality.NO_REPLY: "no_reply", Quality.GARBLED: "garbled"}
)

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
    return Lane(spec, driver, Manner(meter.id, meter.line, gap, meter.reply_timeout_s * 1000, driver))


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
        self._reopen = PORT
        self._fault: PortError | None = None

    def submit(self, job: Job) -> None:
        """Queue a poll; thread-safe. Raises `DriverError` for a meter that is not on this bus."""
        if job.meter not in self._lanes:
            raise DriverError(f"bus {self.config.id} has no meter {job.meter}")
        self._inbox.append(job)

    def counters(self) -> BusCounters:
        """The counts since start; any thread."""
        return self._tally.snapshot()

    def state(self) -> BusState:
        """Open or why not, who answers and who is silent; any thread."""
        fault = self._fault
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
        """Blocks that each meter was found not to know; any thread."""
        return MappingProxyType({name: lane.learnt for name, lane in self._lanes.items()})

    def preset(self, learnt: Mapping[str, frozenset[str]]) -> None:
        """Before the first step: what an earlier run learnt. Meters that are gone are ignored."""
        for name, blocks in learnt.items():
            if name in self._lanes:
                self._lanes[name].learnt |= blocks

    def close(self) -> None:
        """Close the port; jobs still queued get no result. For the end of the process."""
        self._port.close()

    def step(self, now_ms: int) -> int:
        """Run one exchange at most; gives when to be called next, mono ms."""
        self._take_in(now_ms)
        if not self._opened(now_ms):
            self._end_without_port(now_ms)
            return self._next_ms(now_ms)
        self._end_silent(now_ms)
        lane = self._pick(now_ms)
        if lane is not None:
            self._run(lane, now_ms)
        return self._next_ms(self._port.now())

    # -- jobs in, results out

    def _take_in(self, now_ms: int) -> None:
        while self._inbox:
            job = self._inbox.popleft()
            passed = self._lanes[job.meter].put(job)
            if passed is not None:
                self._end(passed, "overrun", now_ms)

    def _end(self, job: Job, error: PollError, now_ms: int) -> None:
        """End a job that was never asked: it has no samples and no attempts."""
        self._emit(_unasked(job, error, now_ms))

    def _finish(self, lane: Lane, task: Task, polled: Polled, error: PollError | None) -> None:
        lane.active = None
        lane.learnt |= polled.unsupported
        now_ms = self._port.now()
        mono_ms = now_ms if task.answered_ms is None or error is not None else task.answered_ms
        if any(sample.quality is Quality.GOOD for sample in polled.samples):
            lane.last_good_ms = mono_ms
        if error in ("no_reply", "garbled"):
            lane.backoff = lane.backoff.failed(now_ms)
        elif error != "port":
            lane.backoff = lane.backoff.good()
        refused = sum(sample.quality is Quality.REFUSED for sample in polled.samples)
        self._tally.add(lane.spec.meter.id, Counters(refused=refused))
        job = task.job
        self._emit(
            PollResult(
                meter=job.meter,
                poll=job.poll,
                slot=job.slot,
                mono_ms=mono_ms,
                samples=polled.samples,
                error=error,
                frames=tuple(task.frames),
                attempts=task.attempts,
                token=job.token,
            )
        )

    # -- the port

    def _opened(self, now_ms: int) -> bool:
        if self._port.is_open:
            return True
        if now_ms < self._reopen.until_ms:
            return False
        again = self._reopen.active
        try:
            self._port.open()
        except PortError as fault:
            self._lost(fault)
            return False
        if again:
            self._tally.reopened()
        self._fault = None
        self._wire.opened()
        return True

    def _lost(self, fault: PortError) -> None:
        self._port.close()
        self._fault = fault
        self._reopen = self._reopen.failed(self._port.now())

    def _end_without_port(self, now_ms: int) -> None:
        for lane in self._lanes.values():
            if lane.active is not None:
                self._end_task(lane, lane.active)
            for job in [job for job in lane.waiting if job.poll == "read" or job.due_ms <= now_ms]:
                lane.waiting.remove(job)
                self._end(job, "port", now_ms)

    def _end_task(self, lane: Lane, task: Task) -> None:
        polled = Polled(()) if task.probe else abandon(task.poll, _PORT_FAILED, started=True)
        if task.probe:
            task.poll.close()
        good = any(sample.quality is Quality.GOOD for sample in polled.samples)
        self._finish(lane, task, polled, None if good else "port")

    # -- the line

    def _end_silent(self, now_ms: int) -> None:
        """Slots of a silent meter between two probes end at once; the line is for the others."""
        for lane in self._lanes.values():
            if lane.active is not None or not lane.backoff.active or now_ms >= lane.backoff.until_ms:
                continue
            for job in [job for job in lane.waiting if job.poll != "read" and job.due_ms <= now_ms]:
                lane.waiting.remove(job)
                self._end(job, "no_reply", now_ms)

    def _ready_ms(self, lane: Lane) -> int | None:
        ready = lane.ready_ms()
        return None if ready is None else max(ready, self._fence_ms)

    def _pick(self, now_ms: int) -> Lane | None:
        ready = ((lane, self._ready_ms(lane)) for lane in self._lanes.values())
        return min(
            (lane for lane, ms in ready if ms is not None and ms <= now_ms), key=Lane.rank, default=None
        )

    def _next_ms(self, now_ms: int) -> int:
        times = [ms for ms in map(self._ready_ms, self._lanes.values()) if ms is not None]
        if not self._port.is_open:
            times = [max(ms, now_ms) for ms in times] + [self._reopen.until_ms]
        return max(now_ms, min([*times, now_ms + IDLE_MS]))

    def _run(self, lane: Lane, now_ms: int) -> None:
        task = lane.active or self._start(lane, lane.take(), now_ms)
        if task is None:
            return
        lane.active = task
        heard = Heard()
        try:
            self._wire.exchange(lane.manner, task.exchange, heard)
        except PortError as fault:
            self._book(lane, task, heard)
            self._fence(lane, task)
            self._lost(fault)
            self._end_task(lane, task)
            return
        self._reopen = self._reopen.good()
        self._book(lane, task, heard)
        self._answer(lane, task, heard.answer)

    def _book(self, lane: Lane, task: Task, heard: Heard) -> None:
        task.keep(heard.frames)
        task.attempts += heard.sent
        self._tally.add(lane.spec.meter.id, heard.counters)
        if heard.stray:
            self._tally.add(None, Counters(dropped=heard.stray))

    def _fence(self, lane: Lane, task: Task) -> None:
        until = self._port.now() + self._late_ms
        lane.fence_ms = until
        if task.exchange.wildcard:
            self._fence_ms = until

    def _answer(self, lane: Lane, task: Task, answer: Answer) -> None:
        if answer.failure is not None:
            self._fence(lane, task)
            task.tries += 1
            if task.tries <= lane.spec.meter.retries and not task.probe:
                return  # the poll waits behind the fence
        else:
            task.answered_ms = self._port.now()
            if task.exchange.wildcard and len(self._lanes) > 1:
                self._fence(lane, task)  # a second meter may answer it as well
        task.tries = 0
        try:
            task.exchange = task.poll.send(answer)
        except StopIteration as stop:
            self._ended(lane, task, stop.value)

    def _ended(self, lane: Lane, task: Task, polled: Polled) -> None:
        if not task.probe:
            self._finish(lane, task, polled, _error(polled.samples))
        elif alive(polled):
            lane.backoff = lane.backoff.good()
            full = self._start(lane, task.job, self._port.now())
            if full is not None:
                full.attempts, full.frames = task.attempts, task.frames
            lane.active = full
        else:
            self._finish(lane, task, Polled(()), _error(polled.samples) or "no_reply")

    def _start(self, lane: Lane, job: Job, now_ms: int) -> Task | None:
        """Begin a poll; a silent meter is probed first. None if there was nothing to ask."""
        probe = lane.backoff.active and job.poll != "read"
        if probe:
            poll = lane.driver.probe(lane.spec)
        elif job.poll == "read":
            poll = read_all(lane)
        else:
            poll = lane.driver.poll(lane.spec, job.poll, lane.learnt)
        try:
            return Task(job, poll, next(poll), probe)
        except StopIteration:
            self._emit(_unasked(job, None, now_ms))
            return None


def _error(samples: Sequence[Sample]) -> PollError | None:
    """None with one good sample at least; else the first reason. A meter that answers, and has no value
    for anything (all missing, invalid, unsupported), has refused."""
    if not samples or any(sample.quality is Quality.GOOD for sample in samples):
        return None
    return next((_ERRORS[s.quality] for s in samples if s.quality in _ERRORS), "refused")


def _unasked(job: Job, error: PollError | None, now_ms: int) -> PollResult:
    return PollResult(
        meter=job.meter,
        poll=job.poll,
        slot=job.slot,
        mono_ms=now_ms,
        samples=(),
        error=error,
        frames=(),
        attempts=0,
        token=job.token,
    )
