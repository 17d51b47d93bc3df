"""A receiver core on a store in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from buffer.note import Ed25519Signer, VerifierKey
from buffer.receipt import Receipt, open_receipt
from buffer.verify import BlockData
from buffer.wire import Birth, State, encode_message, pack_block, topic
from receiver.core import Arrival, Core
from receiver.store import Store
from tests.support.journals import BOX, CITY, EPOCH, IDENTITY, T0


class Known:
    """The registry as a mapping."""

    def __init__(self, boxes: Mapping[str, VerifierKey]) -> None:
        self.boxes = dict(boxes)

    def key(self, box: str) -> VerifierKey | None:
        return self.boxes.get(box)


class Platform:
    """What a test does to a core: ``now`` rises by a second with each message."""

    def __init__(self, headers_only: bool = False, signer: Ed25519Signer = CITY) -> None:
        self.signer = signer
        self.store = Store(Path(":memory:"))
        self.known = Known({BOX: IDENTITY.verifier})
        self.codes: list[str] = []
        self.headers_only = headers_only
        self.core = self.restart()
        self.now = 0

    def restart(self) -> Core:
        """The same store, nothing remembered."""
        self.core = Core(
            self.store, self.known, self.signer, lambda code, args: self.codes.append(code), self.headers_only
        )
        return self.core

    def hear(self, name: str, payload: bytes, box: str = BOX) -> None:
        self.raw(topic(box, "up", name), payload)

    def raw(self, where: str, payload: bytes, retained: bool = False) -> None:
        self.now += 1_000
        self.store.begin()
        self.core.take(Arrival(where, payload, retained), T0 + self.now)
        self.store.commit()

    def block(self, block: BlockData, name: str = "block") -> None:
        self.hear(name, pack_block(block.note, block.body))

    def birth(self, n: int, epoch: str = EPOCH, box: str = BOX) -> None:
        birth = Birth(
            box=box,
            epoch=epoch,
            n=n,
            hash="00" * 32,
            identity=str(IDENTITY.verifier),
            soft="0.1.0",
            cfg="-",
            boot=1,
            boot_id="b",
            utc_ms=T0,
            letter="S",
            clean=True,
        )
        self.hear("birth", encode_message(birth))

    def state(self, n: int, stored: int, online: bool = True) -> None:
        state = State(
            online=online, epoch=EPOCH, n=n, stored=stored, acked=-1, waiting=0, utc_ms=T0, letter="S"
        )
        self.hear("state", encode_message(state))

    def receipt(self) -> Receipt | None:
        """The receipt that is due now, opened with the platform's key."""
        found = self.core.receipts(T0 + self.now, self.now)
        return open_receipt(found[-1][1], self.signer.verifier) if found else None

    @property
    def quarantined(self) -> list[tuple[int, str]]:
        rows = self.store._db.execute("SELECT n, why FROM quarantine ORDER BY n").fetchall()
        return [(n, why) for n, why in rows]

    def kept(self) -> list[int]:
        rows = self.store._db.execute("SELECT n FROM blocks ORDER BY n").fetchall()
        return [n for (n,) in rows]
