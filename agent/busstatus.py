"""What status says of a bus: its port, what is worth knowing of it, and what happened on it, counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agent.check import Check
from drivers.bus import BusState
from drivers.counters import BusCounters

DEMO_ONLY = "SBX-SER-007"  # a pseudo terminal: no fault of a plant


@dataclass(frozen=True, slots=True)
class BusFacts:
    """One bus as it stands."""

    id: str
    state: BusState
    counters: BusCounters

    def checks(self) -> Iterator[Check]:
        """Its trouble, and its notice."""
        if self.state.code:
            args = {**self.state.facts, "bus": self.id}
            yield Check("bus", "fail", self.state.code, args, f"sitebox help {self.state.code}")
        elif self.state.notice and self.state.notice != DEMO_ONLY:
            args = {"bus": self.id}
            yield Check("bus", "warn", self.state.notice, args, f"sitebox help {self.state.notice}")

    def row(self) -> Mapping[str, Any]:
        """As plain data: the counts since start of the line, and of each of its meters."""
        return {
            "id": self.id,
            "open": self.state.open,
            "code": self.state.code,
            "notice": self.state.notice,
            "silent": list(self.state.silent),
            "reopened": self.counters.reopen,
            "line": asdict(self.counters.line),
            "meters": {name: asdict(counts) for name, counts in self.counters.meters.items()},
        }
