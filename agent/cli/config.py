"""``sitebox config check|show|init|add``: judge the files without touching the running daemon."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from agent.accepted import parse, read
from agent.cli import wireplan
from agent.cli.parsing import said
from agent.cli.shell import Shell
from agent.errors import AgentError
from agent.proposal import KEPT, Scanned, declare
from buffer.fs import DISK, write_whole
from config.errors import ConfigInvalid, Problem
from config.folder import Files
from config.load import Loaded
from config.messages import render
from config.wiretime import BusPlan

VERB = "config"
ORDER = 50
HELP = "SBX-CLI-116"
EX_USAGE = 64
EX_NOINPUT = 66
EX_CONFIG = 78


def add(parser: argparse.ArgumentParser) -> None:
    """``check`` is the default; ``add`` takes the numbers of the meters that ``scan`` found."""
    actions, told = ("check", "show", "init", "add"), said(parser, "SBX-CLI-223")
    parser.add_argument("action", choices=actions, nargs="?", default="check", help=told)
    parser.add_argument("numbers", metavar="N", nargs="*", type=int, help=said(parser, "SBX-CLI-224"))


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: sound; 1: sound with warnings; 78: mistakes, the running configuration is unchanged."""
    if args.numbers and args.action != "add":
        raise AgentError("SBX-CFG-912", EX_USAGE, action=args.action)
    if args.action == "init":
        return _init(shell)
    try:
        if args.action == "add":
            return _add(args.numbers, shell)
        loaded = _load(shell)
    except ConfigInvalid as invalid:
        plans = [plan for plan in invalid.plans if isinstance(plan, BusPlan)]
        if shell.json:
            problems = [_plain(problem, shell) for problem in invalid.problems]
            shell.data({"ok": False, "problems": problems, "buses": wireplan.plain(plans)})
        show_problems(invalid.problems, shell)
        for line in () if shell.json else wireplan.lines(plans, shell):
            shell.put(line)
        shell.fault("SBX-CFG-904", count=len(invalid.problems))
        return EX_CONFIG
    if args.action == "show":
        shell.put(json.dumps(json.loads(loaded.text), ensure_ascii=False, indent=2))
        return 0
    return _check(loaded, shell)


def _load(shell: Shell) -> Loaded:
    try:
        loaded, _ = parse(*read(shell.paths.config))
    except OSError as error:
        raise AgentError("SBX-CFG-901", EX_CONFIG, reason=str(error)) from error
    return loaded


def _check(loaded: Loaded, shell: Shell) -> int:
    config = loaded.config
    if shell.json:
        warnings = [_plain(problem, shell) for problem in loaded.warnings]
        buses = wireplan.plain(loaded.plans)
        shell.data({"ok": True, "digest": loaded.digest, "warnings": warnings, "buses": buses})
    else:
        for line in wireplan.lines(loaded.plans, shell):
            shell.put(line)
        for problem in loaded.warnings:
            shell.put(f"{shell.tag('warn')} {render(problem, shell.lang)}")
        counts = {
            "meters": len(config.meters),
            "buses": len(config.buses),
            "rules": len(config.rules),
            "uplinks": len(config.uplinks),
        }
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-CFG-903', **counts)}")
    return 1 if loaded.warnings else 0


def show_problems(problems: Sequence[Problem], shell: Shell) -> None:
    """Each mistake as ``file:line key: what, why, how to mend``, on stderr."""
    for problem in problems:
        shell.complain(render(problem, shell.lang))


def _plain(problem: Problem, shell: Shell) -> dict[str, object]:
    return {
        "code": problem.code,
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "text": render(problem, shell.lang),
    }


def _init(shell: Shell) -> int:
    """Write the commented example; never over an existing configuration."""
    target = shell.paths.config
    if (target / "sitebox.toml").exists():
        raise AgentError("SBX-CFG-905", 73, path=target / "sitebox.toml")
    example = Path(str(files("config").joinpath("example")))
    written = []
    for source in sorted(example.rglob("*.toml")):
        written.append(path := target / source.relative_to(example))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    show_written(written, shell)
    return 0


def show_written(paths: Sequence[Path], shell: Shell) -> None:
    """One line a file, or the one object of ``--json``."""
    if shell.json:
        shell.data({"ok": True, "wrote": [str(path) for path in paths]})
    for path in () if shell.json else paths:
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-CFG-906', path=path)}")


def _add(numbers: Sequence[int], shell: Shell) -> int:
    """Write meters of the last scan to a new file of conf.d, if all files together are sound with it."""
    try:
        scanned = Scanned.take(shell.paths.runtime)
    except (OSError, ValueError) as error:
        raise AgentError("SBX-CFG-907", EX_NOINPUT, path=shell.paths.runtime / KEPT) from error
    loaded, profiles = parse(*read(shell.paths.config))
    site = (loaded.config.buses, loaded.config.meters)
    lines = declare(scanned, site, profiles, shell.say)
    for number in numbers or [0]:
        if number not in lines.numbers():
            raise AgentError("SBX-CFG-908", EX_USAGE, number=number)
    text = lines.text(dict.fromkeys(numbers)) + "\n"
    written = add_file(text, "scan", shell)
    show_written(written, shell)
    if "\n# ct =" in text or "\n# pt =" in text:
        shell.warn("SBX-CFG-910", path=written[-1])
    if not shell.json:
        shell.tell(shell.say("SBX-CFG-911"))
    return 0


def add_file(data: str, called: str, shell: Shell, instead: Files | None = None) -> list[Path]:
    """A new file of conf.d (none for empty ``data``), if all files together are sound with it; ``instead``
    stand for the files of the same names. Gives the paths written. Raises ConfigInvalid, and writes none."""
    files, profiles = read(shell.paths.config)
    changed = [(name, new) for name, new in instead or () if new != dict(files).get(name)]
    whole = [(name, dict(instead or ()).get(name, old)) for name, old in files]
    taken = {name for name, _ in files}
    names = (f"conf.d/{number}-{called}.toml" for number in range(50, 100))
    name = next(name for name in names if name not in taken)
    added = [(name, data.encode())] if data else []
    parse([*whole, *added], profiles)
    written = []
    for name, new in (*changed, *added):
        written.append(path := shell.paths.config / name)
        path.parent.mkdir(exist_ok=True)
        write_whole(DISK, path, new, 0o644)
    return written
