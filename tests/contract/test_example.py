"""The shipped example: it loads, it explains every key in both languages, and it shows a real plant."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from config.errors import ConfigInvalid
from config.load import Loaded, load, read_folder
from config.profiles import builtin_profiles
from config.rulekinds import TreatmentOff
from config.ruleshapes import RULES
from config.shapes import (
    ISSUER,
    JOURNAL,
    METER,
    NETWORK_BUS,
    NOTIFIES,
    POINT,
    POWER,
    SERIAL_BUS,
    SITE,
    UPLINK,
)
from config.source import MAX_BYTES

EXAMPLE = Path(str(files("config").joinpath("example")))
SHAPES = {
    "site": [SITE],
    "journal": [JOURNAL],
    "bus": [SERIAL_BUS, NETWORK_BUS],
    "meter": [METER],
    "point": [POINT],
    "rule": [shape for _, shape in RULES.values()],
    "uplink": [UPLINK],
    "notify": [shape for _, shape in NOTIFIES.values()],
    "power": [POWER],
    "issuer": [ISSUER],
}
KEY = re.compile(r"(# )?([a-z0-9_]+) = ")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def example() -> Loaded:
    return load(read_folder(EXAMPLE), builtin_profiles())


def test_it_loads_without_a_warning() -> None:
    assert example().warnings == ()


def test_it_is_a_coking_plant_with_mixed_meters() -> None:
    config = example().config
    assert sorted(point.role for point in config.points) == [
        "production",
        "production",
        "total",
        "treatment",
        "treatment",
    ]
    on_serial = {meter.protocol for meter in config.meters if meter.bus == "rs485"}
    assert on_serial == {"dlt645-2007", "modbus-rtu"}
    assert {meter.protocol for meter in config.meters} > on_serial
    assert [uplink.id for uplink in config.uplinks] == ["city", "county"]
    assert any(isinstance(rule, TreatmentOff) for rule in config.rules)


def keys() -> dict[str, dict[str, str]]:
    """Section -> key -> the comment above its first appearance; ``# key = value`` shows a default. Keys that
    follow each other without a comment between share the one above them."""
    found: dict[str, dict[str, str]] = {section: {} for section in SHAPES}
    for _, data in read_folder(EXAMPLE):
        section, comment, fresh = "", "", True
        for line in data.decode().splitlines():
            key = KEY.match(line)
            if line.startswith("["):
                section, comment = line.strip("[]"), ""
            elif key:
                found[section].setdefault(key[2], comment)
                fresh = True
            elif line.startswith("#"):
                comment, fresh = line if fresh else comment + line, False
    return found


@pytest.mark.parametrize("section", SHAPES)
def test_every_key_is_shown_and_explained_in_both_languages(section: str) -> None:
    shown = keys()[section]
    wanted = {key for shape in SHAPES[section] for key in shape}
    assert wanted == set(shown)
    for key, comment in shown.items():
        assert CHINESE.search(comment), f"{section}.{key}: {comment!r}"
        assert re.search(r"[A-Za-z]{3}", comment), f"{section}.{key}: {comment!r}"


def test_a_default_that_is_shown_is_the_default() -> None:
    """Every ``# key = value`` line taken in changes nothing."""
    shown = [
        (name, re.sub(rb"(?m)^# (?!meters|pt|supply|chip|line)([a-z_]+ = [^,]*)$", rb"\1", data))
        for name, data in read_folder(EXAMPLE)
    ]
    assert sum(data.count(b"\n# ") for _, data in shown) < sum(
        data.count(b"\n# ") for _, data in read_folder(EXAMPLE)
    )
    changed = {
        meter.id for meter in load(shown, builtin_profiles()).config.meters if meter.gap_ms is not None
    }
    assert changed == {"pusher"}  # the one default that depends on the protocol
    plain = [(name, data.replace(b"\ngap_ms", b"\n# gap_ms")) for name, data in shown]
    assert load(plain, builtin_profiles()).digest == example().digest


def test_read_folder_takes_files_in_order_and_only_toml(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    for name in ("conf.d/20-b.toml", "conf.d/10-a.toml", "conf.d/note.txt", "sitebox.toml"):
        (tmp_path / name).write_bytes(name.encode())
    names = ["sitebox.toml", "conf.d/10-a.toml", "conf.d/20-b.toml"]
    assert read_folder(tmp_path) == [(name, name.encode()) for name in names]


def test_read_folder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_folder(tmp_path)
    assert [problem.code for problem in caught.value.problems] == ["SBX-CFG-007"]


def test_read_folder_says_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sitebox.toml").write_bytes(b"")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "x.toml").symlink_to(tmp_path / "conf.d" / "x.toml")
    (tmp_path / "conf.d" / "y.toml").mkdir()
    with pytest.raises(ConfigInvalid) as caught:
        read_folder(tmp_path)
    assert [problem.code for problem in caught.value.problems] == ["SBX-CFG-001", "SBX-CFG-001"]


def test_a_folder_that_is_none_is_not_skipped_in_silence(tmp_path: Path) -> None:
    (tmp_path / "sitebox.toml").write_bytes(b"")
    (tmp_path / "conf.d").write_bytes(b"")
    with pytest.raises(ConfigInvalid, match="SBX-CFG-001"):
        read_folder(tmp_path)


def test_read_folder_reads_no_more_than_it_will_take(tmp_path: Path) -> None:
    (tmp_path / "sitebox.toml").write_bytes(b"#" * (MAX_BYTES * 3))
    found = read_folder(tmp_path)
    assert len(found[0][1]) == MAX_BYTES + 1
    with pytest.raises(ConfigInvalid, match="SBX-CFG-005"):
        load(found, builtin_profiles())
