"""The vectors of the 1997 profiles are those computed here, and the driver does what they say."""

from __future__ import annotations

import pytest

from config.profiles import builtin_profiles
from config.vectors import builtin_vector, load_vector
from drivers.dlt645_1997 import DRIVER
from drivers.rehearsal import rehearse
from tests.unit.drivers.dlt645_1997.vector import MADE, text


@pytest.mark.parametrize("profile", MADE)
def test_the_vector_is_as_computed(profile: str) -> None:
    assert builtin_vector(profile) == text(profile).encode()


@pytest.mark.parametrize("profile", MADE)
def test_the_driver_does_what_the_vector_says(profile: str) -> None:
    assert rehearse(builtin_profiles()[profile], load_vector(text(profile).encode()), DRIVER) == ()


def test_each_profile_of_the_edition_has_one() -> None:
    known = {profile.id for profile in builtin_profiles().values() if profile.family == "dlt645-1997"}
    assert known == set(MADE)
