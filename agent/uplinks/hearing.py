"""What the platform says to a box, and what an uplink remembers of it from one connection to the next.

::

    dn/receipt --> incoming.take --believed--> outbox: nothing of that is sent again
                        |                  --> recorder, at most each 5 s: the journal judges, a cursor moves
                        +--signed, but another history than ours--> frozen, recorder told
                        +--anything else--> a remark

Forged, foreign, repeated or retained messages move nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.errors import AgentError
from agent.uplinks import BlockSource, Box, Hooks, incoming
from agent.uplinks.incoming import Known, UnfitError
from agent.uplinks.livenews import LiveNews
from agent.uplinks.outbox import Claim, Outbox
from agent.uplinks.pipe import Message
from agent.uplinks.remarks import Remarks
from buffer.head import Head
from buffer.instant import Instant
from buffer.note import VerifierKey
from buffer.receipt import Receipt
from buffer.wire import State, topic
from config.site import Uplink

HAND_OVER_MS: Final = 5_000  # receipts to the recorder: each becomes a record


@dataclass(slots=True)
class Memory:
    """What outlives a connection. ``epoch`` names the history that the outbox speaks of."""

    outbox: Outbox
    remarks: Remarks
    epoch: str
    newest: Receipt | None = None
    last_receipt_ms: int | None = None
    handed_ms: int | None = None
    waiting: tuple[Receipt, bytes] | None = None  # believed, to be handed over a little later
    trouble: AgentError | None = None  # what status shows although the connection stands
    frozen: bool = False  # the platform holds another history than ours


@dataclass(frozen=True, slots=True)
class Setting:
    """What a session is made of, and stays the same from one to the next."""

    config: Uplink
    box: Box
    hooks: Hooks
    source: BlockSource
    platform: VerifierKey | None
    backlog_delay: Callable[[], int]  # ms, drawn anew for each connection
    news: LiveNews  # alarm changes that are said at once


class Hearing:
    """The ear of one session."""

    def __init__(self, setting: Setting, memory: Memory) -> None:
        self._setting = setting
        self._memory = memory

    def message(self, message: Message, now: Instant, head: Head) -> bool:
        """Take a message; whether it was a receipt that is believed."""
        box = self._setting.box.id
        if message.topic == topic(box, "dn", "receipt") and not message.retained:
            return self._receipt(message.payload, now, head)
        if message.topic == topic(box, "dn", "command"):
            self._remark(UnfitError("SBX-UPL-040"), now)
        else:
            self._remark(UnfitError("SBX-UPL-036", topic=ascii(message.topic[:60])), now)
        return False

    def confirmed(self, n: int, now: Instant) -> None:
        """Without receipts the broker's word is all there is; the note stays empty, so that nobody can take
        it for a signed one."""
        outbox = self._memory.outbox
        before = outbox.claim.stored
        outbox.confirm(n)
        stored = outbox.claim.stored
        digest = self._hash_of(stored)
        if stored == before or digest is None:
            return
        config, box = self._setting.config, self._setting.box
        word = Receipt(config.id, box.id, self._memory.epoch, stored, digest, (), (), (), now.utc_ms)
        self._memory.waiting = (word, b"")
        self.hand_over(now)

    def hand_over(self, now: Instant, last: bool = False) -> None:
        """Give the newest believed receipt to the recorder, not too often."""
        memory = self._memory
        soon = memory.handed_ms is not None and now.mono_ms - memory.handed_ms < HAND_OVER_MS
        if memory.waiting is None or (soon and not last):
            return
        receipt, note = memory.waiting
        memory.waiting, memory.handed_ms = None, now.mono_ms
        self._setting.hooks.on_receipt(self._setting.config.id, receipt, note)

    def _receipt(self, payload: bytes, now: Instant, head: Head) -> bool:
        memory, platform = self._memory, self._setting.platform
        if platform is None:
            return False
        try:
            receipt = incoming.take(payload, platform, self._known(head))
        except UnfitError as unfit:
            self._unfit(unfit, payload, now)
            return False
        if memory.newest is not None and receipt.stored_n < memory.newest.stored_n:
            facts = {"by": receipt.by, "n": receipt.stored_n, "stored": memory.newest.stored_n}
            self._remark(UnfitError("SBX-UPL-038", **facts), now)
        if memory.frozen:
            memory.frozen, memory.trouble = False, None
        memory.newest, memory.last_receipt_ms = receipt, now.mono_ms
        also = tuple((a, b) for a, b, _ in receipt.also)
        memory.outbox.heard(Claim(receipt.stored_n, also, receipt.want), now.mono_ms)
        cursor = self._setting.hooks.cursor()
        if receipt.stored_n > (-1 if cursor is None else cursor.n):
            memory.waiting = (receipt, payload)
            self.hand_over(now)
        return True

    def _unfit(self, unfit: UnfitError, payload: bytes, now: Instant) -> None:
        self._remark(unfit, now)
        if unfit.receipt is not None:
            self._memory.frozen, self._memory.trouble = True, unfit
            self._memory.waiting = (unfit.receipt, payload)
            self.hand_over(now)

    def _known(self, head: Head) -> Known:
        newest = self._memory.newest
        time_ms, stored = (newest.time_ms, newest.stored_n) if newest is not None else (-1, -1)
        return Known(self._setting.box.id, head.epoch, head.n, time_ms, stored, self._hash_of)

    def _hash_of(self, n: int) -> str | None:
        block = self._setting.source.block(n)
        return None if block is None else incoming.note_hash(block.note)

    def _remark(self, error: AgentError, now: Instant) -> None:
        self._memory.remarks.add(error, now.mono_ms)


def state(memory: Memory, head: Head, now: Instant, *, online: bool) -> State:
    """The heartbeat, the will and the goodbye."""
    outbox = memory.outbox
    return State(
        online=online,
        epoch=head.epoch,
        n=head.n,
        stored=outbox.claim.stored,
        acked=outbox.acked_n,
        waiting=outbox.backlog,
        utc_ms=now.utc_ms,
        letter=now.letter,
    )
