"""Which block to send next: the pure core of an uplink. Knows neither MQTT nor clocks nor the journal.

::

    head, alarms --live: at once------------+
    asked for again, backlog oldest first --+--> in flight (a window) --claim of the platform--> done
                      ^                                 |
                      +---- nobody confirmed it in time +

A block is in flight from ``sent`` until a claim covers it; few are on their way to the broker (``WINDOW``),
some more wait for a receipt (``HELD``), so a month of backlog costs no memory: what is missing is worked out
anew from the claim. Never sends what a claim covers, never forgets what none covers. ``live`` blocks have
places of their own: a backlog cannot hold them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from agent.uplinks.ranges import Ranges, add, count, find

Lane = Literal["live", "hist"]

WINDOW: Final = 20  # blocks handed to the network that the broker has not answered
LIVE_PLACES: Final = 4  # of these only for live blocks; and so many live blocks wait for a receipt
HELD: Final = 200  # blocks of the backlog without a receipt yet
ALARMS: Final = 256  # newest alarm blocks that go before the backlog; older ones go in their turn
RESEND_MS: Final = 30_000  # the broker took it and no receipt came: once more, then after twice as long ...
RESEND_MAX_MS: Final = 600_000
SOONER_MS: Final = 5_000  # ... or after this, when the platform says that it wants it


@dataclass(frozen=True, slots=True)
class Order:
    """Send this block."""

    n: int
    lane: Lane


@dataclass(frozen=True, slots=True)
class Claim:
    """What the platform says it has: 0..stored, and ``also``; ``want`` again even if it had it."""

    stored: int = -1
    also: Ranges = ()
    want: Ranges = ()


@dataclass(slots=True)
class _Flight:
    lane: Lane
    attempts: int = 0
    acked_ms: int | None = None
    due_ms: int | None = None  # to be sent again; None: the broker has not answered yet


class Outbox:
    """Mutable, of one thread. All times are mono ms."""

    def __init__(self, stored: int = -1) -> None:
        self.claim = Claim(stored)  # what counts as stored
        self._head = -1
        self._alarms: tuple[int, ...] = ()
        self._absent: Ranges = ()
        self._flights: dict[int, _Flight] = {}
        self._hist_ms = 0
        self.sent_n = -1
        self.acked_n = -1

    def __len__(self) -> int:
        """Blocks in flight: sent, and no claim covers them."""
        return len(self._flights)

    @property
    def unanswered(self) -> int:
        """Of these, blocks that the broker has not answered."""
        return sum(flight.due_ms is None for flight in self._flights.values())

    @property
    def backlog(self) -> int:
        """Blocks that no claim covers."""
        if self._head <= self.claim.stored:
            return 0
        rest = (self.claim.stored + 1, self._head)
        return rest[1] - rest[0] + 1 - count(self.claim.also, *rest) - count(self._absent, *rest)

    def grow(self, head: int, alarms: Iterable[int]) -> None:
        """The journal has blocks 0..head; ``alarms`` are those with an alarm that no claim covered yet."""
        self._head = head
        self._alarms = tuple(alarms)[-ALARMS:]

    def connected(self, now_ms: int, hist_ms: int) -> None:
        """A new connection: what the old one had not brought to the broker is due; backlog at ``hist_ms``."""
        self._hist_ms = hist_ms
        for flight in self._flights.values():
            if flight.acked_ms is None:
                flight.due_ms = now_ms

    def heard(self, claim: Claim, now_ms: int) -> None:
        """The platform's newest claim replaces the last; the caller has checked its signature and hash."""
        self.claim = claim
        for n in [n for n in self._flights if self._covered(n)]:
            del self._flights[n]
        for n, flight in self._flights.items():
            wanted = find(claim.want, n) is not None
            if wanted and flight.acked_ms is not None and now_ms - flight.acked_ms >= SOONER_MS:
                flight.due_ms = now_ms

    def next(self, now_ms: int) -> Order | None:
        """The block to send now, None for none. Ask again after ``sent``."""
        for n in self._live():
            if self._place(n, "live"):
                return Order(n, "live")
            break
        backlog = self._backlog_may_go(now_ms)
        due = [
            (flight.lane == "hist", n)
            for n, flight in self._flights.items()
            if flight.due_ms is not None and flight.due_ms <= now_ms and (backlog or flight.lane == "live")
        ]
        if due:
            return Order(min(due)[1], self._flights[min(due)[1]].lane)
        if not backlog or not self._place(-1, "hist"):
            return None
        return next((Order(n, "hist") for n in self._missing()), None)

    def next_due(self, now_ms: int) -> int | None:
        """When a resend or the backlog becomes due, None when only news can change anything."""
        due = [flight.due_ms for flight in self._flights.values() if flight.due_ms is not None]
        if now_ms < self._hist_ms and self.backlog:
            due.append(self._hist_ms)
        return min(due, default=None)

    def sent(self, order: Order) -> None:
        """The order was handed to the network."""
        flight = self._flights.setdefault(order.n, _Flight(order.lane))
        flight.attempts += 1
        flight.acked_ms = flight.due_ms = None
        self.sent_n = max(self.sent_n, order.n)

    def acked(self, n: int, now_ms: int) -> None:
        """The broker took it: wait for the claim, then send it again."""
        flight = self._flights.get(n)
        if flight is not None:
            flight.acked_ms = now_ms
            flight.due_ms = now_ms + _patience_ms(flight)
        self.acked_n = max(self.acked_n, n)

    def refused(self, n: int, now_ms: int) -> None:
        """The broker refused it: try again later, no sooner than an unanswered one."""
        flight = self._flights.get(n)
        if flight is not None:
            flight.due_ms = now_ms + _patience_ms(flight)

    def confirm(self, n: int) -> None:
        """Uplinks without receipts: the broker's word counts as the claim."""
        self._flights.pop(n, None)
        ranges = add(((-1, self.claim.stored), *self.claim.also), n, n)
        self.claim = Claim(ranges[0][1], ranges[1:])

    def absent(self, n: int) -> None:
        """The journal has no such block any more; nobody can send it."""
        self._flights.pop(n, None)
        self._absent = add(self._absent, n, n)

    def _covered(self, n: int) -> bool:
        """Nothing to send: claimed and not asked for again, or gone."""
        if find(self.claim.want, n) is not None:
            return False
        return n <= self.claim.stored or find(self.claim.also, n) is not None

    def _idle(self, n: int) -> bool:
        return n not in self._flights and find(self._absent, n) is None

    def _live(self) -> Iterator[int]:
        """The newest block, then alarm blocks, newest first."""
        for n in (self._head, *reversed(self._alarms)):
            if n >= 0 and self._idle(n) and not self._covered(n):
                yield n

    def _missing(self) -> Iterator[int]:
        """Asked for again, then everything that no claim covers; oldest first."""
        for a, b in self.claim.want:
            yield from self._idle_in(a, min(b, self._head), self._absent)
        gone = self._absent
        for a, b in self.claim.also:
            gone = add(gone, a, b)
        yield from self._idle_in(self.claim.stored + 1, self._head, gone)

    def _idle_in(self, a: int, b: int, gone: Ranges) -> Iterator[int]:
        while a <= b:
            hole = find(gone, a)
            if hole is None and a not in self._flights:
                yield a
            a = (hole[1] if hole else a) + 1

    def _place(self, n: int, lane: Lane) -> bool:
        """Whether a new flight may start in this lane. A new head pushes out the oldest live flight that the
        broker has: that block waits in the backlog again."""
        taken = sum(flight.lane == lane for flight in self._flights.values())
        if lane == "hist":
            return taken < HELD
        if taken < LIVE_PLACES:
            return True
        old = [m for m, f in self._flights.items() if f.lane == "live" and f.acked_ms is not None]
        if n != self._head or not old:
            return False
        del self._flights[min(old)]
        return True

    def _backlog_may_go(self, now_ms: int) -> bool:
        flights = self._flights.values()
        unanswered = sum(flight.lane == "hist" and flight.due_ms is None for flight in flights)
        return now_ms >= self._hist_ms and unanswered < WINDOW - LIVE_PLACES


def _patience_ms(flight: _Flight) -> int:
    return int(min(RESEND_MS * 2 ** min(flight.attempts - 1, 10), RESEND_MAX_MS))
