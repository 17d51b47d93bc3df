"""The site file as frozen types: what a box is told about its plant.

Only data lives here. Reading, merging and checking the TOML files is ``config.load``; nothing in
this module touches a file, and nothing outside ``config`` ever sees an unparsed value.

>>> Line.parse("2400 8E1")
Line(baud=2400, bits=8, parity='E', stop=1)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from config.calendar import Window
from config.rulekinds import Level, Rule

Role = Literal["production", "treatment", "total"]
BusKind = Literal["serial", "tcp", "rtu-over-tcp"]
UplinkKind = Literal["mqtt"]
MainsSource = Literal["meters", "power_supply", "gpio"]
Rs485 = Literal["off", "rts-high", "rts-low"]

_LINE = re.compile(r"([0-9]{1,7}) ([78])([NEO])([12])")


@dataclass(frozen=True, slots=True)
class Line:
    """Line settings of one meter on a serial bus."""

    baud: int
    bits: int
    parity: str
    stop: int

    @classmethod
    def parse(cls, text: str) -> Line:
        """Take ``"2400 8E1"``; raises ValueError for any other form."""
        found = _LINE.fullmatch(text)
        if found is None:
            raise ValueError(text)
        baud, bits, parity, stop = found.groups()
        return cls(int(baud), int(bits), parity, int(stop))

    @property
    def character_bits(self) -> int:
        """Bits on the wire for one character: start, data, parity, stop."""
        return 1 + self.bits + (self.parity != "N") + self.stop

    def seconds(self, characters: float) -> float:
        """Wire time of so many characters, in seconds."""
        return characters * self.character_bits / self.baud

    def __str__(self) -> str:
        return f"{self.baud} {self.bits}{self.parity}{self.stop}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """``[site]``: the plant and the one identity of its box."""

    id: str
    name: str = ""
    timezone: str = "Asia/Shanghai"
    lang: Literal["zh", "en"] = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """``[[bus]]``: one serial line, or one TCP endpoint. It has exactly one owner thread."""

    id: str
    kind: BusKind
    port: str | None = None  # device path, kind serial
    host: str | None = None  # kind tcp, rtu-over-tcp
    tcp_port: int = 502
    rs485: Rs485 = "off"  # kind serial: the kernel switches the transceiver, RTS at this level while sending
    late_reply_s: float = 3.0  # a meter that timed out is not asked again before (DESIGN 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """``[[meter]]``: one device on a bus."""

    id: str
    bus: str
    protocol: str  # "dlt645-2007" | "modbus-rtu" | "modbus-tcp"; a driver folder declares its names
    address: str  # 12 BCD digits, or a Modbus unit number, always a string
    profile: str
    line: Line | None = None  # serial buses only
    every_s: int = 10  # fast class: power, voltage, current
    slow_every_s: int = 300  # slow class: energy, status
    ct: Decimal = Decimal(1)  # primary over secondary: "200/5" is 40
    pt: Decimal = Decimal(1)
    reply_timeout_s: float = 1.0
    retries: int = 1
    gap_ms: int | None = None  # silence before a request; None = the protocol's default
    backfill_after_s: int = 900  # a hole in its energy register that long is filled from its memory; 0: never
    clock_limit_s: int = 120  # its clock may be so far off before status warns; 0: never


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """``[[point]]``: the equipment a meter watches (监测点)."""

    id: str
    role: Role
    meter: str
    name: str = ""
    on_above_kw: Decimal | None = None  # a pair of thresholds: power ...
    off_below_kw: Decimal | None = None
    on_above_a: Decimal | None = None  # ... or the largest of the phase currents
    off_below_a: Decimal | None = None
    hold_s: int = 0  # how long the measure must stay past a threshold before the state changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """``[[shift]]``: a stretch of the day (班次) whose energy the daily summary names."""

    id: str
    window: Window
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """``[[uplink]]``: one destination, with a thread and a cursor of its own."""

    id: str
    kind: UplinkKind
    host: str
    port: int = 8883
    ca: str  # paths of PEM files
    cert: str
    key: str
    platform_key: str = ""  # needed with receipts; verifier key of the platform's receipts: name+hash8+base64
    receipts: bool = True  # False: the cursor moves on the broker's PUBACK
    reconnect_max_s: int = 30
    backlog_delay_s: int = 5  # random start delay of the backlog, upper end, seconds
    heartbeat_s: int = 60
    levels: tuple[
        Level, ...
    ] = ()  # alarm changes of these levels go out at once, unsigned, as "live" messages
    blocks: bool = True  # False: no evidence, no cursor; it holds up no retention


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyLed:
    """``[[notify]] kind = "led"``: a LED of the kernel; steady for an alarm, blinking for a warning."""

    id: str
    led: str  # a name under /sys/class/leds
    levels: tuple[Level, ...] = ("warning", "alarm")
    kind: Literal["led"] = "led"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyCommand:
    """``[[notify]] kind = "command"``: a program of the plant, the change as JSON on its standard input."""

    id: str
    command: tuple[str, ...]  # absolute path, then its words; no shell
    levels: tuple[Level, ...] = ("warning", "alarm")
    timeout_s: float = 10.0  # then it is killed with its process group
    most_per_hour: int = 20  # more changes than this wait, and are told of in one
    kind: Literal["command"] = "command"


Notify = NotifyLed | NotifyCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """``[power]``: how the box knows that the plant's mains is there."""

    mains: MainsSource = "meters"
    supply: str | None = None  # power_supply: a name under /sys/class/power_supply
    chip: str | None = None  # gpio: the character device, "/dev/gpiochip0"
    line: int | None = None  # gpio: the line's offset on its chip
    active_low: bool = False  # gpio: a low line means that the mains is there
    mains_debounce_s: float = 2.0  # so long it must stay before it counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """``[[issuer]]``: who may give this box commands, from outside, and which ones."""

    id: str  # the name of its key, as commands say it after "by"
    key: str  # verifier key of its commands: name+hash8+base64
    verbs: tuple[str, ...]  # of config.orders.VERBS
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """``[journal]``: how the evidence is written."""

    commit_s: float = 1.0  # oldest waiting record when the recorder commits
    seal_s: int = 60
    raw_days: int = 7  # bus frames behind the readings are kept so long
    keep_days: int = 400  # confirmed blocks younger than this are never dropped
    max_mib: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """All of ``/etc/sitebox``: one immutable value, parsed once."""

    site: Site
    buses: tuple[Bus, ...] = ()
    meters: tuple[Meter, ...] = ()
    points: tuple[Point, ...] = ()
    rules: tuple[Rule, ...] = ()
    uplinks: tuple[Uplink, ...] = ()
    shifts: tuple[Shift, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    journal: Journal = field(default_factory=Journal)
    notify: tuple[Notify, ...] = ()
    power: Power = field(default_factory=Power)
