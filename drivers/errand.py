"""An errand: what may be asked on a line when no poll and no person needs it. Pure; has no port.

::

    errand = Errand(generator of asks)          its owner: bus.errand(errand), then reads, renews, cancels it
      due(now)  --> the next ask                the bus: sends it in a free moment
      answer(heard, now) --> the generator

A search of the line is one, and so are questions to one meter's memory. It ends with its generator, with its
lease, by `cancel`, or with the port. Never retries: what a failure means its generator knows.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

from drivers.exchange import Answer
from drivers.port import PortError
from drivers.queue import MAX_FRAMES
from drivers.samples import WireFrame
from drivers.search import Ask
from drivers.wire import Heard

STARVED_MS: Final = 10_000  # after so long without a free moment it asks all the same


@dataclass(slots=True, eq=False)
class Errand:
    """One errand. Its owner may read it at any time, `renew` and `cancel` it; the rest is the bus's.

    ``ask`` is its present request. ``lease_ms``: it ends by itself at this mono ms; None: it does not. When
    its generator is given an answer, ``frames`` holds what was seen on the line since it last took them, and
    ``answered_ms`` the end of the last reply.
    """

    exchanges: Generator[Ask, Answer, None]
    lease_ms: int | None = None
    frames: list[WireFrame] = field(default_factory=list)
    answered_ms: int = 0
    ended: bool = False
    fault: PortError | None = None  # the port was lost under it
    ask: Ask | None = None
    _after_ms: float = 0.0  # not before: the rest that its ask wants
    _last_ms: float = 0.0
    _cancelled: bool = False

    def renew(self, lease_ms: int) -> None:
        """Its owner still waits for it."""
        self.lease_ms = lease_ms

    def cancel(self) -> None:
        """End it at the next step; what it found its generator has kept."""
        self._cancelled = True

    def take_frames(self) -> tuple[WireFrame, ...]:
        """The frames since the last call; for its own generator."""
        frames, self.frames = tuple(self.frames), []
        return frames

    def due(self, now_ms: float) -> Ask | None:
        """What it would ask next, whenever that may be; None once it has ended."""
        over = self._cancelled or (self.lease_ms is not None and now_ms >= self.lease_ms)
        if not self.ended and over:
            self.end(None)
        if not self.ended and self.ask is None:
            self._go(None, now_ms)
            self._last_ms = now_ms
        return self.ask

    @property
    def after_ms(self) -> float:
        """Its ask must not be sent before."""
        return self._after_ms

    @property
    def starved_ms(self) -> float:
        """From then on it need not wait for room."""
        return max(self._after_ms, self._last_ms + STARVED_MS)

    def answer(self, heard: Heard, now_ms: float) -> None:
        """Hand the answer of its ask over."""
        self.frames = [*self.frames, *heard.frames][-MAX_FRAMES:]
        if heard.failure is None:
            self.answered_ms = heard.frames[-1].mono_ms
        self._last_ms = now_ms
        self._go(heard, now_ms)

    def end(self, fault: PortError | None) -> None:
        """No more of it."""
        self.exchanges.close()
        self.ended, self.fault, self.ask = True, fault, None

    def _go(self, answer: Answer | None, now_ms: float) -> None:
        try:
            self.ask = next(self.exchanges) if answer is None else self.exchanges.send(answer)
        except StopIteration:
            self.ended, self.ask = True, None
            return
        self._after_ms = now_ms + self.ask.rest_ms
