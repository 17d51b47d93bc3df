"""The uplink over MQTT 5 with mutual TLS: one connection after another, driven by one thread.

::

    offline --due--> connecting (dial) --wire--> session --SUBACK--> online
       ^                  |                         |
       +---- LinkError: code shown, wait 1, 2, 4 ... reconnect_max_s, full jitter

``step`` never blocks longer than WAIT_MS, except in the resolver. An end of the connection is no error of the
box: it is shown, and tried again for ever. What a platform sees: ``docs/uplink-mqtt.md``.
"""

from __future__ import annotations

import os
import random
import select
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.errors import AgentError
from agent.uplinks import BlockSource, Box, Hooks, State, UplinkStatus, hearing, tls
from agent.uplinks.hearing import Memory, Setting
from agent.uplinks.incoming import UnfitError, note_hash
from agent.uplinks.link import Dial, Target
from agent.uplinks.livenews import LiveNews
from agent.uplinks.outbox import Outbox
from agent.uplinks.pipe import Pipe
from agent.uplinks.remarks import Remarks
from agent.uplinks.session import Session
from agent.uplinks.tls import LinkError
from buffer.errors import FormatError, NoteError, StoreDamaged
from buffer.head import Head
from buffer.instant import Instant
from buffer.note import VerifierKey
from buffer.wire import encode_message, topic
from config import site

KIND: Final = "mqtt"
WAIT_MS: Final = 500  # one step waits no longer: new blocks and a stop are noticed so soon
FIRST_RETRY_MS: Final = 1_000
_STEADY_MS: Final = 60_000  # a connection that held so long starts the back-off anew
_SUSPICIOUS: Final = 3  # closed so often: brokers before MQTT 5's "session taken over" throw out like this


def build(config: site.Uplink, box: Box, hooks: Hooks) -> MqttUplink:
    """AgentError SBX-UPL-061 when receipts are expected and ``platform_key`` is none."""
    platform = None
    if config.receipts and config.blocks:
        try:
            platform = VerifierKey.parse(config.platform_key)
        except NoteError as error:
            raise AgentError("SBX-UPL-061", 78, uplink=config.id) from error
    return MqttUplink(config, box, hooks, platform)


