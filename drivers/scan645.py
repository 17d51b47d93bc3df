"""Finds DL/T 645 meters by wildcard requests, low digits first when several answer at once.

::

    AAAAAAAAAAAA  garbled: more than one
      AAAAAAAAAA00  silence
      AAAAAAAAAA12  garbled
        AAAAAAAA0012  one sound reply --> its address, confirmed by a read of exactly that address
        ...

Listens through the whole time a meter may take, so that replies one behind the other are all heard, and late
ones too. Never believes an address before its meter has answered to it alone; one that was heard and does not
is told of as such. On a line where everything seems to answer it gives up and says so, as it does where
somebody answered who could not be told apart. Source: DL/T 645-2007, reduced addressing: AA fills from the
high end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from config.profile import DltItem, Profile
from config.site import Line
from drivers.dlt645.format import take_digits
from drivers.dlt645.frame import OVERHEAD, PREAMBLE, WILDCARD, Frame, Function, di_bytes, encode, hunt
from drivers.exchange import Answer, Exchange, Scan
from drivers.samples import Sample
from drivers.search import (
    LATE_MS,
    TIMEOUT_645_MS,
    Ask,
    Exchanges,
    Found,
    Plan,
    Search,
    failed,
    manner,
    silent_ms_of,
    spec,
)

BROADCAST: Final = "99" * 6  # of the edition of 1997 some meters answer reads that are sent to it


class Kind(NamedTuple):
    """One way to ask everybody."""

    function: Function
    di: str  # "" for 13H
    address: str = WILDCARD


# 13H, which not all meters know, then a read of the forward energy total.
KINDS: Final = {
    "dlt645-2007": (Kind(Function.READ_ADDRESS, ""), Kind(Function.READ, "00010000")),
    "dlt645-1997": (Kind(Function.READ_1997, "9010"), Kind(Function.READ_1997, "9010", BROADCAST)),
}
_REPLY_BYTES: Final = OVERHEAD + 8 + len(PREAMBLE)
_MOST_PHASES: Final = 3
_SHOWN: Final = ("u_a", "u_b", "p")  # read to confirm and to show
_ANOTHER: Final = OVERHEAD  # so many bytes beside a sound frame are a second meter, fewer are glitches
_NOISE: Final = 5  # neighbours in turn that all seem to answer: no meters do that
_DIGITS: Final = len(WILDCARD)


@dataclass(slots=True)
class _Heard:
    """All that came after one wildcard request, or late after the one before."""

    request: bytes
    functions: frozenset[int]  # of this edition's requests
    addresses: list[str] = field(default_factory=list)
    nameless: int = 0  # sound replies that told no meter's address
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
        if frame.function not in self.functions:
            return
        told: str | None = frame.address
        if frame.function == Function.READ_ADDRESS and len(frame.data) == 6 and not frame.refusal:
            told = take_digits(frame.data)[0]
        if told is None or not told.isdigit() or told == BROADCAST:
            self.nameless += 1
        elif told not in self.addresses:
            self.addresses.append(told)

    def crowded(self, answer: Answer) -> bool:
        """True if somebody more than those heard spoke."""
        if self.addresses or self.nameless:
            return self.broken > 0 or self.junk + self.rest >= _ANOTHER
        return answer.failure == "garbled"


def search(search: Search, protocol: str, line: Line | None) -> Exchanges:
    """All meters of one edition on one line. Each kind of request is sent, whoever answered the one before:
    meters of other manners may hang there too."""
    descents = [_Descent(search, protocol, line, kind) for kind in KINDS[protocol]]
    for descent in descents:
        yield from descent.node("")
        if descent.noisy:
            search.noisy.append(search.where)
            return
    told = {address for descent in descents for address in descent.told}
    if any(descent.crowd for descent in descents) and len(told) <= 1:
        search.unclear.append(search.where)
    elif any(descent.nameless for descent in descents) and not told:
        search.nameless.append(search.where)


def silent_ms(plan: Plan, protocol: str, line: Line | None) -> float:
    """Time for a line without a meter."""
    more = LATE_MS - TIMEOUT_645_MS if plan.patient else 0.0
    return sum(_silent_ms(protocol, line, kind) for kind in KINDS[protocol]) + more


def _silent_ms(protocol: str, line: Line | None, kind: Kind) -> float:
    return silent_ms_of(protocol, line, len(_request(kind, kind.address)), _REPLY_BYTES)


def _request(kind: Kind, address: str) -> bytes:
    return encode(address, kind.function, di_bytes(kind.di) if kind.di else b"")


@dataclass(slots=True)
class _Descent:
    """One edition on one line, by one kind of request."""

    search: Search
    protocol: str
    line: Line | None
    kind: Kind
    noisy: bool = False
    crowd: bool = False  # more spoke at once than were heard
    nameless: bool = False  # somebody repeated the wildcard in place of an address
    told: set[str] = field(default_factory=set)

    def node(self, low: str) -> Generator[Ask, Answer, bool]:
        """The meters whose address ends in ``low``: those heard, then, if more spoke, by the next two digits.

        Gives True for what a line on which everything answers does at every node: something spoke and no
        sound reply was heard, or a meter that repeats any address did that with a whole one.
        """
        heard, answer = yield from self._listen(low)
        whole = len(low) == _DIGITS
        for address in heard.addresses:
            self.told.add(address)
            if not self.search.knows(self.protocol, address):
                yield from self._confirm(address)
        crowded = heard.crowded(answer)
        self.crowd = self.crowd or crowded
        self.nameless = self.nameless or heard.nameless > 0
        if (crowded or heard.nameless) and not whole and self.kind.address == WILDCARD:
            yield from self._below(low)
        if heard.addresses:
            return whole and self.nameless
        return crowded or heard.nameless > 0

    def _below(self, low: str) -> Exchanges:
        neighbours, before = 0, len(self.search.found)
        self.search.ahead_ms += 100 * _silent_ms(self.protocol, self.line, self.kind)
        for pair in range(100):
            broken = yield from self.node(f"{pair:02d}{low}")
            neighbours = neighbours + 1 if broken else 0
            self.noisy = self.noisy or neighbours >= _NOISE
            if self.noisy:
                if self.nameless:  # what answers to everything confirms everything
                    del self.search.found[before:]
                return

    def _listen(self, low: str) -> Generator[Ask, Answer, tuple[_Heard, Answer]]:
        address = low.rjust(_DIGITS, "A") if low else self.kind.address
        last = not low and self.kind is KINDS[self.protocol][-1]  # whoever answers late is heard by then
        spoken = manner(self.protocol, self.line, LATE_MS if last and self.search.plan.patient else None)
        request = _request(self.kind, address)
        heard = _Heard(request, frozenset(kind.function for kind in KINDS[self.protocol]))
        asked = Exchange(request, heard.scan, _REPLY_BYTES, wildcard=True, label=f"search {low}")
        self.search.ahead_ms -= _silent_ms(self.protocol, self.line, self.kind)
        answer = yield from self.search.send(Ask(spoken, asked))
        return heard, answer

    def _confirm(self, address: str) -> Exchanges:
        """Read it by its exact address: what is shown, else what it answered before, else with more patience.
        Only then it is found; one that stays silent is told of."""
        profiles = [one for one in self.search.plan.profiles.values() if one.family == self.protocol]
        profiles.sort(key=lambda one: (one.phases != _MOST_PHASES, len(one.id)))
        samples: tuple[Sample, ...] = ()
        rest_ms, timeout_ms = 0, None
        for profile, timeout_ms in self._tries(profiles):
            asked = spec(self.protocol, address, self.line, profile)
            samples = yield from self.search.poll(asked, rest_ms, timeout_ms)
            if not failed(samples):
                break
            rest_ms = LATE_MS
        if not samples or failed(samples):
            self.search.found.append(Found(self.protocol, address, self.line, None, confirmed=False))
            return
        if any(sample.quantity == "u_b" and not sample.value for sample in samples):
            profiles.sort(key=lambda one: (one.phases == _MOST_PHASES, len(one.id)))
        best, *others = profiles
        names = tuple(one.id for one in others)
        slow = None if timeout_ms is None else LATE_MS // 1000
        found = Found(self.protocol, address, self.line, best.id, names, samples, timeout_s=slow)
        self.search.found.append(found)

    def _tries(self, profiles: list[Profile]) -> Iterator[tuple[Profile, float | None]]:
        """What is read to confirm a meter, and how long it may take (None: as usual)."""
        for timeout_ms in (None, float(LATE_MS)) if profiles else ():
            yield _cut(profiles[0], [one for one in profiles[0].dlt if one.quantity in _SHOWN]), timeout_ms
            di = self.kind.di or KINDS[self.protocol][-1].di
            yield _cut(profiles[0], [one for one in profiles[0].dlt if one.di == di]), timeout_ms


def _cut(profile: Profile, items: list[DltItem]) -> Profile:
    """The profile with these items alone, or its first."""
    kept = tuple(replace(item, poll="fast") for item in items or profile.dlt[:1])
    return replace(profile, dlt=kept, blocks=())
