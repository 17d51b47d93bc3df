"""Drivers are found, not listed."""

from types import MappingProxyType

import pytest

from drivers import registry
from drivers.dlt645 import driver as dlt
from drivers.errors import DriverError
from drivers.modbus import driver as modbus


def test_folders_with_a_driver_are_found() -> None:
    found = registry.drivers()
    assert isinstance(found, MappingProxyType)
    assert found["modbus-rtu"] is found["modbus-tcp"] is modbus.DRIVER
    assert found["dlt645-2007"] is dlt.DRIVER


def test_two_drivers_for_one_protocol_are_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus.Modbus, "protocols", ("dlt645-2007",))
    registry.drivers.cache_clear()
    try:
        with pytest.raises(DriverError, match="two drivers speak dlt645-2007"):
            registry.drivers()
    finally:
        registry.drivers.cache_clear()
