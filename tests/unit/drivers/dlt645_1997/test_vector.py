"""The generic profile's vector is the one computed here, and the driver does what it says."""

from __future__ import annotations

from config.profiles import builtin_profiles
from config.vectors import builtin_vector, load_vector
from drivers.dlt645_1997 import DRIVER
from drivers.rehearsal import rehearse
from tests.unit.drivers.dlt645_1997.vector import PROFILE, text


def test_the_vector_is_as_computed() -> None:
    assert builtin_vector(PROFILE) == text().encode()


def test_the_driver_does_what_the_vector_says() -> None:
    assert rehearse(builtin_profiles()[PROFILE], load_vector(text().encode()), DRIVER) == ()
