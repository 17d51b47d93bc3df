"""Who is asked next: one lane per meter, and the order among lanes. Pure; knows no port and no clock.

::

    lane kiln     active: fast slot 17 (suspended until the fence at 103 s)   waiting: slow slot 3
    lane scrubber active: -                                                   waiting: read, fast slot 17

A meter has one poll under way, so that a follow-up frame always meets the request before it; only a slow poll
stands aside between two of its items while a fast one passes. Polls of different meters take turns by
exchange, and a slow slot gives way to the fast ones of two minutes: rules live on power every few seconds,
and counters can wait. Once it has its first value it is due itself after five seconds: the values of a
reading belong to one moment. A person's read comes before slots, and obeys fences like them.
A slot whose successor is due is overrun; the successor inherits its place in the queue, so that on a line
that is too slow every meter is late and none is forgotten.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from config.site import Bus
from drivers.backoff import METER, Backoff
from drivers.course import Course, JobPoll, Plan, plan
from drivers.errors import DriverError
from drivers.exchange import Driver, Exchange, MeterSpec, Polled
from drivers.limits import limits
from drivers.plausible import Watch
from drivers.registry import drivers
from drivers.samples import PollError, WireFrame
from drivers.support import Support, slow_items
from drivers.wire import Heard, Manner

MAX_WAITING: Final = 32  # jobs of one meter; the oldest gives way
SLOW_YIELDS_MS: Final = 120_000  # so long a slow slot gives way to fast ones, and then to none
SLOW_SPAN_MS: Final = 5_000  # the values of one slow poll are spread over little more than this
TURN_MS: Final = 1_000  # slots that became due within so long may change places
MAX_FRAMES: Final = 512  # frames kept with one result

_NEVER: Final = (True, sys.maxsize)  # a rank behind all others


class Job(NamedTuple):
    """One poll asked of a bus. ``read`` is all items, for a person: it belongs to no slot, runs at once, and
    its due time only orders it among reads."""

    meter: str
    poll: JobPoll
    slot: int
    due_ms: int
    token: int = 0

    @property
    def start_ms(self) -> int:
        """Not to be run before this."""
        return 0 if self.poll == "read" else self.due_ms


@dataclass(slots=True)
class Task:
    """One poll, or the probe before it, under way."""

    job: Job
    course: Course
    exchange: Exchange
    since_ms: int  # of its place in the queue
    begun_ms: int  # its values are judged as of then
    learnt: frozenset[str] = frozenset()  # what it does not ask for
    probe: bool = False
    alive: bool = False  # its meter answered a probe directly before
    attempts: int = 0  # requests sent for this job
    tries: int = 0  # failures of the present exchange
    frames: list[WireFrame] = field(default_factory=list)
    answered_ms: int | None = None  # end of the last reply
    first_ms: int | None = None  # and of the first
    doubted: Polled | None = None  # its first read, while all is read once more

    def keep(self, heard: Heard) -> None:
        """An exchange ended: keep its frames with the result, up to the limit, and when its reply ended."""
        self.frames = self.frames + heard.frames if self.frames else heard.frames
        if len(self.frames) > MAX_FRAMES:
            del self.frames[MAX_FRAMES:]
        self.attempts += heard.sent
        if heard.failure is None:
            self.answered_ms = heard.frames[-1].mono_ms
            if self.first_ms is None:
                self.first_ms = self.answered_ms

    @property
    def may_pause(self) -> bool:
        """A slow poll between two of its items: nothing was sent that is still to be answered or repeated."""
        return self.job.poll == "slow" and not (self.probe or self.tries or self.exchange.follows)

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller is sooner."""
        return (self.job.poll != "read", self.since_ms)


