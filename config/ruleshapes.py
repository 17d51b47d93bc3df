"""Which keys each kind of ``[[rule]]`` has, and how each is taken.

Adding a kind = a type in ``config.rulekinds``, a line here, a file in ``agent/rules/kinds/``, a section in
``docs/rules.md`` and its scenarios. Checks that look at more than one key are in ``config.rulechecks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.build import Shape
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
from config.rulevalues import bands, counters, days, needed, windows
from config.values import Taker, choice, decimal, flag, ident, idents, power, quantity, text, whole

DAY_S = 86_400
MEAN_S = 7_200  # the longest mean: agent.rules.world keeps so much

_LEVEL: Taker = choice("warning", "alarm")
_TIME: Taker = whole(0, DAY_S)
_MEAN: Taker = whole(30, MEAN_S)
_EVERY: Shape = {"id": ident, "kind": text, "level": _LEVEL, "clear_s": _TIME, "warn_s": _TIME}
_HELD: Shape = {**_EVERY, "hold_s": _TIME}
_METERS: Shape = {**_HELD, "meters": idents}
_EVENT: Shape = {**_EVERY, "meters": idents, "keep_s": whole(60, 90 * DAY_S)}
_WIRES: Taker = whole(3, 4)
_PERCENT: Taker = whole(1, 100)
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
        "phase-loss": (
            PhaseLoss,
            {**_METERS, "below_percent": whole(1, 99), "min_a": power, "wires": _WIRES},
        ),
        "phase-order": (PhaseOrder, _METERS),
        "reversed-ct": (
            ReversedCt,
            {**_METERS, "min_kw": power, "min_a": power, "wires": _WIRES, "export": flag},
        ),
        "ratio-changed": (RatioChanged, _EVENT),
        "power-sum": (
            PowerSum,
            {**_METERS, "tolerance_percent": _PERCENT, "min_kw": power, "wires": _WIRES},
        ),
        "balance": (
            Balance,
            {
                **_HELD,
                "total": idents,
                "parts": idents,
                "tolerance_percent": _PERCENT,
                "rest_percent": _PERCENT,
                "min_kw": power,
                "average_s": _MEAN,
            },
        ),
        "frozen": (
            Frozen,
            {**_EVERY, "meters": idents, "min_kw": power, "after_s": whole(60, DAY_S)},
        ),
        "register": (Register, {**_EVENT, "max_kw": power}),
        "meter-swapped": (MeterSwapped, _EVENT),
        "meter-events": (MeterEvents, {**_EVENT, "watch": counters}),
    }
)
