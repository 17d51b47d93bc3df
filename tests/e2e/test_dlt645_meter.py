"""Our bus reads a meter made of PyPI's dlt645, on a pty and through TCP: every single item of our three-phase
profile, counters, phase order, meter number, parameters, the address; blocks it does not know are learnt and
read item by item.

Its own faults are not taken for truth (dlt645 3.2.0): it knows no FF block and refuses it with D1 02, and it
answers a foreign address with D1 01 where a meter keeps silent. The parts of an event's answer it sends last
first, against dlt645_api_07.h of bobyuxinyang/dlt645_2007: it is told them the other way round. It has no CT
ratio. A pty carries no parity.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agent.cli import main
from config.profile import DltItem
from config.profiles import builtin_profiles
from config.site import Bus as BusConfig
from config.site import Line, Meter
from drivers.dlt645.driver import find_address
from drivers.exchange import MeterSpec
from drivers.memory import Nothing, Span, Stored
from drivers.ports import open_port
from drivers.registry import drivers
from drivers.wire import Heard, Manner, Wire
from tests.support.partners import dlt645_python, ended, free_port, pty_pair
from tests.support.realbus import RealBus, mono_ms, requests, values

pytestmark = pytest.mark.slow

ADDRESS = "123456781012"
WIRE_ADDRESS = "121078563412"  # what the partner takes: the byte pairs in the order of the wire
PROFILE = builtin_profiles()["dlt645-2007-3p"]
# Under the partner's own interpreter: a meter with these numbers, until it is killed.
METER = """
import json, sys, time
from dlt645 import MeterServerService
link, where, address, told = sys.argv[1:]
if link == "tcp":
    meter = MeterServerService.new_tcp_server("127.0.0.1", int(where), 30)
else:
    meter = MeterServerService.new_rtu_server(
        port=where, data_bits=8, stop_bits=1, baud_rate=9600, parity="N", timeout=1.0)
meter.set_address(address)
put = {0: meter.set_00, 2: meter.set_02, 3: meter.set_03, 4: meter.set_04}
for di, value in json.loads(told).items():
    if isinstance(value, list):
        value = [tuple(one) if isinstance(one, list) else one for one in value]
    if not put[int(di[:2], 16)](int(di, 16), value):
        sys.exit("it does not take " + di)
