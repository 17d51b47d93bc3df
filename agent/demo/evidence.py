"""Evidence files on the stage: written, verified, forged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Forged:
    """An evidence file with one byte changed, and the block that must be named for it."""

    path: Path
    block: int


def export(stage: Stage, name: str) -> Path:
    """An evidence file of the whole journal."""
    path = stage.folder / name
    stage.processes.ask("agent.cli", "export", str(path), *stage.scenery.places)
    return path


def verify(stage: Stage, path: Path) -> Mapping[str, Any]:
    """What ``sitebox verify`` finds in a file, with the registered key and the platforms' keys."""
    words = ["verify", str(path), "--json", "--key", stage.scenery.identity]
    for key in stage.scenery.keys.values():
        words += ["--authority", key]
    done = stage.processes.ask("agent.cli", *words, good=(0, 1, 65))
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def forge(path: Path, name: str) -> Forged:
    """Copy an evidence file and change one digit of one value, as a forger would."""
    target = path.with_name(name)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        bodies = [item for item in source.namelist() if b'"u_a":"' in source.read(item)]
        victim = bodies[len(bodies) // 2]
        for item in source.namelist():
            data = source.read(item)
            copy.writestr(item, _changed(data) if item == victim else data)
    return Forged(target, int("".join(filter(str.isdigit, Path(victim).name))))


def _changed(body: bytes) -> bytes:
    """One digit of the last voltage made another one; the text stays sound JSON."""
    place = body.rindex(b'"u_a":"') + len(b'"u_a":"')
    return body[:place] + (b"1" if body[place : place + 1] != b"1" else b"2") + body[place + 1 :]
