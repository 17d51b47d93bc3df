"""``sitebox help CODE``: explains a code in both languages; without one it lists the verbs."""

from __future__ import annotations

import argparse

from agent.cli.shell import Shell
from agent.errors import AgentError
from config.messages import known_codes, text

VERB = "help"
ORDER = 80
HELP = "SBX-CLI-109"


def add(parser: argparse.ArgumentParser) -> None:
    """An optional code."""
    parser.add_argument("code", metavar="SBX-...", nargs="?")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0, or 64 for an unknown code."""
    if args.code is None:
        from agent.cli import verbs  # the verbs import this module: only at call time

        for name, module in verbs().items():
            shell.put(f"  {name:<9}{text(module.HELP, shell.lang).what}")
        return 0
    code = args.code.upper()
    if code not in known_codes():
        raise AgentError("SBX-CLI-004", 64, code=args.code)
    both = [text(code, lang) for lang in ("zh", "en")]
    if shell.json:
        shell.data(
            {
                lang: {"what": t.what, "why": t.why, "next": t.next}
                for lang, t in zip(("zh", "en"), both, strict=True)
            }
        )
        return 0
    shell.put(code)
    for found in both:
        for line in (found.what, found.why, found.next):
            if line:
                shell.put(f"  {line}")
    return 0
