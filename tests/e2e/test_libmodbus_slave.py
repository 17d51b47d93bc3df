"""Our bus reads a slave of libmodbus, on TCP, on a pty, and as RTU over TCP: right values of every type and
word order, refusals beyond the slave's tables, and never more in one request than the standard allows.

What the registers hold is laid down here with `struct`, word by word; nothing of ours has a part in it.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from config.profile import ModbusItem
from config.site import Bus as BusConfig
from config.site import Line
from drivers.exchange import MeterSpec
from tests.support.partners import ended, free_port, pty_pair, socat
from tests.support.realbus import RealBus, requests, values
from tests.support.specs import modbus, with_meter

pytestmark = pytest.mark.slow

UNIT = 17
Words = tuple[int, ...]


def words(form: str, number: float) -> Words:
    """High word first."""
    data = struct.pack(form, number)
    return struct.unpack(f">{len(data) // 2}H", data)


# type, what stands in the registers high word first, what must come out
TYPES: tuple[tuple[str, Words, str], ...] = (
    ("u16", words(">H", 65_534), "65534"),
    ("i16", words(">h", -1234), "-1234"),
    ("u32", words(">I", 4_000_000_001), "4000000001"),
    ("i32", words(">i", -2_000_000_001), "-2000000001"),
    ("u64", words(">Q", 12_345_678_901_234_567_890), "12345678901234567890"),
    ("i64", words(">q", -1_234_567_890_123), "-1234567890123"),
    ("f32", words(">f", -1234.5), "-1234.5"),
    ("f64", words(">d", 231.2), "231.2"),
    ("bcd16", (0x1234,), "1234"),
    ("bcd32", (0x0123, 0x4567), "1234567"),
    ("sm16", (0x83B6,), "-950"),
    ("sm32", (0x8001, 0x0002), "-65538"),
)
FIRST = 0x2000
FILLED: tuple[tuple[str, str, Words], ...] = (
    ("u_a", "u16", (0xFFFF,)),
    ("ep_imp", "u32", (0xFFFF, 0xFFFF)),
    ("p_a", "i32", (0x8000, 0)),
    ("nan", "f32", words(">f", float("nan"))),
)


def table() -> tuple[list[int], list[ModbusItem], dict[str, str]]:
    """Registers from `FIRST`, the items in them, and what must be read: every type in both word orders."""
    registers, items, truth = list[int](), list[ModbusItem](), dict[str, str]()
    for order in ("be", "le"):
        for kind, high_first, told in TYPES:
            name, address = f"{kind}_{order}", FIRST + len(registers)
            items.append(_item(name, address, kind, order))
            registers += high_first if order == "be" else reversed(high_first)
            truth[name] = told
    for name, kind, filled in FILLED:
        items.append(_item(name, FIRST + len(registers), kind))
        registers += filled
        truth[name] = "missing"
    return registers, items, truth


def _item(name: str, address: int, kind: str, order: str = "be", fc: int = 3) -> ModbusItem:
    return ModbusItem(quantity=name, fc=fc, address=address, type=kind, order=order)  # type: ignore[arg-type]  # of TYPES


REGISTERS, ITEMS, TRUTH = table()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slave, compiled."""
    built = tmp_path_factory.mktemp("slave") / "slave"
    source = Path(__file__).with_name("slave.c")
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(built), str(source), "-lmodbus"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"apt-get install gcc libmodbus-dev\n{made.stderr}"
    return built


Row = tuple[int, Sequence[int]]  # first address and what it holds
NONE: Row = (0, ())


def tables(holding: Row = NONE, inputs: Row = NONE, coils: Row = NONE, contacts: Row = NONE) -> str:
    """What the slave reads from its stdin."""
    rows = (coils, contacts, holding, inputs)
    return "".join(f"{first} {len(held)} {' '.join(map(str, held))}\n" for first, held in rows)


