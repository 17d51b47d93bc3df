"""The engine's memory as JSON and back: whatever the site calls its points."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from agent.rules.page import back, plain


@pytest.mark.parametrize(
    "value",
    [
        Decimal("12.40"),
        {"d": "on"},
        {"d": Decimal("-0.5"), "kiln": [1, "x", Decimal(0)]},
        {"d": {"d": Decimal(7)}},
    ],
)
def test_a_point_may_be_called_as_it_likes(value: object) -> None:
    """A point "d", alone at its site, once looked like a number."""
    assert back(json.loads(json.dumps(plain(value)))) == value
