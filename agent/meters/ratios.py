"""Whether a meter's own transformer ratio changed: the usual way to falsify an electricity meter (ADR 0006).

::

    reading  ct 40            meter-event  what ratio  name ct  old 40  new 60  since_i <that reading>
    reading  ct 60  ------->

A ratio counts as the same as long as its number is (40 and 40.0). The last one is looked for in the journal
at start, so that a change while the box was off is seen as well. Only meters whose profile reads ``ct`` or
``pt`` have any. Raises no alarm and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice

from agent.history import newest_first
from buffer.block import is_live
from buffer.reader import JournalReader
from config.profile import RATIOS, Profile
from config.site import SiteConfig
from drivers.samples import PollResult

Key = tuple[str, str]  # meter, ct or pt
MOST_RECORDS = 50_000  # looked through at start: hours at least; a ratio not told for so long counts as new


class Ratios:
    """The last ratio of each meter that tells one. Owned by the recorder."""

    def __init__(self, last: Mapping[Key, Decimal] | None = None) -> None:
        self._last = dict(last or {})

    def changes(self, result: PollResult) -> Iterator[dict[str, object]]:
        """The fields of one ``meter-event`` for each ratio that is not the last one."""
        for sample in result.samples:
            if sample.quantity not in RATIOS or sample.value is None:
                continue
            old = self._last.get((result.meter, sample.quantity))
            self._last[result.meter, sample.quantity] = sample.value
            if old is not None and old != sample.value:
                yield {
                    "m": result.meter,
                    "what": "ratio",
                    "name": sample.quantity,
                    "old": f"{old:f}",
                    "new": f"{sample.value:f}",
                }


def told(config: SiteConfig, profiles: Mapping[str, Profile]) -> frozenset[Key]:
    """The ratios that the meters of a site tell."""
    return frozenset(
        (meter.id, item.quantity)
        for meter in config.meters
        for item in (*profiles[meter.profile].dlt, *profiles[meter.profile].modbus)
        if item.quantity in RATIOS
    )


def last_told(reader: JournalReader, wanted: frozenset[Key]) -> dict[Key, Decimal]:
    """The newest good value of each of ``wanted`` in the journal."""
    found: dict[Key, Decimal] = {}
    if not wanted:
        return found
    for record in islice(newest_first(reader), MOST_RECORDS):
        if record["k"] != "reading" or not is_live(record):
            continue
        for key in wanted - found.keys():
            if record["m"] == key[0] and key[1] in record["v"]:
                found[key] = Decimal(record["v"][key[1]])
        if found.keys() == wanted:
            break
    return found
