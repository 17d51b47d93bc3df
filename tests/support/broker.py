"""A real mosquitto with mutual TLS and an access list, on a free loopback port; killed and restarted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from agent.demo.broker import BrokerPlan, find_mosquitto, free_port, write
from tests.support.pki import Files, Pki

PLATFORM = "platform"
needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


class Broker:
    """``kill`` is SIGKILL; ``start`` again uses the same port and the same store."""

    def __init__(self, folder: Path, pki: Pki, server: Files | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.pki = pki
        self.port = free_port()
        files = server or pki.server()
        user = "root" if os.geteuid() == 0 else None
        self.plan = BrokerPlan(folder, self.port, files.ca, files.cert, files.key, user)
        self.config = write(self.plan, PLATFORM)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        program = find_mosquitto()
        assert program is not None
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", self.config], stdout=log, stderr=log)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
            time.sleep(0.05)
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None
