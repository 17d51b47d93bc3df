"""Whether the plant's mains is there, told by something that is no meter: ``[power]`` of the site file.

::

    supply | gpio --read each second--> Debounce --change--> inbox --> record "mains", engine.mains(on, at_ms)
             `--- cannot be read: unknown, never "off"

A plant whose feeder is cut and a line of meters that is torn off look alike to the meters; this tells them
apart. Knows no rule, writes no record.
"""

from __future__ import annotations

from typing import Protocol

from agent.errors import AgentError


class MainsUnknownError(AgentError):
    """The source is missing or unreadable. ``watch`` catches it: unknown, shown by status, tried again."""


class Source(Protocol):
    """One place to look. Used by one thread."""

    def read(self) -> bool:
        """Whether the mains is there. MainsUnknownError."""

    def close(self) -> None:
        """Let go of it; ``read`` takes it up again."""
