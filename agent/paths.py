"""Where a box keeps its things. One value, made once at start from the environment or the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """``config``: the folder of sitebox.toml; ``state`` survives everything; ``runtime`` a restart only;
    ``sysfs`` is the kernel's /sys, another folder in tests."""

    config: Path
    state: Path
    runtime: Path
    sysfs: Path = Path("/sys")

    @property
    def journal(self) -> Path:
        return self.state / "journal"

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def logbook(self) -> Path:
        return self.state / "logbook"

    @property
    def accepted(self) -> Path:
        return self.state / "accepted"

    @property
    def socket(self) -> Path:
        return self.runtime / "control.sock"


def find(
    config: str | None, state: str | None, runtime: str | None, env: Mapping[str, str] = os.environ
) -> Paths:
    """Command line first, then systemd's directories, then the usual places."""
    return Paths(
        Path(config or env.get("SITEBOX_CONFIG") or env.get("CONFIGURATION_DIRECTORY") or "/etc/sitebox"),
        Path(state or env.get("SITEBOX_STATE") or env.get("STATE_DIRECTORY") or "/var/lib/sitebox"),
        Path(runtime or env.get("SITEBOX_RUNTIME") or env.get("RUNTIME_DIRECTORY") or "/run/sitebox"),
        Path(env.get("SITEBOX_SYSFS") or "/sys"),
    )
