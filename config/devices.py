"""Takers for what a site file says of the machine itself: names the kernel gives, programs, alarm levels.

Like ``config.values`` they take one TOML value and raise Wrong and nothing else; whether the device or the
program is there is for the running daemon to see.

>>> kernel_name("red:alarm")
'red:alarm'
"""

from __future__ import annotations

import re

from config.values import Taker, Wrong, filled, path, shown, text

MAX_WORDS = 16  # of a command

# A file name under /sys/class: LED names are "devicename:colour:function" (Documentation/leds/leds-class.rst)
# and at most 63 characters (LED_MAX_NAME_SIZE of uapi/linux/uleds.h); supplies are "AC", "ups-mains.0".
_KERNEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:._+-]{0,62}")


def kernel_name(value: object) -> str:
    """The name of a device under a folder of /sys/class; no path."""
    taken = text(value)
    if not _KERNEL_NAME.fullmatch(taken):
        raise Wrong("SBX-CFG-047", value=taken)
    return taken


def program(value: object) -> tuple[str, ...]:
    """A command as a list of words, the program by its absolute path. No shell reads it."""
    if not isinstance(value, list) or not value:
        raise Wrong("SBX-CFG-048", value=shown(value))
    if len(value) > MAX_WORDS:
        raise Wrong("SBX-CFG-019", limit=MAX_WORDS)
    return (path(value[0]), *(text(word) for word in value[1:]))


def several(*options: str) -> Taker:
    """A list of some of these words, none twice."""

    def take(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Wrong("SBX-CFG-049", value=shown(value), choices=" ".join(options))
        taken = tuple(filled(word) for word in value)
        for word in taken:
            if word not in options:
                raise Wrong("SBX-CFG-024", value=word, choices=" ".join(options))
            if taken.count(word) > 1:
                raise Wrong("SBX-CFG-072", value=word)
        return taken

    return take
