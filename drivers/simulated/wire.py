"""One RS-485 pair with its meters: half duplex, in real character times, sans-IO.

A reader writes its request in one go; on a real line those bytes take their time, the meter thinks, and its
reply comes back byte by byte. ``hear`` takes what was written, ``step`` gives the bytes whose time has
come, ``next_ns`` says when to call again. Nothing comes before its time; two who speak at once garble each
other.

::

    hear      request on the line     silence   delay     reply on the line: step() gives it byte by byte
    |-------->|=====================|.........|.........|==|==|==|==|==|
              begin              rx_end   3.5 characters (Modbus: MODBUS over Serial Line V1.02, 2.5.1.1)
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from drivers.simulated.meter import Meter
from drivers.simulated.reply import Reply
from drivers.simulated.slave645 import hunt
from drivers.simulated.slavemodbus import take_rtu

_BYTE_GAP_NS = 500_000_000  # DL/T 645-2007 clause 5: no longer between the bytes of a frame
_GRAIN_NS = 1_000_000  # wake up at most so often while a reply goes out; its last byte is always in time
_MAX_HEARD = 512
Served = Callable[[Meter, Reply, tuple[str, ...]], None]


@dataclass(slots=True)
class Counters:
    """What happened on the line."""

    requests: int = 0
    replies: int = 0
    collisions: int = 0
    broken_silence: int = 0  # requests that came within 3.5 characters of a reply's end
    noise_bytes: int = 0  # bytes that made up no request


@dataclass(slots=True)
class _Talk:
    """Bytes on their way out."""

    begin_ns: int
    char_ns: int
    data: bytes
    done: Callable[[], None] | None = None
    sent: int = 0
    echo: bool = False

    @property
    def end_ns(self) -> int:
        return self.begin_ns + len(self.data) * self.char_ns

    def due_ns(self) -> int:
        """When to wake up for it: the next byte, or as many as fit into one grain."""
        count = min(len(self.data), self.sent + max(1, -(-_GRAIN_NS // self.char_ns)))
        return self.begin_ns + count * self.char_ns


@dataclass(slots=True)
class _Heard:
    """What the reader sends: ``stream`` for DL/T 645 (hunted), ``burst`` for Modbus (cut by silence)."""

    stream: bytes = b""
    burst: bytes = b""
    begin_ns: int = 0
    end_ns: int = 0
    baud: int = 0
    silence_ns: int = 0
    early: bool = False
    fresh: bool = False  # the stream has bytes not yet looked at


@dataclass(slots=True)
class Wire:
    """``check_baud``: meters hear only their own rate. ``strict``: a broken silence makes Modbus meters
    deaf to that request. ``served`` is called once a reply, just before its last byte goes out."""

    meters: Sequence[Meter]
    served: Served
    rng: random.Random
    check_baud: bool = True
    strict: bool = True
    echo: bool = False
    counters: Counters = field(default_factory=Counters, init=False)
    _talks: list[_Talk] = field(default_factory=list, init=False)
    _spans: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=16), init=False)
    _heard: _Heard = field(default_factory=_Heard, init=False)

    def hear(self, data: bytes, now_ns: int, baud: int | None) -> None:
        """The reader wrote ``data``; ``baud``: the rate its port is set to, None when unknown."""
        rate = baud if baud and self.check_baud else self._own_baud()
        char_ns = self._bits(data, rate) * 1_000_000_000 // rate
        heard = self._heard
        begin = max(now_ns, heard.end_ns)
        heard.silence_ns = silence_ns(char_ns, rate)
        if not heard.burst or begin - heard.end_ns > heard.silence_ns:
            heard.burst, heard.begin_ns = b"", begin
            heard.early = any(begin - end < heard.silence_ns for start, end in self._spans if start <= begin)
            self.counters.broken_silence += heard.early
        if begin - heard.end_ns > _BYTE_GAP_NS:
            heard.stream = b""
        heard.stream = (heard.stream + data)[-_MAX_HEARD:]
        heard.burst = (heard.burst + data)[-_MAX_HEARD:]
        heard.end_ns, heard.baud, heard.fresh = begin + len(data) * char_ns, rate, True
        if self.echo:
            self._talks.append(_Talk(begin, char_ns, data, echo=True))

    def step(self, now_ns: int) -> bytes:
        """Bytes that the reader's port must have received by now."""
        heard = self._heard
        if heard.fresh and now_ns >= heard.end_ns:
            heard.fresh = False
            self._judge_stream()
        if heard.burst and now_ns >= heard.end_ns + heard.silence_ns:
            self._judge_burst()
        return b"".join(self._deliver(talk, now_ns) for talk in tuple(self._talks))

    def next_ns(self) -> int | None:
        """When ``step`` has something to do next; None: only after ``hear``."""
        times = [talk.due_ns() for talk in self._talks]
        if self._heard.fresh:
            times.append(self._heard.end_ns)
        if self._heard.burst:
            times.append(self._heard.end_ns + self._heard.silence_ns)
        return min(times, default=None)

    def silence(self) -> None:
        """Forget all that is under way: the adapter was pulled."""
        self._talks.clear()
        self._heard = _Heard()

    def _own_baud(self) -> int:
        return self.meters[0].spec.line.baud if self.meters else 9600

    def _bits(self, data: bytes, rate: int) -> int:
        """Bits of a request's character: a pty does not tell, so those of the meters it looks meant for."""
        is_645 = data[:1] in (b"\x68", b"\xfe")
        lines = [
            meter.spec.line
            for meter in self.meters
            if meter.is_645 == is_645 and meter.spec.line.baud == rate
        ]
        return lines[0].character_bits if lines else 10

    def _judge_stream(self) -> None:
        heard = self._heard
        while True:
            request, heard.stream = hunt(heard.stream)
            if request is None:
                return
            self.counters.requests += 1
            heard.burst = b""  # a DL/T 645 frame is none of Modbus
            if self._garbled():
                continue
            for meter in self._listeners(True):
                self._start(meter, meter.answer645(request), heard.end_ns)

    def _judge_burst(self) -> None:
        heard = self._heard
        burst, heard.burst = heard.burst, b""
        ask = take_rtu(burst)
        if ask is None:
            self.counters.noise_bytes += len(burst)
            return
        self.counters.requests += 1
        if self._garbled() or (heard.early and self.strict):
            return
        for meter in self._listeners(False):
            self._start(meter, meter.answer_rtu(ask), heard.end_ns + heard.silence_ns)

    def _listeners(self, is_645: bool) -> list[Meter]:
        return [
            meter
            for meter in self.meters
            if meter.is_645 == is_645 and (not self.check_baud or meter.spec.line.baud == self._heard.baud)
        ]

    def _garbled(self) -> bool:
        hit = self._busy(self._heard.begin_ns, self._heard.end_ns)
        self.counters.collisions += hit
        return hit

    def _busy(self, begin_ns: int, end_ns: int) -> bool:
        return any(start < end_ns and end > begin_ns for start, end in self._spans)

    def _start(self, meter: Meter, reply: Reply | None, from_ns: int) -> None:
        if reply is None:
            return
        data, done = meter.spoilt(reply.frame, self.rng)
        late_ms = meter.faults.lateness_ms()
        line = meter.spec.line
        begin = from_ns + (meter.spec.delay_ms + late_ms) * 1_000_000
        names = done + (("late",) if late_ms else ())
        served = partial(self.served, meter, reply, names)
        if not data:
            served()
            return
        self.counters.replies += 1
        self._talks.append(_Talk(begin, line.character_bits * 1_000_000_000 // line.baud, data, served))

    def _deliver(self, talk: _Talk, now_ns: int) -> bytes:
        count = min(len(talk.data), max(0, now_ns - talk.begin_ns) // talk.char_ns)
        if talk.sent == 0 and now_ns >= talk.begin_ns and not talk.echo:
            self._note_span(talk)
        chunk = talk.data[talk.sent : count]
        if not talk.echo and chunk and self._talked_over(talk, count):
            chunk = bytes(byte ^ 0x55 for byte in chunk)
        talk.sent = count
        if count == len(talk.data):
            self._talks.remove(talk)
            if talk.done is not None:
                talk.done()
        return chunk

    def _note_span(self, talk: _Talk) -> None:
        span = (talk.begin_ns, talk.end_ns)
        if span not in self._spans:
            self._spans.append(span)

    def _talked_over(self, talk: _Talk, count: int) -> bool:
        """Whether somebody else spoke while these bytes were on the line."""
        begin = talk.begin_ns + talk.sent * talk.char_ns
        end = talk.begin_ns + count * talk.char_ns
        others = [(one.begin_ns, one.end_ns) for one in self._talks if one is not talk and not one.echo]
        others.append((self._heard.begin_ns, self._heard.end_ns))
        hit = any(start < end and stop > begin for start, stop in others)
        self.counters.collisions += hit
        return hit


def silence_ns(char_ns: int, baud: int) -> int:
    """3.5 characters; above 19200 baud 1.750 ms (MODBUS over Serial Line V1.02, 2.5.1.1)."""
    return 1_750_000 if baud > 19200 else char_ns * 7 // 2
