"""Finds DL/T 645 meters by wildcard requests, low digits first when several answer at once.

::

    AAAAAAAAAAAA  garbled: more than one
      AAAAAAAAAA00  silence
      AAAAAAAAAA12  garbled
        AAAAAAAA0012  one sound reply --> its address, confirmed by a read of exactly that address
        ...

Listens through the whole time a meter may take, so that replies one behind the other are all heard. Never
believes an address before its meter has answered to it alone. On a line where everything seems to answer it
gives up and says so. Source: DL/T 645-2007, reduced addressing: AA fills from the high end.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Final

from config.profile import Profile
from config.site import Line
from drivers.dlt645.format import take_digits
from drivers.dlt645.frame import OVERHEAD, PREAMBLE, WILDCARD, Frame, Function, di_bytes, encode, hunt
from drivers.exchange import Answer, Exchange, Scan
from drivers.search import Ask, Exchanges, Found, Plan, Search, failed, manner, silent_ms_of, spec

# How each edition is asked: 13H, which not all meters know, then a read of the forward energy total.
KINDS: Final = {
    "dlt645-2007": ((Function.READ_ADDRESS, ""), (Function.READ, "00010000")),
    "dlt645-1997": ((Function.READ_1997, "9010"),),
}
_REPLY_BYTES: Final = OVERHEAD + 8 + len(PREAMBLE)
_MOST_PHASES: Final = 3
_SHOWN: Final = ("u_a", "u_b", "p")  # read to confirm and to show
_ANOTHER: Final = OVERHEAD  # so many bytes beside a sound frame are a second meter, fewer are glitches
_NOISE: Final = 5  # neighbours in turn that all seem to answer: no meters do that
_DIGITS: Final = len(WILDCARD)


@dataclass(slots=True)
class _Heard:
    """All that came after one wildcard request."""

    request: bytes
    function: Function
    addresses: list[str] = field(default_factory=list)
    junk: int = 0
    rest: int = 0
    broken: int = 0

    def scan(self, buffer: bytes) -> Scan:
        """Take every reply and go on listening."""
        found = hunt(buffer)
        for _, frame in found.frames:
            if frame.raw != self.request[len(PREAMBLE) :] and frame.from_meter:
                self.take(frame)
        self.junk += found.dropped
        self.broken += found.checksum
        self.rest = len(found.rest)
        return Scan(None, found.rest, checksum=found.checksum, dropped=found.dropped)

    def take(self, frame: Frame) -> None:
        """The address a reply tells: in its data after 13H, else in its head."""
        if frame.function != self.function:
            return
        told: str | None = frame.address
        if self.function is Function.READ_ADDRESS and len(frame.data) == 6 and not frame.refusal:
            told = take_digits(frame.data)[0]
        if told is not None and told.isdigit() and told not in self.addresses:
            self.addresses.append(told)

    def crowded(self, answer: Answer) -> bool:
        """True if somebody more than those heard spoke."""
        if self.addresses:
            return self.broken > 0 or self.junk + self.rest >= _ANOTHER
        return answer.failure == "garbled"


def search(search: Search, protocol: str, line: Line | None) -> Exchanges:
    """All meters of one edition on one line."""
    for kind in KINDS[protocol]:
        before = len(search.found)
        descent = _Descent(search, protocol, line, *kind)
        yield from descent.node("")
        if descent.noisy:
            search.noisy.append(search.where)
        if descent.noisy or len(search.found) > before:
            return


def silent_ms(plan: Plan, protocol: str, line: Line | None) -> float:
    """Time for a line without a meter."""
    del plan
    sizes = (len(_request(function, di, WILDCARD)) for function, di in KINDS[protocol])
    return sum(silent_ms_of(protocol, line, size, _REPLY_BYTES) for size in sizes)


def _request(function: Function, di: str, address: str) -> bytes:
    return encode(address, function, di_bytes(di) if di else b"")


@dataclass(slots=True)
class _Descent:
    """One edition on one line, by one kind of request."""

    search: Search
    protocol: str
    line: Line | None
    function: Function
    di: str
    noisy: bool = False

    def node(self, low: str) -> Generator[Ask, Answer, bool]:
        """The meters whose address ends in ``low``: those heard, then, if more spoke, by the next two digits.

        Gives True if something spoke and no sound reply was heard.
        """
        heard, answer = yield from self._listen(low)
        for address in heard.addresses:
            if address.endswith(low) and not self.search.knows(self.protocol, address):
                yield from self._confirm(address)
        crowded = heard.crowded(answer)
        if crowded and len(low) < _DIGITS:
            yield from self._below(low)
        return crowded and not heard.addresses

    def _below(self, low: str) -> Exchanges:
        neighbours = 0
        for pair in range(100):
            broken = yield from self.node(f"{pair:02d}{low}")
            neighbours = neighbours + 1 if broken else 0
            self.noisy = self.noisy or neighbours >= _NOISE
            if self.noisy:
                return

    def _listen(self, low: str) -> Generator[Ask, Answer, tuple[_Heard, Answer]]:
        request = _request(self.function, self.di, low.rjust(_DIGITS, "A"))
        heard = _Heard(request, self.function)
        asked = Exchange(request, heard.scan, _REPLY_BYTES, wildcard=True, label=f"search {low}")
        answer = yield from self.search.send(Ask(manner(self.protocol, self.line), asked))
        return heard, answer

    def _confirm(self, address: str) -> Exchanges:
        """Read it by its exact address; only then it is found."""
        profiles = [one for one in self.search.plan.profiles.values() if one.family == self.protocol]
        profiles.sort(key=lambda one: (one.phases != _MOST_PHASES, len(one.id)))
        if not profiles:
            return
        samples = yield from self.search.poll(spec(self.protocol, address, self.line, _short(profiles[0])))
        if failed(samples):
            return
        if not any(sample.quantity == "u_b" and sample.value for sample in samples):
            profiles.sort(key=lambda one: (one.phases == _MOST_PHASES, len(one.id)))
        best, *others = profiles
        names = tuple(one.id for one in others)
        self.search.found.append(Found(self.protocol, address, self.line, best.id, names, samples))


def _short(profile: Profile) -> Profile:
    """The profile cut down to what is read to confirm a meter."""
    items = tuple(replace(item, poll="fast") for item in profile.dlt if item.quantity in _SHOWN)
    return replace(profile, dlt=items or profile.dlt[:1], blocks=())
