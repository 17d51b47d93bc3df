"""``sitebox demo``: a plant, a box and two platforms, all real processes on the loopback, told as a story.

About a minute. Exit 0 only if every scene was as it should be; what to look at afterwards is printed last.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from agent.cli.shell import Shell
from agent.cli.table import table
from agent.clock import mono_ms
from agent.errors import AgentError

if TYPE_CHECKING:
    from agent.demo.stage import Stage

VERB = "demo"
ORDER = 55
HELP = "SBX-CLI-112"


def add(parser: argparse.ArgumentParser) -> None:
    """Where the demo keeps its files, the seed of its loads, ``--stay``: keep all running until Ctrl-C."""
    parser.add_argument("--folder", metavar="DIR")
    parser.add_argument("--seed", type=int, default=645)
    parser.add_argument("--stay", action="store_true")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: the story went as told; 2: it did not."""
    # Only here: certificates and processes are nothing that the other verbs should load.
    from agent.demo.stage import Stage
    from agent.demo.story import PLATFORMS, Story

    folder = Path(args.folder or tempfile.mkdtemp(prefix="sitebox-demo-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "etc").exists():
        raise AgentError("SBX-CFG-905", 73, path=folder / "etc")
    began_ms = mono_ms()

    def tell(level: str, code: str, words: Mapping[str, str]) -> None:
        at = f"{(mono_ms() - began_ms) / 1000:5.1f} s"
        head = f"{at}  {shell.tag(level)} " if level else f"{at}  == "
        shell.put(head + shell.say(code, **words))

    stage = Stage(folder, shell.lang, PLATFORMS, args.seed)
    signal.signal(signal.SIGTERM, _ended)
    try:
        story = Story(stage, tell)
        good = story.run()
        if good:
            _totals(stage, shell)
        if args.stay:
            _stay(stage, shell)
    finally:
        stage.close()
    _paths(folder, shell)
    shell.put(f"{shell.tag('ok' if good else 'fail')} {shell.say('SBX-DEM-090' if good else 'SBX-DEM-091')}")
    return 0 if good else 2


def _ended(number: int, frame: FrameType | None) -> None:
    """What the demo has started ends with it."""
    raise SystemExit(128 + number)


def _totals(stage: Stage, shell: Shell) -> None:
    """What was read, stored, sent and confirmed, as box and platforms say it."""
    status = stage.look.status()
    if status is None:
        return
    rows = [
        [
            uplink["id"],
            str(status["journal"]["records"]),
            str(status["journal"]["head"] + 1),
            str(uplink["sent"] + 1),
            str(uplink["confirmed"] + 1),
            str(stage.look.platform(uplink["id"])["stored"] + 1),
        ]
        for uplink in status["uplinks"]
    ]
    shell.put()
    columns = ("SBX-DEM-080", "SBX-DEM-081", "SBX-DEM-082", "SBX-DEM-083", "SBX-DEM-084", "SBX-DEM-085")
    head = [shell.say(code) for code in columns]
    for line in table(head, rows, right=range(1, 6)):
        shell.put(line)
    shell.put()


def _stay(stage: Stage, shell: Shell) -> None:
    shell.put(f"{shell.say('SBX-DEM-093')}: {stage.folder / 'sitebox'}")
    shell.put(shell.say("SBX-DEM-092"))
    with contextlib.suppress(KeyboardInterrupt):
        stage.wait_for(lambda: not stage.processes.alive("daemon"), 30 * 86_400)


def _paths(folder: Path, shell: Shell) -> None:
    for name in ("truth.jsonl", "daemon.log", "evidence.zip", "forged.zip"):
        if (folder / name).exists():
            shell.put(f"  {folder / name}")
    shell.put(f"  {folder / 'sitebox'} journal")
