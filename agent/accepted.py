"""Which configuration counts: the files if they are sound, else the last one that was (DESIGN 9, 11).

The daemon keeps a sound one, whole, as one file in the state folder once the journal names it, where the card
has room for it; a bad one never replaces it. Only a box that never had a good one refuses to start (exit 78).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.errors import AgentError
from buffer.fs import DISK, write_whole
from config.errors import ConfigInvalid, Problem
from config.folder import Files, read_toml
from config.load import Loaded, load, read_folder
from config.profile import Profile
from config.profiles import builtin_profiles, take_profiles

Sound = tuple[Loaded, Mapping[str, Profile]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The configuration in force; ``problems`` are those of the files when ``last_good`` had to be taken,
    ``files`` what is to be kept of others."""

    loaded: Loaded
    profiles: Mapping[str, Profile]
    last_good: bool
    problems: tuple[Problem, ...] = ()
    files: tuple[Files, Files] | None = None
    before: str | None = None  # canonical text of the last good one before this, as the state folder has it


def read(config: Path) -> tuple[Files, Files]:
    """The site files and the site's own profiles, as bytes. Raises ConfigInvalid for what cannot be read."""
    return read_folder(config), read_toml(config / "profiles", "profiles")


def parse(files: Files, profiles: Files) -> Sound:
    """Both together; raises ConfigInvalid with the mistakes of all files."""
    try:
        known = {**builtin_profiles(), **take_profiles(profiles)}
    except ConfigInvalid as invalid:
        problems = list(invalid.problems)
        try:
            load(files, builtin_profiles())
        except ConfigInvalid as more:
            problems += more.problems
        raise ConfigInvalid(problems) from None
    return load(files, known), known


def accept(config: Path, kept: Path) -> Accepted:
    """Load the files, or else the last good ones. Writes nothing. Raises ConfigRefusedError (78)."""
    try:
        files, profiles = read(config)
        loaded, known = parse(files, profiles)
    except ConfigInvalid as invalid:
        return _last_good(kept, invalid.problems)
    return Accepted(loaded, known, False, files=(files, profiles), before=_text_of(kept))


def _text_of(kept: Path) -> str | None:
    """What was kept, as canonical text; None where it cannot be understood any more."""
    try:
        return _kept(kept)[0].text
    except (OSError, ValueError, KeyError, TypeError, ConfigInvalid):
        return None


def _kept(kept: Path) -> Sound:
    whole = json.loads(kept.read_bytes())
    files, profiles = (
        [(name, text.encode()) for name, text in whole[part]] for part in ("files", "profiles")
    )
    return parse(files, profiles)


def keep(accepted: Accepted, kept: Path) -> str:
    """Keep its files as the last good ones; gives why that was not possible, or "": a full card stops no
    supervision."""
    if accepted.files is None:
        return ""
    files, profiles = map(_texts, accepted.files)
    data = json.dumps({"files": files, "profiles": profiles}, ensure_ascii=False).encode()
    try:
        if kept.read_bytes() == data:
            return ""
    except OSError:  # not there, or not readable: written anew
        pass
    try:
        DISK.make_folder(kept.parent, 0o750)
        write_whole(DISK, kept, data, 0o640)
    except OSError as error:
        return str(error)
    return ""


def _texts(files: Files) -> list[list[str]]:
    return [[name, data.decode("utf-8")] for name, data in files]


def _last_good(keep: Path, problems: tuple[Problem, ...]) -> Accepted:
    try:
        return Accepted(*_kept(keep), True, problems)
    except FileNotFoundError:
        raise ConfigRefusedError(problems) from None
    except (ValueError, KeyError, TypeError, ConfigInvalid):
        raise ConfigRefusedError(problems) from None


class ConfigRefusedError(AgentError):
    """Neither the files nor a last good configuration can be used; the daemon ends with 78."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("SBX-CFG-902", 78, count=len(problems))
        self.problems = problems
