"""The stage of the demo and of the end-to-end tests: a plant, a box, platforms, all real processes.

Nothing outside the folder is touched, and all listen on the loopback only. Questions are asked the way a
person would: over the control socket, by ``sitebox`` and by ``sitebox-receiver``.
"""

from __future__ import annotations

import json
import socket
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.control import ask
from agent.demo import plant
from agent.demo.broker import broker_config, find_mosquitto, free_port
from agent.demo.pki import Authority
from agent.demo.processes import Processes
from agent.errors import AgentError

LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Forged:
    """An evidence file with one byte changed, and the block that must be named for it."""

    path: Path
    block: int


class Scenery:
    """The folder before anything runs: certificates, configurations, keys, registration of the box."""

    def __init__(self, processes: Processes, lang: str, platforms: Sequence[str], seed: int) -> None:
        self.folder = processes.folder
        self.platforms = tuple(platforms)
        self.ports = {name: free_port() for name in (*platforms, "meter")}
        self.authority = Authority(self.folder / "pki")
        self.keys: dict[str, str] = {}
        self._processes = processes
        for name in platforms:
            self._platform(name)
        (self.folder / "plant.toml").write_text(plant.simulator(seed, self.ports["meter"]))
        (self.folder / "etc").mkdir()
        platform = tuple(self.destination(name) for name in platforms)
        site = plant.site(lang, str(self.folder / "bus1"), self.ports["meter"], platform)
        (self.folder / "etc" / "sitebox.toml").write_text(site)
        self.identity = processes.ask("agent.cli", "key", *self.places).stdout.decode().strip()
        for name in platforms:
            (self.folder / name / "boxes" / f"{plant.BOX}.vkey").write_text(self.identity + "\n")

    @property
    def places(self) -> tuple[str, ...]:
        """The options by which every command finds this box."""
        folder = self.folder
        return (
            "--config",
            str(folder / "etc"),
            "--state",
            str(folder / "state"),
            "--runtime",
            str(folder / "run"),
        )

    def destination(self, name: str) -> plant.Platform:
        """A platform as the box must know it."""
        box, ca = self.folder / name / "box", str(self.authority.certificate)
        return plant.Platform(name, self.ports[name], ca, f"{box}.crt", f"{box}.key", self.keys[name])

    def _platform(self, name: str) -> None:
        folder = self.folder / name
        (folder / "boxes").mkdir(parents=True)
        self.authority.server(folder / "broker", "localhost", "127.0.0.1")
        self.authority.client(folder / "receiver", "platform")
        self.authority.client(folder / "box", plant.BOX)
        broker = broker_config(folder, self.ports[name], self.authority)
        (folder / "mosquitto.conf").write_text(broker)
        text = plant.receiver(name, self.ports[name], str(self.authority.certificate), str(folder))
        (folder / "receiver.toml").write_text(text)
        config = str(folder / "receiver.toml")
        asked = self._processes.ask("receiver.service", "key", "--config", config)
        self.keys[name] = asked.stdout.decode().strip()