meter.server.start()
print("READY", flush=True)
time.sleep(3600)
"""
# What the meter holds: phases add up and P is U x I x PF, or our bus would read twice. A negative number of
# each signed kind is on the wire as a sign bit.
NUMBERS = {
    **{f"0201{n:02d}00": f"{230 + n}.{n}" for n in (1, 2, 3)},
    **{f"0202{n:02d}00": text for n, text in ((1, "5.123"), (2, "-6.250"), (3, "0.007"))},
    **{f"0203{n:02d}00": text for n, text in ((0, "-0.1956"), (1, "1.1815"), (2, "-1.3787"), (3, "0.0016"))},
    **{f"0204{n:02d}00": text for n, text in ((0, "0.3000"), (1, "-0.1000"), (2, "0.4000"), (3, "0.0000"))},
    **{f"0205{n:02d}00": f"{n + 1}.{n}234" for n in (0, 1, 2, 3)},
    **{f"0206{n:02d}00": text for n, text in ((0, "-0.876"), (1, "0.998"), (2, "-0.950"), (3, "0.001"))},
    "00010000": "123456.78",
    "00020000": "0.09",
    "02800001": "-0.512",
    "02800002": "50.03",
    "02800004": "-1.2345",
    "02800007": "-12.5",
}


COUNTS = {f"0330{di1:02X}00": f"{count}" for count, di1 in enumerate((0, 1, 2, 3, 4, 0x0D, 0x0E), 120)}
COUNTS["03110000"] = "7"
# of each phase, in one answer: count and minutes
PHASED = {
    "03040000": (("5", "70"), ("61", "80"), ("703", "90")),
    "030E0000": (("8", "1"), ("9", "2"), ("10", "3")),
}
# counters, a parameter, the meter number, and status word 7 with other bits beside the phase order
OTHERS: dict[str, object] = {
    **{di: [count.zfill(6)] for di, count in COUNTS.items()},
    **{di: [[part.zfill(6) for part in reversed(phase)] for phase in told] for di, told in PHASED.items()},
    "04000409": "006400",
    "04000402": "012345678901",
    "04000507": "0601",
    "04000901": "08",  # it says that it stores load records of energy
    "04000A05": "0015",
}
SAID = {
    "04000402": "12345678901",
    "04000507": "1",
    "10000001": "refused",
}  # D1 01: of DI3 10 it knows nothing


def start(folder: Path, link: str, where: str) -> subprocess.Popen[str]:
    """The partner's meter, ready; it takes seconds to start."""
    numbers = {di: float(text) for di, text in NUMBERS.items()}
    words = ["-c", METER, link, where, WIRE_ADDRESS, json.dumps({**numbers, **OTHERS})]
    with (folder / "meter.log").open("w") as log:
        process = subprocess.Popen(
            [str(dlt645_python()), *words], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    assert any(line.startswith("READY") for line in process.stdout), (folder / "meter.log").read_text()
    return process


@pytest.fixture(scope="module")
def pty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusConfig]:
    """The meter on a pty."""
    folder = tmp_path_factory.mktemp("pty")
    with pty_pair(folder) as (ours, theirs), ExitStack() as stack:
        stack.callback(ended, start(folder, "pty", str(theirs)))
        yield BusConfig(id="b1", kind="serial", port=str(ours), late_reply_s=0.5)


@pytest.fixture(scope="module")
def tcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BusConfig]:
    """The meter behind a TCP port: raw DL/T 645, as through a serial server."""
    port = free_port()
    with ExitStack() as stack:
        stack.callback(ended, start(tmp_path_factory.mktemp("tcp"), "tcp", str(port)))
        yield BusConfig(id="b1", kind="rtu-over-tcp", host="127.0.0.1", tcp_port=port, late_reply_s=0.5)


@pytest.fixture(params=["pty", "tcp"])
def link(request: pytest.FixtureRequest) -> BusConfig:
    """Each of them."""
    config: BusConfig = request.getfixturevalue(request.param)
    return config


def spec(config: BusConfig, items: Sequence[DltItem] = (), address: str = ADDRESS) -> MeterSpec:
    """The meter as our bus is told of it, by our built-in profile or by ``items`` alone."""
    profile = replace(PROFILE, dlt=tuple(items), blocks=()) if items else PROFILE
    line = Line.parse("9600 8E1") if config.kind == "serial" else None
    ours = Meter(id=address, bus="b1", protocol="dlt645-2007", address=address, profile=profile.id, line=line)
    return MeterSpec(ours, profile)


