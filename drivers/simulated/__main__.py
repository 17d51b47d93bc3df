"""``python -m drivers.simulated``: run a plant file until SIGTERM.

Prints one line of JSON when every bus can be opened, and nothing else. The only place of the simulator that
reads a clock; everything else is given ``Times``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from drivers.simulated.control import Control
from drivers.simulated.plant import Plant, Times
from drivers.simulated.plantfile import PlantFileError, read

_EX_UNAVAILABLE, _EX_SOFTWARE, _EX_CONFIG = 69, 70, 78
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_failed: list[str] = []


def boot_times() -> Times:
    """This machine's clocks: CLOCK_BOOTTIME, as the journal's ``mono``, and the wall clock."""
    return Times(lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME), lambda: time.time_ns() // 1_000_000)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0 after SIGTERM or SIGINT, 78 plant file wrong, 69 a port is taken, 70 a thread failed."""
    parser = argparse.ArgumentParser(prog="python -m drivers.simulated", description="Simulated plant")
    parser.add_argument("--plant", type=Path, required=True, help="plant file, TOML")
    parser.add_argument("--control", type=Path, help="Unix socket for switches, one JSON object a line")
    parser.add_argument(
        "--truth", type=Path, help="write everything served to this file, one JSON object a line"
    )
    options = parser.parse_args(argv)
    try:
        spec = read(options.plant)
    except (PlantFileError, OSError) as error:
        sys.stderr.write(f"{options.plant}: {error}\n")
        return _EX_CONFIG
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    threading.excepthook = _end
    try:
        run(Plant(spec, boot_times(), truth=options.truth), options.control)
    except OSError as error:
        sys.stderr.write(f"{options.plant}: {error}\n")
        return _EX_SOFTWARE if _failed else _EX_UNAVAILABLE
    return _EX_SOFTWARE if _failed else 0


def run(plant: Plant, path: Path | None) -> None:
    """Serve until a signal; ``path``: of the control socket."""
    with plant:
        control = None if path is None else Control(path, plant.command)
        if control is not None:
            control.start()
        print(json.dumps(plant.ready), flush=True)  # noqa: T201 - the one line a starter waits for
        signal.sigwait(_SIGNALS)
        if control is not None:
            control.stop()


def _end(failure: threading.ExceptHookArgs) -> None:
    """A thread failed: a plant with a dead bus would look like silent meters, so the process ends."""
    _failed.append(str(failure.exc_value))
    sys.__excepthook__(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
