"""The life of a bus's port: opened, lost, opened again after a doubling wait. Never reads or writes.

::

    closed --open--> open --PortError--> closed until now + 1, 2, 4 ... 30 s
                      | an exchange that did not lose the port: the waits begin at 1 s again
"""

from __future__ import annotations

from drivers.backoff import PORT
from drivers.counters import Tally
from drivers.port import Port, PortError


class Link:
    """One port, why it is closed, and when it is tried again."""

    def __init__(self, port: Port, tally: Tally) -> None:
        self.port = port
        self.fault: PortError | None = None
        self.shaky = False  # it was lost, and no exchange has ended since
        self._tally = tally
        self._backoff = PORT

    @property
    def again_ms(self) -> int:
        """When a closed port is tried next, mono ms."""
        return self._backoff.until_ms

    def opened(self, now_ms: int) -> bool:
        """Open the port if its time has come; True if that was done just now. Never raises."""
        if self.port.is_open or now_ms < self._backoff.until_ms:
            return False
        try:
            self.port.open()
        except PortError as fault:
            self.lost(fault)
            return False
        if self._backoff.active:
            self._tally.reopened()
        self.fault = None
        return True

    def lost(self, fault: PortError) -> None:
        """Close the port and wait longer than the last time."""
        self.port.close()
        self.fault = fault
        self._backoff, self.shaky = self._backoff.failed(self.port.now()), True

    def works(self) -> None:
        """An exchange ended without losing the port."""
        self._backoff, self.shaky = self._backoff.good(), False