@contextmanager
def _slave(program: Path, *args: str, tables: str) -> Iterator[int]:
    """The slave, serving; gives its TCP port."""
    process = subprocess.Popen(
        [str(program), *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(tables)
        process.stdin.flush()
        ready = process.stdout.readline().split()
        assert ready[:1] == ["ready"], process.communicate()[1]
        yield int(ready[1])
    finally:
        ended(process)


@contextmanager
def line(link: str, program: Path, folder: Path, tables: str) -> Iterator[BusConfig]:
    """A slave behind ``link`` and the bus that leads to it."""
    with ExitStack() as stack:
        if link == "tcp":
            port = stack.enter_context(_slave(program, "tcp", str(UNIT), tables=tables))
            yield BusConfig(id="b1", kind="tcp", host="127.0.0.1", tcp_port=port, late_reply_s=0.5)
        elif link == "pty":
            ours, theirs = stack.enter_context(pty_pair(folder))
            stack.enter_context(_slave(program, "rtu", str(UNIT), str(theirs), tables=tables))
            yield BusConfig(id="b1", kind="serial", port=str(ours), late_reply_s=0.5)
        else:
            port, theirs = free_port(), folder / "theirs"
            gateway = f"tcp-listen:{port},bind=127.0.0.1,reuseaddr,fork"
            stack.enter_context(socat(f"pty,raw,echo=0,link={theirs}", gateway, there=[theirs]))
            stack.enter_context(_slave(program, "rtu", str(UNIT), str(theirs), tables=tables))
            yield BusConfig(id="b1", kind="rtu-over-tcp", host="127.0.0.1", tcp_port=port, late_reply_s=0.5)


def meter(link: str, items: Sequence[ModbusItem], unit: int = UNIT) -> MeterSpec:
    """The slave as our bus is told of it."""
    one = modbus(f"m{unit}", unit, items, protocol="modbus-tcp" if link == "tcp" else "modbus-rtu")
    line = Line.parse("9600 8N1") if link == "pty" else None
    return with_meter(one, reply_timeout_s=0.5, retries=0, line=line, gap_ms=5 if link == "gateway" else None)


LINKS = pytest.mark.parametrize("link", ["tcp", "pty", "gateway"])


@LINKS
def test_every_type_and_word_order_is_read_right(link: str, program: Path, tmp_path: Path) -> None:
    """Both register tables; the same address holds other values in the other table."""
    other = [_item("i_be", FIRST, "i32", fc=4), _item("i_le", FIRST + 2, "f32", "le", fc=4)]
    inputs = [*words(">i", -7), *reversed(words(">f", 0.1))]
    spec = meter(link, [*ITEMS, *other])
    with (
        line(link, program, tmp_path, tables((FIRST, REGISTERS), (FIRST, inputs))) as config,
        RealBus(config, [spec]) as bus,
    ):
        result = bus.read(spec.meter.id)
    assert values(result) == {**TRUTH, "i_be": "-7", "i_le": "0.1"}
    assert result.error is None
    assert len(requests(result)) == 2, "neighbouring registers are read together"


@LINKS
def test_what_the_slave_has_not_is_refused_learnt_and_asked_singly(
    link: str, program: Path, tmp_path: Path
) -> None:
    """Of two neighbours the second lies beyond the table: exception 2 for the range and for that item."""
    items = [
        _item("last", 4, "u16"),
        _item("beyond", 5, "u16"),
        _item("far", 900, "f64"),
        _item("no_input", 4, "u16", fc=4),
    ]
    spec = meter(link, items)
    with (
        line(link, program, tmp_path, tables((0, [1, 2, 3, 4, 5]))) as config,
        RealBus(config, [spec]) as bus,
    ):
        first, second, again = (bus.read(spec.meter.id) for _ in range(3))
        learnt = bus.bus.unsupported()[spec.meter.id]
    told = {"last": "5", "beyond": "unsupported", "far": "unsupported", "no_input": "unsupported"}
    assert values(first) == values(second) == values(again) == told
    assert learnt == {"03:0x0004+2"}
    assert [len(requests(one)) for one in (first, second, again)] == [5, 5, 4], "refused twice, then learnt"


@LINKS
def test_no_request_asks_for_more_than_125_registers(link: str, program: Path, tmp_path: Path) -> None:
    """200 neighbours: libmodbus answers 125 in one reply and refuses 126."""
    held = [7 * n % 65_536 for n in range(200)]
    spec = meter(link, [_item(f"r{n}", 100 + n, "u16") for n in range(200)])
    spec = replace(spec, profile=replace(spec.profile, max_registers=200))
    with (
        line(link, program, tmp_path, tables((100, held))) as config,
        RealBus(config, [spec]) as bus,
    ):
        result = bus.read(spec.meter.id)
    assert values(result) == {f"r{n}": str(value) for n, value in enumerate(held)}
    assert [_count(sent, link) for sent in requests(result)] == [125, 75]


def _count(request: bytes, link: str) -> int:
    return int.from_bytes(request[10:12] if link == "tcp" else request[4:6], "big")


@pytest.mark.parametrize("link", ["pty", "gateway"])
def test_another_unit_is_silence_and_not_a_value(link: str, program: Path, tmp_path: Path) -> None:
    """The slave keeps silent for a unit that is not its own, and goes on answering its own."""
    own, other = meter(link, [_item("p", 0, "u16")]), meter(link, [_item("p", 0, "u16")], UNIT + 1)
    with (
        line(link, program, tmp_path, tables((0, [42]))) as config,
        RealBus(config, [own, other]) as bus,
    ):
        silent = bus.read(other.meter.id)
        good = bus.read(own.meter.id)
    assert (values(silent), silent.error) == ({"p": "no_reply"}, "no_reply")
    assert values(good) == {"p": "42"}


@LINKS
def test_coils_and_contacts_are_read(link: str, program: Path, tmp_path: Path) -> None:
    """Functions 1 and 2: 2000 bits in one request and never more; beyond the table they are refused."""
    bits = [(n * n // 3) % 2 for n in range(1000)]
    coils = [_item(f"coil{n}", 3 + n, "bit", fc=1) for n in range(13)]
    contacts = [_item(f"in{n}", 40 + n, "bit", fc=2) for n in range(1000)]
    spec = meter(link, [*coils, *contacts, _item("beyond", 3000, "bit", fc=2), _item("p", 0, "u16")])
    holds = tables((0, [7]), coils=(0, bits[:16]), contacts=(40, bits))
    with line(link, program, tmp_path, holds) as config, RealBus(config, [spec]) as bus:
        first, again = bus.read(spec.meter.id), bus.read(spec.meter.id)
    truth = {f"coil{n}": str(bits[3 + n]) for n in range(13)} | {f"in{n}": str(bits[n]) for n in range(1000)}
    assert values(again) == {**truth, "beyond": "unsupported", "p": "7"}
    assert values(first) == values(again)


def test_digits_that_are_no_number_are_read_once_more_and_are_no_value(program: Path, tmp_path: Path) -> None:
    """0x12A4 is no BCD: the neighbour in the same reply is read again with it."""
    spec = meter("tcp", [_item("no_bcd", 0, "bcd16"), _item("p", 1, "u16")])
    with (
        line("tcp", program, tmp_path, tables((0, [0x12A4, 7]))) as config,
        RealBus(config, [spec]) as bus,
    ):
        result = bus.read(spec.meter.id)
        assert bus.bus.counters().line.doubted == 1
    assert values(result) == {"no_bcd": "invalid", "p": "7"}
    assert len(requests(result)) == 2


def test_a_scaled_value_keeps_the_digits_of_the_slave(program: Path, tmp_path: Path) -> None:
    """231.2 V as 2312, times a transformer ratio of 100: exact decimals, no float on the way."""
    item = replace(_item("u_a", 0, "u16"), scale=Decimal("0.1"), ratio="pt")
    spec = with_meter(meter("tcp", [item]), pt=Decimal(100))
    with (
        line("tcp", program, tmp_path, tables((0, [2312]))) as config,
        RealBus(config, [spec]) as bus,
    ):
        assert values(bus.read(spec.meter.id)) == {"u_a": "23120.0"}
