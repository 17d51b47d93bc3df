"""Notices: the plant itself is warned on the spot. Never evidence, never waited for.

::

    recorder --alarm record--> Announcer --document--> LED        pattern: steady, blink, dark
                                   |                -> command    the document on its standard input
                                   +--------------------> uplinks with ``levels``

Each notice has a thread of its own; what to show or run, and when, is decided by pure parts (``board``,
``course``), the shells ``led`` and ``command`` only do it. A notice that cannot do its work is a coded line
of the status: it stops nobody, least of all the daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.check import Check

Document = Mapping[str, Any]  # one change of an alarm in words and fields: ``agent.notices.document``


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a notice went: ``code`` says it, ``facts`` fill its words; ``ok`` whether it reached the world."""

    ok: bool
    code: str
    facts: Mapping[str, str] = field(default_factory=dict)


class Notice(Protocol):
    """``run`` belongs to the notice's own thread; everything else may be called from any."""

    kind: str

    def tell(self, document: Document) -> None:
        """An alarm of one of its levels changed. Never waits."""

    def test(self) -> Outcome | None:
        """Show or run it once for a person, and how that went; None when it was not done in time."""

    def checks(self) -> tuple[Check, ...]:
        """What is wrong with it now."""

    def row(self) -> dict[str, Any]:
        """How it stands, as plain data."""

    def run(self, stop: threading.Event) -> None:
        """Do its work until ``stop``."""
