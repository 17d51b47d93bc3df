"""Every way in which a broker cannot be had: each has its own code, and what comes next works again."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.clock import Clock
from agent.demo.broker import free_port
from agent.demo.pki import issue, lasting, make_ca
from agent.uplinks import UplinkStatus
from agent.uplinks.mqtt import MqttUplink
from config import site
from tests.support.broker import Broker, needs_mosquitto
from tests.support.journals import BOX, CITY, Life, make
from tests.support.pki import Files, Pki
from tests.support.uplinks import Around, MemoryJournal, box

pytestmark = [pytest.mark.slow, needs_mosquitto]
CLOCK = Clock(1, "e2e-boot")


def attempt(config: site.Uplink, letter: Any = "S", until: str | None = None) -> UplinkStatus:
    """Step until there is a code (or a state); a wrong one is shown by the caller."""
    around = Around(MemoryJournal(make(Life(blocks=3))))
    uplink = MqttUplink(config, box(), around.hooks(), CITY.verifier)
    end = time.monotonic() + 20
    try:
        while time.monotonic() < end:
            uplink.step(replace(CLOCK.now(), letter=letter))
            status = uplink.status()
            if status.state == until or (status.code is not None and until is None):
                return status
    finally:
        uplink.close()
    raise AssertionError(uplink.status())


def config(port: int, files: Files, **changes: Any) -> site.Uplink:
    settings: dict[str, Any] = {
        "id": "city",
        "kind": "mqtt",
        "host": "localhost",
        "port": port,
        "ca": str(files.ca),
        "cert": str(files.cert),
        "key": str(files.key),
        "platform_key": str(CITY.verifier),
        **changes,
    }
    return site.Uplink(**settings)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker"), pki) as running:
        yield running


def test_all_is_well(broker: Broker, pki: Pki) -> None:
    assert attempt(config(broker.port, pki.client(BOX)), until="online").code is None


def test_the_name_is_unknown(pki: Pki) -> None:
    status = attempt(config(1, pki.client(BOX), host="no-such-host.invalid"))
    assert status.code == "SBX-UPL-001"


def test_nobody_listens(pki: Pki) -> None:
    assert attempt(config(free_port(), pki.client(BOX))).code == "SBX-UPL-002"


def test_the_port_is_of_another_service(pki: Pki) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found: list[socket.socket] = []

        def answer() -> None:
            server.settimeout(0)
            try:
                sock, _ = server.accept()
            except BlockingIOError:
                return
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            found.append(sock)

        status = _attempt_beside(config(server.getsockname()[1], pki.client(BOX)), answer)
        for sock in found:
            sock.close()
    assert status.code == "SBX-TLS-021"


def _attempt_beside(settings: site.Uplink, other: Callable[[], None]) -> UplinkStatus:
    around = Around(MemoryJournal(make(Life(blocks=3))))
    uplink = MqttUplink(settings, box(), around.hooks(), CITY.verifier)
    end = time.monotonic() + 20
    while uplink.status().code is None:
        assert time.monotonic() < end
        uplink.step(CLOCK.now())
        other()
    uplink.close()
    return uplink.status()


def test_the_other_side_is_silent(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.uplinks.link.HANDSHAKE_MS", 300)
    with socket.create_server(("127.0.0.1", 0)) as server:
        status = attempt(config(server.getsockname()[1], pki.client(BOX)))
    assert status.code == "SBX-TLS-022"


def test_the_platforms_certificate_expired(tmp_path: Path, pki: Pki) -> None:
    with Broker(tmp_path, pki, pki.server("expired", pki.expired())) as old:
        status = attempt(config(old.port, pki.client(BOX)))
    assert status.code == "SBX-TLS-010"
    assert status.args["name"] == "broker"


def test_the_platforms_certificate_is_for_later(tmp_path: Path, pki: Pki) -> None:
    with Broker(tmp_path, pki, pki.server("later", pki.not_yet_valid())) as early:
        settings = config(early.port, pki.client(BOX))
        assert attempt(settings, "S").code == "SBX-TLS-011"
        assert attempt(settings, "R", until="online").state == "online"


def test_the_platforms_certificate_is_for_another_name(tmp_path: Path, pki: Pki) -> None:
    with Broker(tmp_path, pki, pki.server("other", hosts=("broker.example.com",))) as other:
        assert attempt(config(other.port, pki.client(BOX))).code == "SBX-TLS-012"


def test_the_name_may_be_an_address(broker: Broker, pki: Pki) -> None:
    settings = config(broker.port, pki.client(BOX), host="127.0.0.1")
    assert attempt(settings, until="online").state == "online"


def test_the_platforms_certificate_is_of_a_foreign_authority(tmp_path: Path, pki: Pki) -> None:
    foreign = Pki(tmp_path / "foreign")
    with Broker(tmp_path, foreign) as other:
        assert attempt(config(other.port, pki.client(BOX))).code == "SBX-TLS-013"


def test_our_certificate_is_of_a_foreign_authority(broker: Broker, pki: Pki, tmp_path: Path) -> None:
    strange = issue(make_ca("strange", lasting(pki.now)), BOX, lasting(pki.now)).write(tmp_path, "box")
    status = attempt(config(broker.port, Files(pki.ca_file, *strange)))
    assert status.code == "SBX-TLS-020"


def test_our_certificate_expired(broker: Broker, pki: Pki, tmp_path: Path) -> None:
    dead = issue(pki.ca, BOX, pki.expired()).write(tmp_path, "box")
    assert attempt(config(broker.port, Files(pki.ca_file, *dead))).code == "SBX-TLS-015"


def test_our_certificate_is_for_later(broker: Broker, pki: Pki, tmp_path: Path) -> None:
    early = issue(pki.ca, BOX, pki.not_yet_valid()).write(tmp_path, "box")
    assert attempt(config(broker.port, Files(pki.ca_file, *early))).code == "SBX-TLS-016"


def test_a_file_is_missing_or_is_none(broker: Broker, pki: Pki, tmp_path: Path) -> None:
    files = pki.client(BOX)
    assert attempt(config(broker.port, files, cert=str(tmp_path / "none"))).code == "SBX-TLS-001"
    (tmp_path / "junk").write_text("no certificate")
    assert attempt(config(broker.port, files, cert=str(tmp_path / "junk"))).code == "SBX-TLS-002"
    assert attempt(config(broker.port, files, ca=str(tmp_path / "junk"))).code == "SBX-TLS-002"


def test_key_and_certificate_are_not_a_pair(broker: Broker, pki: Pki) -> None:
    files, other = pki.client(BOX), pki.client("other")
    assert attempt(config(broker.port, files, key=str(other.key))).code == "SBX-TLS-003"


def test_another_box_of_the_same_name(broker: Broker, pki: Pki) -> None:
    """A cloned card: both are thrown out in turn, and both say why."""
    settings = config(broker.port, pki.client(BOX), reconnect_max_s=1)
    boxes = []
    for _ in range(2):
        around = Around(MemoryJournal(make(Life(blocks=3))))
        boxes.append((MqttUplink(settings, box(), around.hooks(), CITY.verifier), around))
    end = time.monotonic() + 20
    said = {"SBX-UPL-012", "SBX-UPL-015"}  # a broker that sends its reason; one that only closes
    while not all(said & set(around.codes) for _, around in boxes):
        assert time.monotonic() < end, [around.codes for _, around in boxes]
        for uplink, _ in boxes:
            uplink.step(CLOCK.now())
    for uplink, _ in boxes:
        uplink.close()


def test_a_foreign_name_may_connect_and_write_nothing(broker: Broker, pki: Pki) -> None:
    """The certificate's name is not this box's: the access list refuses each block, with a code."""
    status = _publish_until_code(config(broker.port, pki.client("SB-0000-00")))
    assert status.code == "SBX-UPL-020"
    assert (status.acked_n, status.confirmed_n) == (-1, -1)


def test_nobody_listens_on_the_platforms_side(broker: Broker, pki: Pki) -> None:
    status = _publish_until_code(config(broker.port, pki.client(BOX)))
    assert status.code == "SBX-UPL-021"
    assert status.acked_n == 2
    assert status.confirmed_n == -1


def _publish_until_code(settings: site.Uplink) -> UplinkStatus:
    around = Around(MemoryJournal(make(Life(blocks=3))))
    uplink = MqttUplink(replace(settings, backlog_delay_s=0), box(), around.hooks(), CITY.verifier)
    end = time.monotonic() + 20
    while uplink.status().code is None or uplink.status().sent_n < 2:
        assert time.monotonic() < end, (uplink.status(), around.codes)
        uplink.step(CLOCK.now())
    found = uplink.status()
    uplink.close()
    return found
