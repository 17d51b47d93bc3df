"""One change of an alarm as people and programs outside the box get it: its record's fields and both texts.

::

    {"again":false,"alarm":{"code":"SBX-RUL-001","facts":{...},"i":812,"id":"pair","level":"alarm",...},
     "box":"SB-7F3A-92","held":0,"kind":"alarm","plant":"三号厂","text":{"en":{...},"zh":{...}},
     "up":{"alarm":1,"warning":0},"v":1}

A hint for the plant, unsigned: the evidence is the record with number ``i``. Pure; decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent.notices import Document
from config.messages import LANGUAGES, known_codes, text

VERSION: Final = 1
FIELDS: Final = ("id", "rule", "state", "level", "code", "subjects", "facts", "i", "t", "dur_ms")
MAX_BYTES: Final = 60_000  # below the 64 KiB that a pipe holds (pipe(7)): handing it over never waits


@dataclass(frozen=True, slots=True)
class Plant:
    """Who speaks."""

    box: str
    name: str


def document(record: Mapping[str, Any], plant: Plant, *, again: bool = False) -> Document:
    """``record``: an alarm record as it stands in the journal. ``again``: it was up before this start or
    connection, nothing changed now."""
    return {
        "v": VERSION,
        "kind": "alarm",
        "box": plant.box,
        "plant": plant.name,
        "alarm": {name: record[name] for name in FIELDS if name in record},
        "text": {lang: _words(record, lang) for lang in LANGUAGES},
        "again": again,
        "held": 0,
        "up": {},
    }


def trial(plant: Plant, notice: str) -> Document:
    """What a test of a notice sends: its state is "test", and no alarm of the plant has such an id."""
    record = {
        "id": "test",
        "rule": "test",
        "state": "test",
        "level": "warning",
        "code": "SBX-NTF-010",
        "subjects": [],
        "facts": {"notice": notice},
        "i": 0,
    }
    return document(record, plant)


def encode(found: Document) -> bytes:
    """One line of JSON, UTF-8, keys sorted. Texts too long for a pipe are left out, the record's fields
    stay."""
    line = _line(found)
    return line if len(line) <= MAX_BYTES else _line({**found, "text": {}})


def _line(found: Document) -> bytes:
    line = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return line.encode("utf-8", "backslashreplace") + b"\n"


def _words(record: Mapping[str, Any], lang: str) -> dict[str, str]:
    """What, why and next in one language; a code that this version does not know has none."""
    if record["code"] not in known_codes():
        return {}
    facts = {name: str(value) for name, value in record.get("facts", {}).items() if name != "lang"}
    found = text(record["code"], lang, **{**facts, "alarm": record["id"]})
    return {"what": found.what, "why": found.why, "next": found.next}
