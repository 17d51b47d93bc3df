"""Fetches all the data of one DI: the request, its reply, and the follow-up frames behind it.

::

    11H DI        ->  91 DI data                        all of it
                      B1 DI data           D5 set: more follows, without a frame number
    12H DI SEQ=1  ->  B2 DI data SEQ
    12H DI SEQ=2  ->  92 DI data SEQ                    the last: frame numbers off, parts joined

If a follow-up breaks, the whole sequence is tried once more; a part is never given as the whole. The
number of frames is bounded. Nothing a meter sends makes this raise. The edition of 1997 asks with 01H and 02H
and does not number its frames: 81 or A1, then 82 or A2.

Source: DL/T 645-2007 read and read-next commands; retry as in wuhuangrui/C82_DL689 DL645V07.cpp.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Final

from drivers.dlt645.frame import (
    MORE,
    OVERHEAD,
    REFUSED,
    Frame,
    Function,
    address_bytes,
    di_bytes,
    encode,
    encode_next,
)
from drivers.dlt645.reply import Awaited
from drivers.dlt645.words import NO_SUCH_DATA
from drivers.exchange import Answer, Exchange
from drivers.samples import Quality

MAX_FOLLOW_UPS: Final = 64  # frames behind the first; a meter that never ends is INVALID
MAX_READ_DATA: Final = 200  # L of a read (DL/T 645-2007, data length field)
_SEQUENCE_TRIES: Final = 2

Outcome = bytes | Quality  # the data of a DI, or why there is none
DECLINED: Final = (Quality.UNSUPPORTED, Quality.REFUSED)  # the meter lives and does not give it
Exchanges = Generator[Exchange, Answer, Outcome]


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """How an edition asks: its functions, the bytes of a DI, and whether follow-up frames are numbered. There
    are two, each equal to itself alone."""

    read: Function
    follow: Function
    di_size: int
    numbered: bool


DIALECT_2007: Final = Dialect(Function.READ, Function.READ_NEXT, 4, True)
DIALECT_1997: Final = Dialect(Function.READ_1997, Function.READ_NEXT_1997, 2, False)


@dataclass(frozen=True, slots=True)
class MeterLine:
    """Requests to one meter. The same questions are asked for years: each is put together once."""

    address: str
    dialect: Dialect = DIALECT_2007
    _asked: dict[tuple[str, int], Exchange] = field(default_factory=dict, compare=False, repr=False)

    def read(self, di: str, expected: int, which: bytes = b"") -> Exchange:
        """A read; ``expected`` bytes of data behind the DI. ``which``: count and time of load records."""
        if which:
            return self._new(di, expected, which)
        found = self._asked.get((di, expected))
        if found is None:
            found = self._asked[di, expected] = self._new(di, expected)
        return found

    def _new(self, di: str, expected: int, which: bytes = b"") -> Exchange:
        request = encode(self.address, self.dialect.read, di_bytes(di) + which)
        awaited = Awaited(request, address_bytes(self.address), self.dialect.read, di_bytes(di))
        return _exchange(self.address, self.dialect, awaited, di, expected)

    def follow(self, di: str, expected: int, seq: int) -> Exchange:
        """Read-next for frame ``seq``; ``expected`` bytes still to come."""
        function = self.dialect.follow
        if not self.dialect.numbered:
            request = encode(self.address, function, di_bytes(di))
            awaited = Awaited(request, address_bytes(self.address), function, di_bytes(di))
            made = _exchange(self.address, self.dialect, awaited, f"{di}#{seq}", expected)
            return replace(made, follows=True)
        request = encode_next(self.address, di, seq)
        awaited = Awaited(request, address_bytes(self.address), function, di_bytes(di), seq)
        made = _exchange(self.address, self.dialect, awaited, f"{di}#{seq}", expected + 1)
        return replace(made, follows=True)

    def fetch(self, di: str, expected: int, which: bytes = b"") -> Exchanges:
        """All the data of ``di``, follow-up frames joined; NO_REPLY or GARBLED mean the line failed."""
        outcome: Outcome = Quality.INVALID
        for _ in range(_SEQUENCE_TRIES):
            answer = yield self.read(di, expected, which)
            first = self._outcome(answer)
            if isinstance(first, Quality) or not _more(answer):
                return first
            outcome = yield from self._follow_up(di, expected, first)
            if isinstance(outcome, bytes):
                return outcome
        return outcome

    def _follow_up(self, di: str, expected: int, first: bytes) -> Exchanges:
        data = first
        for seq in range(1, MAX_FOLLOW_UPS + 1):
            answer = yield self.follow(di, max(expected - len(data), 1), seq)
            part = self._outcome(answer)
            if isinstance(part, Quality):
                # the item exists, its first frame came: a refusal here is no "no such data"
                return Quality.REFUSED if part is Quality.UNSUPPORTED else part
            data += part[:-1] if self.dialect.numbered else part
            if not _more(answer):
                return data
        return Quality.INVALID

    def whole(self, reply: object) -> bytes | None:
        """All the data of a DI from the one frame that answers its `read`; None: refused, or more follows."""
        if isinstance(reply, Frame) and not reply.control & (REFUSED | MORE):
            return reply.data[self.dialect.di_size :]
        return None

    def _outcome(self, answer: Answer) -> Outcome:
        """The data behind the DI, or why there is none. A port that failed counts as silence here."""
        frame = answer.reply
        if not isinstance(frame, Frame):
            return Quality.GARBLED if answer.failure == "garbled" else Quality.NO_REPLY
        if frame.refusal:
            known = len(frame.data) == 1 and frame.data[0] & NO_SUCH_DATA
            return Quality.UNSUPPORTED if known else Quality.REFUSED
        return frame.data[self.dialect.di_size :]


def _more(answer: Answer) -> bool:
    return isinstance(answer.reply, Frame) and answer.reply.more


def _exchange(address: str, dialect: Dialect, awaited: Awaited, label: str, data: int) -> Exchange:
    return Exchange(
        request=awaited.request,
        scan=awaited.scan,
        sole=awaited.sole,
        reply_bytes=OVERHEAD + min(dialect.di_size + data, MAX_READ_DATA),
        wildcard="A" in address.upper(),
        label=label,
    )
