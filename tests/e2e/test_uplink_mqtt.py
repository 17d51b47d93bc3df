"""The uplink against a real broker and a real receiver process: mutual TLS, access lists, kills, restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.clock import Clock
from agent.uplinks import build
from agent.uplinks.mqtt import MqttUplink
from config import site
from tests.support.broker import needs_mosquitto
from tests.support.journals import BOX, Life, make
from tests.support.platform import Platform
from tests.support.uplinks import Around, MemoryJournal, box

pytestmark = [pytest.mark.slow, needs_mosquitto]
CLOCK = Clock(1, "e2e-boot")


def _uplink(config: site.Uplink, around: Around, clean: bool = True) -> MqttUplink:
    uplink = build(config, box(clean), around.hooks())
    assert isinstance(uplink, MqttUplink)
    return uplink


def _until(fact: Callable[[], object], *uplinks: MqttUplink, seconds: float = 30) -> None:
    """Step the uplinks until it is so."""
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, [uplink.status() for uplink in uplinks]
        for uplink in uplinks:
            uplink.step(CLOCK.now())


def test_everything_is_stored_and_confirmed(tmp_path: Path) -> None:
    around = Around(MemoryJournal(make(Life(blocks=60))))
    with Platform(tmp_path) as platform:
        uplink = _uplink(platform.uplink(), around)
        _until(lambda: uplink.status().confirmed_n == 59, uplink)
        assert uplink.status().state == "online"
        assert uplink.status().code is None
        assert uplink.status().backlog == 0
        row = platform.status()
        assert (row["stored"], row["gaps"], row["quarantined"], row["refused"]) == (59, [], 0, {})
        assert platform.ask("verify", "--box", BOX, "--json")
        uplink.close()
    assert around.receipts[-1][0].by == "city"
