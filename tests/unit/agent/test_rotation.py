"""``sitebox key rotate``: the recorder hands over, the socket answers, the use is on record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from agent import rotation
from agent.beside import Beside
from agent.control import answer
from agent.desk import Desk
from agent.errors import AgentError
from agent.inbox import Inbox, Rotate
from buffer.errors import KeyFault
from buffer.keys import Keys
from buffer.note import VerifierKey
from buffer.reader import JournalReader, handovers
from buffer.verify import verify
from tests.support.boxes import Box
from tests.support.plants import PAIR, plant


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, plant(PAIR))
    made.start(0)
    yield made
    made.crash()


def asked(box: Box, second: float) -> VerifierKey | KeyFault:
    said: SimpleQueue[VerifierKey | KeyFault] = SimpleQueue()
    box.inbox.put(Rotate(said))
    box.recorder.step(box.at(second))
    return said.get_nowait()


def test_it_is_handed_over_at_once_and_everything_verifies(box: Box) -> None:
    keys = Keys.open(box.folder / "keys", "T1")
    box.run(0, 40, kiln="12", scrubber="8")
    new = asked(box, 31)
    assert isinstance(new, VerifierKey)
    assert new != keys.identity.verifier
    box.run(40, 120, kiln="12", scrubber="8")
    box.stop(121)
    assert Keys.open(box.folder / "keys", "T1").identity.verifier == new
    reader = JournalReader(box.folder / "journal")
    notes = handovers(box.folder / "journal")
    assert notes == box.recorder.snapshot.handovers
    for known in (keys.identity.verifier, new):
        report = verify(reader.blocks(), identity=known, handovers=notes)
        assert (report.exit_code(), report.signatures.status) == (0, "pass"), report.findings
    reader.close()


def test_a_second_start_goes_on_with_it(box: Box) -> None:
    new = asked(box, 1)
    box.stop(2)
    box.start(3)
    box.run(10, 80, kiln="12", scrubber="8")
    box.stop(81)
    reader = JournalReader(box.folder / "journal")
    assert isinstance(new, VerifierKey)
    report = verify(reader.blocks(), identity=new, handovers=handovers(box.folder / "journal"))
    assert report.exit_code() == 0, report.findings
    reader.close()


def test_a_key_folder_that_cannot_be_written_is_said(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("buffer.succession.create", full)
    fault = asked(box, 1)
    assert isinstance(fault, KeyFault)
    assert fault.code == "SBX-KEY-006"


def test_the_socket_answers_with_the_key_or_the_code(box: Box) -> None:
    said: list[object] = []
    thread = threading.Thread(target=lambda: said.append(rotation.asked(box.inbox)))
    thread.start()
    box.inbox.wait(10)
    box.recorder.step(box.at(1))
    thread.join()
    assert said == [{"verifier": str(Keys.open(box.folder / "keys", "T1").identity.verifier)}]


def test_a_recorder_that_does_not_say_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "PATIENCE_S", 0.0)
    with pytest.raises(AgentError) as caught:
        rotation.asked(Inbox())
    assert caught.value.code == "SBX-KEY-009"


def test_it_is_an_act_and_audited() -> None:
    desk = Desk.__new__(Desk)
    desk.beside = Beside.__new__(Beside)
    desk.inbox = Inbox()
    verb = desk.verbs()["rotate"]
    assert (verb.act, verb.audited) == (True, True)
    acted: list[str] = []
    refused = answer(b'{"v":1,"verb":"rotate"}', {"rotate": verb}, False, acted.append)
    assert (refused["code"], acted) == ("SBX-CTL-003", [])