def test_all_of_our_profile_is_read_and_unknown_blocks_are_learnt(link: BusConfig) -> None:
    known = NUMBERS | COUNTS | SAID
    truth = {
        item.quantity: PHASED[item.di][item.nth // 2][0] if item.di in PHASED else known[item.di]
        for item in PROFILE.dlt
    }
    asked = {item.di for item in PROFILE.dlt}
    blocks = frozenset(block.di for block in PROFILE.blocks)
    with RealBus(link, [spec(link)]) as bus:
        first, second = bus.read(ADDRESS), bus.read(ADDRESS)
        learnt = bus.bus.unsupported()[ADDRESS]
        again = bus.read(ADDRESS)
        counted = bus.bus.counters().line
    assert values(first) == values(second) == values(again) == truth
    assert learnt == blocks
    assert len(requests(first)) == len(asked) + len(blocks)
    assert len(requests(second)) == len(requests(first)), "one refusal may be a damaged reply"
    assert len(requests(again)) == len(asked), "a block that was refused twice is not asked for again"
    assert (counted.timeouts, counted.checksum, counted.foreign) == (0, 0, 0)


def test_counters_parameters_and_what_it_has_not(pty: BusConfig) -> None:
    items = [
        DltItem(quantity="power_downs", di="03110000", format="XXXXXX"),
        DltItem(quantity="constant", di="04000409", format="XXXXXX"),
        DltItem(quantity="ct", di="04000306", format="XXXXXX"),
        DltItem(quantity="gone", di="02FF0100", format="XXX.X"),
        DltItem(quantity="u_a", di="02010100", format="XXX.X"),
    ]
    with RealBus(pty, [spec(pty, items)]) as bus:
        assert values(bus.read(ADDRESS)) == {
            "power_downs": "7",
            "constant": "6400",
            "ct": "unsupported",
            "gone": "unsupported",
            "u_a": NUMBERS["02010100"],
        }


def test_the_address_is_read(link: BusConfig) -> None:
    """13H to the wildcard."""
    driver = drivers()["dlt645-2007"]
    manner = Manner("m", spec(link).meter.line, driver.default_gap_ms, 1000, driver)
    port = open_port(link, mono_ms)
    port.open()
    asking, heard = find_address(), Heard()
    Wire(port).exchange(manner, next(asking), heard)
    port.close()
    with pytest.raises(StopIteration) as told:
        asking.send(heard)
    assert told.value.value == ADDRESS


def test_its_memory_is_asked_for_a_week_and_refused_in_a_few_questions(link: BusConfig) -> None:
    """Of load records and freezes it knows nothing, and says so with D1 01."""
    ours, told, asked = spec(link), list[Stored | Nothing](), 0
    driver = drivers()["dlt645-2007"]
    manner = Manner("m", ours.meter.line, driver.default_gap_ms, 1000, driver)
    end = datetime.fromisoformat("2026-11-25 10:07")
    recall = driver.recall(ours, Span(end - timedelta(days=7), end), told.append)
    assert recall is not None
    port = open_port(link, mono_ms)
    port.open()
    wire, exchange, ended = Wire(port), next(recall), ""
    while not ended:
        asked, heard = asked + 1, Heard()
        wire.exchange(manner, exchange, heard)
        try:
            exchange = recall.send(heard)
        except StopIteration as stop:
            ended = stop.value
    port.close()
    assert ended == "done"
    assert told == [Nothing("load"), Nothing("hourly"), Nothing("daily")]
    assert asked < 25


def test_the_search_finds_it(pty: BusConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scan", "--port", str(pty.port), "--line", "9600 8E1", "--protocol", "dlt645-2007", "--json"]
    places = ["--config", str(tmp_path), "--runtime", str(tmp_path), "--state", str(tmp_path)]
    assert main([*words, *places]) == 0
    (found,) = json.loads(capsys.readouterr().out)["found"]
    assert (found["protocol"], found["address"]) == ("dlt645-2007", ADDRESS)


def test_a_refusal_under_a_foreign_address_is_no_value(pty: BusConfig) -> None:
    """The partner answers D1 01 for whoever is asked: the meter that is not there has no number."""
    other = spec(pty, PROFILE.dlt[:2], "000000000099")
    with RealBus(pty, [other]) as bus:
        result = bus.read(other.meter.id)
    assert set(values(result).values()) == {"refused"}
    assert result.error == "refused"


def test_the_ratio_is_applied_to_what_the_meter_says(pty: BusConfig) -> None:
    one = spec(pty, [item for item in PROFILE.dlt if item.quantity in ("p", "u_a")])
    one = replace(one, meter=replace(one.meter, ct=Decimal(40), pt=Decimal(100)))
    with RealBus(pty, [one]) as bus:
        assert values(bus.read(ADDRESS)) == {"u_a": "23110.0", "p": "-782.4000"}
