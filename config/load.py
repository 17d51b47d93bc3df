"""Reads the site file: bytes in, one immutable value out, or every mistake at once.

::

    read_folder --> [(name, bytes)] --> load(files, profiles) --> Loaded(config, digest, text, warnings)
                                                          `-----> ConfigInvalid(problems)

``load`` does no IO on the site's files and never stops at the first mistake; nothing half-taken leaves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.canonical import canonical
from config.checks import check_parts
from config.errors import ConfigInvalid, Problem
from config.folder import read_files, read_toml
from config.merge import merge
from config.noticechecks import check_notices
from config.profile import Profile
from config.references import check_references
from config.rulechecks import check_rules
from config.shapes import SECTIONS
from config.site import SiteConfig
from config.source import Place, Problems, Tree, parse
from config.tables import Parts, build_parts
from config.warn import note_warnings
from config.wiretime import BusPlan, check_wire_time

SITE_FILE = "sitebox.toml"
FOLDER = "conf.d"
MAX_FILES = 64


@dataclass(frozen=True, slots=True)
class Loaded:
    """An accepted configuration. ``text`` is its canonical form with all defaults and the digests of the
    profiles used; ``digest`` is the SHA-256 of it, hex, as block headers quote it; ``plans``: each bus's wire
    time."""

    config: SiteConfig
    digest: str
    text: str
    warnings: tuple[Problem, ...]
    plans: tuple[BusPlan, ...] = ()


def load(files: Sequence[tuple[str, bytes]], profiles: Mapping[str, Profile]) -> Loaded:
    """Take the site file and its conf.d files, as (name, bytes). Raises ConfigInvalid with all mistakes."""
    problems = Problems()
    if not files:
        problems.add("SBX-CFG-007", Place(SITE_FILE, 0, ""), file=SITE_FILE)
    if len(files) > MAX_FILES:
        problems.add("SBX-CFG-017", Place(FOLDER, 0, ""), count=len(files), limit=MAX_FILES)
    trees = [parse(name, data, problems) for name, data in files[:MAX_FILES]]
    return _load_trees([tree for tree in trees if tree is not None], problems, profiles)


def _load_trees(trees: Sequence[Tree], problems: Problems, profiles: Mapping[str, Profile]) -> Loaded:
    unreadable = bool(problems.all())
    parts = build_parts(merge(trees, SECTIONS, problems), problems)
    if not unreadable:  # what an unread file declares would be reported as missing
        if not parts.tables["site"]:
            problems.add("SBX-CFG-018", Place(trees[0].file, 0, "site"))
        check_references(parts, profiles, problems)
        check_parts(parts, profiles, problems)
        check_rules(parts, profiles, problems)
        check_notices(parts, problems)
    config = _config(parts)
    if config is None or problems.all():
        raise ConfigInvalid(problems.all())
    warnings = Problems()
    plans = check_wire_time(config, profiles, parts, problems, warnings)
    if problems.all():
        raise ConfigInvalid(problems.all(), plans)
    note_warnings(config, profiles, parts, warnings)
    text = canonical(config, profiles)
    return Loaded(config, hashlib.sha256(text.encode()).hexdigest(), text, warnings.all(), plans)


def _config(parts: Parts) -> SiteConfig | None:
    if parts.site is None or parts.journal is None or parts.power is None:
        return None
    return SiteConfig(
        site=parts.site,
        buses=parts.buses,
        meters=parts.meters,
        points=parts.points,
        rules=parts.rules,
        uplinks=parts.uplinks,
        shifts=parts.shifts,
        issuers=parts.issuers,
        journal=parts.journal,
        notify=parts.notify,
        power=parts.power,
    )


def read_folder(path: Path) -> list[tuple[str, bytes]]:
    """``sitebox.toml`` and ``conf.d/*.toml``, sorted by name; names relative to the folder.

    Raises ConfigInvalid for what cannot be read."""
    return [*read_files([(SITE_FILE, path / SITE_FILE)]), *read_toml(path / FOLDER, FOLDER)]
