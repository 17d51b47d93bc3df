"""What a line does when no poll and no person needs it: errands, one exchange at a time.

::

    slot |--- free ---------------------| slot     an ask is run only if it would end, whatever happens,
          [ask][ask][ask]                          before the next slot is due; on a line that is never free
                                                   for so long, one each STARVED_MS all the same

Errands obey the fences like any poll, wait while their meter is silent, and take turns by exchange. Between
two requests of which the second goes on with the first their meter is asked nothing else. Belongs to the
thread of its bus, but for `put`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drivers.counters import Tally
from drivers.errand import Errand
from drivers.link import Link
from drivers.port import PortError
from drivers.queue import Lane
from drivers.search import Ask
from drivers.wire import DRAIN_MS, Heard, Wire


@dataclass(slots=True)
class Spare:
    """The errands of one bus. ``late_ms``: how long a request without its answer, or a wildcard, fences;
    ``fence_ms``: until when a wildcard of an errand fences the whole line."""

    wire: Wire
    link: Link
    tally: Tally
    lanes: Mapping[str, Lane]
    late_ms: int
    fence_ms: int = 0
    errands: list[Errand] = field(default_factory=list)

    def put(self, errand: Errand) -> None:
        """One more; any thread."""
        self.errands = [*self.errands, errand]

    def run(self, now_ms: float, free_until_ms: float) -> None:
        """One exchange of the errand whose turn it is, if there is room for it."""
        errand = self._pick(now_ms, free_until_ms)
        ask = None if errand is None else errand.due(now_ms)
        if errand is None or ask is None:
            return
        heard = Heard()
        try:
            self.wire.exchange(ask.manner, ask.exchange, heard)
        except PortError as fault:
            self.link.lost(fault)
            self.lost(fault)
            return
        self.link.works()
        self._book(ask, heard)
        errand.answer(heard, self.wire.port.moment())

    def next_ms(self, now_ms: float, free_until_ms: float) -> float | None:
        """When `run` may next have something to ask, as things are; None without errands."""
        starts = (self._start_ms(e, ask, now_ms, free_until_ms) for e, ask in self._alive(now_ms))
        return min(starts, default=None)

    def held(self) -> str | None:
        """A meter that must not be asked anything else: an errand's next request follows the one before."""
        asks = (errand.ask for errand in self.errands)
        return next((ask.manner.meter for ask in asks if ask is not None and ask.follows), None)

    def lost(self, fault: PortError) -> None:
        """The port went away: no errand outlives it."""
        for errand in self.errands:
            errand.end(fault)
        self.errands = []

    def _book(self, ask: Ask, heard: Heard) -> None:
        """Count, and raise the fences as a poll would."""
        lane = self.lanes.get(ask.manner.meter)
        self.tally.add(None if lane is None else ask.manner.meter, heard.counters)
        late_ms = self.wire.port.now() + self.late_ms
        if heard.sent and heard.failure is not None and lane is not None:
            lane.fence_ms = late_ms
        if heard.sent and ask.exchange.wildcard and self.lanes:
            self.fence_ms = late_ms

    def _pick(self, now_ms: float, free_until_ms: float) -> Errand | None:
        for errand, ask in self._alive(now_ms):
            if self._start_ms(errand, ask, now_ms, free_until_ms) <= now_ms:
                self.errands = [*(one for one in self.errands if one is not errand), errand]
                return errand
        return None

    def _alive(self, now_ms: float) -> Iterator[tuple[Errand, Ask]]:
        """The errands that may ask something, as far as their meter is not held by another."""
        asks = [(errand, errand.due(now_ms)) for errand in self.errands]
        if any(errand.ended for errand, _ in asks):
            self.errands = [errand for errand in self.errands if not errand.ended]
        held = self.held()
        for errand, ask in asks:
            if ask is not None and (ask.follows or ask.manner.meter != held):
                yield errand, ask

    def _start_ms(self, errand: Errand, ask: Ask, now_ms: float, free_until_ms: float) -> float:
        """When this ask may be sent: rested, behind the fences, with room or starved."""
        lane = self.lanes.get(ask.manner.meter)
        start = max(now_ms, errand.after_ms, self.fence_ms)
        if lane is not None:
            start = max(start, lane.fence_ms, lane.backoff.until_ms if lane.backoff.active else 0)
        if ask.follows or start + self._most_ms(ask) <= free_until_ms:
            return start
        return max(start, errand.starved_ms)

    def _most_ms(self, ask: Ask) -> float:
        """The longest an ask may keep the line: silence, wire, timeout and drain; a wildcard's fence too."""
        manner, exchange = ask.manner, ask.exchange
        wire = manner.wire_ms(len(exchange.request) + exchange.reply_bytes)
        fence = self.late_ms if exchange.wildcard and self.lanes else 0
        return max(manner.silence_ms, manner.gap_ms, DRAIN_MS) + wire + manner.timeout_ms + DRAIN_MS + fence
