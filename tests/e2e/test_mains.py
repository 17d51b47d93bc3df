"""The mains, seen by the real daemon: a supply in place of /sys, and a GPIO line whose kernel is
played by a C file that includes the kernel's own header."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.demo.processes import ROOT
from agent.demo.stage import Stage
from tests.support.stages import records

pytestmark = pytest.mark.slow

SITE = """
[site]
id = "SB-DEMO-01"
name = "三号厂"
lang = "en"
[journal]
seal_s = 1
[power]
mains_debounce_s = 1
"""
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: the GPIO line needs gcc")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("SITEBOX_SYSFS", str(tmp_path / "sys"))
    made = Stage(tmp_path, "en", (), seed=1)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def chip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared object that plays the kernel."""
    built = tmp_path_factory.mktemp("gpio") / "gpiochip.so"
    source = Path(__file__).with_name("gpiochip.c")
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(built), str(source)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"apt-get install gcc linux-libc-dev\n{made.stderr}"
    return built


def states(stage: Stage) -> list[tuple[str, str]]:
    return [(record["state"], record["source"]) for record in records(stage) if record["k"] == "mains"]


def check(stage: Stage) -> dict[str, Any] | None:
    return next((one for one in stage.look.rows("checks") if one["topic"] == "mains"), None)


def begin(stage: Stage, text: str) -> None:
    (stage.folder / "etc" / "sitebox.toml").write_text(SITE + text)
    stage.start_daemon()


def test_a_supply_goes_off_and_away(stage: Stage) -> None:
    folder = stage.folder / "sys" / "class" / "power_supply" / "ups"
    folder.mkdir(parents=True)
    (folder / "online").write_text("1\n")
    begin(stage, 'mains = "power_supply"\nsupply = "ups"\n')
    assert stage.wait_for(lambda: states(stage) == [("on", "power_supply")], 20)
    found = check(stage)
    assert found is not None
    assert (found["level"], found["code"]) == ("ok", "SBX-PWR-007")
    (folder / "online").write_text("0\n")
    assert stage.wait_for(lambda: states(stage)[1:] == [("off", "power_supply")], 20)
    assert stage.wait_for(lambda: (check(stage) or {}).get("code") == "SBX-PWR-005", 10)
    shutil.rmtree(folder)
    assert stage.wait_for(lambda: states(stage)[2:] == [("unknown", "power_supply")], 20)
    assert stage.wait_for(lambda: (check(stage) or {}).get("code") == "SBX-PWR-001", 10)
    for record in records(stage):
        if record["k"] == "mains":
            assert 1_000 <= record["mono"] - record["since_mono"] < 8_000
    assert stage.processes.stop("daemon") == 0


READ = """
import sys
from pathlib import Path
from agent.mains.gpio import GpioLine
from agent.errors import AgentError
chip, line, low = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "low"
level = Path(sys.argv[4], str(line))
source = GpioLine(chip, line, low)
for word in sys.argv[5:]:
    if word == "gone":
        level.write_text("")
    elif word != "-":
        level.write_text(word)
    try:
        print(source.read())
    except AgentError as error:
        print(error.code, error.args_["reason"])
"""


def read(chip: Path, folder: Path, line: int, how: str, *levels: str) -> list[str]:
    """What a program of its own reads of a line at these levels."""
    device = folder / "gpiochip0"
    device.touch()
    done = subprocess.run(
        [sys.executable, "-c", READ, str(device), str(line), how, str(folder), *levels],
        env={"LD_PRELOAD": str(chip), "GPIO_LINES": str(folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_gcc
def test_a_line_by_the_kernels_own_header(chip: Path, tmp_path: Path) -> None:
    (tmp_path / "17").write_text("1")
    (tmp_path / "63").write_text("1")
    assert read(chip, tmp_path, 17, "high", "1", "0", "1") == ["True", "False", "True"]
    assert read(chip, tmp_path, 63, "low", "1", "0") == ["False", "True"]
    assert (tmp_path / "asked").read_text().splitlines() == [
        "17 sitebox mains 4 0",
        "63 sitebox mains 6 0",
    ], "each line is asked for once and kept"


@needs_gcc
def test_a_line_that_is_busy_missing_or_breaks_is_unknown_and_taken_up_again(
    chip: Path, tmp_path: Path
) -> None:
    (tmp_path / "5").write_text("1")
    assert read(chip, tmp_path, 4, "high", "-") == ["SBX-PWR-004 Invalid argument"]
    assert read(chip, tmp_path, 5, "high", "B", "1", "gone", "0") == [
        "SBX-PWR-004 Device or resource busy",
        "True",
        "SBX-PWR-004 Input/output error",
        "False",
    ]


@needs_gcc
def test_the_daemon_watches_a_line(stage: Stage, chip: Path) -> None:
    lines = stage.folder / "lines"
    lines.mkdir()
    (lines / "17").write_text("0")
    device = stage.folder / "gpiochip0"
    device.touch()
    stage.processes._env.update({"LD_PRELOAD": str(chip), "GPIO_LINES": str(lines)})
    begin(stage, f'mains = "gpio"\nchip = "{device}"\nline = 17\nactive_low = true\n')
    assert stage.wait_for(lambda: states(stage) == [("on", "gpio")], 20)
    (lines / "17").write_text("1")
    assert stage.wait_for(lambda: states(stage)[1:] == [("off", "gpio")], 20)
    (lines / "17").write_text("")
    assert stage.wait_for(lambda: states(stage)[2:] == [("unknown", "gpio")], 20)
    assert stage.wait_for(lambda: (check(stage) or {}).get("code") == "SBX-PWR-004", 10)
    assert stage.processes.stop("daemon") == 0
