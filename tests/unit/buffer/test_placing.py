"""Placing records in time: by anchors, between neighbours, not before a receipt, never surer than that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from buffer.placing import DRIFT, FLOOR_SLACK_MS, STRAY, Placed, Places

T0 = 1_795_000_000_000
HOUR_MS = 3_600_000
MOMENTS = st.integers(0, 100 * HOUR_MS)
Record = Mapping[str, Any]


def boot(counter: int, machine: str, mono: int = 0) -> Record:
    return {"k": "boot", "boot": counter, "mono": mono, "id": machine}


def reading(counter: int, mono: int) -> Record:
    return {"k": "reading", "boot": counter, "mono": mono}


def anchor(counter: int, at: int, utc: int, error_ms: int = 10, source: str = "kernel") -> Record:
    return {
        "k": "anchor",
        "boot": counter,
        "mono": at,
        "at": at,
        "utc": utc,
        "error_ms": error_ms,
        "source": source,
    }


def receipt(counter: int, mono: int, time: int) -> Record:
    return {"k": "receipt", "boot": counter, "mono": mono, "time": time}


def test_an_anchor_places_what_came_before_it_and_after() -> None:
    places = Places(
        [boot(1, "a"), reading(1, 1_000), anchor(1, HOUR_MS, T0 + HOUR_MS), reading(1, 2 * HOUR_MS)]
    )
    early, late = places.place(reading(1, 1_000)), places.place(reading(1, 2 * HOUR_MS))
    assert (early.utc_ms, late.utc_ms) == (T0 + 1_000, T0 + 2 * HOUR_MS)
    assert early.error_ms is not None
    assert abs(early.error_ms - (10 + STRAY * (HOUR_MS - 1_000))) <= 1
    assert early.sources == ("kernel",)


def test_two_boots_without_a_network_lie_between_their_neighbours() -> None:
    records = [
        *(boot(1, "a"), anchor(1, 1_000, T0 + 1_000), reading(1, 50_000)),
        *(boot(2, "b"), reading(2, 9_000)),
        *(boot(3, "c"), reading(3, 8_000)),
        *(boot(4, "d"), anchor(4, 2_000, T0 + 10 * HOUR_MS), reading(4, 3_000)),
    ]
    places = Places(records)
    for counter, mono in ((2, 9_000), (3, 8_000)):
        placed = places.place(reading(counter, mono))
        assert placed.sources == ()
        assert placed.low_ms is not None
        assert placed.high_ms is not None
        assert T0 + 49_000 <= placed.low_ms <= T0 + 50_000
        assert placed.high_ms <= T0 + 10 * HOUR_MS + 20


def test_starts_of_the_daemon_share_their_machines_boot() -> None:
    places = Places([boot(1, "a"), reading(1, 500), boot(2, "a", 900), anchor(2, 1_000, T0)])
    assert places.place(reading(1, 500)).utc_ms == T0 - 500


def test_nobody_knows() -> None:
    places = Places([boot(1, "a"), reading(1, 500)])
    assert places.place(reading(1, 500)) == Placed(None, None, ())
    assert places.place(reading(7, 500)) == Placed(None, None, ())


def test_a_receipt_says_not_before() -> None:
    places = Places([boot(1, "a"), receipt(1, 5_000, T0), reading(1, 65_000)])
    placed = places.place(reading(1, 65_000))
    assert placed.low_ms is not None
    assert abs(placed.low_ms - (T0 + 60_000 - FLOOR_SLACK_MS)) <= 60_000 * DRIFT + 1
    assert placed.high_ms is None


def test_a_clock_behind_its_own_receipts_is_disputed() -> None:
    """A server that lies into the past is found out by the platform's word."""
    places = Places([boot(1, "a"), anchor(1, 1_000, T0 - HOUR_MS), receipt(1, 2_000, T0), reading(1, 3_000)])
    placed = places.place(reading(1, 3_000))
    assert placed.disputed
    assert placed.low_ms is not None
    assert placed.low_ms >= T0 - FLOOR_SLACK_MS


def test_the_boxs_own_time_comes_before_a_meters() -> None:
    wrong = anchor(1, 1_000, T0 + 2 * HOUR_MS, source="meter kiln-m")
    alone = Places([boot(1, "a"), wrong])
    assert alone.place(reading(1, 1_000)).sources == ("meter kiln-m",)
    both = Places([boot(1, "a"), wrong, anchor(1, 5_000, T0)])
    placed = both.place(reading(1, 5_000))
    assert (placed.utc_ms, placed.sources, placed.disputed) == (T0, ("kernel",), False)


@example(drift=-DRIFT, anchors=[(100 * HOUR_MS, 0)], mono=0)
@given(
    drift=st.floats(-DRIFT, DRIFT),
    anchors=st.lists(
        st.tuples(st.integers(0, 100 * HOUR_MS), st.integers(-500, 500)), min_size=1, max_size=5
    ),
    mono=st.integers(0, 100 * HOUR_MS),
)
def test_honest_anchors_always_hold_the_truth(
    drift: float, anchors: list[tuple[int, int]], mono: int
) -> None:
    def true(at: int) -> float:
        return T0 + at / (1 + drift)

    records = [anchor(1, at, round(true(at)) + off, 501) for at, off in anchors]
    placed = Places([boot(1, "a"), *records]).place(reading(1, mono))
    assert placed.low_ms is not None
    assert placed.high_ms is not None
    assert placed.low_ms - 1 <= true(mono) <= placed.high_ms + 1
    assert not placed.disputed
