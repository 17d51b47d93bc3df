"""A poll under way: from each answer to the next request, and at last to what was read. Pure.

::

    script: all requests known before it begins -- each answered as foreseen --> script.read(parts)
       |                                        an answer of any other kind
       v
    the driver's generator, told the answers so far: it knows what to do about anything

Both give the same, whatever a meter says. Nearly every poll is answered as foreseen, and to make, resume
and end a generator is much of what an exchange costs: with cold caches, as they are when a reply wakes the
reader, it is the variety of what is run that counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from drivers.exchange import Answer, Driver, Exchange, MeterSpec, Poll, Polled, Script
from drivers.samples import alive

MAX_ANSWERS: Final = 1000  # a protocol must end after failures; a poll has far fewer exchanges
JobPoll = Literal["fast", "slow", "read"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a meter is asked in one class, from poll to poll. ``learnt``: what is not asked for."""

    learnt: frozenset[str]
    begin: Callable[[], Poll]
    script: Script | None


def plan(driver: Driver, spec: MeterSpec, poll: JobPoll, learnt: frozenset[str]) -> Plan:
    """The items of one class, or all of them for a person."""
    if poll == "read":
        return Plan(learnt, partial(_read_all, driver, spec, learnt), None)
    return Plan(learnt, partial(driver.poll, spec, poll, learnt), driver.script(spec, poll, learnt))


def probing(driver: Driver, spec: MeterSpec) -> Course:
    """One short exchange that shows whether a meter lives."""
    return Course(partial(driver.probe, spec), None)


@dataclass(slots=True, eq=False)
class Course:
    """One poll by ``script``, and where it leaves that by the generator that ``begin`` makes."""

    begin: Callable[[], Poll]
    script: Script | None
    _replies: tuple[object, ...] = ()
    _parts: tuple[bytes, ...] = ()
    _going: Poll | None = field(default=None, init=False)

    def first(self) -> Exchange | Polled:
        """The first request; what was read if there is nothing to ask."""
        if self.script is not None:
            return self.script.exchanges[0]
        self._going = self.begin()
        return _next(self._going, None)

    def answer(self, answer: Answer) -> Exchange | Polled:
        """What comes of the answer to the last request."""
        if self._going is not None:
            return _next(self._going, answer)
        if self.script is None:
            raise RuntimeError("no request of this poll is open")
        at = len(self._parts)
        part = self.script.take(at, answer.reply)
        if part is None:
            return self._leave(answer)
        self._replies += (answer.reply,)
        self._parts += (part,)
        asked = self.script.exchanges
        return self.script.read(self._parts) if at + 1 == len(asked) else asked[at + 1]

    def abandon(self, failure: Answer) -> Polled:
        """Let it end without the line: each of its requests fails. What it has read already stays."""
        for _ in range(MAX_ANSWERS):
            told = self.answer(failure)
            if isinstance(told, Polled):
                return told
        return Polled(())

    def _leave(self, answer: Answer) -> Exchange | Polled:
        """Go on by the generator, which asks the same as the script did so far."""
        self._going = self.begin()
        _next(self._going, None)
        for reply in self._replies:
            _next(self._going, Answer(reply))
        return _next(self._going, answer)


def _next(going: Poll, answer: Answer | None) -> Exchange | Polled:
    try:
        return next(going) if answer is None else going.send(answer)
    except StopIteration as stop:
        ended: Polled = stop.value
        return ended


def _read_all(driver: Driver, spec: MeterSpec, learnt: frozenset[str]) -> Poll:
    """Fast, then slow; once the meter fails, the rest is not asked for."""
    fast = yield from driver.poll(spec, "fast", learnt)
    slow = partial(driver.poll, spec, "slow", learnt | fast.unsupported)
    if fast.samples and not alive(fast.samples):
        unread = Course(slow, None)
        told = unread.first()
        rest = told if isinstance(told, Polled) else unread.abandon(Answer(failure="no_reply"))
    else:
        rest = yield from slow()
    return Polled(fast.samples + rest.samples, fast.unsupported | rest.unsupported)
