"""The uplink against a real broker and a real receiver process: mutual TLS, access lists, kills, restarts."""

from __future__ import annotations

import contextlib
import json
import queue
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.clock import Clock
from agent.uplinks import Box, Hooks, build
from agent.uplinks.mqtt import MqttUplink
from buffer.errors import StoreDamaged, WireError
from buffer.journal import Journal
from buffer.keys import Keys
from buffer.note import Ed25519Signer, encode
from buffer.reader import JournalReader
from buffer.receipt import Receipt, encode_receipt
from buffer.wire import pack_block, topic
from config import site
from tests.support.broker import needs_mosquitto
from tests.support.journals import BOX, EPOCH, T0, Life, make, receipt, resign, signer
from tests.support.platform import Platform
from tests.support.proxy import Proxy
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


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path / "city") as running:
        yield running


def _complete(platform: Platform, last: int) -> None:
    """The platform holds 0..last once each, and can prove it."""
    row = platform.status()
    assert (row["stored"], row["gaps"], row["pending"], row["quarantined"]) == (last, [], 0, 0), row
    report = json.loads(platform.ask("verify", "--box", BOX, "--json", good=(0, 1)))
    assert report["blocks"] == last + 1
    assert report["verdicts"]["signatures"]["status"] == "pass"
    assert report["verdicts"]["chain"]["status"] == "pass"


def test_everything_is_stored_and_confirmed(platform: Platform) -> None:
    around = Around(MemoryJournal(make(Life(blocks=60))))
    uplink = _uplink(platform.uplink(), around)
    _until(lambda: uplink.status().confirmed_n == 59, uplink)
    assert (uplink.status().state, uplink.status().code, uplink.status().backlog) == ("online", None, 0)
    assert uplink.status().last_receipt_ms is not None
    _complete(platform, 59)
    uplink.close()
    assert around.receipts[-1][0].by == "city"
    assert around.codes == []


def test_a_new_block_and_an_alarm_go_before_the_backlog(platform: Platform) -> None:
    """With the backlog held back for an hour the newest block and the alarm block (2) are there at once."""
    journal = MemoryJournal(make(Life(blocks=40)), show=39)
    uplink = _uplink(platform.uplink(backlog_delay_s=3600), Around(journal))
    _until(lambda: platform.status().get("pending") == 2, uplink)
    journal.show = 40
    uplink.wake()
    _until(lambda: platform.status()["pending"] == 3, uplink)
    alarms = json.loads(platform.ask("alarms", "--json"))["alarms"]
    assert [(one["id"], one["n"], one["chained"]) for one in alarms] == [("a1", 2, False)]
    assert platform.status()["gaps"] == [[0, 1], [3, 37]]
    uplink.close()
    assert platform.ask("gaps", good=(1,)).split() == [BOX, "0..1", "3..37"]


