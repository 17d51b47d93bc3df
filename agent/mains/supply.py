"""A power supply of the kernel (a UPS, a charger) as source: ``<sysfs>/class/power_supply/<name>/online``.

Documentation/ABI/testing/sysfs-class-power of the kernel: 0 is offline, 1 online, 2 online with a
programmable voltage. Anything else is unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.mains import MainsUnknownError

_STATES: Final = {"0": False, "1": True, "2": True}
_MOST: Final = 16  # characters of a state


class Supply:
    """A ``Source``."""

    def __init__(self, sysfs: Path, name: str) -> None:
        self._name = name
        self._folder = sysfs / "class" / "power_supply" / name

    def read(self) -> bool:
        """SBX-PWR-001: there is no such supply; SBX-PWR-002: its state cannot be read."""
        try:
            with (self._folder / "online").open(encoding="ascii", errors="replace") as file:
                state = file.read(_MOST).strip()
        except FileNotFoundError as error:
            raise MainsUnknownError("SBX-PWR-001", supply=self._name) from error
        except OSError as error:  # a driver may refuse with EIO, ENODATA
            reason = error.strerror or type(error).__name__
            raise MainsUnknownError("SBX-PWR-002", supply=self._name, reason=reason) from error
        if state not in _STATES:
            raise MainsUnknownError("SBX-PWR-002", supply=self._name, reason=f"online = {state!a}")
        return _STATES[state]

    def close(self) -> None:
        """Nothing is held open."""
