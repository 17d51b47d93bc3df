"""A platform for tests: a real broker, and a real receiver process beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from config import site
from tests.support.broker import PLATFORM, Broker
from tests.support.journals import BOX, IDENTITY
from tests.support.pki import Files, Pki

ROOT = Path(__file__).resolve().parents[2]


class Platform:
    """``authority`` names it. Started and stopped part by part; everything lies in ``folder``."""

    def __init__(self, folder: Path, authority: str = "city", server: Files | None = None) -> None:
        self.folder = folder
        self.authority = authority
        self.pki = Pki(folder / "pki")
        self.broker = Broker(folder / "broker", self.pki, server)
        self.files = self.pki.client(PLATFORM)
        self.box_files = self.pki.client(BOX)
        self.config = folder / "receiver.toml"
        (folder / "boxes").mkdir()
        (folder / "boxes" / f"{BOX}.vkey").write_text(f"{IDENTITY.verifier}\n")
        self.config.write_text(
            f'authority = "{authority}"\nstate = "{folder / "state"}"\nboxes = "{folder / "boxes"}"\n'
            f'[broker]\nhost = "localhost"\nport = {self.broker.port}\nca = "{self.files.ca}"\n'
            f'cert = "{self.files.cert}"\nkey = "{self.files.key}"\n'
        )
        self.key = self.ask("key").strip()
        self._receiver: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Platform:
        self.broker.start()
        self.start_receiver()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_receiver()
        self.broker.stop()

    def uplink(self, **changes: Any) -> site.Uplink:
        """The configuration of the box's uplink to here."""
        settings: dict[str, Any] = {
            "id": self.authority,
            "kind": "mqtt",
            "host": "localhost",
            "port": self.broker.port,
            "ca": str(self.box_files.ca),
            "cert": str(self.box_files.cert),
            "key": str(self.box_files.key),
            "platform_key": self.key,
            "backlog_delay_s": 0,
            "reconnect_max_s": 1,
            **changes,
        }
        return site.Uplink(**settings)

    def start_receiver(self) -> None:
        words = [sys.executable, "-m", "receiver.service", "--config", str(self.config)]
        with (self.folder / "receiver.log").open("ab") as log:
            begin = log.tell()
            self._receiver = subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT, env=_env())
        for _ in range(400):
            said = (self.folder / "receiver.log").read_bytes()[begin:]
            if b"SBX-RCV-008" in said:
                return
            assert self._receiver.poll() is None, said
            time.sleep(0.05)
        raise AssertionError("the receiver does not come up")

    def stop_receiver(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._receiver is not None:
            self._receiver.send_signal(how)
            self._receiver.wait(20)
            self._receiver = None

    def ask(self, *words: str, good: tuple[int, ...] = (0,)) -> str:
        """A verb of ``sitebox-receiver``."""
        call = [sys.executable, "-m", "receiver.service", *words, "--config", str(self.config)]
        done = subprocess.run(call, capture_output=True, cwd=ROOT, env=_env(), timeout=60)
        assert done.returncode in good, done.stderr.decode()
        return done.stdout.decode()

    def status(self) -> dict[str, Any]:
        """The row of the box; empty while it was never heard."""
        boxes = json.loads(self.ask("status", "--json", good=(0, 1, 2)))["boxes"]
        found: dict[str, Any] = next((row for row in boxes if row["box"] == BOX), {})
        return found


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "SITEBOX_LANG": "en"}
