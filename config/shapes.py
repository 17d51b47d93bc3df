"""Which keys each section of the site file has, and how each is taken: the tables behind ``config.load``.

Adding a key = adding a field in ``config.site`` and a line here. Checks that look at more than one key are
in ``checks`` and ``rulechecks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.build import Shape
from config.devices import kernel_name, program, several
from config.merge import Sections
from config.orders import VERBS
from config.protocols import PROTOCOLS
from config.rulevalues import window
from config.site import NotifyCommand, NotifyLed
from config.values import (
    choice,
    choices,
    filled,
    flag,
    host,
    ident,
    line,
    number,
    path,
    platform_key,
    power,
    ratio,
    site_id,
    text,
    timezone,
    whole,
)

DAY_S = 86_400

SECTIONS = Sections(
    single=("site", "journal", "power"),
    arrays=("bus", "meter", "point", "rule", "uplink", "notify", "issuer", "shift"),
)

_LEVELS = several("warning", "alarm")

SITE: Shape = {"id": site_id, "name": text, "timezone": timezone, "lang": choice("zh", "en")}

BUS_KIND = choice("serial", "tcp", "rtu-over-tcp")
SERIAL_BUS: Shape = {
    "id": ident,
    "kind": BUS_KIND,
    "port": path,
    "rs485": choice("off", "rts-high", "rts-low"),
    "late_reply_s": number(0, 60),
}
NETWORK_BUS: Shape = {
    "id": ident,
    "kind": BUS_KIND,
    "host": host,
    "port": whole(1, 65535),
    "late_reply_s": number(0, 60),
}

METER: Shape = {
    "id": ident,
    "bus": ident,
    "protocol": choice(*PROTOCOLS),
    "address": text,
    "profile": filled,
    "line": line,
    "every_s": whole(1, DAY_S),
    "slow_every_s": whole(1, DAY_S),
    "ct": ratio,
    "pt": ratio,
    "reply_timeout_s": number(0.05, 30),
    "retries": whole(0, 5),
    "gap_ms": whole(0, 5000),
    "backfill_after_s": whole(0, DAY_S),
    "clock_limit_s": whole(0, DAY_S),
}

POINT: Shape = {
    "id": ident,
    "role": choice("production", "treatment", "total"),
    "meter": ident,
    "name": text,
    "on_above_kw": power,
    "off_below_kw": power,
    "on_above_a": power,
    "off_below_a": power,
    "hold_s": whole(0, DAY_S),
}

SHIFT: Shape = {"id": ident, "name": text, "window": window}

UPLINK: Shape = {
    "id": ident,
    "kind": choice("mqtt"),
    "host": host,
    "port": whole(1, 65535),
    "ca": path,
    "cert": path,
    "key": path,
    "platform_key": platform_key,
    "receipts": flag,
    "reconnect_max_s": whole(1, 3600),
    "backlog_delay_s": whole(0, 3600),
    "heartbeat_s": whole(5, 3600),
    "levels": _LEVELS,
    "blocks": flag,
}

NOTIFIES: Mapping[str, tuple[type[NotifyLed | NotifyCommand], Shape]] = MappingProxyType(
    {
        "led": (NotifyLed, {"id": ident, "kind": text, "levels": _LEVELS, "led": kernel_name}),
        "command": (
            NotifyCommand,
            {
                "id": ident,
                "kind": text,
                "levels": _LEVELS,
                "command": program,
                "timeout_s": number(0.1, 600),
                "most_per_hour": whole(1, 3600),
            },
        ),
    }
)

POWER: Shape = {
    "mains": choice("meters", "power_supply", "gpio"),
    "supply": kernel_name,
    "chip": path,
    "line": whole(0, 65535),
    "active_low": flag,
    "mains_debounce_s": number(0, 60),
}

ISSUER: Shape = {"id": ident, "key": platform_key, "verbs": choices(*VERBS), "name": text}

JOURNAL: Shape = {
    "commit_s": number(0.1, 60),
    "seal_s": whole(1, 3600),
    "raw_days": whole(0, 3650),
    "keep_days": whole(1, 36500),
    "max_mib": whole(16, 1_048_576),
}
