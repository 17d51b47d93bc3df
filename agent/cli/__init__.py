"""The command line: ``sitebox VERB``. One file a verb in this folder; it is found by itself.

A verb module holds ``VERB`` (its name), ``ORDER``, ``HELP`` (a message code), ``add(parser)`` and
``run(args, shell) -> int``. No verb takes the bus or the journal from a running daemon: it asks over the
control socket, or reads the journal beside it.
Exit codes: 0 fine; 1 warnings, 2 failures for status-like verbs; sysexits otherwise (DESIGN 9).
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from agent.cli.parsing import Parser, speak
from agent.cli.shell import Shell, choose_lang
from agent.errors import AgentError
from agent.paths import find
from buffer.errors import JournalError
from config.messages import text

_WITH_WORD = ("--lang", "--config", "--state", "--runtime")  # options that take the next word


def verbs(only: str | None = None) -> dict[str, ModuleType]:
    """Verb name -> module, in the order of ``ORDER`` numbers, then by name. ``only``: just that one, if there
    is one of that name; to import them all takes longer than most of them run."""
    names = [name for _, name, _ in pkgutil.iter_modules(__path__) if name != "__main__"]
    found = [importlib.import_module(f"agent.cli.{name}") for name in names if only in (None, name)]
    named = [module for module in found if hasattr(module, "VERB")]
    if only is not None and not named:
        return verbs()
    return {module.VERB: module for module in sorted(named, key=lambda m: (m.ORDER, m.VERB))}


def parser(lang: str, known: Mapping[str, ModuleType] | None = None) -> Parser:
    """The grammar of the ``known`` verbs, of all by default: ``docs/cli.md`` is made from it."""
    speak(lang)
    everywhere = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    options = everywhere.add_argument_group(text("SBX-CLI-003", lang).what)
    options.add_argument("--lang", choices=("zh", "en"), help=text("SBX-CLI-010", lang).what)
    options.add_argument("--json", action="store_true", help=text("SBX-CLI-011", lang).what)
    options.add_argument("--config", metavar="DIR", help=text("SBX-CLI-012", lang).what)
    options.add_argument("--state", metavar="DIR", help=text("SBX-CLI-013", lang).what)
    options.add_argument("--runtime", metavar="DIR", help=text("SBX-CLI-014", lang).what)
    options.add_argument("--debug", action="store_true", help=text("SBX-CLI-015", lang).what)
    top = Parser(prog="sitebox", description=text("SBX-CLI-001", lang).what, parents=[everywhere])
    subs = top.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    for name, module in (verbs() if known is None else known).items():
        what = text(module.HELP, lang).what
        sub = subs.add_parser(name, help=what, description=what, parents=[everywhere])
        sub.shared, sub.lang = everywhere, lang
        module.add(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot write Chinese is no defect
            stream.reconfigure(errors="backslashreplace")
    lang = choose_lang(_early(arguments, "--lang"), os.environ)
    found = verbs(_verb(arguments))
    args = parser(lang, found).parse_args(arguments)
    verb = getattr(args, "verb", None) or "status"
    paths = find(getattr(args, "config", None), getattr(args, "state", None), getattr(args, "runtime", None))
    shell = Shell(lang, bool(getattr(args, "json", False)), paths, bare=getattr(args, "verb", None) is None)
    debug = bool(getattr(args, "debug", False))
    try:
        return int(found[verb].run(args, shell))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        shell.hush()
        return 0
    except (AgentError, JournalError, OSError) as error:
        if debug:
            raise
        return shell.failed(error)


def _verb(arguments: Sequence[str]) -> str | None:
    """The verb, as far as it can be seen without a grammar; None: only the whole grammar can tell."""
    words = iter(arguments)
    for word in words:
        if word in _WITH_WORD:
            next(words, None)
        elif not word.startswith("-"):
            return word
        elif not word.startswith(_WITH_WORD) and word not in ("--json", "--debug"):
            return None  # help, something shortened, something wrong
    return "status"


def _early(arguments: Sequence[str], option: str) -> str | None:
    """The language is needed before the parser that knows the option can be built."""
    for index, word in enumerate(arguments):
        if word == option and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(option + "="):
            return word.partition("=")[2]
    return None
