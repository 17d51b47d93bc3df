"""One suite over every built-in profile and its vectors: requests, samples, ratios, plausibility.

The vectors come from ``tests.support.meter_vectors``: a second transcription, encoders of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from config.profile import ModbusItem, Profile
from config.profiles import builtin_profiles
from config.vectors import Vector, VectorUnreadableError, builtin_vector, load_vector
from drivers.registry import drivers
from drivers.rehearsal import implausible, rehearse
from tests.support.meter_vectors import FOLDER, names, text
from tests.unit.drivers.dlt645_1997.vector import MADE as MADE_1997

PROFILES = list(builtin_profiles())
VOLTS = {"u_a": Decimal("231.2")}
LOAD = VOLTS | {
    "i_a": Decimal("12.5"),
    "p_a": Decimal("2.75"),
    "pf_a": Decimal("0.95"),
    "f": Decimal("50.02"),
}


def vector(name: str) -> Vector:
    data = builtin_vector(name)
    assert data is not None, f"{name} has no vector"
    return load_vector(data)


def codes(profile: Profile) -> set[str]:
    found = vector(profile.id)
    return {finding.code for finding in rehearse(profile, found, drivers()[found.protocol])}


@pytest.mark.parametrize("name", PROFILES)
def test_requests_and_samples_are_those_of_the_vector(name: str) -> None:
    found = vector(name)
    assert rehearse(builtin_profiles()[name], found, drivers()[found.protocol]) == ()


def test_vectors_are_as_computed_and_none_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == {*names(), *MADE_1997} == set(PROFILES)
    for name in names():
        assert (FOLDER / f"{name}.toml").read_text(encoding="utf-8") == text(name), name


@pytest.mark.parametrize("name", PROFILES)
def test_requests_stay_within_the_meters_limit(name: str) -> None:
    profile = builtin_profiles()[name]
    for case in vector(name).cases:
        for request, _ in case.exchanges:
            if profile.family == "modbus":
                assert 1 <= int.from_bytes(request[4:6], "big") <= profile.max_registers


def slips(profile: Profile) -> Iterator[tuple[str, Profile]]:
    """Each item with its words swapped, its scale ten times too large, its neighbour's address."""
    for number, item in enumerate(profile.modbus):
        other = "le" if item.order == "be" else "be"
        swapped: ModbusItem = replace(item, order="le" if other == "le" else "be")
        for kind, slip in (
            ("order", swapped if item.type not in ("u16", "i16", "sm16") else item),
            ("scale", replace(item, scale=item.scale * 10)),
            ("address", replace(item, address=item.address + 1)),
        ):
            if slip != item:
                items = (*profile.modbus[:number], slip, *profile.modbus[number + 1 :])
                yield f"{item.quantity} {kind}", replace(profile, modbus=items)
    for number, entry in enumerate(profile.dlt):
        wrong = replace(entry, scale=entry.scale * 10)
        yield (
            f"{entry.quantity} scale",
            replace(profile, dlt=(*profile.dlt[:number], wrong, *profile.dlt[number + 1 :])),
        )


@pytest.mark.parametrize("name", PROFILES)
def test_every_slip_of_one_item_goes_red(name: str) -> None:
    passed = [what for what, profile in slips(builtin_profiles()[name]) if not codes(profile)]
    assert passed == []


@pytest.mark.parametrize("name", ["eastron-sdm630", "chint-dtsu666", "acrel-adl400", "siemens-pac1600"])
def test_plausibility_alone_sees_swapped_words_and_slips_by_ten(name: str) -> None:
    """Also where somebody computed the expected samples with the mistake in them."""
    profile = builtin_profiles()[name]
    measured = {"u_a", "i_a", "p_a", "f"}
    seen = 0
    for what, wrong in slips(profile):
        quantity, kind = what.split()
        if quantity in measured and kind in ("order", "scale"):
            seen += 1
            assert codes(wrong) & {"SBX-PRF-020", "SBX-PRF-021", "SBX-PRF-022"}, what
    assert seen >= 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"u_a": Decimal("2312")}, "SBX-PRF-020"),
        ({"u_a": Decimal("23.12")}, "SBX-PRF-020"),
        ({"f": Decimal("500.2")}, "SBX-PRF-020"),
        ({"i_a": Decimal("125")}, "SBX-PRF-022"),
        ({"p_a": Decimal("27.5")}, "SBX-PRF-022"),
        ({"p_a": Decimal("-2.75"), "pf_a": Decimal("-0.95")}, None),  # a reversed transformer is no slip
        ({"p": Decimal("2.75"), "p_b": Decimal(0), "p_c": Decimal(0)}, None),
        ({"p": Decimal("27.5"), "p_b": Decimal(0), "p_c": Decimal(0)}, "SBX-PRF-021"),
        ({"i_a": Decimal(0), "p_a": Decimal(0)}, None),
    ],
)
def test_plausibility(change: dict[str, Decimal], code: str | None) -> None:
    found = {finding.code for finding in implausible(LOAD | change, Decimal(1))}
    assert code in found if code else not found


def test_a_wrong_vector_is_found_by_what_is_wrong() -> None:
    profile = builtin_profiles()["eastron-sdm120"]
    driver = drivers()["modbus-rtu"]
    sound = vector("eastron-sdm120")
    case = sound.cases[0]
    request, reply = case.exchanges[0]

    def found(**changes: object) -> set[str]:
        broken = replace(case, **changes)  # type: ignore[arg-type]  # each test names a field of the case
        cases = (broken, *sound.cases[1:])
        return {finding.code for finding in rehearse(profile, replace(sound, cases=cases), driver)}

    assert "SBX-PRF-010" in found(exchanges=((request[:-1] + b"x", reply), *case.exchanges[1:]))
    assert "SBX-PRF-011" in found(exchanges=((request, reply[:-1] + b"x"), *case.exchanges[1:]))
    assert "SBX-PRF-012" in found(samples={**case.samples, "u_a": "231.20"})
    assert "SBX-PRF-013" in found(exchanges=(*case.exchanges, (request, reply)))
    assert "SBX-PRF-014" in {f.code for f in rehearse(profile, replace(sound, cases=sound.cases[:1]), driver)}
    assert "SBX-PRF-015" in {f.code for f in rehearse(profile, replace(sound, address="0"), driver)}
    assert "SBX-PRF-016" in {f.code for f in rehearse(profile, replace(sound, profile="other"), driver)}
    assert found() == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('profile = "eastron-sdm120"', "profile = 1"),
        ("[meter]", "[metre]"),
        ('poll = "fast"', 'poll = "quick"'),
        ('protocol = "modbus-rtu"', 'protocol = "modbus-tcp"'),
        ('request = "01', 'request = "0g'),
        ('address = "1"', 'address = "1"\nct = "200"'),
        ('address = "1"', 'address = "1"\nbaud = "9600"'),
        ("[[case]]", "[[case"),
    ],
)
def test_a_vector_file_that_cannot_be_used_says_so(old: str, new: str) -> None:
    data = builtin_vector("eastron-sdm120")
    assert data is not None
    assert old.encode() in data
    with pytest.raises(VectorUnreadableError):
        load_vector(data.replace(old.encode(), new.encode(), 1))
