"""The demo's plant as text: what the simulator is told, and what the box is told.

A coking works in small: a kiln and a press on the production side, a scrubber and a fan on the treatment
side; DL/T 645-2007 and Modbus RTU on one line, one Modbus TCP meter. The alarm delays are short, so that a
minute shows what takes an hour in life.
"""

from __future__ import annotations

from dataclasses import dataclass

BOX = "SB-DEMO-01"

SIMULATOR = """
[plant]
seed = {seed}
anchor = "start"
period_s = 3600

[[bus]]
id = "line1"
kind = "serial"
link = "bus1"

[[bus]]
id = "net1"
kind = "tcp"
port = {tcp_port}

[[load]]
id = "kiln"
role = "production"
pattern = "constant"
kw = 180
noise = 0.03

[[load]]
id = "press"
role = "production"
pattern = "constant"
kw = 45
noise = 0.05

[[load]]
id = "scrubber"
role = "treatment"
pattern = "constant"
kw = 30

[[load]]
id = "fan"
role = "treatment"
pattern = "constant"
kw = 22

[[meter]]
id = "kiln-1"
bus = "line1"
protocol = "dlt645-2007"
model = "dlt645-2007"
address = "000000000012"
line = "9600 8E1"
ct = "200/5"
loads = ["kiln"]

[[meter]]
id = "scrubber-1"
bus = "line1"
protocol = "dlt645-2007"
model = "dlt645-2007"
address = "000000000021"
line = "9600 8E1"
ct = "100/5"
loads = ["scrubber"]

[[meter]]
id = "press-1"
bus = "line1"
protocol = "modbus-rtu"
model = "acrel-adl400"
address = "31"
line = "9600 8N1"
ct = "200/5"
loads = ["press"]

[[meter]]
id = "fan-1"
bus = "net1"
protocol = "modbus-tcp"
model = "eastron-sdm630"
address = "1"
loads = ["fan"]
"""

SITE = """
[site]
id = "{box}"
name = "演示焦化厂"
timezone = "Asia/Shanghai"
lang = "{lang}"

[journal]
seal_s = 5

[[bus]]
id = "b1"
kind = "serial"
port = "{port}"

[[bus]]
id = "net"
kind = "tcp"
host = "127.0.0.1"
port = {tcp_port}

[[meter]]
id = "kiln-1"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000012"
profile = "dlt645-2007-3p"
line = "9600 8E1"
every_s = 2
slow_every_s = 20
ct = "200/5"

[[meter]]
id = "scrubber-1"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000021"
profile = "dlt645-2007-3p"
line = "9600 8E1"
every_s = 2
slow_every_s = 20
ct = "100/5"

[[meter]]
id = "press-1"
bus = "b1"
protocol = "modbus-rtu"
address = "31"
profile = "acrel-adl400"
line = "9600 8N1"
every_s = 2
slow_every_s = 20
ct = "200/5"

[[meter]]
id = "fan-1"
bus = "net"
protocol = "modbus-tcp"
address = "1"
profile = "eastron-sdm630"
every_s = 2
slow_every_s = 20

[[point]]
id = "kiln"
name = "焦炉"
role = "production"
meter = "kiln-1"
on_above_kw = "20"
off_below_kw = "10"

[[point]]
id = "press"
name = "压机"
role = "production"
meter = "press-1"
on_above_kw = "5"
off_below_kw = "3"

[[point]]
id = "scrubber"
name = "脱硫塔"
role = "treatment"
meter = "scrubber-1"
on_above_kw = "5"
off_below_kw = "3"

[[point]]
id = "fan"
name = "除尘风机"
role = "treatment"
meter = "fan-1"
on_above_kw = "5"
off_below_kw = "3"

[[rule]]
id = "kiln-scrubber"
kind = "treatment-off"
production = ["kiln"]
treatment = ["scrubber"]
stop_lag_s = 3

[[rule]]
id = "press-fan"
kind = "treatment-off"
production = ["press"]
treatment = ["fan"]
stop_lag_s = 300

[[rule]]
id = "kiln-load"
kind = "threshold"
meter = "kiln-1"
quantity = "p"
above = "400"
clear = "380"
hold_s = 60

[[rule]]
id = "silent"
kind = "meter-silent"
after_s = 7
"""

UPLINK = """
[[uplink]]
id = "{name}"
kind = "mqtt"
host = "localhost"
port = {port}
ca = "{ca}"
cert = "{cert}"
key = "{key}"
platform_key = "{platform_key}"
reconnect_max_s = 3
backlog_delay_s = 1
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """One destination as the box must know it."""

    name: str
    port: int
    ca: str
    cert: str
    key: str
    platform_key: str


def simulator(seed: int, tcp_port: int) -> str:
    """The plant file of ``drivers.simulated``."""
    return SIMULATOR.format(seed=seed, tcp_port=tcp_port)


def site(lang: str, port: str, tcp_port: int, platforms: tuple[Platform, ...]) -> str:
    """The site file of the box."""
    head = SITE.format(box=BOX, lang=lang, port=port, tcp_port=tcp_port)
    return head + "".join(
        UPLINK.format(name=p.name, port=p.port, ca=p.ca, cert=p.cert, key=p.key, platform_key=p.platform_key)
        for p in platforms
    )


def receiver(name: str, port: int, ca: str, folder: str) -> str:
    """The configuration of a platform's receiver; its keys and certificates lie in ``folder``."""
    return "\n".join(
        (
            f'authority = "{name}"',
            f'state = "{folder}/state"',
            f'boxes = "{folder}/boxes"',
            "[broker]",
            'host = "localhost"',
            f"port = {port}",
            f'ca = "{ca}"',
            f'cert = "{folder}/receiver.crt"',
            f'key = "{folder}/receiver.key"',
            "",
        )
    )
