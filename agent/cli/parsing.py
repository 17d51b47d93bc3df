"""The grammar's parser class. Holds no verb."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

EX_USAGE = 64


class Parser(argparse.ArgumentParser):
    """argparse ends usage errors with 2, which here means "failures found". ``shared`` are the options that
    every verb has; a verb with parts of its own gives them on."""

    shared: Parser | None = None
    lang = "en"

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")