class Stage:
    """Everything that runs, and how to look at it."""

    def __init__(self, folder: Path, lang: str, platforms: Sequence[str], seed: int) -> None:
        self.folder = folder
        self.processes = Processes(folder, lang)
        self.scenery = Scenery(self.processes, lang, platforms, seed)
        self.meters = plant.SITE.count("[[meter]]")

    def start_plant(self) -> None:
        """The simulated meters; returns when their line is there."""
        words = ("--plant", "plant.toml", "--control", "plant.sock", "--truth", "truth.jsonl")
        self.processes.python("plant", "drivers.simulated", *words)
        self._need(lambda: (self.folder / "plant.sock").exists() and (self.folder / "bus1").exists(), "plant")

    def start_broker(self, name: str) -> None:
        """A real mosquitto with mutual TLS."""
        program = find_mosquitto()
        if program is None:
            raise AgentError("SBX-DEM-901", 69)
        config = str(self.folder / name / "mosquitto.conf")
        self.processes.start(f"broker-{name}", [str(program), "-c", config])
        self._need(lambda: _listens(self.scenery.ports[name]), f"broker-{name}")

    def kill_broker(self, name: str) -> None:
        """SIGKILL: what it had acknowledged and not passed on may be gone."""
        self.processes.kill(f"broker-{name}")

    def start_receiver(self, name: str) -> None:
        """A platform's receiver."""
        config = str(self.folder / name / "receiver.toml")
        self.processes.python(f"receiver-{name}", "receiver.service", "--config", config)

    def start_daemon(self) -> None:
        """The box's daemon; returns when its socket answers."""
        self.processes.python("daemon", "agent.cli", "run", *self.scenery.places)
        self._need(lambda: self.status() is not None, "daemon")

    def kill_daemon(self) -> None:
        """SIGKILL: nothing may be lost but what is younger than a commit."""
        self.processes.kill("daemon")

    def close(self) -> None:
        """End everything."""
        self.processes.close()

    def wait_for(self, fact: Callable[[], object], seconds: float) -> bool:
        """Ask until it is so, at most that long."""
        end = time.monotonic() + seconds
        while not fact():
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_EVERY_S)
        return True

    def _need(self, fact: Callable[[], object], process: str) -> None:
        if not self.wait_for(lambda: fact() or not self.processes.alive(process), 30) or not fact():
            log = (self.folder / f"{process}.log").read_text(errors="replace")[-800:]
            raise AgentError("SBX-DEM-902", 70, process=process, output=log)

    def status(self) -> dict[str, Any] | None:
        """The daemon's status; None while it does not answer."""
        try:
            return ask(self.folder / "run" / "control.sock", "status", timeout_s=5)
        except AgentError:
            return None

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A list of the status: meters, points, uplinks, alarms; empty while the daemon does not answer."""
        status = self.status()
        return [] if status is None else list(status[table])

    def good_meters(self) -> int:
        """Meters whose last poll was good."""
        return sum(row["error"] is None and row["age_ms"] is not None for row in self.rows("meters"))

    def point(self, name: str) -> str:
        """State of a point: on, off, unknown."""
        return next((str(row["state"]) for row in self.rows("points") if row["id"] == name), "unknown")

    def alarm_up(self, key: str) -> bool:
        """Whether an alarm is up on the box."""
        return any(row["id"] == key for row in self.rows("alarms"))

    def uplink(self, name: str) -> Mapping[str, Any]:
        """The row of an uplink in status."""
        unknown = {"confirmed": -1, "backlog": 0, "state": "unknown", "error": None}
        return next((row for row in self.rows("uplinks") if row["id"] == name), unknown)

    def confirmed(self, name: str) -> int:
        """The last block that a platform confirmed, -1 for none."""
        return int(self.uplink(name)["confirmed"])

    def backlog(self, name: str) -> int:
        """Blocks that a platform has not confirmed."""
        return int(self.uplink(name)["backlog"])

    def head(self) -> int:
        """Number of the box's newest block, -1 while the daemon does not answer."""
        status = self.status()
        return -1 if status is None else int(status["journal"]["head"])

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
        boxes = self._receiver(name, "status")["boxes"]
        unknown = {"stored": -1, "gaps": [], "quarantined": 0}
        return next((box for box in boxes if box["box"] == plant.BOX), unknown)

    def platform_alarm(self, name: str, key: str) -> bool:
        """Whether a platform holds a raised alarm of that key."""
        found = self._receiver(name, "alarms")["alarms"]
        return any(alarm["id"] == key and alarm["state"] == "raised" for alarm in found)

    def platform_complete(self, name: str, head: int) -> bool:
        """Whether a platform holds every block from 0 to ``head`` without gap or double."""
        box = self.platform(name)
        return int(box["stored"]) >= head and not box["gaps"] and not box["quarantined"]

    def _receiver(self, name: str, verb: str) -> dict[str, Any]:
        config = str(self.folder / name / "receiver.toml")
        done = self.processes.ask("receiver.service", verb, "--json", "--config", config, good=(0, 1, 2))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def export(self, name: str) -> Path:
        """An evidence file of the whole journal."""
        path = self.folder / name
        self.processes.ask("agent.cli", "export", str(path), *self.scenery.places)
        return path

    def verify(self, path: Path) -> Mapping[str, Any]:
        """What ``sitebox verify`` finds in a file, with the registered key and the platforms' keys."""
        words = ["verify", str(path), "--json", "--key", self.scenery.identity]
        for key in self.scenery.keys.values():
            words += ["--authority", key]
        done = self.processes.ask("agent.cli", *words, good=(0, 1, 65))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def forge(self, path: Path, name: str) -> Forged:
        """Copy an evidence file and change one digit of one value, as a forger would."""
        target = self.folder / name
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
            bodies = [item for item in source.namelist() if b'"u_a":"' in source.read(item)]
            victim = bodies[len(bodies) // 2]
            for item in source.namelist():
                data = source.read(item)
                copy.writestr(item, _changed(data) if item == victim else data)
        return Forged(target, int("".join(filter(str.isdigit, Path(victim).name))))


def _changed(body: bytes) -> bytes:
    """One digit of the last voltage made another one; the text stays sound JSON."""
    place = body.rindex(b'"u_a":"') + len(b'"u_a":"')
    return body[:place] + (b"1" if body[place : place + 1] != b"1" else b"2") + body[place + 1 :]


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0
