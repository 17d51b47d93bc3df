"""What people and programs ask a platform's store. Read-only, beside a running receiver; plain data out.

Never writes, and says nothing that the store does not hold: a box that was never heard is not in it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from buffer.note import VerifierKey
from buffer.rows import decode_body
from buffer.verify import Report, verify
from receiver.errors import ReceiverError
from receiver.receipts import gaps, runs
from receiver.shelf import Chain, Shelf

MAX_ROWS: Final = 1_000
_HELD: Final = 4_096


class Query(Shelf):
    """An open store. ReceiverError SBX-RCV-005 when there is none."""

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))
            self._all("SELECT 1 FROM boxes LIMIT 1")
        except sqlite3.Error as error:
            raise ReceiverError("SBX-RCV-005", 66, path=path, reason=error) from error

    def status(self) -> list[dict[str, Any]]:
        """One object a box, of its present epoch."""
        return [
            self._box(*row)
            for row in self._all("SELECT box, epoch, online, heard_ms FROM boxes ORDER BY box")
        ]

    def alarms(self, box: str | None, most: int = MAX_ROWS) -> list[dict[str, Any]]:
        """Alarm records, newest first."""
        rows = self._all(
            "SELECT a.box, a.epoch, a.n, a.i, a.id, a.rule, a.state, a.level, a.code, a.t, a.detail,"
            " b.chained FROM alarms a JOIN blocks b USING (box, epoch, n) WHERE ? IS NULL OR a.box = ?"
            " ORDER BY a.t DESC, a.i DESC LIMIT ?",
            *(box, box, most),
        )
        names = ("box", "epoch", "n", "i", "id", "rule", "state", "level", "code", "time")
        found = []
        for row in rows:
            detail = json.loads(row[10])
            extra = {name: detail.get(name) for name in ("subjects", "facts", "since_i", "dur_ms")}
            found.append({**dict(zip(names, row[:10], strict=True)), **extra, "chained": bool(row[11])})
        return found

    def records(self, box: str, epoch: str, a: int, b: int) -> Iterator[Mapping[str, Any]]:
        """The records of the blocks a..b, oldest first."""
        for block in self.blocks(box, epoch, a, b):
            yield from decode_body(block.body or b"")

    def verify(self, box: str, epoch: str, identity: VerifierKey | None) -> Report:
        """Judge everything that is stored of one life of a box, anew, from its genesis on."""
        chain = self.chain(box, epoch) or Chain(box, epoch)
        return verify(
            self.blocks(box, epoch, 0, chain.stored_n), identity=identity, handovers=self.handovers(box)
        )

    def epoch(self, box: str) -> str:
        """The present epoch of a box. ReceiverError SBX-RCV-030 for one never heard of."""
        rows = self._all("SELECT epoch FROM boxes WHERE box=?", box)
        if not rows:
            raise ReceiverError("SBX-RCV-030", 66, box=box)
        return str(rows[0][0])

    def _box(self, box: str, epoch: str, online: int, heard_ms: int) -> dict[str, Any]:
        chain = self.chain(box, epoch) or Chain(box, epoch)
        waiting = self.unchained(box, epoch, chain.stored_n, _HELD)
        held = tuple(runs(waiting))
        newest = held[-1][1] if held else chain.stored_n
        return {
            "box": box,
            "epoch": epoch,
            "online": bool(online),
            "heard_ms": heard_ms,
            "told": chain.told_n,
            "stored": chain.stored_n,
            "stored_hash": chain.stored_hash,
            "pending": len(waiting),
            "gaps": [list(gap) for gap in gaps(chain.stored_n, held, newest)],
            "quarantined": self._count("quarantine", box),
            "flawed": int(self._all("SELECT count(*) FROM blocks WHERE box=? AND flaws<>''", box)[0][0]),
            "alarms_up": self._alarms_up(box, epoch),
            "epochs": self.chains(box),
            "refused": dict(self._all("SELECT code, count FROM refused WHERE box=? ORDER BY code", box)),
        }

    def _alarms_up(self, box: str, epoch: str) -> int:
        """Alarms whose newest record is not a cleared one."""
        rows = self._all(
            "SELECT state FROM alarms a WHERE box=? AND epoch=? AND i = (SELECT max(i) FROM alarms b"
            " WHERE b.box=a.box AND b.epoch=a.epoch AND b.id=a.id)",
            *(box, epoch),
        )
        return sum(state != "cleared" for (state,) in rows)  # escalated and acknowledged ones stay up

    def _count(self, table: str, box: str) -> int:
        return int(self._all(f"SELECT count(*) FROM {table} WHERE box=?", box)[0][0])
