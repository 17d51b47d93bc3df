"""What the owner of a bus needs of its line, whatever that is. Types only; the ports are in `drivers.ports`.

::

    open --> configure, pause (silence), write, sleep, read ... --PortError--> close
"""

from __future__ import annotations

from typing import Protocol

from config.site import Line
from drivers.errors import DriverError


class PortError(DriverError):
    """The port failed. The bus catches it, closes the port, ends what is due as ``port``, reopens later."""

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts


class Port(Protocol):
    """What the owner of a bus needs of its line. Times are ms; every call may raise `PortError`."""

    serial_line: bool  # True: characters take wire time, and silence separates frames
    notice: str  # code of something worth saying once about this port, or ""
    grain_ms: float  # two instants may lie so much nearer than `moment` says: 1 on a clock of whole ms

    @property
    def is_open(self) -> bool:
        """True between a good ``open`` and ``close``."""

    def open(self) -> None:
        """Open; input from before is thrown away."""

    def close(self) -> None:
        """Close; never raises."""

    def configure(self, line: Line | None) -> None:
        """Ask for these settings; does nothing if they are in force. None: leave the line as it is."""

    def write(self, data: bytes) -> None:
        """Hand over all of ``data``."""

    def read(self, until_ms: float) -> bytes:
        """What came, as soon as something came; ``b""`` at ``until_ms``."""

    def pause(self, ms: float) -> bytes:
        """Keep quiet for ``ms`` (fractions count); ends early with the bytes if any come."""

    def sleep(self, ms: float) -> None:
        """Wait, and leave what comes meanwhile in the buffer: one wake-up for many bytes."""

    def now(self) -> int:
        """The monotonic clock, whole ms."""

    def moment(self) -> float:
        """The same as fine as the clock given is: to know how long the line has been silent already."""
