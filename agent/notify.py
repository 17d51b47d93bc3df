"""Words to systemd over ``$NOTIFY_SOCKET`` (sd_notify(3)); nothing happens where there is no systemd."""

from __future__ import annotations

import os
import socket


def tell(*lines: str) -> None:
    """Send e.g. ``READY=1`` or ``WATCHDOG=1``. A socket that is gone is no reason to stop reading meters."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto("\n".join(lines).encode(), address)
        except OSError:
            return