def test_the_broker_is_killed_again_and_again(platform: Platform) -> None:
    rng = random.Random(20)
    journal = MemoryJournal(make(Life(blocks=120)), show=20)
    uplink = _uplink(platform.uplink(), Around(journal))
    for _ in range(4):
        journal.show = min(journal.show + 25, 120)
        end = time.monotonic() + rng.random() * 0.4
        _until(lambda end=end: time.monotonic() > end, uplink)  # type: ignore[misc]  # bound at once
        platform.broker.kill()
        _until(lambda: uplink.status().state != "online", uplink)
        assert uplink.status().code is not None
        platform.broker.start()
    journal.show = 120
    _until(lambda: uplink.status().confirmed_n == 119, uplink, seconds=90)
    _complete(platform, 119)
    uplink.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks without a receipt are sent again after two seconds, not thirty."""
    monkeypatch.setattr("agent.uplinks.outbox.RESEND_MS", 2_000)


@pytest.mark.usefixtures("impatient")
def test_rotten_blocks_stop_nothing_and_go_when_they_are_whole_again(platform: Platform) -> None:
    """They are told to the recorder and sent later; nobody is sent what he must take for a forgery."""
    journal = MemoryJournal(make(Life(blocks=20)))
    whole = journal.blocks[7]
    journal.rotten = {3: WireError("rotten"), 5: StoreDamaged("SBX-JNL-009", path="", reason="a page")}
    journal.blocks[7] = replace(whole, body=journal.blocks[8].body)
    around = Around(journal)
    uplink = _uplink(platform.uplink(), around)
    _until(lambda: platform.status().get("gaps") == [[3, 3], [5, 5], [7, 7]], uplink)
    assert uplink.status().state == "online"
    assert "SBX-UPL-052" in around.codes
    assert set(around.told) == {3, 5, 7}
    journal.blocks[7] = whole
    _until(lambda: platform.status()["gaps"][-1] == [5, 5], uplink, seconds=60)
    uplink.close()


@pytest.mark.usefixtures("impatient")
def test_the_broker_loses_its_store(platform: Platform) -> None:
    """What a broker acknowledged and lost is sent again: PUBACK is no receipt."""
    platform.stop_receiver()
    journal = MemoryJournal(make(Life(blocks=20)))
    uplink = _uplink(platform.uplink(), Around(journal))
    _until(lambda: uplink.status().acked_n >= 0 and uplink.status().sent_n == 19, uplink)
    platform.broker.kill()
    (platform.broker.folder / "mosquitto.db").unlink(missing_ok=True)
    platform.broker.start()
    platform.start_receiver()
    _until(lambda: uplink.status().confirmed_n == 19, uplink, seconds=90)
    _complete(platform, 19)
    uplink.close()


def test_the_receiver_is_killed_while_it_stores(platform: Platform) -> None:
    rng = random.Random(7)
    journal = MemoryJournal(make(Life(blocks=150)))
    uplink = _uplink(platform.uplink(), Around(journal))
    for _ in range(3):
        end = time.monotonic() + 0.8 + rng.random()
        _until(lambda end=end: time.monotonic() > end, uplink)  # type: ignore[misc]  # bound at once
        platform.stop_receiver(signal.SIGKILL)
        platform.start_receiver()
    _until(lambda: uplink.status().confirmed_n == 149, uplink, seconds=90)
    _complete(platform, 149)
    uplink.close()


def test_the_platform_restores_last_weeks_store(platform: Platform) -> None:
    """It says so with a newer receipt; the box sends again, and its cursor does not go back."""
    journal = MemoryJournal(make(Life(blocks=30)), show=10)
    around = Around(journal)
    uplink = _uplink(platform.uplink(), around)
    _until(lambda: uplink.status().confirmed_n == 9, uplink)
    platform.stop_receiver()
    state = platform.folder / "state"
    shutil.copytree(state, platform.folder / "backup")
    platform.start_receiver()
    journal.show = 30
    _until(lambda: uplink.status().confirmed_n == 29, uplink)
    _until(lambda: around.cursor is not None and around.cursor.n == 29, uplink)
    platform.stop_receiver(signal.SIGKILL)
    shutil.rmtree(state)
    shutil.copytree(platform.folder / "backup", state)
    platform.start_receiver()
    _until(lambda: "SBX-UPL-038" in around.codes, uplink)
    _until(lambda: uplink.status().confirmed_n == 29, uplink)
    _complete(platform, 29)
    numbers = [heard.stored_n for heard, _ in around.receipts]
    assert numbers == sorted(numbers), "a receipt went back to the recorder"
    uplink.close()


def test_two_platforms_and_one_of_them_is_dead(tmp_path: Path) -> None:
    journal = MemoryJournal(make(Life(blocks=50)))
    with Platform(tmp_path / "city") as city, Platform(tmp_path / "county", "county") as county:
        uplinks = [_uplink(one.uplink(), Around(journal)) for one in (city, county)]
        county.broker.kill()
        _until(lambda: uplinks[0].status().confirmed_n == 49, *uplinks)
        assert uplinks[1].status().confirmed_n < 49
        assert uplinks[1].status().backlog > 0
        county.broker.start()
        _until(lambda: uplinks[1].status().confirmed_n == 49, *uplinks, seconds=60)
        for one in (city, county):
            _complete(one, 49)
        for uplink in uplinks:
            uplink.close()


@pytest.mark.parametrize("cut_after", [6_000, 9_000, 15_000, 30_000])
def test_connections_break_between_a_block_and_its_answer(platform: Platform, cut_after: int) -> None:
    with Proxy(platform.broker.port) as proxy:
        proxy.cut_after = cut_after
        uplink = _uplink(platform.uplink(port=proxy.port), Around(MemoryJournal(make(Life(blocks=60)))))
        _until(lambda: uplink.status().confirmed_n == 59, uplink, seconds=60)
        assert proxy.connections >= 2
        _complete(platform, 59)
        uplink.close()


@pytest.mark.parametrize("mode", ["blackhole", "halfopen"])
def test_a_half_dead_network_is_noticed(
    platform: Platform, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.uplinks.pipe.KEEPALIVE_S", 2)
    journal = MemoryJournal(make(Life(blocks=40)), show=10)
    with Proxy(platform.broker.port) as proxy:
        uplink = _uplink(platform.uplink(port=proxy.port), Around(journal))
        _until(lambda: uplink.status().confirmed_n == 9, uplink)
        proxy.weather(mode)
        journal.show = 40
        _until(lambda: uplink.status().code is not None, uplink)
        # The ping is not answered; or the broker, which hears nothing either, was faster to close.
        assert uplink.status().code in ("SBX-UPL-006", "SBX-UPL-007")
        proxy.weather("ok")
        _until(lambda: uplink.status().confirmed_n == 39, uplink, seconds=60)
        _complete(platform, 39)
        uplink.close()


def test_without_receipts_the_brokers_word_counts_and_is_not_called_a_receipt(platform: Platform) -> None:
    around = Around(MemoryJournal(make(Life(blocks=30))))
    uplink = _uplink(platform.uplink(receipts=False, platform_key=""), around)
    _until(lambda: uplink.status().confirmed_n == 29, uplink)
    uplink.close()
    assert around.receipts[-1][0].stored_n == 29
    assert {note for _, note in around.receipts} == {b""}


# Hostile


class Hostile:
    """Somebody with the platform's rights on the broker, and not its key."""

    def __init__(self, platform: Platform) -> None:
        files = platform.files
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="hostile", protocol=mqtt.MQTTv5)
        self.client.tls_set(str(files.ca), str(files.cert), str(files.key))
        self.client.connect("localhost", platform.broker.port)
        self.client.loop_start()

    def say(self, name: str, payload: bytes, *, retain: bool = False) -> None:
        sent = self.client.publish(topic(BOX, "dn", name), payload, qos=1, retain=retain)
        sent.wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.usefixtures("impatient")
