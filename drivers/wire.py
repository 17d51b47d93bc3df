"""One exchange on a line: silence, write, collect, and quiet again. Knows time and bytes, no protocol.

::

    ... last byte |<- silence ->| request |<- meter ->| reply        |
                                 ^ write              ^ sleep until the rest is due, one scan
    on a timeout: read on until the line has been silent, so that nothing of it meets the next request

The silence is never shorter than what was asked for; a few wake-ups serve a whole reply. Never
decides whether a meter is asked again, and never opens or closes the port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from config.site import Line
from drivers.counters import GOOD, NOTHING, TIMEOUT, Counters
from drivers.exchange import Answer, Exchange, Failure, Scan
from drivers.pace import Pace
from drivers.port import Port, PortError
from drivers.samples import WireFrame

SILENT_CHARACTERS: Final = 3.5  # MODBUS over Serial Line V1.02, 2.5.1.1
FAST_SILENCE_MS: Final = 1.75  # the same clause: fixed above 19200 baud
FAST_BAUD: Final = 19200
DRAIN_MS: Final = 50.0  # silence that ends the drain after a timeout (DESIGN 5)
MIXED_MS: Final = 50.0  # silence where the line changes protocol (DESIGN 5)
PATIENCE_MS: Final = 1000  # a line that is never silent is waited for so long
LARGEST_FRAME: Final = 267  # DL/T 645 with L = FFH; Modbus RTU has 256
JUNK_IS_A_REPLY: Final = 4  # fewer bytes of no frame are glitches of the turn-round, not a broken reply
GRACE_MS: Final = 20.0  # a reply under way at the timeout may go on while no byte is this late
MAX_HEARD: Final = 4096  # bytes of one exchange kept for the trace


@dataclass(frozen=True, slots=True)
class Manner:
    """How one meter is spoken to: its line settings, silence before a request, and patience."""

    meter: str
    line: Line | None
    gap_ms: float
    timeout_ms: float
    family: object  # protocol family: a change of it on one line needs more silence
    character_ms: float = field(init=False)  # wire time of a character; 0 where no line settings are known
    silence_ms: float = field(init=False)  # 3.5 characters, or 1.75 ms above 19200 baud
    quiet_ms: float = field(init=False)  # before a request: the same, or the gap

    def __post_init__(self) -> None:
        one = 0.0 if self.line is None else self.line.seconds(1) * 1000
        fast = self.line is not None and self.line.baud > FAST_BAUD
        object.__setattr__(self, "character_ms", one)
        object.__setattr__(self, "silence_ms", FAST_SILENCE_MS if fast else one * SILENT_CHARACTERS)
        object.__setattr__(self, "quiet_ms", max(self.silence_ms, self.gap_ms))

    def wire_ms(self, characters: float) -> float:
        """Time of so many characters; 0 where no line settings are known."""
        return characters * self.character_ms


@dataclass(slots=True)
class Heard(Answer):
    """What one exchange brought: its answer, and what was seen of it. Filled while it runs, so that a lost
    port leaves what came before."""

    failure: Failure | None = "no_reply"
    frames: list[WireFrame] = field(default_factory=list)
    counters: Counters = NOTHING
    stray: int = 0  # bytes heard before the request: nobody's
    sent: bool = False


class Wire:
    """The one user of a port. ``tap`` sees every byte, in order, with the id of the meter being asked."""

    def __init__(self, port: Port, tap: Callable[[str, WireFrame], None] | None = None) -> None:
        self.port = port
        self._tap = tap
        self._active_ms = 0.0  # when the line was last known to be busy
        self._line: Line | None = None  # the settings in force, as they were asked for
        self.family: object = None  # of the last request: another one needs more silence
        self._pace = Pace()

    def opened(self) -> None:
        """The port is fresh: the line counts as busy until now, and as of another protocol."""
        self._active_ms = self.port.moment()
        self._line = self.family = None

    def exchange(self, manner: Manner, exchange: Exchange, heard: Heard) -> None:
        """Ask once and listen; the result is in ``heard``. Raises `PortError`."""
        if not self.port.serial_line and manner.line is not None:
            manner = Manner(manner.meter, None, manner.gap_ms, manner.timeout_ms, manner.family)
        if manner.line is not self._line:
            self.port.configure(manner.line)
            self._line = manner.line
        if not self._hush(manner, heard):
            heard.failure = "garbled"
            return
        self.port.write(exchange.request)
        heard.sent = True
        sent_ms = self.port.moment()
        self._active_ms = sent_ms + manner.character_ms * len(exchange.request)
        if not self._listen(manner, exchange, sent_ms, heard):
            self._drain(manner, heard)

    def _hush(self, manner: Manner, heard: Heard) -> bool:
        """Wait for the silence that must come before a request. False if the line never falls silent."""
        need = manner.quiet_ms
        if self.family is not manner.family and self.port.serial_line:
            need = max(need, MIXED_MS)
        self.family = manner.family
        start = self.port.moment()
        silent = start - self._active_ms - self.port.grain_ms
        left = need - silent if silent > 0 else need
        while data := self.port.pause(left if left > 0 else 0.0):
            self._active_ms = self.port.moment()
            heard.stray += len(data)
            self._note(heard, manner, "?", data, self._active_ms)
            if self._active_ms - start > PATIENCE_MS:
                return False
            left = need
        return True

    def _listen(self, manner: Manner, exchange: Exchange, sent_ms: float, heard: Heard) -> bool:
        """Read until the awaited reply is there or the time is up; False without it. The request is put down
        once there is nothing better to do: first of all the reader sleeps."""
        expected, character = exchange.reply_bytes, manner.character_ms
        due = character * (len(exchange.request) + expected)
        key = (manner.meter, expected)
        slack = self._pace.slack_ms(key) if character else 0.0  # TCP wakes the reader once, whatever comes
        wait, most = due + slack, due + manner.timeout_ms
        self.port.sleep(wait if wait < most else most)
        self._note(heard, manner, ">", exchange.request, sent_ms)
        data = self.port.read(sent_ms + most)
        now = self.port.moment()
        sole = exchange.sole(data)
        if sole is None:
            return self._collect(manner, exchange, sent_ms, heard, data)
        self._active_ms = now
        if character:
            self._pace.learn(key, now - sent_ms - due, character, waited=False)
        heard.reply, frame = sole
        if len(frame) < len(data):
            self._note(heard, manner, "?", data[: -len(frame)], now)
        self._note(heard, manner, "<", frame, now)
        heard.counters, heard.failure = GOOD, None
        return True

    def _collect(self, manner: Manner, exchange: Exchange, sent_ms: float, heard: Heard, data: bytes) -> bool:
        """What came first, ``data``, is not the reply alone: read on, and hunt for it."""
        expected, character = exchange.reply_bytes, manner.character_ms
        due = character * (len(exchange.request) + expected)
        end = sent_ms + due + manner.timeout_ms
        last = end + character * LARGEST_FRAME
        listening, looks, reply = _Listening(exchange), 0, None
        try:
            while data:
                now = self._active_ms = self.port.moment()
                found = listening.take(data)
                if found.reply is not None:
                    reply = found
                    break
                looks += 1
                end = max(end, min(last, now + GRACE_MS))
                # The next character is on its way, and the last one wakes the reader by itself.
                self.port.sleep(min(character * (expected - len(found.rest) - 1), end - now))
                data = self.port.read(end)
        except PortError:
            self._note(heard, manner, "?", bytes(listening.heard), self._active_ms)
            raise
        self._note_received(heard, manner, listening, reply)
        heard.counters = listening.counted(reply)
        if reply is None:
            heard.failure = "garbled" if listening.broken else "no_reply"
            return False
        if character:
            self._pace.learn((manner.meter, expected), now - sent_ms - due, character, waited=looks > 0)
        heard.reply, heard.failure = reply.reply, None
        return True

    def _drain(self, manner: Manner, heard: Heard) -> None:
        """After a timeout: listen until the line is silent."""
        start = self.port.moment()
        while data := self.port.pause(max(DRAIN_MS, manner.silence_ms)):
            self._active_ms = self.port.moment()
            heard.counters += Counters(dropped=len(data))
            self._note(heard, manner, "?", data, self._active_ms)
            if self._active_ms - start > PATIENCE_MS:
                return

    def _note_received(self, heard: Heard, manner: Manner, listening: _Listening, reply: Scan | None) -> None:
        """Put the received bytes down in their order: the reply as "<", everything else as "?"."""
        data, end_ms = bytes(listening.heard), self._active_ms
        frame = b"" if reply is None else reply.frame
        if data == frame:  # nothing but the reply, as nearly always
            self._note(heard, manner, "<", frame, end_ms)
            return
        before, found, after = data.rpartition(frame) if frame else (b"", b"", data)
        self._note(heard, manner, "?", before, end_ms)
        self._note(heard, manner, "<", found, end_ms)
        self._note(heard, manner, "?", after, end_ms)

    def _note(
        self, heard: Heard, manner: Manner, way: Literal[">", "<", "?"], data: bytes, at_ms: float
    ) -> None:
        if not data:
            return
        frame = WireFrame(int(at_ms), way, data)
        heard.frames.append(frame)
        if self._tap is not None:
            self._tap(manner.meter, frame)


class _Listening:
    """The receive buffer of one exchange and what its scans counted."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.heard = bytearray()
        self._rest = b""
        self._counts = NOTHING

    def take(self, data: bytes) -> Scan:
        """Hand the next bytes to the protocol's scan."""
        room = MAX_HEARD - len(self.heard)
        self.heard += data if len(data) <= room else data[:room]
        found = self.exchange.scan(self._rest + data if self._rest else data)
        self._rest = found.rest
        if found.checksum or found.foreign or found.echo or found.dropped:
            self._counts += Counters(
                checksum=found.checksum, foreign=found.foreign, echo=found.echo, dropped=found.dropped
            )
        return found

    @property
    def broken(self) -> bool:
        """True if bytes came that may have been the reply: no sound frame, and more than a glitch."""
        return self._counts.checksum > 0 or self._counts.dropped + len(self._rest) >= JUNK_IS_A_REPLY

    def counted(self, reply: Scan | None) -> Counters:
        """The counts of the whole exchange; what is left in the buffer belongs to no frame."""
        ended = GOOD if reply is not None else TIMEOUT
        if self._counts is NOTHING and not self._rest:
            return ended
        return self._counts + ended + Counters(dropped=len(self._rest))
