"""The canonical text of a configuration: one JSON line, sorted keys, every default written out.

It is spelt as in the site file (``"2400 8E1"``, decimals as text), so that a person can read the last good
configuration. No floats: a number with a fraction stands as text.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal

from config.calendar import Window
from config.profile import Profile
from config.site import Line, SiteConfig


def canonical(config: SiteConfig, profiles: Mapping[str, Profile]) -> str:
    """JSON of the configuration and of the digests of the profiles it uses. Tables stand in the order of
    their ids, so that where and in which order they are written changes nothing."""
    used = sorted({meter.profile for meter in config.meters})
    whole = {"config": _plain(config), "profiles": {name: profiles[name].digest for name in used}}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Line | Decimal | Window):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, tuple):
        return [_plain(element) for element in sorted(value, key=lambda element: getattr(element, "id", ""))]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _plain(part) for name, part in fields if part is not None}
    return value