def test_forged_receipts_move_nothing(platform: Platform) -> None:
    platform.stop_receiver()
    blocks = make(Life(blocks=10))
    around = Around(MemoryJournal(blocks))
    uplink = _uplink(platform.uplink(), around)
    _until(lambda: uplink.status().state == "online" and uplink.status().acked_n >= 0, uplink)
    hostile = Hostile(platform)
    forger = signer("city", "forger")
    for stored in (0, 5, 9):
        hostile.say("receipt", receipt(blocks, stored, by=forger)[0])
    hostile.say("receipt", b"x" * 100_000)
    hostile.say("receipt", receipt(blocks, 9, by=forger)[0], retain=True)
    hostile.say("command", b"anything")
    _until(lambda: {"SBX-UPL-030", "SBX-UPL-034", "SBX-UPL-040"} <= set(around.codes), uplink)
    assert (uplink.status().confirmed_n, around.receipts, around.cursor) == (-1, [], None)
    assert len(around.events) == len(set(around.codes)), "one line a code, not one a forgery"
    hostile.close()
    platform.start_receiver()
    _until(lambda: uplink.status().confirmed_n == 9, uplink, seconds=60)
    uplink.close()


def test_the_platforms_own_key_over_another_history_freezes_the_uplink(platform: Platform) -> None:
    """A receipt that is really the platform's, about a block that this box did not make: nothing is sent."""
    seed = (platform.folder / "state" / "receiver.seed").read_bytes()
    city = Ed25519Signer("city", seed)
    platform.stop_receiver()
    blocks = make(Life(blocks=12))
    journal = MemoryJournal(blocks, show=10)
    around = Around(journal)
    uplink = _uplink(platform.uplink(), around)
    _until(lambda: uplink.status().state == "online", uplink)
    hostile = Hostile(platform)
    other = Receipt("city", BOX, EPOCH, 9, "ab" * 32, (), (), (), T0)
    hostile.say("receipt", encode(encode_receipt(other), [city]))
    _until(lambda: uplink.status().code == "SBX-UPL-033", uplink)
    assert around.receipts[-1][0].stored_hash == "ab" * 32, "the recorder is told"
    sent = uplink.status().sent_n
    journal.show = 12
    end = time.monotonic() + 2
    _until(lambda: time.monotonic() > end, uplink)
    assert uplink.status().sent_n == sent
    hostile.say(
        "receipt", encode(encode_receipt(replace(other, stored_n=-1, stored_hash="", time_ms=T0 + 1)), [city])
    )
    _until(lambda: uplink.status().sent_n == 11, uplink)
    assert uplink.status().code in (None, "SBX-UPL-021")
    hostile.close()
    uplink.close()


