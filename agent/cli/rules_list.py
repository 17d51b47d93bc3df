"""``sitebox rules list``: the rules in force with their parameters, and how they judge now."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from agent.accepted import accept
from agent.cli.alarms import LEVELS
from agent.cli.shell import Shell
from agent.control import ask
from agent.errors import AgentError
from agent.explaining import parameters
from agent.rules.engine import all_rules

PART = SUB = "list"
ORDER = 5
HELP = "SBX-ALM-040"
_WORDS = {"violated": "SBX-ALM-041", "fine": "SBX-ALM-042", "unknown": "SBX-ALM-043"}
_TAGS = {"violated": "fail", "fine": "ok", "unknown": "warn"}
_ORDER = ("violated", "unknown", "fine")


def add(parser: argparse.ArgumentParser) -> None:
    """Nothing but the options of every verb."""
    del parser


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Asks the daemon for the verdicts; without one the parameters alone are shown."""
    del args
    config = accept(shell.paths.config, shell.paths.accepted).loaded.config
    verdicts = _verdicts(shell)
    rows = [
        {"parameters": parameters(config, rule.id), "verdicts": (verdicts or {}).get(rule.id)}
        for rule in all_rules(config)
    ]
    if shell.json:
        shell.data({"daemon": verdicts is not None, "rules": rows})
        return 0
    for row in rows:
        _print(row["parameters"] or {}, row["verdicts"], shell)
    if verdicts is None:
        shell.fault("SBX-SYS-010")
    return 0


def _verdicts(shell: Shell) -> Mapping[str, Mapping[str, str]] | None:
    try:
        found: Mapping[str, Mapping[str, str]] = ask(shell.paths.socket, "verdicts")["verdicts"]
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        return None
    return found


def _print(rule: Mapping[str, Any], verdicts: Mapping[str, str] | None, shell: Shell) -> None:
    worst = next((word for word in _ORDER if word in (verdicts or {}).values()), None)
    tag = "      " if worst is None else shell.tag(_TAGS[worst])
    shell.put(f"{tag} {rule['id']}  {rule['kind']}  {shell.say(LEVELS[rule['level']])}")
    rest = [
        f"{name} = {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in rule.items()
        if name not in ("id", "kind", "level")
    ]
    shell.tell(f"       {'; '.join(rest)}")
    for key, verdict in (verdicts or {}).items():
        if verdict != "fine":
            shell.put(f"       {key}: {shell.say(_WORDS[verdict])}")
