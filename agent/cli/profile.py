"""``sitebox profile list|show|test``: what meter models this box knows, and whether their profiles hold.

``test`` plays the vectors of a profile; of a site's own file those in ``vectors/`` beside it. Needs no meter,
no daemon and no root, and changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.cli.config import show_problems
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.errors import AgentError
from config.errors import ConfigInvalid
from config.folder import read_files
from config.profile import DltItem, Item, ModbusItem, Profile
from config.profiles import builtin_profiles, load_profile, site_profiles
from config.quantities import QUANTITIES
from config.vectors import Vector, VectorUnreadableError, builtin_vector, load_vector
from drivers.registry import drivers
from drivers.rehearsal import Finding, rehearse

VERB = "profile"
ORDER = 51
HELP = "SBX-PRF-001"
EX_USAGE = 64
EX_DATAERR = 65
EX_CONFIG = 78


@dataclass(frozen=True, slots=True)
class Known:
    """A profile and its vector file: ``vector`` None where there is none at ``path``."""

    profile: Profile
    path: str
    vector: bytes | None


def add(parser: argparse.ArgumentParser) -> None:
    """``list`` is the default; ``test`` without a name tests every profile."""
    actions = ("list", "show", "test")
    parser.add_argument("action", choices=actions, nargs="?", default="list")
    parser.add_argument("profile", nargs="?", metavar="ID|FILE")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: fine; 1: ``test`` found a profile without vectors; 2: ``test`` found one that does not hold; 64: no
    such profile; 65: a vector file that cannot be used; 78: a profile with mistakes."""
    try:
        known = _known(args.profile, shell)
    except ConfigInvalid as invalid:
        if shell.json:
            shell.data({"ok": False, "problems": [problem.code for problem in invalid.problems]})
        show_problems(invalid.problems, shell)
        return EX_CONFIG
    if args.action == "test":
        return _test(known, shell)
    if args.action == "show":
        if args.profile is None:
            raise AgentError("SBX-PRF-002", EX_USAGE, id="-")
        return _show(known[0].profile, shell)
    return _list([one.profile for one in known], shell)


def _known(name: str | None, shell: Shell) -> list[Known]:
    """The one named, or all: built in, and the site's own."""
    if name is not None and name.endswith(".toml"):
        path = Path(name)
        ((_, data),) = read_files([(path.name, path)])
        return [_own(load_profile(path.name, data), path.parent)]
    folder = shell.paths.config / "profiles"
    own = site_profiles(folder)
    if name is not None and name not in own and name not in builtin_profiles():
        raise AgentError("SBX-PRF-002", EX_USAGE, id=name)
    everything = [_built_in(one) for one in builtin_profiles().values()]
    everything += [_own(one, folder) for one in own.values()]
    return [one for one in everything if name in (None, one.profile.id)]


def _built_in(profile: Profile) -> Known:
    return Known(profile, f"profiles/vectors/{profile.id}.toml", builtin_vector(profile.id))


def _own(profile: Profile, folder: Path) -> Known:
    path = folder / "vectors" / f"{profile.id}.toml"
    return Known(profile, str(path), path.read_bytes() if path.is_file() else None)


def confidence(profile: Profile) -> str:
    """That of the weakest source."""
    return max((source.confidence for source in profile.sources), default="C")


def _list(profiles: list[Profile], shell: Shell) -> int:
    if shell.json:
        shell.data({"profiles": [_head(one) for one in profiles]})
        return 0
    rows = [[one.id, one.family, confidence(one), one.title] for one in profiles]
    for line in table(shell.say("SBX-PRF-009").split(";"), rows):
        shell.put(line)
    return 0


def _head(profile: Profile) -> dict[str, object]:
    return {
        "id": profile.id,
        "title": profile.title,
        "protocol": profile.family,
        "confidence": confidence(profile),
        "note": profile.note,
        "digest": profile.digest,
    }


