"""A question beside the polls, asked with patience: three times. What comes of it::

D1, whatever word          declined: asked three times but for "no such data", which is believed at once
silence, three times       what the meter answers live is asked, then the question once more:
                             answered, silence       declined, by silence: some meters refuse by it
                             silence                 the line failed
noise                      the line failed
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from config.profile import data_bytes
from drivers.dlt645.fetch import MeterLine, Outcome
from drivers.exchange import Answer, Exchange, MeterSpec
from drivers.samples import Quality

TRIES: Final = 3
_REGISTER: Final = "00010000"  # forward active total: what meters answer
Asked = Generator[Exchange, Answer, Outcome]


class LineFailedError(Exception):
    """A question failed for good; caught where the errand ends."""


class Asking:
    """Questions to one meter."""

    def __init__(self, spec: MeterSpec) -> None:
        self._line = MeterLine(spec.meter.address)
        items = {item.di.upper(): item for item in spec.profile.dlt}
        self._live = items.get(_REGISTER) or next(iter(items.values()))

    def fetch(self, di: str, expected: int, which: bytes = b"") -> Asked:
        """All the data of a DI, or why the meter has none. Raises LineFailedError."""
        silent = True
        for _ in range(TRIES):
            outcome = yield from self._line.fetch(di, expected, which)
            if isinstance(outcome, bytes) or outcome is Quality.UNSUPPORTED:
                return outcome
            silent = silent and outcome is Quality.NO_REPLY
        if silent and (yield from self._answers()):
            outcome = yield from self._line.fetch(di, expected, which)
            if outcome is Quality.NO_REPLY:
                return Quality.REFUSED
        if outcome is Quality.NO_REPLY or outcome is Quality.GARBLED:
            raise LineFailedError
        return outcome

    def _answers(self) -> Generator[Exchange, Answer, bool]:
        """Whether the meter says anything at all to what it is asked live."""
        outcome = yield from self._line.fetch(self._live.di, data_bytes(self._live))
        return outcome is not Quality.NO_REPLY and outcome is not Quality.GARBLED
