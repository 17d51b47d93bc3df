"""The entry script: plain POSIX sh, two languages, honest exit codes."""

import os
import re
import shutil
import subprocess

import pytest

from tests.arch.tree import ROOT, none

SCRIPT = ROOT / "run"
SHELLS = ["sh", *(s for s in ("dash", "bash", "busybox") if shutil.which(s))]
VERBS = ("demo", "sitebox", "check", "test", "bench", "soak", "lock", "help")


def _run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "SITEBOX_"))}
    return subprocess.run(
        [SCRIPT, *arguments],
        env={**clean, "TERM": "xterm", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("path", ["run", ".ci/run"])
@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_it(path: str, shell: str) -> None:
    command = [shell, *(["sh"] if shell == "busybox" else []), "-n", str(ROOT / path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", ["run", ".ci/run"])
def test_it_is_posix(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert (ROOT / path).stat().st_mode & 0o111 == 0o111
    bashisms = re.compile(
        r"\[\[|(^|\s)local\s|\bfunction \w|<<<|\bsource\b|&>|\$'|\becho -[ne]|\(\(|\bdeclare\b|==\s"
    )
    words = re.compile(r"""'[^']*'|"[^"]*"|(^|\s)#.*""")  # quoted words and comments may say what they like
    none(line for line in text.splitlines() if bashisms.search(words.sub(" ", line)))


def test_help_names_every_verb_in_both_languages() -> None:
    english, chinese = _run("help", LANG="C.UTF-8"), _run("help", LANG="zh_CN.UTF-8")
    assert (english.returncode, chinese.returncode) == (0, 0)
    none(v for v in VERBS if v not in english.stderr or v not in chinese.stderr)
    assert "usage" in english.stderr
    assert "用法" in chinese.stderr


def test_the_language_can_be_chosen() -> None:
    assert "用法" in _run("help", LANG="C.UTF-8", SITEBOX_LANG="zh").stderr
    assert "usage" in _run("help", LANG="zh_CN.UTF-8", SITEBOX_LANG="en").stderr
    assert "usage" in _run("help", LANG="zh_CN.UTF-8", TERM="linux").stderr, (
        "that console has no Chinese glyphs"
    )


def test_an_unknown_verb_is_a_usage_error() -> None:
    assert _run("dmeo").returncode == 64


def test_the_header_and_the_cases_name_the_same_verbs() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    cases = re.findall(
        r"^    ([a-z]+)(?: \| -h \| --help)?\) ", text[text.index("case $verb in") :], re.MULTILINE
    )
    assert tuple(cases) == VERBS
    none(v for v in VERBS if not re.search(rf"^#   \./run {v}\b", text, re.MULTILINE))
