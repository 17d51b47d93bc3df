"""How a poll ends: from samples to the one word that says why there is no value. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from drivers.backoff import Backoff
from drivers.exchange import Polled
from drivers.queue import Job, Lane, Task
from drivers.samples import PollError, PollResult, Quality, Sample

_ERRORS: Final[Mapping[Quality, PollError]] = MappingProxyType(
    {Quality.NO_REPLY: "no_reply", Quality.GARBLED: "garbled"}
)
_GOOD: Final = Quality.GOOD  # a member of an enum by its name costs a search each time
_REFUSED: Final = Quality.REFUSED


def any_good(samples: Sequence[Sample]) -> bool:
    """True with one value at least."""
    return any(sample.quality is Quality.GOOD for sample in samples)


def refused(samples: Sequence[Sample]) -> int:
    """How many items the meter declined."""
    declined = 0
    for _, _, quality in samples:
        if quality is _REFUSED:
            declined += 1
    return declined


def error_of(samples: Sequence[Sample]) -> PollError | None:
    """None with one value at least; else the first failure of the line. A meter that answers and has a value
    for nothing (each sample missing, invalid, unsupported or refused) has refused."""
    for _, _, quality in samples:
        if quality is _GOOD:
            return None
    if not samples:
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


def result(task: Task, samples: tuple[Sample, ...], error: PollError | None, end_ms: int) -> PollResult:
    """The end of a job that was asked."""
    meter, poll, slot, _, token = task.job
    return PollResult(meter, poll, slot, end_ms, samples, error, tuple(task.frames), task.attempts, token)


def backed_off(backoff: Backoff, error: PollError | None, end_ms: int) -> Backoff:
    """A meter's back-off behind a poll that ended so: a port that failed says nothing of it."""
    if error in ("no_reply", "garbled"):
        return backoff.failed(end_ms)
    return backoff if error == "port" else backoff.good()


def judged(lane: Lane, task: Task, polled: Polled) -> Polled | None:
    """What is believed of a read. None: something in it cannot be, and ``task`` goes on with another."""
    if task.doubted is not None:
        return lane.watch.settle(task.doubted, polled, task.begun_ms)
    believed = lane.watch.judge(polled, task.begun_ms)
    if believed is not None:
        return believed
    task.doubted = polled
    task.course = lane.course(task.job.poll, task.learnt | polled.unsupported)
    first = task.course.first()
    if isinstance(first, Polled):  # nothing is left to ask
        return judged(lane, task, first)
    task.exchange = first
    return None
