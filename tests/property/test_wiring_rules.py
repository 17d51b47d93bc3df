"""Metamorphic: a restart, a neighbour and a shift of time change no alarm of the rules for meters."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.meterkinds import (
    Balance,
    Frozen,
    MeterEvents,
    MeterSwapped,
    PhaseLoss,
    PhaseOrder,
    PowerSum,
    RatioChanged,
    Register,
    ReversedCt,
)
from config.rulekinds import Rule
from tests.support.wiring import SOUND, Bench, Values

_ONE = ("kiln-m",)
RULES: tuple[Rule, ...] = (
    PhaseLoss(id="loss", meters=_ONE, hold_s=20),
    PhaseOrder(id="order", meters=_ONE, hold_s=20),
    ReversedCt(id="ct", meters=_ONE, hold_s=20),
    RatioChanged(id="ratio", meters=_ONE, keep_s=120),
    PowerSum(id="sum", meters=_ONE, hold_s=20),
    Balance(id="balance", total=("kiln",), parts=("scrubber",), average_s=60, hold_s=20),
    Frozen(id="frozen", meters=_ONE, after_s=60),
    Register(id="ep", meters=_ONE, max_kw=Decimal(400), keep_s=120),
    MeterSwapped(id="swap", meters=_ONE, keep_s=120),
    MeterEvents(id="events", meters=_ONE, keep_s=120),
)
FAST: tuple[Values, ...] = (
    SOUND,
    {**SOUND, "u_a": "231.3", "p": "12.5"},
    {**SOUND, "u_b": "12", "i_b": "0"},
    {**SOUND, "i_b": "0", "p_b": "0"},
    {**SOUND, "p_b": "-4.17", "p": "4.14"},
    {**SOUND, "p": "30"},
    {**SOUND, "ct": "40"},
    {**SOUND, "ct": "60"},
    dict.fromkeys(SOUND, "0"),
    {},
)
SLOW: tuple[Values, ...] = (
    {"ep_imp": "1000.00", "serial": "1", "n_cover": "0", "phase_order": "0"},
    {"ep_imp": "1000.40", "serial": "1", "n_cover": "1", "phase_order": "1"},
    {"ep_imp": "1090.00", "n_cover": "2"},
    {"ep_imp": "3.00", "n_program": "4", "phase_order": "1"},
    {"ep_imp": "999999.90", "serial": "2"},
)
Step = tuple[int, int | None]
STEPS = st.lists(
    st.tuples(st.integers(0, len(FAST) - 1), st.none() | st.integers(0, len(SLOW) - 1)),
    min_size=5,
    max_size=14,
)


def play(
    steps: Sequence[Step], restart_at: int = -1, start_s: int = 0, neighbour: bool = False
) -> list[tuple[int, str, str]]:
    """What changes, each step lasting three polls: (second, change, key)."""
    bench = Bench(*RULES)
    bench.now_s = start_s
    for number, (fast, slow) in enumerate(steps):
        if number == restart_at:
            bench.restart()
        if slow is not None:
            bench.see(SLOW[slow], slow=True)
        for _ in range(3):
            if FAST[fast]:
                bench.see(FAST[fast])
            if neighbour:
                bench.see(SOUND, meter="spare-m")
            bench.tick()
            bench.now_s += 10
    return [(one.at_ms // 1000 - start_s, one.change, one.alarm.key) for one in bench.all]


def test_the_sequences_raise_alarms_at_all() -> None:
    steps: list[Step] = [(6, 0), (7, 1), (2, 3), (4, 1), (5, None), (5, None)]
    assert {key.split("/")[0] for _, _, key in play(steps)} >= {"loss", "ct", "ratio", "sum", "ep", "events"}


@given(STEPS, st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_restart_changes_no_alarm(steps: list[Step], data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(steps) - 1))
    assert play(steps, restart_at=at) == play(steps)


@given(STEPS, st.integers(1, 10**6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_shift_of_time_shifts_all_and_a_neighbour_changes_nothing(steps: list[Step], start_s: int) -> None:
    assert play(steps, start_s=start_s) == play(steps)
    assert play(steps, neighbour=True) == play(steps)
