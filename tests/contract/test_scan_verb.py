"""``sitebox scan``, then ``config add``, then ``config check``: what is proposed is what is accepted."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from tests.support.line import ModbusSlave, Replies, flipped, mute
from tests.support.ptyline import pty_line

SITE = '[site]\nid = "SB-1"\n'
BUS = '[[bus]]\nid = "{}"\nkind = "serial"\nport = "{}"\n'
# 230.8 V, 50.01 Hz and 1.241 kW as an Acrel DTSD1352 tells them: a meter behind transformers
REGISTERS = dict.fromkeys(range(0x200), 0) | {0x61: 2308, 0x62: 2307, 0x63: 2309, 0x77: 5001, 0x16B: 12410}
WORDS = ("--protocol", "modbus-rtu", "--line", "9600 8N1", "--addresses", "1")


class Box:
    """A folder with a configuration and the command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        (folder / "etc").mkdir()

    def site(self, text: str) -> None:
        (self.folder / "etc" / "sitebox.toml").write_text(text)

    def ask(self, *words: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        places = [f"--{name}={self.folder / part}" for name, part in PLACES.items()]
        status = main([*words, "--lang", "en", *places])
        return (status, *self.capsys.readouterr())

    def declared(self) -> dict[str, list[dict[str, object]]]:
        status, out, _ = self.ask("config", "show")
        assert status == 0
        found: dict[str, list[dict[str, object]]] = json.loads(out)["config"]
        return found


class Impatient(ModbusSlave):
    """A person who presses Ctrl-C when the next unit is asked."""

    def hear(self, request: bytes) -> Replies:
        if request[0] == self.unit + 1:
            os.kill(os.getpid(), signal.SIGINT)
        return super().hear(request)


PLACES = {"config": "etc", "state": "state", "runtime": "run"}


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


@pytest.fixture
def line() -> Iterator[str]:
    with pty_line([ModbusSlave(1, REGISTERS)]) as path:
        yield path


def test_a_meter_of_a_declared_bus_is_added_to_it(box: Box, line: str, tmp_path: Path) -> None:
    link = tmp_path / "sitebox-bus1"
    link.symlink_to(line)
    box.site(SITE + BUS.format("rs485", link))
    status, out, _ = box.ask("scan", "--port", line, *WORDS)
    assert status == 0
    assert 'bus = "rs485"' in out
    assert "[[bus]]" not in out
    assert "sitebox config add 1" in out
    status, out, _ = box.ask("config", "add", "1")
    assert status == 0
    assert "systemctl reload sitebox" in out
    assert box.ask("config", "check")[0] == 1, "no uplink is the only warning"
    (meter,) = box.declared()["meters"]
    assert (meter["bus"], meter["address"], meter["line"]) == ("rs485", "1", "9600 8N1")


def test_the_bus_of_an_undeclared_port_comes_along_once(box: Box, tmp_path: Path) -> None:
    meters = [ModbusSlave(1, REGISTERS), ModbusSlave(2, REGISTERS)]
    with pty_line(meters) as line:
        box.site(SITE)
        status, out, _ = box.ask("scan", "--port", line, *WORDS[:-1], "1-2")
        assert (status, out.count("[[bus]]")) == (0, 1)
        assert f'port = "{line}"' in out
        assert box.ask("config", "add", "1")[0] == 0
        assert box.ask("config", "add", "2")[0] == 0, "by then the bus is declared"
    declared = box.declared()
    (bus,) = declared["buses"]
    assert (bus["id"], bus["port"]) == (os.path.basename(line), line)
    assert [(one["bus"], one["address"]) for one in declared["meters"]] == [
        (bus["id"], "1"),
        (bus["id"], "2"),
    ]


def test_a_fresh_box_takes_what_it_proposed(box: Box, line: str) -> None:
    assert box.ask("config", "init")[0] == 0
    before = len(box.declared()["meters"])
    assert box.ask("scan", "--port", line, *WORDS)[0] == 0
    assert box.ask("config", "add", "1")[0] == 0
    assert box.ask("config", "check")[0] in (0, 1)
    assert len(box.declared()["meters"]) == before + 1


def test_the_same_unit_on_two_buses_has_two_ids(box: Box, line: str) -> None:
    with pty_line([ModbusSlave(1, REGISTERS)]) as other:
        box.site(SITE + BUS.format("east", line) + BUS.format("west", other))
        for bus in ("east", "west"):
            assert box.ask("scan", "--bus", bus, *WORDS)[0] == 0
            assert box.ask("config", "add", "1")[0] == 0
    meters = box.declared()["meters"]
    assert {one["bus"] for one in meters} == {"east", "west"}
    assert len({str(one["id"]) for one in meters}) == 2


def test_a_declared_meter_is_named_and_not_proposed_again(box: Box, line: str) -> None:
    box.site(SITE + BUS.format("east", line))
    assert box.ask("scan", "--bus", "east", *WORDS)[0] == 0
    assert box.ask("config", "add", "1")[0] == 0
    status, out, _ = box.ask("scan", "--bus", "east", *WORDS)
    assert status == 0
    assert "declared as east-1" in out
    assert "config add" not in out
    assert box.ask("config", "add", "1")[0] == 64


def test_a_ratio_is_asked_for_and_an_unfinished_one_refused(box: Box, line: str, tmp_path: Path) -> None:
    box.site(SITE + BUS.format("east", line))
    _, out, _ = box.ask("scan", "--bus", "east", *WORDS)
    assert '\n# ct = "?/5"' in out
    assert '\n# pt = "?/100"' in out
    status, out, err = box.ask("config", "add", "1")
    assert status == 0
    assert "SBX-CFG-910" in err, "that the readings stay secondary values is said"
    (file,) = (tmp_path / "etc" / "conf.d").iterdir()
    file.write_text(file.read_text().replace("# ct =", "ct ="))
    assert box.ask("config", "check")[0] == 78
    file.write_text(file.read_text().replace("?/5", "100/5"))
    assert box.ask("config", "check")[0] == 1


def test_a_folder_without_a_site_file_says_how_to_begin(box: Box, line: str) -> None:
    assert box.ask("scan", "--port", line, *WORDS)[0] == 0
    status, _, err = box.ask("config", "add", "1")
    assert status == 78
    assert "sitebox config init" in " ".join(err.split())


@pytest.mark.parametrize("kept", ["", "{}", "[]", '["[[meter]]"]', '{"bus": {"id": 1}, "found": []}'])
def test_what_is_no_scan_is_none(kept: str, box: Box, tmp_path: Path) -> None:
    box.site(SITE)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "scan.json").write_text(kept)
    status, _, err = box.ask("config", "add", "1")
    assert (status, "SBX-CFG-907" in err) == (66, True)


