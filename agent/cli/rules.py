"""``sitebox rules PART``: what the rules decide. One file ``rules_NAME.py`` a part; it is found by itself.

Such a file holds ``PART`` (its name), ``ORDER``, ``HELP`` (a message code), ``add(parser)`` and
``run(args, shell) -> int``, as the file of a verb does.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from types import ModuleType

import agent.cli
from agent.cli.parsing import Parser, said
from agent.cli.shell import Shell

VERB = "rules"
ORDER = 51
HELP = "SBX-SCN-902"


def parts() -> dict[str, ModuleType]:
    """Part -> module, in the order of ``ORDER``, then by name."""
    found = [
        importlib.import_module(f"agent.cli.{info.name}")
        for info in pkgutil.iter_modules(agent.cli.__path__)
        if info.name.startswith("rules_")
    ]
    return {module.PART: module for module in sorted(found, key=lambda m: (m.ORDER, m.PART))}


def add(parser: argparse.ArgumentParser) -> None:
    """``try FILE...``: play scenario files; see ``docs/scenarios.md``."""
    shared = parser.shared if isinstance(parser, Parser) else None
    subs = parser.add_subparsers(dest="part", metavar="PART", required=True, parser_class=Parser)
    for name, module in parts().items():
        what = said(parser, module.HELP)
        module.add(subs.add_parser(name, help=what, description=what, parents=[shared] if shared else []))


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Hand on to the part. ``try``: 0 all agree, 1 some differ, 65 a file has mistakes."""
    return int(parts()[args.part].run(args, shell))
