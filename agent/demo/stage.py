"""The stage of the demo and of the end-to-end tests: a plant, a box, platforms, all real processes.

Nothing outside the folder is touched, and all listen on the loopback only. Questions are asked the way a
person would: over the control socket, by ``sitebox`` and by ``sitebox-receiver``.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.clock import Clock, mono_ms
from agent.demo import plant
from agent.demo.broker import broker_config, find_mosquitto, free_port
from agent.demo.look import Look
from agent.demo.pki import Authority
from agent.demo.processes import ROOT, Processes
from agent.errors import AgentError

LOOK_EVERY_S = 0.2


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
        self._shortcut()
        self.identity = processes.ask("agent.cli", "key", *self.places).stdout.decode().strip()
        for name in platforms:
            (self.folder / name / "boxes" / f"{plant.BOX}.vkey").write_text(self.identity + "\n")

    def _shortcut(self) -> None:
        """``<folder>/sitebox VERB``: the command line of this box without its three options."""
        words = [sys.executable, "-m", "agent.cli", '"$@"', *self.places]
        script = self.folder / "sitebox"
        script.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT} exec {' '.join(words)}\n")
        script.chmod(0o755)

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
        self.look = Look(folder, self.processes)
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
        self._need(lambda: self.look.status() is not None, "daemon")

    def kill_daemon(self) -> None:
        """SIGKILL: nothing may be lost but what is younger than a commit."""
        self.processes.kill("daemon")

    def close(self) -> None:
        """End everything."""
        self.processes.close()

    def wait_for(self, fact: Callable[[], object], seconds: float) -> bool:
        """Ask until it is so, at most that long."""
        end_ms = mono_ms() + seconds * 1000
        while not fact():
            if mono_ms() > end_ms:
                return False
            Clock.pause(LOOK_EVERY_S)
        return True

    def _need(self, fact: Callable[[], object], process: str) -> None:
        if not self.wait_for(lambda: fact() or not self.processes.alive(process), 30) or not fact():
            log = (self.folder / f"{process}.log").read_text(errors="replace")[-800:]
            raise AgentError("SBX-DEM-902", 70, process=process, output=log)

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


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex(("127.0.0.1", port)) == 0
