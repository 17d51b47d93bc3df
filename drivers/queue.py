"""Who is asked next: one lane per meter, and the order among lanes. Pure; knows no port and no clock.

::

    lane kiln     active: fast slot 17 (suspended until the fence at 103 s)   waiting: slow slot 3
    lane scrubber active: -                                                   waiting: read, fast slot 17

A meter has one poll under way at most, so that a follow-up frame always meets the request before it. Polls of
different meters take turns by exchange. A person's read comes before slots, and obeys fences like them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.backoff import METER, Backoff
from drivers.exchange import Answer, Driver, Exchange, MeterSpec, Poll, Polled
from drivers.samples import WireFrame
from drivers.wire import Manner

MAX_READS: Final = 8  # reads of one meter that may wait; the oldest gives way
MAX_FRAMES: Final = 512  # frames kept with one result
MAX_ANSWERS: Final = 1000  # a protocol must end after failures; a poll has far fewer exchanges

JobPoll = Literal["fast", "slow", "read"]


@dataclass(frozen=True, slots=True)
class Job:
    """One poll asked of a bus. ``read`` is all items, for a person; its slot and due time mean nothing
    but an order among reads."""

    meter: str
    poll: JobPoll
    slot: int
    due_ms: int
    token: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """Smaller is sooner."""
        return (0 if self.poll == "read" else 1, self.due_ms)


@dataclass(slots=True)
class Task:
    """One poll, or the probe before it, under way."""

    job: Job
    poll: Poll
    exchange: Exchange
    probe: bool = False
    attempts: int = 0  # requests sent for this job
    tries: int = 0  # failures of the present exchange
    frames: list[WireFrame] = field(default_factory=list)
    answered_ms: int | None = None  # end of the last reply

    def keep(self, frames: Iterable[WireFrame]) -> None:
        """Keep frames with the result, up to the limit."""
        self.frames.extend(frames)
        del self.frames[MAX_FRAMES:]


@dataclass(slots=True)
class Lane:
    """One meter on its bus."""

    spec: MeterSpec
    driver: Driver
    manner: Manner
    learnt: frozenset[str] = frozenset()  # blocks the meter is known not to have
    waiting: list[Job] = field(default_factory=list)
    active: Task | None = None
    fence_ms: int = 0  # not asked before this
    backoff: Backoff = METER
    last_good_ms: int | None = None

    def put(self, job: Job) -> Job | None:
        """Queue ``job``; gives the waiting job that it overtakes, if there is one."""
        same = [old for old in self.waiting if old.poll == job.poll]
        passed = same[0] if same and len(same) >= (MAX_READS if job.poll == "read" else 1) else None
        if passed is not None:
            self.waiting.remove(passed)
        self.waiting.append(job)
        return passed

    def head(self) -> Job | None:
        """The waiting job that is next."""
        return min(self.waiting, key=lambda job: job.rank, default=None)

    def take(self) -> Job:
        """Take the next waiting job out."""
        job = min(self.waiting, key=lambda waiting: waiting.rank)
        self.waiting.remove(job)
        return job

    def ready_ms(self) -> int | None:
        """When this lane may use the line; None if it has nothing to do."""
        if self.active is not None:
            return self.fence_ms
        if not self.waiting:
            return None
        return max(self.fence_ms, min(0 if job.poll == "read" else job.due_ms for job in self.waiting))

    def rank(self) -> tuple[int, int]:
        """The most urgent of all its jobs: a poll under way inherits the urgency of what waits behind it."""
        ranks = [job.rank for job in self.waiting]
        return min([self.active.job.rank, *ranks] if self.active is not None else ranks)


def read_all(lane: Lane) -> Poll:
    """All items, fast then slow; once the meter fails, the rest is not asked for."""
    fast = yield from lane.driver.poll(lane.spec, "fast", lane.learnt)
    known = lane.learnt | fast.unsupported
    slow = lane.driver.poll(lane.spec, "slow", known)
    if fast.samples and not alive(fast):
        rest = abandon(slow, Answer(failure="no_reply"))
    else:
        rest = yield from slow
    return Polled(fast.samples + rest.samples, fast.unsupported | rest.unsupported)


def alive(polled: Polled) -> bool:
    """True unless every sample says that the meter did not answer."""
    return any(sample.quality not in ("no_reply", "garbled") for sample in polled.samples)


def abandon(poll: Poll, failure: Answer, *, started: bool = False) -> Polled:
    """Let a poll end without the line: each of its requests fails. What it has read already stays."""
    try:
        if not started:
            next(poll)
        for _ in range(MAX_ANSWERS):
            poll.send(failure)
    except StopIteration as stop:
        ended: Polled = stop.value
        return ended
    poll.close()
    return Polled(())
