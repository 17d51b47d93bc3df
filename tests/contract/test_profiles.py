"""One suite over every built-in profile: a new file under config/profiles is found by itself."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from config.errors import ConfigInvalid
from config.profile import DltItem, Item, ModbusItem, Profile
from config.profiles import builtin_profiles, load_profile, site_profiles
from config.protocols import PROTOCOLS
from config.quantities import QUANTITIES
from config.site import Line
from drivers.registry import drivers

FOLDER = files("config").joinpath("profiles")
NAMES = sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".toml"))
# DI1 and DI2 of the 2007 edition -> unit and format (facts: variables 02, energy 00)
DLT_SHAPES = {
    "0201": ("V", "XXX.X", False),
    "0202": ("A", "XXX.XXX", True),
    "0203": ("kW", "XX.XXXX", True),
    "0204": ("kvar", "XX.XXXX", True),
    "0205": ("kVA", "XX.XXXX", False),
    "0206": ("-", "X.XXX", True),
    "0001": ("kWh", "XXXXXX.XX", False),
    "0002": ("kWh", "XXXXXX.XX", False),
}
# What no public source says of a model, or what the model does not measure; its note says so.
ABSENT: dict[str, set[str]] = {
    "chint-dtsu666-h": {"p", "p_a", "p_b", "p_c", "ep_imp", "u_a", "u_b", "u_c"},  # U is slow here
    "dlt645-2007-3p3w": {"u_a", "u_b", "u_c", "i_b", "p_a", "p_b", "p_c"},
    "siemens-pac1600": {"lines"},
    "eastron-sdm230": {"lines"},
    "abb-b23": {"lines"},
    "inepro-pro380": {"lines"},
}
# Other ways to read a model that has a profile already.
VARIANTS = {
    "acrel-adl400-primary",
    "acrel-adl400-ratio",
    "acrel-dtsd1352-ratio",
    "dlt645-1997-3p-b660-f",
    "dlt645-1997-3p-tenths",
    "dlt645-2007-3p-primary",
    "dlt645-2007-3p-unsigned",
    "siemens-pac2200-fc04",
    "solarman-dtsd422-d3-ct456",
}
PHASES = {"0": "", "1": "_a", "2": "_b", "3": "_c"}


@pytest.fixture(params=NAMES)
def profile(request: pytest.FixtureRequest) -> Profile:
    return builtin_profiles()[str(request.param).removesuffix(".toml")]


def items(profile: Profile) -> tuple[Item, ...]:
    return (*profile.dlt, *profile.modbus)


def test_all_files_are_profiles() -> None:
    assert sorted(f"{name}.toml" for name in builtin_profiles()) == NAMES


def test_there_are_at_least_24_models() -> None:
    assert set(builtin_profiles()) >= VARIANTS
    assert len(builtin_profiles()) - len(VARIANTS) >= 24


def test_the_digest_is_of_the_files_bytes(profile: Profile) -> None:
    data = FOLDER.joinpath(f"{profile.id}.toml").read_bytes()
    assert profile.digest == hashlib.sha256(data).hexdigest()
    assert load_profile(f"{profile.id}.toml", data + b"\n# x\n").digest != profile.digest


def test_it_names_its_sources(profile: Profile) -> None:
    assert profile.sources
    assert all(source.confidence in "ABC" and len(source.title) > 10 for source in profile.sources)


def test_it_reads_what_points_and_wiring_need(profile: Profile) -> None:
    fast = {item.quantity for item in items(profile) if item.poll == "fast"}
    wanted = (
        {"u_a", "i_a", "p"} if profile.phases == 1 else {f"{q}_{c}" for q in "uip" for c in "abc"} | {"p"}
    )
    slow = {item.quantity for item in items(profile) if item.poll == "slow"}
    absent = ABSENT.get(profile.id, set())
    assert (wanted - fast) | ({"ep_imp"} - slow) == absent - {"lines"}
    assert bool(profile.note) >= bool(absent)
    assert profile.note or all(source.confidence != "C" for source in profile.sources)


def test_the_ratio_is_all_or_nothing(profile: Profile) -> None:
    """Secondary values: each voltage, current, power and energy takes its ratio; primary ones: none does."""
    ratios = {item.ratio != "none" for item in items(profile) if QUANTITIES[item.quantity].unit[0] in "VAk"}
    assert len(ratios) == 1


def test_line_settings_can_be_used(profile: Profile) -> None:
    assert bool(profile.lines) is ("lines" not in ABSENT.get(profile.id, set()))
    assert all(str(Line.parse(line)) == line for line in profile.lines)


def test_a_driver_reads_it(profile: Profile) -> None:
    names = [name for name, protocol in PROTOCOLS.items() if protocol.family == profile.family]
    assert names
    assert set(names) <= set(drivers())


def test_protocols_of_the_site_file_are_those_of_the_drivers() -> None:
    assert set(PROTOCOLS) == set(drivers())


@pytest.mark.parametrize("name", ["dlt645-2007-3p", "dlt645-2007-1p"])
def test_dlt645_items_follow_the_tables_of_the_standard(name: str) -> None:
    for item in builtin_profiles()[name].dlt:
        shape = DLT_SHAPES.get(item.di[:4])
        if shape is not None:
            assert (QUANTITIES[item.quantity].unit, item.format, item.signed) == shape, item.di
            assert item.scale == 1
        if item.di.startswith("020") and item.di[:4] in DLT_SHAPES:
            assert item.quantity.endswith(PHASES[item.di[5]]), item.di
            assert item.di[6:] == "00"


def test_a_block_di_ends_ff00_and_holds_its_own_items() -> None:
    for block in builtin_profiles()["dlt645-2007-3p"].blocks:
        assert block.di[4:] == "FF00"
        assert {di[:4] for di in block.items} == {block.di[:4]}
        assert list(block.items) == sorted(block.items)


# One register or DI of each profile, as the source prints it: a slip in a table shows here.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dlt645-2007-3p", DltItem(quantity="i_b", di="02020200", format="XXX.XXX", signed=True, ratio="ct")),
        ("dlt645-2007-1p", DltItem(quantity="p", di="02030000", format="XX.XXXX", signed=True, ratio="ptct")),
        (
            "acrel-adl400",
            ModbusItem(quantity="p", address=0x16A, type="i32", scale=Decimal("0.001"), ratio="ptct"),
        ),
        (
            "acrel-dtsd1352",
            ModbusItem(
                quantity="ep_imp", address=0x0A, type="u32", scale=Decimal("0.01"), ratio="ptct", poll="slow"
            ),
        ),
        (
            "chint-dtsu666",
            ModbusItem(quantity="p", address=0x2012, type="f32", scale=Decimal("0.0001"), ratio="ptct"),
        ),
        (
            "eastron-sdm630",
            ModbusItem(quantity="p", fc=4, address=0x34, type="f32", scale=Decimal("0.001")),
        ),
    ],
)
def test_spot_check(name: str, expected: Item) -> None:
    (found,) = [item for item in items(builtin_profiles()[name]) if item.quantity == expected.quantity]
    assert found == expected


def test_site_profiles(tmp_path: Path) -> None:
    assert site_profiles(tmp_path / "none") == {}
    text = FOLDER.joinpath("eastron-sdm630.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(text.replace('"eastron-sdm630"', '"ours"'), encoding="utf-8")
    assert list(site_profiles(tmp_path)) == ["ours"]


def test_a_site_profile_never_replaces_a_built_in_one(tmp_path: Path) -> None:
    data = FOLDER.joinpath("eastron-sdm630.toml").read_bytes()
    (tmp_path / "eastron-sdm630.toml").write_bytes(data)
    (tmp_path / "bad.toml").write_bytes(b"id = 1")
    with pytest.raises(ConfigInvalid) as caught:
        site_profiles(tmp_path)
    codes = {problem.code for problem in caught.value.problems}
    assert {"SBX-CFG-111", "SBX-CFG-020"} <= codes
