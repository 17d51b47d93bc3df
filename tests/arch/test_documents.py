"""What README and docs show can be typed: ``./run`` verbs exist, ``sitebox`` lines pass the parser."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import parser, verbs
from tests.arch.tree import ROOT, none

PAGES = tuple(p for p in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if p.exists())
_CODE = re.compile(
    r"^```[^\n]*\n(?P<a>.*?)^```|`(?P<b>[^`\n]+)`|^ {4}(?P<c>[^\n]+)$", re.MULTILINE | re.DOTALL
)
_COMMAND = re.compile(r"^\s*(?:\$ |# |sudo )*(?:sudo )?(\./run|sitebox)(?:\s+(.*))?$", re.MULTILINE)
_SHORTENED = re.compile(r"\.\.\.|…|\[|<|\bARGS\b|\bVERB\b")


def commands(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, program, the rest) of each command in a code block or a code span."""
    for code in _CODE.finditer(text):
        kind = code.lastgroup or "a"
        for found in _COMMAND.finditer(code[kind]):
            line = text.count("\n", 0, code.start(kind) + found.start(1)) + 1
            yield line, found[1], re.split(r"\s[|>&;#]|\s{3,}", f" {found[2] or ''}")[0].strip()


def run_verbs() -> set[str]:
    """The verbs of the entry script."""
    script = (ROOT / "run").read_text(encoding="utf-8")
    return set(
        re.findall(
            r"^    ([a-z]+)(?: \|[^)]*)?\) [^;]+;", script[script.rindex("case $verb in") :], re.MULTILINE
        )
    )


def refusal(program: str, rest: str) -> str | None:
    """Why this command could not be typed, or None."""
    words = shlex.split(rest)
    if program == "./run" and words and words[0] not in run_verbs():
        return f"./run has no verb {words[0]}"
    words = (
        words[1:]
        if program == "./run" and words[:1] == ["sitebox"]
        else words
        if program == "sitebox"
        else []
    )
    if not words or _SHORTENED.search(rest):
        known = not words or words[0] in verbs() or _SHORTENED.match(words[0]) or words[0].startswith("-")
        return None if known else f"sitebox has no verb {words[0]}"
    try:
        parser("en").parse_args(words)
    except SystemExit as exit_:
        return None if exit_.code in (0, None) else "the parser refuses it"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_commands_shown_can_be_typed(page: Path) -> None:
    shown = commands(page.read_text(encoding="utf-8"))
    wrong = ((line, f"{program} {rest}", refusal(program, rest)) for line, program, rest in shown)
    none(f"{page.relative_to(ROOT)}:{line} {command}: {why}" for line, command, why in wrong if why)


def test_a_wrong_command_is_seen() -> None:
    block = "```\n$ ./run demo    # plays\n./run dmeo\nsitebox status --json | cat\n```\n"
    text = block + "`sitebox stauts`, `./run test -k x`\n\n    sitebox wtch\n    sitebox    # alone\n"
    found = [(line, refusal(program, rest)) for line, program, rest in commands(text)]
    assert [line for line, _ in found] == [2, 3, 4, 6, 6, 8, 9]
    assert [line for line, why in found if why] == [3, 6, 8]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_inside_the_tree_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    none(f"{page.relative_to(ROOT)}: {link}" for link in links if not (page.parent / link).exists())
