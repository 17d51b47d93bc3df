"""The stage of the demo and of the end-to-end tests: starts, stops and kills the real processes, and looks.

Every process writes its output to a file in the folder; nothing outside the folder is touched, and all listen
on the loopback only. Questions are asked the way a person would: the control socket, ``sitebox-receiver``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.control import ask
from agent.demo import plant
from agent.demo.broker import broker_config, find_mosquitto
from agent.demo.pki import Authority
from agent.errors import AgentError

PATIENCE_S = 0.2


@dataclass(frozen=True, slots=True)
class Forged:
    """An evidence file with one byte changed, and the block that must be named for it."""

    path: Path
    block: int


class Stage:
    """One folder, one plant, one box, some platforms."""

    def __init__(self, folder: Path, lang: str, platforms: Sequence[str], seed: int) -> None:
        self.folder = folder
        self._lang = lang
        self._seed = seed
        self._platforms = tuple(platforms)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: free_port() for name in (*platforms, "meter")}
        self._keys: dict[str, str] = {}
        self.meters = plant.SITE.count("[[meter]]")
        self._authority = Authority(folder / "pki")
        self._make_platforms()

    # Scenery

    def _make_platforms(self) -> None:
        for name in self._platforms:
            folder = self.folder / name
            folder.mkdir(parents=True)
            self._authority.server(folder / "broker", "localhost")
            self._authority.client(folder / "receiver", "platform")
            self._authority.client(folder / "box", plant.BOX)
            (folder / "mosquitto.conf").write_text(broker_config(folder, self._ports[name], self._authority))
            (folder / "receiver.toml").write_text(self._receiver_config(name))
            self._keys[name] = self._receiver(name, "key").strip()
        (self.folder / "plant.toml").write_text(plant.simulator(self._seed, self._ports["meter"]))
        config = self.folder / "etc"
        config.mkdir()
        site = plant.site(
            self._lang,
            str(self.folder / "bus1"),
            self._ports["meter"],
            tuple(self._platform(name) for name in self._platforms),
        )
        (config / "sitebox.toml").write_text(site)
        self.identity = self._sitebox("key").strip()
        for name in self._platforms:
            boxes = self.folder / name / "boxes"
            boxes.mkdir(exist_ok=True)
            (boxes / f"{plant.BOX}.vkey").write_text(self.identity + "\n")

    def _platform(self, name: str) -> plant.Platform:
        box = self.folder / name / "box"
        return plant.Platform(
            name,
            self._ports[name],
            str(self._authority.certificate),
            f"{box}.crt",
            f"{box}.key",
            self._keys[name],
        )

    def _receiver_config(self, name: str) -> str:
        folder = self.folder / name
        return "\n".join(
            (
                f'authority = "{name}"',
                f'state = "{folder / "state"}"',
                f'boxes = "{folder / "boxes"}"',
                "[broker]",
                'host = "localhost"',
                f"port = {self._ports[name]}",
                f'ca = "{self._authority.certificate}"',
                f'cert = "{folder / "receiver"}.crt"',
                f'key = "{folder / "receiver"}.key"',
                "",
            )
        )

    # Processes

    def start_plant(self) -> None:
        """The simulated meters; returns when their line is there."""
        words = ("--plant", "plant.toml", "--control", "plant.sock", "--truth", "truth.jsonl")
        self._start("plant", [sys.executable, "-m", "drivers.simulated", *words])
        self.wait_for(lambda: (self.folder / "plant.sock").exists() and (self.folder / "bus1").exists(), 20)

    def start_broker(self, name: str) -> None:
        """A real mosquitto with mutual TLS."""
        self._start(f"broker-{name}", [find_mosquitto(), "-c", str(self.folder / name / "mosquitto.conf")])
        self.wait_for(lambda: _listens(self._ports[name]), 10)

    def kill_broker(self, name: str) -> None:
        """SIGKILL, as a crash would."""
        self._kill(f"broker-{name}")

    def start_receiver(self, name: str) -> None:
        """A platform's receiver."""
        config = str(self.folder / name / "receiver.toml")
        self._start(f"receiver-{name}", [sys.executable, "-m", "receiver.service", "--config", config])

    def start_daemon(self) -> None:
        """The box's daemon; returns when its socket answers."""
        self._start("daemon", [sys.executable, "-m", "agent.cli", "run", *self._places()])
        self.wait_for(lambda: self.status() is not None, 20)

    def kill_daemon(self) -> None:
        """SIGKILL: nothing may be lost but the exchange in progress."""
        self._kill("daemon")

    def stop_daemon(self) -> int:
        """SIGTERM and wait; gives the exit status."""
        process = self._running.pop("daemon")
        process.terminate()
        return process.wait(30)

    def close(self) -> None:
        """End everything, the daemon first and cleanly."""
        if "daemon" in self._running:
            self.stop_daemon()
        for name in list(self._running):
            self._running[name].terminate()
        for name in list(self._running):
            try:
                self._running.pop(name).wait(10)
            except subprocess.TimeoutExpired:
                raise AgentError("SBX-DEM-902", 70, process=name) from None

    def alive(self, name: str) -> bool:
        """Whether a process of that name runs."""
        return name in self._running and self._running[name].poll() is None

    def _start(self, name: str, words: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env()
            )

    def _kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def _env(self) -> dict[str, str]:
        root = str(Path(__file__).resolve().parent.parent.parent)
        return {**os.environ, "PYTHONPATH": root, "SITEBOX_LANG": self._lang}

    def _places(self) -> list[str]:
        return [
            "--config",
            str(self.folder / "etc"),
            "--state",
            str(self.folder / "state"),
            "--runtime",
            str(self.folder / "run"),
        ]

    # Looks

    def wait_for(self, fact: Callable[[], object], seconds: float) -> bool:
        """Ask until it is so, at most that long."""
        end = time.monotonic() + seconds
        while not fact():
            if time.monotonic() > end:
                return False
            time.sleep(PATIENCE_S)
        return True

    def status(self) -> dict[str, Any] | None:
        """The daemon's status; None while it does not answer."""
        try:
            return ask(self.folder / "run" / "control.sock", "status", timeout_s=5)
        except AgentError:
            return None

    def good_meters(self) -> int:
        """Meters whose last poll was good."""
        status = self.status() or {"meters": []}
        return sum(meter["error"] is None and meter["age_ms"] is not None for meter in status["meters"])

    def point(self, name: str) -> str:
        """State of a point: on, off, unknown."""
        status = self.status() or {"points": []}
        return next((point["state"] for point in status["points"] if point["id"] == name), "unknown")

    def alarm_up(self, key: str) -> bool:
        """Whether an alarm is up on the box."""
        status = self.status() or {"alarms": []}
        return any(alarm["id"] == key for alarm in status["alarms"])

    def uplink(self, name: str) -> Mapping[str, Any]:
        """The row of an uplink in status."""
        status = self.status() or {"uplinks": []}
        return next((row for row in status["uplinks"] if row["id"] == name), {"confirmed": -1, "backlog": 0})

    def confirmed(self, name: str) -> int:
        """The last block that a platform confirmed, -1 for none."""
        return int(self.uplink(name)["confirmed"])

    def backlog(self, name: str) -> int:
        """Blocks that a platform has not confirmed."""
        return int(self.uplink(name)["backlog"])

    def head(self) -> int:
        """Number of the box's newest block."""
        return int((self.status() or {"journal": {"head": -1}})["journal"]["head"])

    def switch(self, fault: str, **args: object) -> None:
        """Throw a switch of the plant."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(5)
            sock.connect(str(self.folder / "plant.sock"))
            sock.sendall(json.dumps({"set": fault, **args}).encode() + b"\n")
            with sock.makefile("rb") as lines:
                answer = json.loads(lines.readline())
        if not answer["ok"]:
            raise AgentError("SBX-DEM-903", 70, switch=fault, answer=answer)

    def platform(self, name: str) -> Mapping[str, Any]:
        """What a platform says of the box."""
        status = json.loads(self._receiver(name, "status", "--json"))
        return next((box for box in status["boxes"] if box["box"] == plant.BOX), {"stored": -1})

    def platform_alarm(self, name: str, key: str) -> bool:
        """Whether a platform holds a raised alarm of that key."""
        found = json.loads(self._receiver(name, "alarms", "--json"))
        return any(alarm["id"] == key and alarm["state"] == "raised" for alarm in found["alarms"])

    def platform_complete(self, name: str, head: int) -> bool:
        """Whether a platform holds every block from 0 to ``head``, verified, without gap or double."""
        box = self.platform(name)
        return int(box["stored"]) >= head and not box["gaps"] and not box["quarantined"]

    def export(self, name: str) -> Path:
        """An evidence file of the whole journal."""
        path = self.folder / name
        self._sitebox("export", str(path))
        return path

    def verify(self, path: Path) -> int:
        """Exit status of ``sitebox verify``."""
        words = [sys.executable, "-m", "agent.cli", "verify", str(path), "--key", self.identity]
        for name in self._platforms:
            words += ["--authority", self._keys[name]]
        with (self.folder / "verify.log").open("ab") as log:
            return subprocess.run(words, cwd=self.folder, stdout=log, stderr=log, env=self._env()).returncode

    def forge(self, path: Path, name: str) -> Forged:
        """Copy an evidence file and change one digit of one value in a body, as a forger would."""
        target = self.folder / name
        with zipfile.ZipFile(self.folder / path) as source, zipfile.ZipFile(target, "w") as copy:
            bodies = sorted(item for item in source.namelist() if item.endswith(".rows"))
            victim = bodies[len(bodies) // 2]
            for item in source.namelist():
                data = source.read(item)
                copy.writestr(item, _changed(data) if item == victim else data)
        return Forged(target, int(Path(victim).stem))

    def caught(self, path: Path, block: int) -> bool:
        """Whether ``sitebox verify`` refuses a file and names the block."""
        words = [sys.executable, "-m", "agent.cli", "verify", str(path), "--json", "--key", self.identity]
        done = subprocess.run(words, cwd=self.folder, capture_output=True, env=self._env())
        return done.returncode == 65 and json.loads(done.stdout)["first_wrong"] == block

    def _sitebox(self, *words: str) -> str:
        return self._run([sys.executable, "-m", "agent.cli", *words, *self._places()])

    def _receiver(self, name: str, *words: str) -> str:
        config = str(self.folder / name / "receiver.toml")
        return self._run([sys.executable, "-m", "receiver.service", *words, "--config", config])

    def _run(self, words: Sequence[str]) -> str:
        done = subprocess.run(words, cwd=self.folder, capture_output=True, env=self._env())
        if done.returncode != 0:
            tail = done.stderr.decode(errors="replace")[-500:]
            raise AgentError("SBX-DEM-904", 70, command=" ".join(words[2:5]), output=tail)
        return done.stdout.decode()


def _changed(body: bytes) -> bytes:
    """One digit of the last voltage or power made another one; the text stays sound JSON."""
    place = body.rindex(b'"u_a":"') + len(b'"u_a":"')
    return body[:place] + (b"1" if body[place : place + 1] != b"1" else b"2") + body[place + 1 :]


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def room(path: Path) -> int:
    """Free bytes for the demo's folder."""
    return shutil.disk_usage(path).free
