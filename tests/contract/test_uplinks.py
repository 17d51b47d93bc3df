"""One suite over every uplink kind: each is found by itself, keeps the same promises, and never raises for
the network."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import uplinks
from agent.demo.broker import free_port
from agent.errors import AgentError
from agent.uplinks import Uplink, UplinkStatus
from buffer.errors import WireError
from buffer.head import Cursor
from buffer.instant import Instant
from config import site
from config.messages import text
from tests.support.journals import BOX, CITY, T0, Life, make
from tests.support.notices import change
from tests.support.pki import Pki
from tests.support.uplinks import Around, MemoryJournal, at, box

KINDS = sorted(uplinks.kinds())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pki = Pki(tmp_path_factory.mktemp("pki"), datetime.fromtimestamp(T0 / 1000, UTC))
    pki.client(BOX)
    return pki.folder


def config(kind: str, files: Path) -> site.Uplink:
    """An uplink to a port where nobody listens."""
    return site.Uplink(
        id="city",
        kind=kind,  # type: ignore[arg-type]  # kinds are found by themselves, the type lists today's
        host="127.0.0.1",
        port=free_port(),
        ca=str(files / "ca.crt"),
        cert=str(files / f"{BOX}.crt"),
        key=str(files / f"{BOX}.key"),
        platform_key=str(CITY.verifier),
    )


def around() -> Around:
    return Around(MemoryJournal(make(Life(blocks=4))))


def test_mqtt_is_one_of_them() -> None:
    assert "mqtt" in KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_an_uplink_that_starts_offline(kind: str, files: Path) -> None:
    uplink: Uplink = uplinks.build(config(kind, files), box(), around().hooks())
    assert uplink.status() == UplinkStatus()
    uplink.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreachable_platform_is_a_coded_state_not_an_error(kind: str, files: Path) -> None:
    outside = around()
    uplink = uplinks.build(config(kind, files), box(), outside.hooks())
    now = 0
    for _ in range(20):
        due = uplink.step(at(now))
        assert due > now - 1
        now = max(due, now + 1)
    status = uplink.status()
    assert status.state in ("offline", "connecting")
    assert status.code == "SBX-UPL-002"
    assert status.backlog == 4
    assert (status.sent_n, status.acked_n, status.confirmed_n) == (-1, -1, -1)
    assert outside.codes[0] == "SBX-UPL-002"
    assert outside.receipts == []
    uplink.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_it_says_can_be_read(kind: str, lang: str, files: Path) -> None:
    outside = around()
    uplink = uplinks.build(config(kind, files), box(), outside.hooks())
    uplink.step(at(0))
    uplink.step(at(1))
    uplink.close()
    code, args = outside.events[0]
    found = text(code, lang, **args, uplink="city")
    assert "{" not in found.what + found.why + found.next


@pytest.mark.parametrize("kind", KINDS)
def test_the_cursor_is_where_it_begins(kind: str, files: Path) -> None:
    outside = around()
    head = outside.journal.head()
    outside.cursor = Cursor(head.n, head.hash, 1)
    uplink = uplinks.build(config(kind, files), box(), outside.hooks())
    uplink.step(at(0))
    assert uplink.status().confirmed_n == head.n
    assert uplink.status().backlog == 0
    uplink.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cursor_of_another_history_counts_for_nothing(kind: str, files: Path) -> None:
    outside = around()
    outside.cursor = Cursor(2, "ab" * 32, 1)
    uplink = uplinks.build(config(kind, files), box(), outside.hooks())
    uplink.step(at(0))
    assert uplink.status().confirmed_n == -1
    uplink.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cursor_whose_block_has_rotted_still_says_where_it_begins(kind: str, files: Path) -> None:
    outside = around()
    outside.journal.rotten[2] = WireError("rotten")
    outside.cursor = Cursor(2, "ab" * 32, 1)
    uplink = uplinks.build(config(kind, files), box(), outside.hooks())
    uplink.step(at(0))
    assert uplink.status().confirmed_n == 2
    uplink.close()


@pytest.mark.parametrize("kind", KINDS)
def test_run_ends_when_it_is_told_to(kind: str, files: Path) -> None:
    stop = threading.Event()
    seen: list[int] = []

    def clock() -> Instant:
        seen.append(len(seen))
        if len(seen) == 3:
            stop.set()
        return at(len(seen))

    uplink = uplinks.build(config(kind, files), box(), around().hooks())
    uplink.wake()
    uplink.run(stop, clock)
    uplink.wake()
    assert len(seen) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_a_change_of_an_alarm_at_any_time(kind: str, files: Path) -> None:
    """The recorder tells every uplink; what becomes of it is the uplink's business."""
    for levels in ((), ("alarm",)):
        uplink = uplinks.build(replace(config(kind, files), levels=levels), box(), around().hooks())
        uplink.tell(change("a"))
        uplink.step(at(0))
        uplink.tell(change("a", "cleared"))
        uplink.close()
        uplink.tell(change("b"))


@pytest.mark.parametrize("kind", KINDS)
def test_without_blocks_it_wants_none_and_needs_no_key(kind: str, files: Path) -> None:
    outside = around()
    changed = replace(config(kind, files), platform_key="", receipts=False, blocks=False, levels=("warning",))
    uplink = uplinks.build(changed, box(), outside.hooks())
    uplink.step(at(0))
    assert (uplink.status().backlog, uplink.status().sent_n) == (0, -1)
    uplink.close()


def test_an_unknown_kind_is_said(files: Path) -> None:
    with pytest.raises(AgentError) as caught:
        uplinks.build(config("pigeon", files), box(), around().hooks())
    assert caught.value.code == "SBX-UPL-060"


@pytest.mark.parametrize("key", ["", "city", "city+00000000+AQ=="])
def test_receipts_need_the_platforms_key(key: str, files: Path) -> None:
    with pytest.raises(AgentError) as caught:
        uplinks.build(replace(config("mqtt", files), platform_key=key), box(), around().hooks())
    assert caught.value.code == "SBX-UPL-061"


def test_without_receipts_no_key_is_needed(files: Path) -> None:
    built = uplinks.build(
        replace(config("mqtt", files), platform_key="", receipts=False), box(), around().hooks()
    )
    built.close()
