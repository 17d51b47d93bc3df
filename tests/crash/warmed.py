"""What a warmed process does for the crash tests, each time in a forked child: see ``tests.support.warm``.

``python -m tests.crash.warmed FOLDER``, one JSON request a line, one answer a line::

    {"do": "live", "how": "b", "k": 17, "count": 1, "error": 0}    a short life with one fault of faults.c
        ->  {"end": "killed", "calls": null, "wrong": null}
    {"do": "wander", "seed": "5 3", "boot": 4, "log": "..."}       a random stretch of life under recorder.c
        ->  {"end": "finished"}
    {"do": "judge", "boot": 5, "marks": "..."}                     a start on FOLDER/box
        ->  {"wrong": null}

``end``: ``killed``, ``finished``, the code of the error that ended the life, or ``uncoded: ...``. ``wrong``:
the first broken promise. The oracle's notes of a short life lie outside FOLDER/box, so no fault meets them.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from buffer.errors import JournalError, KeyFault, StorageError
from buffer.fs import DISK
from tests.crash.writer import TellingDisk
from tests.support import children
from tests.support.life import Promises, judge, live, wander

Request = dict[str, Any]


def in_child(work: Callable[[], str]) -> str:
    """What ``work`` says in a forked child; ``killed`` if it was."""
    inward, outward = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(inward)
        os.write(outward, work().encode())
        os._exit(0)
    os.close(outward)
    with os.fdopen(inward, "rb") as answer:
        said = answer.read().decode()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    return said if status == 0 else f"uncoded: the child ended with {status}"


def verdict(box: Path, marks: Path, boot: int) -> str:
    """The first promise in ``marks`` that a start on ``box`` finds broken."""
    promised = Promises()
    children.take(promised, marks.read_bytes())
    try:
        return judge(DISK, promised, boot, root=box) or ""
    except JournalError as error:
        return f"does not start: {error!r}"


def _notes(path: Path) -> TellingDisk:
    return TellingDisk(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))


def _life(box: Path, marks: Path, fault: Request) -> str:
    library = ctypes.CDLL(None)
    disk = _notes(marks)
    library.faults_arm(
        os.fsencode(box),
        ctypes.c_char(fault["how"].encode()),
        ctypes.c_long(fault["k"]),
        ctypes.c_long(fault["count"]),
        fault["error"],
    )
    try:
        live(disk, box)
        said = "finished"
    except (StorageError, KeyFault) as error:
        said = error.code
    except OSError as error:
        # before there is a journal, and in the logbook, which is a view, the system's own error goes up
        said = f"system {error.errno}"
    return f"{said}|{library.faults_seen()}"


def do_live(folder: Path, request: Request) -> Request:
    """A short life from nothing, and what the next start says of it."""
    box, marks = folder / "box", folder / "marks"
    shutil.rmtree(box, ignore_errors=True)
    marks.write_bytes(b"")
    box.mkdir()
    end, _, calls = in_child(lambda: _life(box, marks, request)).partition("|")
    wrong = in_child(lambda: verdict(box, marks, 9))
    return {"end": end, "calls": int(calls) if calls else None, "wrong": wrong or None}


def do_wander(folder: Path, request: Request) -> Request:
    """A random stretch of life on what stands in FOLDER/box."""
    box = folder / "box"

    def stretch() -> str:
        ctypes.CDLL(None).recorder_start(os.fsencode(box), os.fsencode(request["log"]))
        wander(_notes(box / "marks"), box, request["boot"], random.Random(request["seed"]))
        return "finished"

    return {"end": in_child(stretch)}


def do_judge(folder: Path, request: Request) -> Request:
    """A start on what stands in FOLDER/box."""
    wrong = in_child(lambda: verdict(folder / "box", Path(request["marks"]), request["boot"]))
    return {"wrong": wrong or None}


DO = {"live": do_live, "wander": do_wander, "judge": do_judge}

if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(DO[asked["do"]](Path(sys.argv[1]), asked)), flush=True)