def test_after_an_unclean_stop_nothing_leaves_before_the_platform_is_heard(platform: Platform) -> None:
    platform.stop_receiver()
    around = Around(MemoryJournal(make(Life(blocks=10))))
    uplink = _uplink(platform.uplink(heartbeat_s=1), around, clean=False)
    _until(lambda: uplink.status().state == "online", uplink)
    end = time.monotonic() + 4
    _until(lambda: time.monotonic() > end, uplink)
    assert uplink.status().sent_n == -1
    platform.start_receiver()
    _until(lambda: uplink.status().confirmed_n == 9, uplink, seconds=25)
    uplink.close()


def test_a_hostile_box_costs_the_receiver_nothing_but_a_count(platform: Platform) -> None:
    """Rubbish, foreign signatures and a fork, from a client with the box's own certificate."""
    files = platform.box_files
    blocks = make(Life(blocks=6))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=BOX, protocol=mqtt.MQTTv5)
    client.tls_set(str(files.ca), str(files.cert), str(files.key))
    client.connect("localhost", platform.broker.port)
    client.loop_start()
    forged = [pack_block(one.note, one.body) for one in make(Life(blocks=3, secret="forger"))]
    fork = resign(blocks[2], cfg="ee" * 32)
    honest = [pack_block(one.note, one.body) for one in blocks]
    for payload in (b"", b"\xff" * 1000, *forged, *honest, pack_block(fork.note, fork.body)):
        client.publish(topic(BOX, "up", "block"), payload, qos=1).wait_for_publish(10)
    for name in ("birth", "state"):
        client.publish(topic(BOX, "up", name), b"[" * 50_000, qos=1).wait_for_publish(10)
    end = time.monotonic() + 20
    while (row := platform.status()).get("quarantined") != 1 or row["refused"].get("SBX-RCV-011") != 4:
        assert time.monotonic() < end, row
    client.disconnect()
    client.loop_stop()
    assert (row["stored"], row["gaps"]) == (5, [])
    assert row["refused"] == {"SBX-RCV-011": 4, "SBX-RCV-013": 3}


# With the journal itself


def test_a_real_journal_is_delivered_by_a_thread_and_its_cursor_moves(
    platform: Platform, tmp_path: Path
) -> None:
    """Journal, reader, uplink thread and receiver as in the daemon; only the recorder is played here."""
    keys = Keys.open(tmp_path / "keys", BOX)
    (platform.folder / "boxes" / f"{BOX}.vkey").write_text(f"{keys.identity.verifier}\n")
    journal = Journal.open(
        tmp_path / "journal", box=BOX, keys=keys, soft="0.1.0", cfg="c0" * 32, now=CLOCK.now()
    )
    heard: queue.Queue[tuple[str, Receipt, bytes]] = queue.Queue()
    hooks = Hooks(
        open_source=lambda: JournalReader(tmp_path / "journal"),
        cursor=lambda: journal.cursors().get("city"),
        on_receipt=lambda uplink, receipt, note: heard.put((uplink, receipt, note)),
        on_event=lambda code, args: None,
    )
    uplink = build(platform.uplink(), Box(BOX, keys.identity.verifier, clean=False), hooks)
    stop = threading.Event()
    thread = threading.Thread(target=uplink.run, args=(stop, CLOCK.now))
    thread.start()
    end = time.monotonic() + 60
    slot = 0
    while (cursor := journal.cursors().get("city")) is None or cursor.n < 20:
        assert time.monotonic() < end, uplink.status()
        if journal.head.n < 25:
            values = {"m": "kiln", "s": f"f{slot}", "src": "live", "v": {"p": "1.5"}, "x": {}}
            journal.append("reading", values, CLOCK.now())
            slot += 1
            journal.seal(CLOCK.now())
            uplink.wake()
        with contextlib.suppress(queue.Empty):
            assert journal.advance(*heard.get(timeout=0.05), CLOCK.now())
            journal.seal(CLOCK.now())
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    last = journal.head.n
    journal.close(CLOCK.now())
    assert JournalReader(tmp_path / "journal").cursors()["city"].n >= 20
    row = platform.status()
    assert (row["gaps"], row["quarantined"], row["flawed"], row["refused"]) == ([], 0, 0, {})
    assert 20 <= row["stored"] <= last
    report = json.loads(platform.ask("verify", "--box", BOX, "--json"))
    assert report["exit"] == 0