def test_a_protocol_that_a_bus_cannot_carry_is_refused(box: Box, line: str) -> None:
    box.site(SITE)
    for more in ((), ("--line", "9600 8N1")):
        status, out, err = box.ask("scan", "--port", line, "--protocol", "modbus-tcp", *more)
        assert (status, out) == (64, "")
        assert "SBX-CLI-199" in err


def test_line_settings_are_refused_where_a_bus_has_none(box: Box) -> None:
    box.site(SITE + '[[bus]]\nid = "net"\nkind = "tcp"\nhost = "127.0.0.1"\n')
    status, _, err = box.ask("scan", "--bus", "net", "--line", "9600 8N1")
    assert (status, "SBX-CLI-203" in err) == (64, True)


def test_a_line_on_which_meters_garble_each_other_is_no_line_without_meters(box: Box) -> None:
    with pty_line([ModbusSlave(1, REGISTERS, flipped())]) as line:
        status, out, err = box.ask("scan", "--port", line, *WORDS)
        assert (status, "SBX-CLI-197" in err, "SBX-CLI-186" in err) == (1, True, False)
        status, out, _ = box.ask("scan", "--port", line, *WORDS, "--json")
    assert json.loads(out)["unclear"] == ["modbus-rtu 9600 8N1"]


def test_json_is_one_object(box: Box, line: str, tmp_path: Path) -> None:
    status, out, _ = box.ask("config", "init", "--json")
    assert status == 0
    assert str(tmp_path / "etc" / "sitebox.toml") in json.loads(out)["wrote"]
    assert json.loads(box.ask("config", "init", "--json")[1])["ok"] is False, "one is there already"
    assert json.loads(box.ask("scan", "--port", line, *WORDS, "--json")[1])["found"]
    status, out, _ = box.ask("config", "add", "1", "--json")
    assert (status, json.loads(out)) == (
        0,
        {"ok": True, "wrote": [str(tmp_path / "etc/conf.d/50-scan.toml")]},
    )
    status, out, _ = box.ask("config", "add", "1", "--json")
    assert (status, json.loads(out)["code"]) == (64, "SBX-CFG-908")


@pytest.fixture
def a_keyboard() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("a_keyboard")
@pytest.mark.parametrize(("unit", "status"), [(1, 0), (2, 0), (3, 1)])
def test_ctrl_c_keeps_what_was_found_and_says_that_it_is_not_all(unit: int, status: int, box: Box) -> None:
    box.site(SITE)
    meter = ModbusSlave(unit, REGISTERS)
    with pty_line([meter, Impatient(2, {}, mute)]) as line:
        ended, out, err = box.ask("scan", "--port", line, *WORDS[:-1], "1-9")
        assert (ended, "SBX-CLI-202" in err, "SBX-CLI-186" in err) == (status, True, False)
        assert (f'address = "{unit}"' in out) is (status == 0)
        assert box.ask("config", "add", "1")[0] == (64 if status else 0)


def test_numbers_that_were_not_kept_are_not_offered(box: Box, line: str, tmp_path: Path) -> None:
    """An older scan would be added in their place."""
    box.site(SITE)
    (tmp_path / "run").write_text("no folder")
    status, out, err = box.ask("scan", "--port", line, *WORDS)
    assert status == 0
    assert 'address = "1"' in out
    assert "config add" not in out
    assert "SBX-CLI-188" in err
