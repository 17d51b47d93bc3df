"""Pages of ``docs/`` that are made from the program, so that they cannot be out of date.

python -m tests.support.pages        writes docs/cli.md and docs/codes.md
"""

from __future__ import annotations

import os
from pathlib import Path

from agent.cli import parser, verbs
from config.messages import known_codes, template, text

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def cli() -> str:
    """Every verb with its usage and options, as the parser says it."""
    os.environ["COLUMNS"] = "100"
    lines = [
        "# Command line",
        "",
        "Made from the parser by `python -m tests.support.pages`; a test compares it. Exit codes: 0 fine; 1",
        "warnings, 2 failures for `status`, `alarms`, `read`, `demo`; `verify`: 0 authentic and complete, 1",
        "authentic with gaps, 65 not authentic, 66 unreadable; `orders`, `declare`: 65 refused;",
        "else sysexits: 64 usage, 66 no journal, 69 unavailable, 70 defect, 74 IO, 78 configuration.",
        "",
        "```",
        parser("en").format_help().strip(),
        "```",
        "",
    ]
    for name, module in verbs().items():
        lines += [
            f"## sitebox {name}",
            "",
            f"{text(module.HELP, 'en').what} / {text(module.HELP, 'zh').what}",
            "",
        ]
        lines += [(module.run.__doc__ or "").strip(), "", (module.add.__doc__ or "").strip(), ""]
    return "\n".join(lines)


def codes() -> str:
    """Every code with what, why and next, in both languages."""
    lines = [
        "# Codes",
        "",
        "Made from `config/messages/` by `python -m tests.support.pages`; `sitebox help CODE` says",
        "the same.",
        "",
    ]
    for code in known_codes():
        lines += [f"## {code}", ""]
        for lang in ("en", "zh"):
            found = template(code, lang)
            lines += [" | ".join(part for part in (found.what, found.why, found.next) if part), ""]
    return "\n".join(lines)


PAGES = {"cli.md": cli, "codes.md": codes}


def main() -> None:
    """Write them all."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())


if __name__ == "__main__":
    main()
