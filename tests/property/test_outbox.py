"""The outbox against a lossy world: whatever is lost, doubled, reordered or refused, everything is stored in
the end, the window holds, and the newest block never waits behind the backlog."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.uplinks.outbox import HELD, LIVE_PLACES, WINDOW, Claim, Order, Outbox

STEP_MS = 10_000


class World:
    """A broker that loses what it acknowledged, a platform that stores, receipts lost or late."""

    def __init__(self, seed: int, blocks: int, loss: float) -> None:
        self.rng = random.Random(seed)
        self.outbox = Outbox()
        self.blocks = blocks
        self.head = self.rng.randrange(blocks)
        self.loss = loss
        self.stored: set[int] = set()
        self.late: list[Claim] = []
        self.now = 0
        self.sent = 0

    def claim(self) -> Claim:
        last = -1
        while last + 1 in self.stored:
            last += 1
        also = tuple(_runs(sorted(n for n in self.stored if n > last)))
        return Claim(last, also[:64])

    def step(self, calm: bool) -> None:
        """Ten seconds of life; a calm one loses nothing."""
        loss = 0.0 if calm else self.loss
        self.now += STEP_MS
        if self.head < self.blocks - 1 and (self.rng.random() < 0.2 or calm):
            self.head += 1  # a calm world comes to its last block in good time
        self.outbox.grow(self.head, [n for n in range(0, self.head, 7) if n not in self.stored])
        if self.rng.random() < loss / 4:
            self.outbox.connected(self.now, self.now + self.rng.randrange(5_000))
        for order in self._orders():
            self._carry(order, loss)
        self.late.append(self.claim())
        if self.rng.random() >= loss:
            index = self.rng.randrange(len(self.late)) if not calm else len(self.late) - 1
            self.outbox.heard(self.late[index], self.now)
            del self.late[: index + 1]

    def _orders(self) -> Iterator[Order]:
        hist = False
        while (order := self.outbox.next(self.now)) is not None:
            assert not (hist and order.lane == "live" and order.n == self.head), "the newest waited"
            hist |= order.lane == "hist"
            self.outbox.sent(order)
            self.sent += 1
            assert self.outbox.unanswered <= WINDOW
            assert len(self.outbox) <= HELD + LIVE_PLACES
            yield order

    def _carry(self, order: Order, loss: float) -> None:
        lot = self.rng.random()
        if lot < loss / 4:
            return  # neither stored nor acknowledged: the next connection brings it
        if lot < loss / 2:
            self.outbox.refused(order.n, self.now)
            return
        if self.rng.random() >= loss:
            self.stored.add(order.n)
        self.outbox.acked(order.n, self.now)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    start = None
    for at, n in enumerate(numbers):
        start = n if start is None else start
        if at + 1 == len(numbers) or numbers[at + 1] != n + 1:
            yield start, n
            start = None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), blocks=st.integers(1, 120), loss=st.floats(0, 0.9))
def test_everything_is_stored_in_the_end(seed: int, blocks: int, loss: float) -> None:
    world = World(seed, blocks, loss)
    for _ in range(60):
        world.step(calm=False)
    world.outbox.connected(world.now, world.now)
    for _ in range(500):
        world.step(calm=True)
        if world.outbox.claim.stored == blocks - 1:
            break
    assert world.stored == set(range(blocks)), f"seed {seed}"
    assert world.outbox.claim.stored == blocks - 1, f"seed {seed}"
    assert world.outbox.backlog == 0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), minutes=st.integers(1, 43_200))
def test_a_dead_platform_costs_a_window_not_a_backlog(seed: int, minutes: int) -> None:
    """A broker that takes everything and a platform that says nothing, for an hour, with a month behind."""
    rng = random.Random(seed)
    outbox = Outbox()
    outbox.connected(0, rng.randrange(5_000))
    sent = 0
    for second in range(0, 3_600, 10):
        now = second * 1_000
        outbox.grow(minutes + second // 60, ())
        while (order := outbox.next(now)) is not None:
            outbox.sent(order)
            outbox.acked(order.n, now)
            sent += 1
            assert outbox.unanswered <= WINDOW
            assert len(outbox) <= HELD + LIVE_PLACES
    # A newest block is sent anew after 30, 60 and 120 s, then pushed out; the others 9 times in the hour.
    assert sent <= 60 * 4 + (HELD + LIVE_PLACES) * 10
    assert outbox.sent_n == minutes + 59
