"""How a poll ends: from samples to the one word that says why there is no value. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from drivers.exchange import Answer, Driver, MeterSpec, Poll, Polled
from drivers.queue import Job, JobPoll, Task
from drivers.samples import PollError, PollResult, Quality, Sample

MAX_ANSWERS: Final = 1000  # a protocol must end after failures; a poll has far fewer exchanges
_ERRORS: Final[Mapping[Quality, PollError]] = MappingProxyType(
    {Quality.NO_REPLY: "no_reply", Quality.GARBLED: "garbled"}
)
_quality: Final = attrgetter("quality")


def any_good(samples: Sequence[Sample]) -> bool:
    """True with one value at least."""
    return Quality.GOOD in map(_quality, samples)


def refused(samples: Sequence[Sample]) -> int:
    """How many items the meter declined."""
    return list(map(_quality, samples)).count(Quality.REFUSED)


def alive(samples: Sequence[Sample]) -> bool:
    """True unless every sample says that the meter did not answer."""
    return any(sample.quality not in _ERRORS for sample in samples)


def error_of(samples: Sequence[Sample]) -> PollError | None:
    """None with one value at least; else the first failure of the line. A meter that answers and has a value
    for nothing (each sample missing, invalid, unsupported or refused) has refused."""
    if not samples or Quality.GOOD in map(_quality, samples):
        return None
    return next((_ERRORS[sample.quality] for sample in samples if sample.quality in _ERRORS), "refused")


def unasked(job: Job, error: PollError | None, now_ms: int) -> PollResult:
    """The end of a job for which nothing was sent: no samples, no frames, no attempts."""
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


def result(task: Task, samples: tuple[Sample, ...], error: PollError | None, now_ms: int) -> PollResult:
    """The end of a job that was asked: at its last reply, or ``now_ms`` if it failed."""
    job = task.job
    return PollResult(
        meter=job.meter,
        poll=job.poll,
        slot=job.slot,
        mono_ms=now_ms if task.answered_ms is None or error is not None else task.answered_ms,
        samples=samples,
        error=error,
        frames=tuple(task.frames),
        attempts=task.attempts,
        token=job.token,
    )


def read(driver: Driver, spec: MeterSpec, poll: JobPoll, learnt: frozenset[str]) -> Poll:
    """The items of one class, or all of them for a person."""
    return _read_all(driver, spec, learnt) if poll == "read" else driver.poll(spec, poll, learnt)


def _read_all(driver: Driver, spec: MeterSpec, learnt: frozenset[str]) -> Poll:
    """Fast, then slow; once the meter fails, the rest is not asked for."""
    fast = yield from driver.poll(spec, "fast", learnt)
    slow = driver.poll(spec, "slow", learnt | fast.unsupported)
    if fast.samples and not alive(fast.samples):
        rest = abandon(slow, Answer(failure="no_reply"))
    else:
        rest = yield from slow
    return Polled(fast.samples + rest.samples, fast.unsupported | rest.unsupported)


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