def _show(profile: Profile, shell: Shell) -> int:
    items: tuple[Item, ...] = (*profile.dlt, *profile.modbus)
    rows = [_row(item) for item in items]
    if shell.json:
        names = ("quantity", "unit", "from", "poll", "scale", "ratio")
        sources = [{"title": one.title, "confidence": one.confidence} for one in profile.sources]
        found = [dict(zip(names, row, strict=True)) for row in rows]
        shell.data(_head(profile) | {"ratios": profile.ratio_source, "sources": sources, "items": found})
        return 0
    shell.put(f"{profile.id}: {profile.title}")
    for line in table(shell.say("SBX-PRF-030").split(";"), rows):
        shell.put(line)
    shell.put(f"{shell.say('SBX-PRF-033')}: {_ratios(profile, items, shell)}")
    if profile.note:
        shell.put(f"{shell.say('SBX-PRF-032')}: {profile.note}")
    for source in profile.sources:
        shell.put(f"{shell.say('SBX-PRF-031')} {source.confidence}: {source.title}")
    return 0


def _ratios(profile: Profile, items: tuple[Item, ...], shell: Shell) -> str:
    if all(item.ratio == "none" for item in items):
        return shell.say("SBX-PRF-036")
    return shell.say("SBX-PRF-035") if profile.ratio_source == "meter" else shell.say("SBX-PRF-034")


def _row(item: Item) -> list[str]:
    place = "-"
    if isinstance(item, DltItem):
        part = f" {item.nth}/{item.of}" if item.of > 1 else ""
        part = part if item.bit is None else f" bit {item.bit}"
        place = f"{item.di} {'S' if item.signed else ''}{item.format}{part}"
    elif isinstance(item, ModbusItem):
        order = " le" if item.order == "le" else ""
        place = f"{item.fc:02d} 0x{item.address:04X} {item.type}{order}"
    return [item.quantity, QUANTITIES[item.quantity].unit, place, item.poll, f"{item.scale:f}", item.ratio]


def _test(known: list[Known], shell: Shell) -> int:
    """Play every vector; the worst result is the exit status."""
    worst = 0
    told: list[Mapping[str, object]] = []
    for one in known:
        status, findings = _one(one, shell)
        worst = max(worst, status)
        plain = [{"code": f.code, "case": f.case, **f.args} for f in findings]
        told.append({"id": one.profile.id, "ok": status == 0, "status": status, "findings": plain})
    if shell.json:
        shell.data({"ok": worst == 0, "profiles": told})
    return worst


def _one(known: Known, shell: Shell) -> tuple[int, tuple[Finding, ...]]:
    name = known.profile.id
    if known.vector is None:
        return _say(shell, "warn", "SBX-PRF-004", id=name, path=known.path), ()
    try:
        vector = load_vector(known.vector)
    except VectorUnreadableError as error:
        shell.fault("SBX-PRF-005", path=known.path, reason=error.reason)
        return EX_DATAERR, ()
    findings = rehearse(known.profile, vector, drivers()[vector.protocol])
    for finding in findings:
        if not shell.json:
            shell.put(f"       {finding.code} ({finding.case}) {shell.say(finding.code, **finding.args)}")
    if findings:
        return _say(shell, "fail", "SBX-PRF-006", id=name, count=len(findings)), findings
    return _say(shell, "ok", "SBX-PRF-003", id=name, **_counts(vector)), ()


def _counts(vector: Vector) -> dict[str, int]:
    return {
        "cases": len(vector.cases),
        "exchanges": sum(len(case.exchanges) for case in vector.cases),
        "samples": sum(len(case.samples) for case in vector.cases),
    }


def _say(shell: Shell, level: str, code: str, **args: object) -> int:
    if not shell.json:
        shell.put(f"{shell.tag(level)} {shell.say(code, **args)}")
    return {"ok": 0, "warn": 1, "fail": 2}[level]
