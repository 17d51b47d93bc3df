"""Which frame answers which request: the one place that says "this reply is ours".

A frame counts only if it comes from a meter, its address fits the request, its function is the one asked
for, and its DI (and frame number) is the one asked for. An error frame carries no DI. Anything else is
counted and passed over; listening goes on. A reply is never taken for its place in the stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.dlt645.frame import ANY, PREAMBLE, START, Frame, Function, hunt, only
from drivers.exchange import Scan

_FROM_METER = 0x80  # D7 of the control byte


@dataclass(frozen=True, slots=True)
class Awaited:
    """The rule by which the reply to ``request`` is known."""

    request: bytes  # as sent, with its FE
    address: bytes  # as sent: low byte first; AA fits any byte
    function: Function
    di: bytes = b""  # as sent; empty for 13H
    seq: int | None = None  # of 12H
    head: bytes = field(init=False)  # of a good reply that is all of it, up to its length

    def __post_init__(self) -> None:
        head = bytes((START, *self.address, START, self.function | _FROM_METER))
        object.__setattr__(self, "head", head)

    def sole(self, buffer: bytes) -> tuple[object, bytes] | None:
        """`drivers.exchange.Exchange.sole`: a good reply that is all of it, behind FE or nothing."""
        frame = only(buffer, self.head)
        if frame is None or not self.di or self.seq is not None or frame.data[: len(self.di)] != self.di:
            return None
        return frame, frame.raw

    def scan(self, buffer: bytes) -> Scan:
        """Look for the reply; the first that fits is it. Never raises."""
        found = hunt(buffer)
        reply: Frame | None = None
        foreign = echo = 0
        for _, frame in found.frames:
            if frame.raw == self.request[len(PREAMBLE) :]:
                echo += 1
            elif reply is None and self.fits(frame):
                reply = frame
            else:
                foreign += 1
        return Scan(
            reply=reply,
            rest=found.rest,
            frame=b"" if reply is None else reply.raw,
            foreign=foreign,
            echo=echo,
            checksum=found.checksum,
            dropped=found.dropped,
        )

    def fits(self, frame: Frame) -> bool:
        """True if ``frame`` answers the request, well or with an error word."""
        if not frame.from_meter or frame.function != self.function or not self._address_fits(frame):
            return False
        if frame.refusal:
            return True
        if self.function is Function.READ_ADDRESS:
            return len(frame.data) == 6
        if frame.data[: len(self.di)] != self.di:
            return False
        return self.seq is None or (len(frame.data) > len(self.di) and frame.data[-1] == self.seq)

    def _address_fits(self, frame: Frame) -> bool:
        if self.address == frame.raw[1:7]:
            return True
        pairs = zip(self.address, frame.raw[1:7], strict=True)
        return all(asked in (ANY, told) for asked, told in pairs)
