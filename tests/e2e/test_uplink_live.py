"""Alarm messages to the plant's own broker: the real daemon, a real mosquitto, a dashboard that listens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.clock import Clock, mono_ms, utc_ms
from agent.demo.stage import Stage
from agent.uplinks.mqtt import MqttUplink
from buffer.wire import parse_topic
from config import site
from tests.support.broker import Broker, needs_mosquitto
from tests.support.journals import BOX, Life, make
from tests.support.notices import change
from tests.support.pki import Pki
from tests.support.proxy import Proxy
from tests.support.uplinks import Around, MemoryJournal, box

pytestmark = [pytest.mark.slow, needs_mosquitto]

CLOCK = Clock(1, "e2e-boot")

SITE = """
[site]
id = "SB-DEMO-01"
name = "三号厂"
lang = "en"
[[bus]]
id = "b1"
kind = "tcp"
host = "127.0.0.1"
port = 9
[[meter]]
id = "kiln"
bus = "b1"
protocol = "modbus-tcp"
address = "1"
profile = "eastron-sdm630"
every_s = 1
slow_every_s = 60
[[rule]]
id = "lost"
kind = "meter-silent"
meters = ["kiln"]
after_s = 6
level = "warning"
[[rule]]
id = "grave"
kind = "meter-silent"
meters = ["kiln"]
after_s = 2
level = "alarm"
[[uplink]]
id = "plant"
kind = "mqtt"
host = "localhost"
port = {port}
ca = "{ca}"
cert = "{cert}"
key = "{key}"
receipts = false
blocks = false
levels = ["warning"]
reconnect_max_s = 1
"""


class Dashboard:
    """Everything the box says, with the moment it came."""

    def __init__(self, stage: Stage) -> None:
        folder = stage.folder / "plant"
        self.heard: list[tuple[str, bytes, int]] = []
        self.subscribed = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="dashboard", protocol=mqtt.MQTTv5)
        self.client.tls_set(
            str(stage.scenery.authority.certificate),
            str(folder / "receiver.crt"),
            str(folder / "receiver.key"),
        )
        self.client.on_message = lambda _c, _u, m: self.heard.append((m.topic, bytes(m.payload), utc_ms()))
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.connect("localhost", stage.scenery.ports["plant"])
        self.client.loop_start()
        self.client.subscribe("sb/1/+/up/#", qos=1)
        assert self.subscribed.wait(10)

    def live(self, since: int = 0) -> list[dict[str, Any]]:
        found = [(name, payload) for name, payload, _ in self.heard[since:]]
        return [json.loads(payload) for name, payload in found if parse_topic(name).name == "live"]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, "en", ("plant",), seed=3)
    try:
        made.start_broker("plant")
        yield made
    finally:
        made.close()


def test_warnings_at_once_nothing_else_and_again_after_a_cut(stage: Stage) -> None:
    dashboard = Dashboard(stage)
    with Proxy(stage.scenery.ports["plant"]) as proxy:
        place = stage.scenery.destination("plant")
        text = SITE.format(port=proxy.port, ca=place.ca, cert=place.cert, key=place.key)
        (stage.folder / "etc" / "sitebox.toml").write_text(text)
        stage.start_daemon()
        assert stage.wait_for(lambda: stage.look.alarm_up("lost/kiln"), 30)
        assert stage.look.alarm_up("grave/kiln")
        assert stage.wait_for(lambda: len(dashboard.live()) >= 2, 10), dashboard.heard
        first, change = dashboard.live()
        assert first == {"box": "SB-DEMO-01", "ids": [], "kind": "up", "up": {"warning": 0}, "v": 1}
        alarm = change["alarm"]
        assert (alarm["id"], alarm["level"], alarm["state"]) == ("lost/kiln", "warning", "raised")
        assert (change["again"], change["up"], change["plant"]) == (False, {"warning": 1}, "三号厂")
        came = next(at for _, payload, at in dashboard.heard if json.loads(payload).get("kind") == "alarm")
        print(f"\nalarm message {came - alarm['t']} ms behind its record {alarm['i']}")
        assert 0 <= came - alarm["t"] < 2_000

        status = stage.look.status()
        assert status is not None
        uplink = stage.look.uplink("plant")
        assert (uplink["state"], uplink["error"], uplink["backlog"]) == ("online", None, 0)
        assert [c["code"] for c in status["checks"] if c["topic"] == "uplink"] == ["SBX-STA-024"]

        seen = len(dashboard.heard)
        proxy.weather("refuse")
        assert stage.wait_for(lambda: stage.look.uplink("plant")["state"] != "online", 20)
        proxy.weather("ok")
        assert stage.wait_for(lambda: len(dashboard.live(seen)) >= 2, 20), dashboard.heard[seen:]
        ids, again = dashboard.live(seen)
        assert (ids["kind"], ids["ids"]) == ("up", ["lost/kiln"])
        assert (again["alarm"]["id"], again["again"], again["alarm"]["t"]) == ("lost/kiln", True, alarm["t"])

        assert stage.processes.stop("daemon") == 0
    dashboard.close()
    assert {parse_topic(name).name for name, _, _ in dashboard.heard} == {"birth", "live", "state"}
    assert not any(b"grave" in payload for _, payload, _ in dashboard.heard), "another level was told of"


def test_a_broker_that_refuses_alarm_messages_is_said_until_it_takes_them(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "pki")
    files = pki.client(BOX)
    broker = Broker(tmp_path / "broker", pki)
    access = broker.folder / "acl"
    access.write_text(access.read_text().replace("up/#", "up/block") + "\npattern write sb/1/%u/up/birth\n")
    config = site.Uplink(
        id="plant",
        kind="mqtt",
        host="localhost",
        port=broker.port,
        ca=str(files.ca),
        cert=str(files.cert),
        key=str(files.key),
        receipts=False,
        blocks=False,
        levels=("alarm",),
    )
    with broker:
        around = Around(MemoryJournal(make(Life(blocks=3))))
        uplink = MqttUplink(config, box(), around.hooks(), None)
        uplink.tell(change("pair"))
        end = mono_ms() + 20_000
        while "SBX-UPL-070" not in around.codes and mono_ms() < end:
            uplink.step(CLOCK.now())
        assert (uplink.status().state, uplink.status().code) == ("online", "SBX-UPL-070")
        assert (uplink.status().sent_n, uplink.status().backlog) == (-1, 0)
        access.write_text(access.read_text().replace("up/block", "up/#"))
        broker.stop()
        broker.start()
        while uplink.status().code is not None and mono_ms() < end:
            uplink.step(CLOCK.now())
        uplink.tell(change("pair", "cleared"))
        while uplink.status().state != "online" and mono_ms() < end:
            uplink.step(CLOCK.now())
        assert uplink.status().code is None
        uplink.close()