@dataclass(slots=True)
class Lane:
    """One meter on its bus."""

    spec: MeterSpec
    driver: Driver
    manner: Manner
    watch: Watch
    support: Support
    waiting: list[Job] = field(default_factory=list)
    overrun: dict[JobPoll, int] = field(default_factory=dict)  # due time of the first slot passed over
    active: Task | None = None
    paused: Task | None = None  # the slow poll that stands aside
    fence_ms: int = 0  # not asked before this
    backoff: Backoff = METER
    last_good_ms: int | None = None
    plans: dict[JobPoll, Plan] = field(default_factory=dict)

    def course(self, poll: JobPoll, learnt: frozenset[str]) -> Course:
        """A poll that begins; what it asks changes only with what was learnt."""
        found = self.plans.get(poll)
        if found is None or (found.learnt is not learnt and found.learnt != learnt):
            found = self.plans[poll] = plan(self.driver, self.spec, poll, learnt)
        return Course(found.begin, found.script)

    def heard(self, task: Task, failure: str | None) -> None:
        """An exchange ended, without a reply or while that matters. A silence counts on what is tried again,
        and on the first request of a poll directly behind an answered probe."""
        label = task.exchange.label
        if failure is None:
            self.support.heard(label, silent=False)
        elif failure == "no_reply":
            first = task.alive and task.answered_ms is None
            if first or label in self.support.trying:
                self.support.heard(label, silent=True)

    def put(self, job: Job) -> Job | None:
        """Queue ``job``; gives the job that has to go if there are too many."""
        self.waiting.append(job)
        return self.waiting.pop(0) if len(self.waiting) > MAX_WAITING else None

    def end_unasked(self, now_ms: int) -> list[tuple[Job, PollError]]:
        """Take out the slots that were overtaken, and those of a silent meter between two probes."""
        # A slot that passes while its meter is fenced passed for the silence, not for want of the line.
        passed: PollError = "no_reply" if now_ms < self.fence_ms else "overrun"
        ended = [(job, passed) for job in self._pass_over(now_ms)]
        if self.active is None and self.backoff.active and now_ms < self.backoff.until_ms:
            ended += [(job, "no_reply") for job in self.drop_due(now_ms, reads=False)]
        return ended

    def _pass_over(self, now_ms: int) -> list[Job]:
        """Take out the slots that are due and have a successor of their class that is due as well."""
        passed: list[Job] = []
        if len(self.waiting) < 2:
            return passed
        for poll in ("fast", "slow"):
            due = [job for job in self.waiting if job.poll == poll and job.due_ms <= now_ms]
            for job in sorted(due, key=lambda job: job.due_ms)[:-1]:
                self.waiting.remove(job)
                self.overrun.setdefault(poll, job.due_ms)
                passed.append(job)
        return passed

    def drop_due(self, now_ms: int, *, reads: bool) -> list[Job]:
        """Take out all jobs that could start now; reads only on demand."""
        due = [job for job in self.waiting if job.start_ms <= now_ms and (reads or job.poll != "read")]
        for job in due:
            self.waiting.remove(job)
            self.overrun.pop(job.poll, None)
        return due

    def hasten(self, now_ms: int) -> None:
        """A slow poll that has values gives way no longer, lest they grow old before its reading ends."""
        for task in (self.active, self.paused):
            if task is not None and task.first_ms is not None and now_ms - task.first_ms >= SLOW_SPAN_MS:
                task.since_ms = min(task.since_ms, task.job.due_ms)

    def turn(self, now_ms: int) -> Task | None:
        """The poll that goes on now, of two or where jobs wait behind one; None: the next one begins."""
        due = [self._rank(job) for job in self.waiting if job.poll == "fast" and job.due_ms <= now_ms]
        fast = min(due, default=_NEVER)
        if self.active is not None and self.paused is None and self.active.may_pause:
            if fast < self.active.rank:
                self.active, self.paused = None, self.active
        elif self.active is None and self.paused is not None and fast >= self.paused.rank:
            self.active, self.paused = self.paused, None
        return self.active

    def ended(self, task: Task) -> None:
        """A poll is over."""
        if task is self.paused:
            self.paused = None
        else:
            self.active = None

    def take(self, now_ms: int) -> tuple[Job, int]:
        """Take the next waiting job out, with its place in the queue."""
        if len(self.waiting) == 1:
            job = self.waiting.pop()
        else:
            due = [one for one in self.waiting if one.start_ms <= now_ms]
            job = min(due or self.waiting, key=self._rank)
            self.waiting.remove(job)
        since = self._rank(job)[1]
        if self.overrun:
            self.overrun.pop(job.poll, None)
        return job, since

    def start_ms(self) -> int | None:
        """When this lane has something to do, fences aside; None if it has nothing at all."""
        if self.active is not None or self.paused is not None:
            return 0
        first: int | None = None
        for _, poll, _, due_ms, _ in self.waiting:
            start_ms = 0 if poll == "read" else due_ms
            if first is None or start_ms < first:
                first = start_ms
        return first

    def rank(self, family: object) -> tuple[int, int, bool, int]:
        """Smaller is sooner. That of its most urgent job: a poll under way inherits the urgency of what waits
        behind it. What became due in one second goes protocol by protocol, because a change from ``family``,
        that of the last request, costs silence."""
        ranks = [self._rank(job) for job in self.waiting]
        ranks += [task.rank for task in (self.active, self.paused) if task is not None]
        late, since_ms = min(ranks)
        return late, since_ms // TURN_MS, self.manner.family is not family, since_ms

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The polls under way: one, or two while the slow one stands aside."""
        return tuple(task for task in (self.active, self.paused) if task is not None)

    def _rank(self, job: Job) -> tuple[int, int]:
        yields = SLOW_YIELDS_MS if job.poll == "slow" else 0
        return (job.poll != "read", self.overrun.get(job.poll, job.due_ms) + yields)


def lane_of(config: Bus, spec: MeterSpec) -> Lane:
    """The lane of a declared meter. Raises `DriverError` for a protocol that no driver speaks."""
    meter = spec.meter
    driver = drivers().get(meter.protocol)
    if driver is None:
        raise DriverError(f"meter {meter.id}: no driver for {meter.protocol}")
    default = 0 if config.kind == "tcp" else driver.default_gap_ms
    gap = default if meter.gap_ms is None else meter.gap_ms
    manner = Manner(meter.id, meter.line, gap, meter.reply_timeout_s * 1000, driver)
    return Lane(spec, driver, manner, Watch(limits(spec)), Support(slow_items(spec.profile)))
