"""Broken site files, one for each code: what is changed in a sound file, and where the mistake must be found.

``MARK`` stands before the line that must be named; without a mark it is the first changed line.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK = "@@"
KEY = "city-platform+9dea0a9a+AS7+EFYRu26IYzcseordbIZXipw3dmAU1mS5rof6wOoj"

SITE = """\
[site]
id = "SB-1"
name = "三号厂"
timezone = "Asia/Shanghai"
lang = "zh"

[journal]
seal_s = 60

[[bus]]
id = "b1"
kind = "serial"
port = "/dev/sitebox-bus1"

[[bus]]
id = "net"
kind = "tcp"
host = "10.0.0.9"
port = 502
late_reply_s = 3

[[uplink]]
id = "city"
kind = "mqtt"
host = "mqtt.city.example"
ca = "/tls/ca.pem"
cert = "/tls/box.pem"
key = "/keys/box.key"
receipts = true
platform_key = "city-platform+9dea0a9a+AS7+EFYRu26IYzcseordbIZXipw3dmAU1mS5rof6wOoj"
"""

METERS = """\
[[meter]]
id = "kiln"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000012"
profile = "dlt645-2007-3p"
line = "2400 8E1"
every_s = 10
slow_every_s = 300
ct = "200/5"

[[meter]]
id = "fan"
bus = "net"
protocol = "modbus-tcp"
address = "1"
profile = "eastron-sdm630"

[[point]]
id = "kiln"
role = "production"
meter = "kiln"
on_above_kw = "5"
off_below_kw = "4"

[[point]]
id = "scrubber"
role = "treatment"
meter = "fan"
on_above_kw = "2"
off_below_kw = "1.5"

[[rule]]
id = "pair"
kind = "treatment-off"
production = ["kiln"]
treatment = ["scrubber"]

[[rule]]
id = "hot"
kind = "threshold"
meter = "fan"
quantity = "i_a"
above = "100"
clear = "90"

