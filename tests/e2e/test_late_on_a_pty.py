"""The short form of ``./run soak late``: replies up to 0.45 s late against a fence of that time.

No value is booked to another request than its own; without its fence the same bus books some.
"""

from __future__ import annotations

import pytest

from tests.soak.late import COUNT, LINES, Trial, trials

pytestmark = pytest.mark.slow

LATE_S = 0.45
SEED = 1


def test_late_replies_on_a_pty_are_never_booked_to_another_request() -> None:
    for line, figures in trials(["modbus-rtu", "dlt645-2007"], COUNT, LATE_S, SEED).items():
        assert figures.wrong == [], f"seed {SEED}, {line}: {figures}"
        assert figures.late > 0.2 * COUNT, figures
        assert figures.values > 0.3 * COUNT, figures


def test_without_its_fence_a_bus_books_late_replies_to_the_next_request() -> None:
    figures = Trial(LINES["modbus-rtu"], LATE_S, SEED, fence_s=0).run(40)
    assert figures.wrong, figures