class MqttUplink:
    """An ``Uplink``. ``rng`` draws the jitter."""

    def __init__(
        self,
        config: site.Uplink,
        box: Box,
        hooks: Hooks,
        platform: VerifierKey | None,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._box = box
        self._hooks = hooks
        self._platform = platform
        self._rng = random.Random() if rng is None else rng
        self._target = Target.of(config.host, config.port, (config.ca, config.cert, config.key))
        self._remarks = Remarks(hooks.on_event)
        self._news = LiveNews(config.levels)
        self._setting: Setting | None = None
        self._memory: Memory | None = None
        self._head: Head | None = None
        self._dial: Dial | None = None
        self._pipe: Pipe | None = None
        self._session: Session | None = None
        self._now: Instant | None = None
        self._online_ms: int | None = None
        self._retry_ms = FIRST_RETRY_MS
        self._due_ms = 0
        self._thrown_out = 0  # connections in a row that the broker closed soon, without a word
        self._status = UplinkStatus()
        self._closed = False
        self._wake_lock = threading.Lock()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def status(self) -> UplinkStatus:
        """How it stands."""
        return self._status

    def wake(self) -> None:
        """A block was sealed: look now. From any thread, also after the end."""
        with self._wake_lock:
            if not self._closed:
                os.eventfd_write(self._wake_fd, 1)

    def tell(self, document: Mapping[str, Any]) -> None:
        """An alarm changed: say it at once, if it is of the uplink's levels. From any thread."""
        if self._news.tell(document):
            self.wake()

    def run(self, stop: threading.Event, clock: Callable[[], Instant]) -> None:
        """Rounds until ``stop``, then ``close``."""
        while not stop.is_set():
            self.step(clock())
        self.close()

    def step(self, now: Instant) -> int:
        """One round: go on with what there is, then wait for news, at most WAIT_MS. The next due mono ms."""
        self._now = now
        head, setting, memory = self._look(now)
        try:
            due = self._go_on(now, head, setting, memory)
            self._show(now, memory, None)
            self._wait(min(due - now.mono_ms, WAIT_MS))
        except LinkError as error:
            self._fail(error, now, memory)
            due = self._due_ms
        return due

    def close(self) -> None:
        """Say goodbye and let go of the connection."""
        if self._session is not None and self._now is not None and self._head is not None:
            self._session.close(self._now, self._head)
        self._drop()
        if self._setting is not None:
            self._setting.source.close()
        with self._wake_lock:
            self._closed = True
            os.close(self._wake_fd)

    def _look(self, now: Instant) -> tuple[Head, Setting, Memory]:
        """The journal's news for the outbox. Another epoch is another history: the old one counts no more."""
        if self._setting is None:
            source = self._hooks.open_source()
            self._setting = Setting(
                self._config,
                self._box,
                self._hooks,
                source,
                self._platform,
                self._backlog_delay_ms,
                self._news,
            )
        source = self._setting.source
        head = source.head()
        if self._memory is None or self._memory.epoch != head.epoch:
            self._memory = Memory(Outbox(self._stored(self._setting, head)), self._remarks, head.epoch)
            self._head = None
        if head != self._head:
            if self._config.blocks:
                self._memory.outbox.grow(head.n, self._alarm_blocks(source, self._memory, now))
            self._head = head
        return head, self._setting, self._memory

    def _alarm_blocks(self, source: BlockSource, memory: Memory, now: Instant) -> tuple[int, ...]:
        """Without the index of them they go in their turn."""
        try:
            return source.alarm_blocks(memory.outbox.claim.stored)
        except StoreDamaged as error:
            memory.remarks.add(UnfitError(error.code, **error.facts), now.mono_ms)
            return ()

    def _stored(self, setting: Setting, head: Head) -> int:
        """Where the cursor stands, if it speaks of this history."""
        cursor = self._hooks.cursor()
        if cursor is None or cursor.n > head.n:
            return -1
        try:
            block = setting.source.block(cursor.n)
        except (FormatError, StoreDamaged):  # our own store's cursor; the next receipt judges it
            return cursor.n
        return cursor.n if block is not None and note_hash(block.note) == cursor.hash else -1

    def _go_on(self, now: Instant, head: Head, setting: Setting, memory: Memory) -> int:
        if self._session is not None:
            due = self._session.step(now, head)
            if self._session.online and self._online_ms is None:
                self._online_ms = now.mono_ms
            return due
        if self._dial is None:
            if now.mono_ms < self._due_ms:
                return self._due_ms
            self._dial = Dial(self._target, now, self._floor_ms(setting, memory, head))
        wire = self._dial.step(now)
        if wire is not None:
            self._dial = None
            will = (
                topic(self._box.id, "up", "state"),
                encode_message(hearing.state(memory, head, now, online=False)),
            )
            self._pipe = Pipe(wire, self._config.host, self._box.id, will)
            self._session = Session(setting, memory, self._pipe, now)
        return now.mono_ms + WAIT_MS

    def _floor_ms(self, setting: Setting, memory: Memory, head: Head) -> int:
        """The present is later than the newest block and the newest receipt."""
        cursor = self._hooks.cursor()
        received = (memory.newest.time_ms if memory.newest else 0, cursor.time_ms if cursor else 0)
        return tls.floor_ms(setting.source.block(head.n), *received)

    def _wait(self, ms: int) -> None:
        if ms > 0:
            if self._pipe is not None:
                self._pipe.wait(ms, self._wake_fd)
            elif self._dial is not None:
                self._dial.wait(ms)
            else:
                poll = select.poll()
                poll.register(self._wake_fd, select.POLLIN)
                poll.poll(ms)
        try:
            os.eventfd_read(self._wake_fd)
        except BlockingIOError:
            return

    def _fail(self, error: LinkError, now: Instant, memory: Memory) -> None:
        """Offline for a while: the wait doubles, and is drawn between nothing and its full length, so that a
        thousand boxes do not come back in one moment."""
        steady = self._online_ms is not None and now.mono_ms - self._online_ms >= _STEADY_MS
        if steady:
            self._retry_ms = FIRST_RETRY_MS
        if error.code == "SBX-UPL-007" and self._online_ms is not None and not steady:
            self._thrown_out += 1
        else:
            self._thrown_out = 0
        if self._thrown_out >= _SUSPICIOUS:
            error = LinkError("SBX-UPL-015", host=self._config.host, times=self._thrown_out)
        self._drop()
        self._online_ms = None
        self._due_ms = now.mono_ms + self._rng.randint(0, self._retry_ms)
        self._retry_ms = min(self._retry_ms * 2, self._config.reconnect_max_s * 1000)
        self._remarks.add(error, now.mono_ms)
        self._show(now, memory, error)

    def _drop(self) -> None:
        if self._dial is not None:
            self._dial.close()
        if self._pipe is not None:
            self._pipe.close()
        self._dial = self._pipe = self._session = None

    def _show(self, now: Instant, memory: Memory, error: AgentError | None) -> None:
        state: State = "offline"
        if self._session is not None and self._session.online:
            state = "online"
        elif self._session is not None or self._dial is not None:
            state = "connecting"
        old, outbox = self._status, memory.outbox
        trouble = memory.trouble if state == "online" else error
        code, args = (trouble.code, trouble.args_) if trouble is not None else (None, {})
        if state != "online" and trouble is None:
            code, args = old.code, dict(old.args)  # the reason stays on the screen until it is well again
        self._status = UplinkStatus(
            state=state,
            code=code,
            args=args,
            since_ms=old.since_ms if old.state == state else now.mono_ms,
            sent_n=outbox.sent_n,
            acked_n=outbox.acked_n,
            confirmed_n=outbox.claim.stored,
            backlog=outbox.backlog,
            last_receipt_ms=memory.last_receipt_ms,
        )

    def _backlog_delay_ms(self) -> int:
        return self._rng.randint(0, self._config.backlog_delay_s * 1000)