[[rule]]
id = "silent"
kind = "meter-silent"
meters = ["kiln", "fan"]
after_s = 60
"""

_SHIFT = '[[rule]]\nid = "night"\nkind = "off-shift"\n'
_LOAD = '[[rule]]\nid = "load"\nkind = "load"\npoint = "scrubber"\n'
_OVER = '[[rule]]\nid = "cap"\npoints = ["kiln"]\n'
SITE_NAME, METERS_NAME = "sitebox.toml", "conf.d/10-meters.toml"


@dataclass(frozen=True, slots=True)
class Broken:
    """Edits of the sound files that provoke one code; an edit without old text appends to the site file."""

    code: str
    edits: tuple[tuple[str, str], ...]
    key: str
    whole_file: bool  # the mistake has no line

    def files(self) -> list[tuple[str, bytes]]:
        """The files with the edits, without their mark."""
        return [(name, text.replace(MARK, "").encode()) for name, text in self._marked()]

    def place(self) -> tuple[str, int]:
        """File and line that must be named."""
        for name, text in self._marked():
            if MARK in text:
                return name, 0 if self.whole_file else text[: text.index(MARK)].count("\n") + 1
        raise AssertionError("no edit is marked")

    def _marked(self) -> list[tuple[str, str]]:
        site, meters = SITE, METERS
        for old, new in self.edits:
            assert not old or old in site + meters, f"{self.code}: {old!r} is in neither file"
            if not old:
                site = f"{site}\n{new}\n"
            elif old in site:
                site = site.replace(old, new, 1)
            else:
                meters = meters.replace(old, new, 1)
        return [(SITE_NAME, site), (METERS_NAME, meters)]


def broken(code: str, *edits: tuple[str, str], key: str = "", whole_file: bool = False) -> Broken:
    """One row of the table; the first edit is marked unless one of them is."""
    if not any(MARK in new for _, new in edits):
        (old, new), *others = edits
        edits = ((old, MARK + new), *others)
    return Broken(code, edits, key, whole_file)


_MANY_POINTS = "\n".join(f'[[point]]\nid = "x{n}"' for n in range(256))
_LONG_LIST = ", ".join(f'"x{n}"' for n in range(65))
_POINT = "\n[[point]]\nid = "
_LED = '[[notify]]\nid = "lamp"\nkind = "led"\nled = "red"\n'
_SIREN = '[[notify]]\nid = "siren"\nkind = "command"\ncommand = ["/bin/siren"]\n'
_FAN = 'bus = "net"\nprotocol = "modbus-tcp"\naddress = "1"\nprofile = "eastron-sdm630"'

BROKEN = (
    # files and syntax
    broken("SBX-CFG-003", ("[journal]", "= 5")),
    broken("SBX-CFG-003", ("seal_s = 60", '"\x01" = 1')),
    broken("SBX-CFG-004", ('lang = "zh"', 'lang = "zh"\n@@lang = "en"')),
    broken("SBX-CFG-004", ("", "[journal]\nseal_s = 5")),
    broken("SBX-CFG-005", ("", "#" + "x" * 300_000), whole_file=True),
    broken("SBX-CFG-006", ("", "x = " + "[" * 40 + "]" * 40), whole_file=True),
    broken("SBX-CFG-006", ("", "x = " + "[" * 9000 + "]" * 9000), whole_file=True),
    broken("SBX-CFG-008", ('name = "三号厂"', "name = 三号厂")),
    broken("SBX-CFG-008", ('address = "000000000012"', "address = 000000000012")),
    broken("SBX-CFG-009", ('id = "SB-1"', 'id = "SB-1')),
    broken("SBX-CFG-009", ("[journal]", "[journal")),
    # structure
    broken("SBX-CFG-010", ("[journal]", "[diary]"), key="diary"),
    broken("SBX-CFG-010", ("", '[[meters]]\nid = "x"'), key="meters"),
    broken("SBX-CFG-011", ("seal_s = 60", "seal_ms = 60"), key="journal.seal_ms"),
    broken("SBX-CFG-011", ("every_s = 10", "evry_s = 10"), key="meter.kiln.evry_s"),
    broken("SBX-CFG-012", ("[journal]", "[[journal]]"), key="journal"),
    broken("SBX-CFG-012", ("[[uplink]]", "[uplink]"), key="uplink"),
    broken(
        "SBX-CFG-013",
        (
            "[journal]",
            '[[point]]\nid = "p"\nrole = "total"\non_above_kw = "2"\noff_below_kw = "1"\n[journal]',
        ),
        key="point.p",
    ),
    broken(
        "SBX-CFG-013",
        ('[[bus]]\nid = "net"\nkind = "tcp"\nhost', '@@[[bus]]\nid = "net"\nkind = "tcp"\n#'),
        key="bus.net",
    ),
    broken("SBX-CFG-013", ("", '[[rule]]\nid = "r"'), key="rule.r"),
    broken("SBX-CFG-014", ('id = "net"', 'id = "b1"'), key="bus.b1.id"),
    broken("SBX-CFG-015", (f'{_POINT}"kiln"', f'\n[site]\n@@name = "x"{_POINT}"kiln"'), key="site.name"),
    broken(
        "SBX-CFG-015",
        (f'{_POINT}"kiln"', f'\n[[bus]]\nid = "net"\n@@port = 503{_POINT}"kiln"'),
        key="bus.net.port",
    ),
    broken("SBX-CFG-016", ("", f'{_MANY_POINTS}\n@@[[point]]\nid = "last"'), key="point.last"),
    broken("SBX-CFG-019", ('meters = ["kiln", "fan"]', f"meters = [{_LONG_LIST}]"), key="rule.silent.meters"),
    # types and forms
    broken("SBX-CFG-020", ('address = "000000000012"', "address = 12"), key="meter.kiln.address"),
    broken("SBX-CFG-020", ('name = "三号厂"', "name = 3"), key="site.name"),
    broken("SBX-CFG-020", ('id = "kiln"', "id = 7"), key="meter[0].id"),
    broken("SBX-CFG-021", ("every_s = 10", 'every_s = "10"'), key="meter.kiln.every_s"),
    broken("SBX-CFG-021", ("every_s = 10", "every_s = true")),
    broken("SBX-CFG-022", ("receipts = true", 'receipts = "yes"'), key="uplink.city.receipts"),
    broken("SBX-CFG-023", ("every_s = 10", "every_s = 0")),
    broken("SBX-CFG-023", ("port = 502", "port = 70000"), key="bus.net.port"),
    broken("SBX-CFG-023", ("late_reply_s = 3", "late_reply_s = nan")),
    broken("SBX-CFG-023", ('on_above_kw = "5"', 'on_above_kw = "-5"')),
    broken("SBX-CFG-024", ('lang = "zh"', 'lang = "fr"'), key="site.lang"),
    broken("SBX-CFG-024", ('role = "production"', 'role = "产污"')),
    broken("SBX-CFG-025", ('meters = ["kiln", "fan"]', 'meters = "kiln"')),
    broken("SBX-CFG-026", ('id = "pair"', 'id = "规则1"')),
    broken("SBX-CFG-027", ('id = "SB-1"', 'id = "SB/1"'), key="site.id"),
    broken("SBX-CFG-028", ('on_above_kw = "5"', 'on_above_kw = "5 kW"'), key="point.kiln.on_above_kw"),
    broken("SBX-CFG-028", ('above = "100"', 'above = "1e2"')),
    broken("SBX-CFG-029", ('on_above_kw = "5"', "on_above_kw = 5"), key="point.kiln.on_above_kw"),
    broken("SBX-CFG-030", ('ct = "200/5"', 'ct = "200"'), key="meter.kiln.ct"),
    broken("SBX-CFG-030", ('ct = "200/5"', "ct = 40")),
    broken("SBX-CFG-030", ('ct = "200/5"', 'ct = "200/0"')),
    broken("SBX-CFG-031", ('line = "2400 8E1"', 'line = "2400,8,E,1"'), key="meter.kiln.line"),
    broken("SBX-CFG-031", ('line = "2400 8E1"', 'line = "2400 7E1"')),
    broken("SBX-CFG-032", ('timezone = "Asia/Shanghai"', 'timezone = "北京"'), key="site.timezone"),
    broken("SBX-CFG-032", ('timezone = "Asia/Shanghai"', 'timezone = "../../etc/passwd"')),
    broken("SBX-CFG-033", ('ct = "200/5"', 'ct = "5/200"')),
    broken("SBX-CFG-034", ('ct = "200/5"', 'ct = "200/3"')),
    broken("SBX-CFG-035", ('port = "/dev/sitebox-bus1"', 'port = "ttyUSB0"'), key="bus.b1.port"),
    broken("SBX-CFG-036", ('host = "10.0.0.9"', 'host = "10.0.0.9 :502"'), key="bus.net.host"),
    broken("SBX-CFG-037", ('name = "三号厂"', 'name = "a\\nb"'), key="site.name"),
    broken("SBX-CFG-038", ('profile = "eastron-sdm630"', 'profile = " "')),
    broken("SBX-CFG-039", ("late_reply_s = 3", 'late_reply_s = "3"'), key="bus.net.late_reply_s"),
    broken("SBX-CFG-040", ('address = "000000000012"', 'address = "12"'), key="meter.kiln.address"),
    broken("SBX-CFG-040", ('address = "000000000012"', 'address = "999999999999"')),
    broken("SBX-CFG-040", ('address = "1"', 'address = "01"'), key="meter.fan.address"),
    broken("SBX-CFG-041", ('kind = "threshold"', 'kind = "treshold"'), key="rule.hot.kind"),
    # references
    broken("SBX-CFG-042", ('bus = "b1"', 'bus = "b2"'), key="meter.kiln.bus"),
    broken("SBX-CFG-042", ('meter = "kiln"', 'meter = "kill"'), key="point.kiln.meter"),
    broken("SBX-CFG-042", ('treatment = ["scrubber"]', 'treatment = ["scruber"]'), key="rule.pair.treatment"),
    broken("SBX-CFG-042", ('meters = ["kiln", "fan"]', 'meters = ["kiln", "van"]'), key="rule.silent.meters"),
    broken("SBX-CFG-042", ('meter = "fan"\nquantity', 'meter = "van"\nquantity'), key="rule.hot.meter"),
    broken("SBX-CFG-043", ('profile = "eastron-sdm630"', 'profile = "sdm630"'), key="meter.fan.profile"),
    broken("SBX-CFG-045", ('quantity = "i_a"', 'quantity = "current"'), key="rule.hot.quantity"),
    broken("SBX-CFG-046", ('quantity = "i_a"', 'quantity = "temp"'), key="rule.hot.quantity"),
    # meters and buses
    broken("SBX-CFG-050", ('protocol = "modbus-tcp"', 'protocol = "modbus-rtu"'), key="meter.fan.protocol"),
    broken(
        "SBX-CFG-051", ('profile = "eastron-sdm630"', 'profile = "dlt645-2007-1p"'), key="meter.fan.profile"
    ),
    broken(
        "SBX-CFG-052",
        ('address = "1"', '@@address = "1"'),
        ("", f'[[meter]]\nid = "twin"\n{_FAN}'),
        key="meter.fan.address",
    ),
    broken(
        "SBX-CFG-053",
        ('line = "2400 8E1"\n', "\n"),
        ('[[meter]]\nid = "kiln"', '@@[[meter]]\nid = "kiln"'),
        key="meter.kiln.line",
    ),
    broken(
        "SBX-CFG-054",
        ('profile = "eastron-sdm630"', 'profile = "eastron-sdm630"\n@@line = "9600 8N1"'),
        key="meter.fan.line",
    ),
    broken(
        "SBX-CFG-055",
        ("", '[[bus]]\nid = "b3"\nkind = "serial"\n@@port = "/dev/sitebox-bus1"'),
        key="bus.b3.port",
    ),
    broken("SBX-CFG-057", ('kind = "serial"', 'kind = "serial"\n@@host = "x"'), key="bus.b1.host"),
    broken("SBX-CFG-058", ("slow_every_s = 300", "slow_every_s = 5"), key="meter.kiln.slow_every_s"),
    broken(
        "SBX-CFG-059",
        ('profile = "eastron-sdm630"', 'profile = "eastron-sdm630"\n@@ct = "200/5"'),
        key="meter.fan.ct",
    ),
    # points, rules, uplinks
    broken(
        "SBX-CFG-056",
        ('on_above_kw = "5"\noff_below_kw = "4"', '@@on_above_kw = "5"'),
        key="point.kiln.on_above_kw",
    ),
    broken(
        "SBX-CFG-056",
        ('on_above_kw = "5"', '@@on_above_kw = "5"\non_above_a = "4"'),
        key="point.kiln.on_above_kw",
    ),
    broken("SBX-CFG-061", ("", f'{_SHIFT}@@shifts = ["22-06"]'), key="rule.night.shifts"),
    broken(
        "SBX-CFG-062", ("", f'{_SHIFT}shifts = ["22:00-06:00"]\n@@free = ["1.10."]'), key="rule.night.free"
    ),
    broken("SBX-CFG-063", ("", f'{_LOAD}@@bands = ["0 5 2"]'), key="rule.load.bands"),
    broken("SBX-CFG-063", ("", f'{_LOAD}@@bands = ["9 1 2", "0 1 2"]'), key="rule.load.bands"),
    broken("SBX-CFG-064", ("", f"{_SHIFT}@@shifts = []"), key="rule.night.shifts"),
    broken("SBX-CFG-065", ("", f'{_OVER}@@kind = "over-capacity"'), key="rule.cap.kind"),
    broken(
        "SBX-CFG-065",
        ("", f'{_OVER}kind = "over-capacity"\n@@limit_kw = "1"\nlimit_kwh = "2"'),
        key="rule.cap.limit_kw",
    ),
    broken(
        "SBX-CFG-066",
        ("", '[[rule]]\nid = "t"\n@@kind = "threshold"\nabove = "2"\nclear = "1"'),
        key="rule.t.kind",
    ),
    broken("SBX-CFG-067", ("after_s = 60", "after_s = 60\n@@warn_s = 60"), key="rule.silent.warn_s"),
    broken(
        "SBX-CFG-076",
        ("", '[[rule]]\nid = "late"\nkind = "delivery-late"\ndeadline_s = 600\n@@warn_before_s = 600'),
        key="rule.late.warn_before_s",
    ),
    broken(
        "SBX-CFG-077",
        ('treatment = ["scrubber"]', 'treatment = ["scrubber"]\n@@need = "2"'),
        key="rule.pair.need",
    ),
    broken("SBX-CFG-060", ('off_below_kw = "4"', 'off_below_kw = "6"'), key="point.kiln.off_below_kw"),
    broken("SBX-CFG-070", ('treatment = ["scrubber"]', "treatment = []"), key="rule.pair.treatment"),
    broken("SBX-CFG-071", ('treatment = ["scrubber"]', 'treatment = ["kiln"]'), key="rule.pair.treatment"),
    broken(
        "SBX-CFG-072", ('production = ["kiln"]', 'production = ["kiln", "kiln"]'), key="rule.pair.production"
    ),
    broken("SBX-CFG-073", ('above = "100"', 'above = "100"\nbelow = "1"'), key="rule.hot.above"),
    broken("SBX-CFG-074", ('clear = "90"', 'clear = "101"'), key="rule.hot.clear"),
    broken(
        "SBX-CFG-074", ('above = "100"\nclear = "90"', 'below = "100"\n@@clear = "90"'), key="rule.hot.clear"
    ),
    broken("SBX-CFG-075", ("after_s = 60", "after_s = 10"), key="rule.silent.after_s"),
    broken(
        "SBX-CFG-080",
        ("city-platform+9dea0a9a+AS7", "city-platform+9dea0a9+AS7"),
        key="uplink.city.platform_key",
    ),
    broken("SBX-CFG-081", ("9dea0a9a+AS7+EFYRu", "9dea0a9a+AS7+EFYRv"), key="uplink.city.platform_key"),
    broken(
        "SBX-CFG-082",
        ("platform_key =", "# platform_key ="),
        ("[[uplink]]", "@@[[uplink]]"),
        key="uplink.city.platform_key",
    ),
    broken(
        "SBX-CFG-083",
        ("[[uplink]]", f'[[issuer]]\n@@id = "city"\nkey = "{KEY}"\nverbs = ["order-put"]\n\n[[uplink]]'),
        key="issuer.city.id",
    ),
    broken(
        "SBX-CFG-084",
        ('id = "SB-1"', 'id = "city-platform"'),
        (
            "[[uplink]]",
            f'[[issuer]]\n@@id = "city-platform"\nkey = "{KEY}"\nverbs = ["order-put"]\n\n[[uplink]]',
        ),
        key="issuer.city-platform.id",
    ),
    broken(
        "SBX-CFG-090",
        ('id = "b1"', '@@id = "b1"'),
        ("every_s = 10", "every_s = 1"),
        ("2400 8E1", "300 8E1"),
        key="bus.b1.id",
    ),
    # notices, warnings for the plant's own broker, the source of the mains
    broken("SBX-CFG-013", ("", '[[notify]]\nid = "n"'), key="notify.n"),
    broken("SBX-CFG-013", ("", _LED.replace('led = "red"', "")), key="notify.lamp"),
    broken("SBX-CFG-041", ("", _LED.replace('"led"', '@@"horn"')), key="notify.lamp.kind"),
    broken("SBX-CFG-047", ("", _LED.replace('"red"', '@@"../red"')), key="notify.lamp.led"),
    broken("SBX-CFG-047", ("", _LED.replace('"red"', '@@"leds/red"')), key="notify.lamp.led"),
    broken("SBX-CFG-047", ("", _LED.replace('"red"', '@@".."')), key="notify.lamp.led"),
    broken("SBX-CFG-047", ("", _LED.replace('"red"', '@@""')), key="notify.lamp.led"),
    broken(
        "SBX-CFG-048", ("", _SIREN.replace('["/bin/siren"]', '@@"/bin/siren"')), key="notify.siren.command"
    ),
    broken("SBX-CFG-048", ("", _SIREN.replace('["/bin/siren"]', "@@[]")), key="notify.siren.command"),
    broken("SBX-CFG-035", ("", _SIREN.replace('"/bin/siren"', '@@"siren"')), key="notify.siren.command"),
    broken(
        "SBX-CFG-020", ("", _SIREN.replace('"/bin/siren"', '@@"/bin/siren", 5')), key="notify.siren.command"
    ),
    broken(
        "SBX-CFG-019",
        ("", _SIREN.replace('"/bin/siren"', '@@"/bin/siren"' + ', "x"' * 16)),
        key="notify.siren.command",
    ),
    broken("SBX-CFG-023", ("", f"{_SIREN}@@most_per_hour = 0"), key="notify.siren.most_per_hour"),
    broken("SBX-CFG-023", ("", f"{_SIREN}@@timeout_s = 0"), key="notify.siren.timeout_s"),
    broken("SBX-CFG-011", ("", f"{_LED}@@timeout_s = 5"), key="notify.lamp.timeout_s"),
    broken("SBX-CFG-049", ("", f'{_LED}@@levels = "alarm"'), key="notify.lamp.levels"),
    broken("SBX-CFG-024", ("", f'{_LED}@@levels = ["red"]'), key="notify.lamp.levels"),
    broken("SBX-CFG-072", ("", f'{_LED}@@levels = ["alarm", "alarm"]'), key="notify.lamp.levels"),
    broken("SBX-CFG-068", ("", f"{_LED}@@levels = []"), key="notify.lamp.levels"),
    broken(
        "SBX-CFG-069",
        ("", f'{_LED}[[notify]]\nid = "other"\nkind = "led"\n@@led = "red"'),
        key="notify.other.led",
    ),
    broken("SBX-CFG-078", ("", '[power]\n@@mains = "power_supply"'), key="power.mains"),
    broken("SBX-CFG-078", ("", '[power]\n@@mains = "gpio"\nchip = "/dev/gpiochip0"'), key="power.mains"),
    broken("SBX-CFG-079", ("", '[power]\n@@supply = "AC"'), key="power.supply"),
    broken(
        "SBX-CFG-079",
        ("", '[power]\nmains = "power_supply"\nsupply = "AC"\n@@active_low = true'),
        key="power.active_low",
    ),
    broken(
        "SBX-CFG-079", ("", '[power]\nmains = "power_supply"\nsupply = "AC"\n@@line = 4'), key="power.line"
    ),
    broken("SBX-CFG-023", ("", "[power]\n@@mains_debounce_s = -1"), key="power.mains_debounce_s"),
    broken(
        "SBX-CFG-088",
        ("receipts = true", '@@receipts = true\nblocks = false\nlevels = ["warning"]'),
        key="uplink.city.receipts",
    ),
    broken(
        "SBX-CFG-089",
        ("receipts = true", "receipts = false\nblocks = false\n@@levels = []"),
        key="uplink.city.levels",
    ),
    broken("SBX-CFG-022", ("receipts = true", "receipts = true\n@@blocks = 1"), key="uplink.city.blocks"),
)
