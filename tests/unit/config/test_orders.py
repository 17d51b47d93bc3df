"""Orders and declarations keep every field on their way through a record."""

from __future__ import annotations

import json
from decimal import Decimal

from config.calendar import Window
from config.orders import Declaration, Order


def test_an_order_comes_back_as_it_was() -> None:
    order = Order(
        id="A-17",
        kind="limit",
        source="city",
        from_ms=1_000,
        to_ms=2_000,
        provisional=True,
        points=("kiln", "press"),
        daily=Window.parse("fri 22:00-06:00"),
        level="orange",
        reduce_percent=Decimal("50"),
        baseline_kw=Decimal("120.50"),
        reference_days=14,
        per="point",
        grace_s=60,
        exempt_kw=Decimal("1.5"),
        replaces="A-16",
        title="橙色预警",
    )
    assert Order.take(json.loads(json.dumps(order.fields()))) == order
    assert order.fields()["baseline_kw"] == "120.50"
    plain = Order(id="S", kind="stop", source="local", from_ms=1)
    assert plain.fields() == {"id": "S", "kind": "stop", "source": "local", "from_ms": 1}
    assert Order.take(plain.fields()) == plain


def test_a_declaration_comes_back_and_knows_that_it_was_late() -> None:
    declared = Declaration(
        id="D1", kind="rebuild", from_ms=1_000, to_ms=9_000, declared_ms=4_000, points=("kiln",)
    )
    assert Declaration.take(json.loads(json.dumps(declared.fields()))) == declared
    assert declared.late_ms == 3_000
    early = Declaration(id="D2", kind="stop", from_ms=5_000, to_ms=9_000, declared_ms=4_000)
    assert early.late_ms == 0
