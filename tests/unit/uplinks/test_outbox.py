"""The outbox alone: order, window, resends, claims. Times are made up."""

from __future__ import annotations

import pytest

from agent.uplinks.outbox import (
    HELD,
    LIVE_PLACES,
    RESEND_MAX_MS,
    RESEND_MS,
    SOONER_MS,
    WINDOW,
    Claim,
    Order,
    Outbox,
)


def outbox(head: int, alarms: tuple[int, ...] = (), stored: int = -1) -> Outbox:
    made = Outbox(stored)
    made.grow(head, alarms)
    made.connected(0, 0)
    return made


def drain(box: Outbox, now_ms: int = 0) -> list[Order]:
    """Send everything it wants to send now."""
    found = []
    while (order := box.next(now_ms)) is not None:
        box.sent(order)
        found.append(order)
        assert len(found) <= 1000, "it never ends"
    return found


def test_newest_first_then_alarms_then_backlog_oldest_first() -> None:
    box = outbox(100, alarms=(10, 40))
    sent = drain(box)
    assert sent[:3] == [Order(100, "live"), Order(40, "live"), Order(10, "live")]
    assert [order.n for order in sent[3:]] == [n for n in range(17) if n != 10]
    assert {order.lane for order in sent[3:]} == {"hist"}


def test_the_window_holds_and_live_has_places_of_its_own() -> None:
    box = outbox(1000)
    assert len(drain(box)) == 1 + WINDOW - LIVE_PLACES
    box.acked(1000, 1)
    box.grow(1001, ())
    assert drain(box, 1) == [Order(1001, "live")]


def test_more_may_wait_for_a_receipt_than_for_the_broker() -> None:
    box = outbox(1000)
    for _ in range(100):
        for order in drain(box):
            assert box.unanswered <= WINDOW
            box.acked(order.n, 1)
    assert len(box) == HELD + 1
    assert box.next(1) is None


def test_a_new_head_pushes_out_the_oldest_acknowledged_live_block() -> None:
    box = outbox(500)
    drain(box)
    for head in range(501, 510):
        for n in range(495, head):
            box.acked(n, 1)
        box.grow(head, ())
        assert Order(head, "live") in drain(box, 1)
        assert box.unanswered <= WINDOW


def test_a_new_head_waits_while_the_broker_takes_nothing() -> None:
    box = outbox(500)
    drain(box)
    for head in range(501, 520):
        box.grow(head, ())
        drain(box)
    assert len(box) == WINDOW


def test_the_backlog_waits_for_its_start_the_newest_does_not() -> None:
    box = outbox(50)
    box.connected(1_000, 6_000)
    assert drain(box, 1_000) == [Order(50, "live")]
    assert box.next_due(1_000) == 6_000
    assert drain(box, 6_000)[0] == Order(0, "hist")


def test_what_is_stored_or_held_is_never_sent() -> None:
    box = outbox(100)
    box.heard(Claim(stored=40, also=((50, 59), (70, 99))), 0)
    assert sorted(order.n for order in drain(box)) == [*range(41, 50), *range(60, 67), 100]
    assert box.backlog == 100 - 40 - 10 - 30


def test_held_beyond_a_gap_frees_its_place_also_for_live_blocks() -> None:
    box = outbox(100, alarms=(70,))
    first = drain(box)
    box.heard(Claim(stored=-1, also=((70, 70), (100, 100))), 0)
    assert len(box) == len(first) - 2
    assert {order.lane for order in drain(box)} <= {"hist"}


def test_a_block_comes_again_only_when_nobody_confirms_it() -> None:
    box = outbox(0)
    drain(box)
    assert box.next_due(0) is None
    box.acked(0, 1_000)
    assert box.next(RESEND_MS) is None
    assert box.next(1_000 + RESEND_MS) == Order(0, "live")


def test_resends_come_ever_more_seldom() -> None:
    box = outbox(0)
    now, waits = 0, []
    for _ in range(8):
        drain(box, now)
        box.acked(0, now)
        due = box.next_due(now)
        assert due is not None
        waits.append(due - now)
        now = due
    assert waits == [min(RESEND_MS * 2**k, RESEND_MAX_MS) for k in range(8)]


def test_what_the_broker_never_took_is_sent_again_on_the_next_connection() -> None:
    box = outbox(2)
    drain(box)
    box.acked(2, 10)
    box.connected(20, 20)
    assert [order.n for order in drain(box, 20)] == [0, 1]


def test_a_refused_block_is_tried_later_not_at_once() -> None:
    box = outbox(0)
    drain(box)
    box.refused(0, 5)
    assert box.next(5) is None
    assert box.next(5 + RESEND_MS) == Order(0, "live")
    assert box.acked_n == -1


def test_wanted_blocks_go_before_the_backlog_even_if_stored() -> None:
    box = outbox(30, stored=20)
    box.heard(Claim(stored=20, want=((3, 5),)), 0)
    assert [order.n for order in drain(box)][:5] == [30, 3, 4, 5, 21]
    box.heard(Claim(stored=30), 10)
    assert len(box) == 0
    assert box.next(10**9) is None


def test_a_wanted_block_in_flight_is_sent_again_sooner() -> None:
    box = outbox(5, stored=4)
    drain(box)
    box.acked(5, 0)
    box.heard(Claim(stored=4, want=((5, 5),)), SOONER_MS - 1)
    assert box.next(SOONER_MS - 1) is None
    box.heard(Claim(stored=4, want=((5, 5),)), SOONER_MS)
    assert box.next(SOONER_MS) == Order(5, "live")


def test_a_claim_that_goes_back_brings_the_blocks_back() -> None:
    box = outbox(10)
    box.heard(Claim(stored=10), 0)
    assert box.next(0) is None
    box.heard(Claim(stored=6), 1)
    assert sorted(order.n for order in drain(box, 1)) == [7, 8, 9, 10]


def test_absent_blocks_are_left_out() -> None:
    box = outbox(10)
    for n in range(5):
        box.absent(n)
    assert sorted(order.n for order in drain(box)) == [5, 6, 7, 8, 9, 10]
    assert box.backlog == 6


def test_without_receipts_the_broker_moves_the_claim_in_order() -> None:
    box = outbox(3)
    drain(box)
    box.confirm(3)
    assert box.claim == Claim(-1, ((3, 3),))
    for n in (0, 1, 2):
        box.confirm(n)
    assert box.claim == Claim(3)
    assert box.backlog == 0


@pytest.mark.parametrize("want", [((0, 2**53),), ((5, 9), (11, 2**52))])
def test_absurd_wishes_cost_nothing(want: tuple[tuple[int, int], ...]) -> None:
    box = outbox(40)
    box.heard(Claim(stored=40, want=want), 0)
    assert len(drain(box)) <= WINDOW
