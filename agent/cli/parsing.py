"""The grammar's parser class, and argparse's own words in the person's language. Holds no verb."""

from __future__ import annotations

import argparse
import sys
from types import MappingProxyType
from typing import Final, NoReturn

from config.messages import text

EX_USAGE = 64

# What argparse says by itself, as it looks it up by gettext; what is not here stays English.
_WORDS: Final = MappingProxyType(
    {
        "usage: ": "SBX-CLI-240",
        "positional arguments": "SBX-CLI-241",
        "options": "SBX-CLI-242",
        "show this help message and exit": "SBX-CLI-243",
        "argument %(argument_name)s: %(message)s": "SBX-CLI-244",
        "expected one argument": "SBX-CLI-245",
        "expected at least one argument": "SBX-CLI-246",
        "invalid choice: %(value)r (choose from %(choices)s)": "SBX-CLI-247",
        "invalid %(type)s value: %(value)r": "SBX-CLI-248",
        "not allowed with argument %s": "SBX-CLI-249",
        "one of the arguments %s is required": "SBX-CLI-250",
        "the following arguments are required: %s": "SBX-CLI-251",
        "unrecognized arguments: %s": "SBX-CLI-252",
        "ambiguous option: %(option)s could match %(matches)s": "SBX-CLI-253",
        "ignored explicit argument %r": "SBX-CLI-254",
    }
)


def speak(lang: str) -> None:
    """Let argparse find its words in our catalogues: gettext would need compiled files in a system folder."""

    def word(message: str) -> str:
        code = _WORDS.get(message)
        blank = " " if message.endswith(" ") else ""
        return message if code is None else text(code, lang).what + blank

    argparse._ = word  # type: ignore[attr-defined]  # the name under which it has gettext


class Parser(argparse.ArgumentParser):
    """argparse ends usage errors with 2, which here means "failures found". ``shared`` are the options that
    every verb has; a verb with parts of its own gives them on."""

    shared: Parser | None = None
    lang = "en"

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def said(parser: argparse.ArgumentParser, code: str) -> str:
    """The text of a code in the language of the parser: for ``help=``."""
    return text(code, parser.lang if isinstance(parser, Parser) else Parser.lang).what
