"""Which keys each kind of ``[[rule]]`` has, and how each is taken.

Adding a kind = a type in ``config.rulekinds``, a line here, a file in ``agent/rules/kinds/``, a section in
``docs/rules.md`` and its scenarios. Checks that look at more than one key are in ``config.rulechecks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.build import Shape
from config.rulekinds import (
    DeliveryLate,
    LimitOrder,
    Load,
    MeterSilent,
    OffShift,
    OverCapacity,
    PowerCut,
    Rule,
    StopOrder,
    Threshold,
    TreatmentOff,
    TreatmentStopped,
)
from config.rulevalues import bands, days, needed, windows
from config.values import Taker, choice, decimal, ident, idents, power, quantity, text, whole

DAY_S = 86_400
MEAN_S = 7_200  # the longest mean: agent.rules.world keeps so much

_LEVEL: Taker = choice("warning", "alarm")
_TIME: Taker = whole(0, DAY_S)
_MEAN: Taker = whole(30, MEAN_S)
_EVERY: Shape = {"id": ident, "kind": text, "level": _LEVEL, "clear_s": _TIME, "warn_s": _TIME}
_HELD: Shape = {**_EVERY, "hold_s": _TIME}
_PAIR: Shape = {"production": idents, "treatment": idents}

RULES: Mapping[str, tuple[type[Rule], Shape]] = MappingProxyType(
    {
        "treatment-off": (
            TreatmentOff,
            {**_EVERY, **_PAIR, "need": needed, "start_lead_s": _TIME, "stop_lag_s": _TIME},
        ),
        "treatment-stopped": (TreatmentStopped, {**_HELD, **_PAIR, "run_on_s": _TIME}),
        "load": (
            Load,
            {
                **_HELD,
                "point": ident,
                "by": idents,
                "bands": bands,
                "idle_below_kw": power,
                "average_s": _MEAN,
            },
        ),
        "stop-order": (StopOrder, _HELD),
        "limit-order": (LimitOrder, {**_HELD, "average_s": _MEAN, "warn_percent": whole(1, 100)}),
        "off-shift": (
            OffShift,
            {**_HELD, "points": idents, "shifts": windows, "free": days, "grace_s": _TIME},
        ),
        "over-capacity": (
            OverCapacity,
            {**_HELD, "points": idents, "limit_kw": power, "limit_kwh": power, "average_s": _MEAN},
        ),
        "power-cut": (PowerCut, {**_HELD, "volts_below": power}),
        "meter-silent": (MeterSilent, {**_EVERY, "meters": idents, "after_s": whole(1, DAY_S)}),
        "delivery-late": (
            DeliveryLate,
            {**_EVERY, "uplinks": idents, "deadline_s": whole(60, 90 * DAY_S), "warn_before_s": _TIME},
        ),
        "threshold": (
            Threshold,
            {
                **_HELD,
                "meter": ident,
                "sum": idents,
                "over": idents,
                "quantity": quantity,
                "above": decimal,
                "below": decimal,
                "clear": decimal,
                "when": windows,
            },
        ),
    }
)
