"""One live connection: subscribe, birth, hear the platform's head, then send; until something ends it.

::

    CONNACK -> SUBACK -> birth -> first receipt (or patience over) -> newest, alarms, backlog -> ... LinkError
                           |      2 s; 30 s after an unclean stop
                           +----> what is up, then each change of an alarm at once (uplinks with levels)

Moves nothing but the outbox. After an unclean stop no new block leaves before the platform's head is heard:
a card that lied about its sync must not make an honest box look forged. While the platform holds another
history than ours, nothing is sent at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from agent.errors import AgentError
from agent.notices import Document
from agent.notices.document import encode as encode_document
from agent.uplinks.hearing import Hearing, Memory, Setting, state
from agent.uplinks.incoming import UnfitError
from agent.uplinks.outbox import Order
from agent.uplinks.pipe import Acked, Connected, Event, Message, Pipe, Subscribed
from agent.uplinks.tls import LinkError
from buffer.block import decode_header
from buffer.errors import FormatError, StoreDamaged, WireError
from buffer.handover import lineage, opened
from buffer.head import Head
from buffer.instant import Instant
from buffer.note import decode
from buffer.refill import sound
from buffer.wire import Birth, encode_message, pack_block, topic

CONNACK_MS: Final = 10_000
FIRST_RECEIPT_MS: Final = 2_000
FIRST_RECEIPT_UNCLEAN_MS: Final = 30_000
PUBACK_MS: Final = 120_000  # a broker that answers pings and takes nothing is as good as gone
PROBES: Final = 64  # blocks looked for in one step, so that a pruned range cannot hold it up
_NOBODY: Final = 16  # MQTT 5, 2.4: no matching subscribers
_REFUSED: Final = 128
_NOT_ALLOWED: Final = (134, 135)
_OLD_PROTOCOL: Final = (1, 132)  # unacceptable version, in MQTT 3.1.1's and in MQTT 5's own words
_BUSY: Final = (136, 137, 151, 156, 157, 159)


@dataclass(slots=True)
class _Flying:
    n: int
    sent_ms: int


@dataclass(slots=True)
class _Progress:
    connected_ms: int | None = None
    subscribed_ms: int | None = None
    max_packet: int | None = None
    heard: bool = False
    beat_ms: int = 0
    handed: int = 0  # hand-over notes said on this connection
    flying: dict[int, _Flying] = field(default_factory=dict)  # by message id
    spoken: set[int] = field(default_factory=set)  # message ids of alarm changes


class Session:
    """``step`` raises LinkError when the connection is over."""

    def __init__(self, setting: Setting, memory: Memory, pipe: Pipe, now: Instant) -> None:
        self._setting = setting
        self._memory = memory
        self._hearing = Hearing(setting, memory)
        self._pipe = pipe
        self._begun_ms = now.mono_ms
        self._at = _Progress()

    @property
    def online(self) -> bool:
        """Whether the broker took us and our subscription."""
        return self._at.subscribed_ms is not None

    def step(self, now: Instant, head: Head) -> int:
        """Take what came, say what is due; the mono ms when there is something to do without news."""
        for event in self._pipe.turn():
            self._take(event, now, head)
        at = self._at
        if at.subscribed_ms is None:
            if now.mono_ms - self._begun_ms > CONNACK_MS:
                raise self._error("SBX-UPL-003", port=self._setting.config.port)
            return self._begun_ms + CONNACK_MS
        self._hearing.hand_over(now)
        self._hand_over()
        if now.mono_ms >= at.beat_ms:
            self._say("state", encode_message(state(self._memory, head, now, online=True)), 0)
            at.beat_ms = now.mono_ms + self._setting.config.heartbeat_s * 1000
        self._speak(self._setting.news.take())
        if self._may_send(now):
            self._send(now)
        if any(now.mono_ms - one.sent_ms > PUBACK_MS for one in at.flying.values()):
            raise self._error("SBX-UPL-006")
        due = self._memory.outbox.next_due(now.mono_ms)
        return min(at.beat_ms, now.mono_ms + 1_000 if due is None else due)

    def close(self, now: Instant, head: Head) -> None:
        """Say that we go, deliver the last receipt to the recorder, let go."""
        goodbye = None
        if self.online:
            gone = state(self._memory, head, now, online=False)
            goodbye = (topic(self._setting.box.id, "up", "state"), encode_message(gone))
        self._hearing.hand_over(now, last=True)
        self._pipe.close(goodbye)

    def _take(self, event: Event, now: Instant, head: Head) -> None:
        match event:
            case Connected():
                self._connected(event, now, head)
            case Subscribed():
                self._subscribed(event, now, head)
            case Acked():
                self._acked(event, now)
            case Message():
                self._at.heard |= self._hearing.message(event, now, head)

    def _connected(self, event: Connected, now: Instant, head: Head) -> None:
        if event.reason in _NOT_ALLOWED:
            raise self._error("SBX-UPL-011", reason=event.text)
        if event.reason in _OLD_PROTOCOL:
            raise self._error("SBX-UPL-014", reason=event.text)
        if event.reason in _BUSY:
            raise self._error("SBX-UPL-013", reason=event.text)
        if event.reason != 0:
            raise self._error("SBX-UPL-010", reason=event.text)
        self._at.connected_ms = now.mono_ms
        self._at.max_packet = event.max_packet
        box = self._setting.box.id
        if not self._setting.config.blocks:
            self._ready(now, head)  # nobody there has anything to tell a box
            return
        self._pipe.subscribe([topic(box, "dn", "receipt"), topic(box, "dn", "command")])

    def _subscribed(self, event: Subscribed, now: Instant, head: Head) -> None:
        if any(reason >= _REFUSED for reason in event.reasons):
            raise self._error("SBX-UPL-024")
        self._ready(now, head)

    def _ready(self, now: Instant, head: Head) -> None:
        self._at.subscribed_ms = now.mono_ms
        self._at.beat_ms = now.mono_ms
        if not self._memory.frozen:
            self._memory.trouble = None
        self._memory.outbox.connected(now.mono_ms, now.mono_ms + self._setting.backlog_delay())
        self._hand_over()
        self._say("birth", encode_message(self._birth(head, now)), 1)
        self._speak(self._setting.news.connected())

    def _speak(self, documents: Sequence[Document]) -> None:
        """Changes of alarms, at once and unsigned; each is answered by the broker as a block is."""
        for document in documents:
            named = {**document, "box": self._setting.box.id}
            self._at.spoken.add(self._say("live", encode_document(named).rstrip(), 1))

    def _hand_over(self) -> None:
        """Before anything that a new identity has signed: by which note it is the box's."""
        notes = self._setting.hooks.handovers()
        for note in notes[self._at.handed :]:
            self._say("handover", note, 1)
        self._at.handed = len(notes)

    def _birth(self, head: Head, now: Instant) -> Birth:
        block = self._setting.source.block(head.n)
        assert block is not None  # it was there a moment ago, and the newest is never dropped
        header = decode_header(decode(block.note).text)
        box = self._setting.box
        return Birth(
            box=box.id,
            epoch=head.epoch,
            n=head.n,
            hash=head.hash,
            identity=str(lineage(box.identity, opened(self._setting.hooks.handovers()))[-1]),
            soft=header.soft,
            cfg=header.cfg,
            boot=now.boot,
            boot_id=now.boot_id,
            utc_ms=now.utc_ms,
            letter=now.letter,
            clean=box.clean,
        )

    def _acked(self, event: Acked, now: Instant) -> None:
        if event.mid in self._at.spoken:
            self._spoken(event, now)
        flying = self._at.flying.pop(event.mid, None)
        if flying is None:
            return
        outbox, n = self._memory.outbox, flying.n
        if event.reason >= _REFUSED:
            outbox.refused(n, now.mono_ms)
            code = "SBX-UPL-020" if event.reason in _NOT_ALLOWED else "SBX-UPL-022"
            self._trouble(self._error(code, n=n, reason=event.text), now)
            return
        if event.reason == _NOBODY:
            self._trouble(self._error("SBX-UPL-021", n=n), now)
        elif not self._memory.frozen:
            self._memory.trouble = None
        outbox.acked(n, now.mono_ms)
        if not self._setting.config.receipts:
            self._hearing.confirmed(n, now)

    def _spoken(self, event: Acked, now: Instant) -> None:
        """The broker's answer to a change of an alarm. What it refuses is not sent again: a person
        must see."""
        self._at.spoken.discard(event.mid)
        if event.reason >= _REFUSED:
            self._trouble(self._error("SBX-UPL-070", reason=event.text), now)
        elif self._memory.trouble is not None and self._memory.trouble.code == "SBX-UPL-070":
            self._memory.trouble = None

    def _may_send(self, now: Instant) -> bool:
        """Only when the platform's head is known to fit ours, or it had its time to say so."""
        if self._memory.frozen:
            return False
        if not self._setting.config.receipts or self._at.heard:
            return True
        unclean = not self._setting.box.clean and self._memory.newest is None
        patience = FIRST_RECEIPT_UNCLEAN_MS if unclean else FIRST_RECEIPT_MS
        return now.mono_ms - (self._at.subscribed_ms or 0) >= patience

    def _send(self, now: Instant) -> None:
        outbox = self._memory.outbox
        for _ in range(PROBES):
            order = outbox.next(now.mono_ms)
            if order is None:
                return
            try:
                block = self._setting.source.block(order.n)
                if block is None:
                    outbox.absent(order.n)
                    self._remark(UnfitError("SBX-UPL-051", n=order.n), now)
                elif sound(replace(block, raw=None)) is None:
                    raise WireError("its parts are not those of its header")
                else:
                    self._block(order, pack_block(block.note, block.body), now)
            except (FormatError, StoreDamaged) as error:
                self._rotten(order, error, now)

    def _rotten(self, order: Order, error: FormatError | StoreDamaged, now: Instant) -> None:
        """Nobody is made to look a forger. The recorder says it and takes it out; then the header goes alone,
        or whole again what a platform gave back. A page of the store itself waits for the next start."""
        outbox = self._memory.outbox
        if isinstance(error, StoreDamaged):
            outbox.absent(order.n)
        else:
            outbox.sent(order)
            outbox.refused(order.n, now.mono_ms)
        self._setting.hooks.on_rot(order.n)
        self._remark(UnfitError("SBX-UPL-052", n=order.n, reason=error), now)

    def _block(self, order: Order, payload: bytes, now: Instant) -> None:
        outbox = self._memory.outbox
        name = "block" if order.lane == "live" else "hist"
        where = topic(self._setting.box.id, "up", name)
        outbox.sent(order)
        if self._at.max_packet is not None and len(payload) + len(where) + 16 > self._at.max_packet:
            outbox.refused(order.n, now.mono_ms)
            facts = {"n": order.n, "bytes": len(payload), "limit": self._at.max_packet}
            self._trouble(self._error("SBX-UPL-023", **facts), now)
            return
        mid = self._pipe.publish(where, payload)
        self._at.flying[mid] = _Flying(order.n, now.mono_ms)

    def _say(self, name: str, payload: bytes, qos: int) -> int:
        return self._pipe.publish(topic(self._setting.box.id, "up", name), payload, qos)

    def _trouble(self, error: LinkError, now: Instant) -> None:
        self._memory.trouble = error
        self._remark(error, now)

    def _remark(self, error: AgentError, now: Instant) -> None:
        self._memory.remarks.add(error, now.mono_ms)

    def _error(self, code: str, **args: object) -> LinkError:
        return LinkError(code, host=self._setting.config.host, **args)
