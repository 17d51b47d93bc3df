"""What a platform does with what boxes say: verify, keep once, find gaps, owe receipts. No network, no clock.

::

    take: topic + bytes --> judge --> store (ahead of a gap) --> chain grows as far as it can
                              |                                   |
                              +--> refused: counted               +--> receipt owed (commit) receipts: signed

A receipt speaks only of what is committed: the service calls ``receipts`` after ``Store.commit``. Whatever is
refused is counted and logged with a code, and nothing of it is kept; a second content for a number, or one
that breaks the chain, is kept in quarantine. Memory is bounded whatever boxes send.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from buffer.block import decode_header
from buffer.errors import FormatError
from buffer.grammar import EPOCH, is_word
from buffer.handover import in_force
from buffer.header import Header
from buffer.note import Signer, VerifierKey, decode, encode
from buffer.receipt import encode_receipt
from buffer.wire import Birth, State, decode_message, parse_topic, topic, unpack_block
from receiver.errors import RefusedError
from receiver.identities import Identities
from receiver.judge import Sound, flaws, follow, open_block
from receiver.receipts import compose
from receiver.shelf import Chain
from receiver.store import Store

MAX_AHEAD: Final = 4_096  # blocks of one chain beyond its gap
MAX_LIVES: Final = 64  # epochs of one box
RECEIPT_MS: Final = 200  # at most one receipt a box in so long
_PLACES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came."""

    topic: str
    payload: bytes
    retained: bool = False


class Known(Protocol):
    """The boxes of this platform; ``receiver.keys.Registry`` is one."""

    def key(self, box: str) -> VerifierKey | None:
        """The identity key of a registered box."""


@dataclass(slots=True)
class _Place:
    """Where a chain stands; ``header`` is that of ``chain.stored_n``."""

    chain: Chain
    header: Header | None
    ahead: int
    due: VerifierKey | None = None  # the identity that must sign the next block


class Core:
    """``take`` and ``greet`` run inside a transaction of the store."""

    def __init__(
        self,
        store: Store,
        registry: Known,
        signer: Signer,
        log: Callable[[str, Mapping[str, str]], None],
        headers_only: bool = False,
    ) -> None:
        self._store = store
        self._registry = registry
        self._signer = signer
        self._log = log
        self._headers_only = headers_only
        self._places: OrderedDict[tuple[str, str], _Place] = OrderedDict()
        self._identities = Identities(store)
        self._owed: dict[str, str] = {}  # box -> epoch
        self._given_ms: dict[str, int] = {}

    def take(self, arrival: Arrival, now_ms: int) -> None:
        """Take one message; ``now_ms`` is the wall clock. Never raises for what it says."""
        box = "-"
        try:
            where = parse_topic(arrival.topic)
            if where.way != "up":
                raise RefusedError("SBX-RCV-011", box="-", reason="not a topic of a box's own")
            if self._registry.key(where.box) is None:
                raise RefusedError("SBX-RCV-010", box=where.box)
            box = where.box
            self._one(where.box, where.name, arrival, now_ms)
        except RefusedError as error:
            self._refuse(box, error, now_ms)
        except FormatError as error:
            refused = RefusedError("SBX-RCV-011", box=box, reason=error)
            self._refuse(box, refused, now_ms)

    def greet(self) -> None:
        """A new connection: each box hears where it stands, those not known yet with their next heartbeat."""
        self._given_ms.clear()
        self._owed.update(self._store.current())

    def receipts(self, now_ms: int, mono_ms: int) -> tuple[tuple[str, bytes], ...]:
        """Topic and note of each receipt that is due. Only after a commit."""
        ready = [
            box for box in self._owed if mono_ms - self._given_ms.get(box, mono_ms - RECEIPT_MS) >= RECEIPT_MS
        ]
        found = []
        for box in ready:
            place = self._place(box, self._owed.pop(box), now_ms)
            if len(self._given_ms) >= _PLACES:
                self._given_ms.clear()
            self._given_ms[box] = mono_ms
            receipt = compose(self._signer.verifier.name, place.chain, place.header, self._store, now_ms)
            found.append((topic(box, "dn", "receipt"), encode(encode_receipt(receipt), [self._signer])))
        return tuple(found)

    @property
    def owing(self) -> bool:
        """Whether a receipt waits for its time."""
        return bool(self._owed)

    def _one(self, box: str, name: str, arrival: Arrival, now_ms: int) -> None:
        if name in ("block", "hist"):
            self._block(box, arrival.payload, now_ms)
        elif arrival.retained:
            return  # old news of a box that may be gone
        elif name == "handover":
            self._handover(box, arrival.payload, now_ms)
        elif name == "birth":
            self._birth(box, decode_message(Birth, arrival.payload), now_ms)
        elif name == "state":
            self._state(box, decode_message(State, arrival.payload), now_ms)

    def _birth(self, box: str, birth: Birth, now_ms: int) -> None:
        if birth.box != box:
            raise RefusedError("SBX-RCV-012", box=box, found=birth.box)
        if birth.identity != str(self._known(box)[-1]):
            self._say("SBX-RCV-021", box=box, found=birth.identity[:200])
        ended = self._ended(box, birth.epoch)
        place = self._place(box, birth.epoch, now_ms)
        if ended is not None:
            code = "SBX-RCV-027" if place.chain.stored_n < 0 else "SBX-RCV-028"
            self._say(code, box=box, epoch=birth.epoch, old=ended.epoch, stored=ended.stored_n)
        if birth.n < place.chain.stored_n:
            self._say("SBX-RCV-022", box=box, n=birth.n, stored=place.chain.stored_n)
        self._heard(place, birth.n, True, now_ms)
        self._owed[box] = birth.epoch

    def _ended(self, box: str, epoch: str) -> Chain | None:
        """The epoch in which the box last spoke, where it is another and something of it is stored: it began
        anew, or an epoch that had ended speaks again."""
        before = dict(self._store.current()).get(box, epoch)
        chain = self._store.chain(box, before)
        return None if before == epoch or chain is None or chain.stored_n < 0 else chain

    def _state(self, box: str, state: State, now_ms: int) -> None:
        place = self._place(box, state.epoch, now_ms)
        self._heard(place, state.n, state.online, now_ms)
        if state.online and (state.stored < place.chain.stored_n or box not in self._given_ms):
            self._owed[box] = state.epoch  # the last receipt, or the birth, was lost on its way

    def _heard(self, place: _Place, n: int, online: bool, now_ms: int) -> None:
        chain = place.chain
        self._store.put_box(chain.box, chain.epoch, online, now_ms)
        if n != chain.told_n:
            self._keep(place, replace(chain, told_n=n))

    def _known(self, box: str) -> tuple[VerifierKey, ...]:
        """The identities of a registered box, oldest first."""
        key = self._registry.key(box)
        if key is None:
            raise RefusedError("SBX-RCV-010", box=box)
        return self._identities.of(box, key)

    def _handover(self, box: str, payload: bytes, now_ms: int) -> None:
        before = self._known(box)
        after = self._identities.take(box, before[-1], payload, now_ms)
        if after != before:
            self._say("SBX-RCV-025", box=box, old=before[-1], new=after[-1])

    def _block(self, box: str, payload: bytes, now_ms: int) -> None:
        identities = self._known(box)
        sound = open_block(payload, box, identities)
        header = sound.header
        if header.n == 0 and not self._identities.may_begin(box, identities, sound):
            raise RefusedError("SBX-RCV-026", box=box, epoch=header.epoch, key=sound.signer)
        if sound.packed is None and header.body_bytes and not self._headers_only:
            raise RefusedError("SBX-RCV-017", box=box, n=header.n)
        place = self._place(box, header.epoch, now_ms)
        known = self._store.hash_of(box, header.epoch, header.n)
        if known is None:
            self._new(place, sound, identities, now_ms)
        elif known != sound.hash and self._store.quarantine(sound, "another content", now_ms):
            self._say("SBX-RCV-014", box=box, n=header.n, known=known, found=sound.hash)
        self._owed[box] = header.epoch

    def _new(self, place: _Place, sound: Sound, identities: Sequence[VerifierKey], now_ms: int) -> None:
        header, chain = sound.header, place.chain
        is_next = header.n == chain.stored_n + 1
        if not is_next and place.ahead >= MAX_AHEAD:
            raise RefusedError("SBX-RCV-018", box=header.box, n=header.n, stored=chain.stored_n)
        self._store.put(sound, now_ms)
        place.ahead += 1
        if is_next:
            self._grow(place, sound, identities, now_ms)

    def _grow(self, place: _Place, sound: Sound, identities: Sequence[VerifierKey], now_ms: int) -> None:
        """Chain the block, and those that waited for it."""
        waiting: Sound | None = sound
        while waiting is not None:
            sound = waiting
            header, chain = sound.header, place.chain
            place.ahead -= 1
            why = follow(sound, place.header, chain.stored_hash, place.due)
            if why is not None:
                if self._store.quarantine(sound, why, now_ms):
                    self._say("SBX-RCV-015", box=header.box, n=header.n, reason=why)
                break
            found = flaws(sound, place.header)
            if found:
                self._say("SBX-RCV-019", box=header.box, n=header.n, reason="; ".join(found)[:300])
            self._store.chained(sound, found)
            place.header, place.due = header, sound.due
            place.chain = replace(chain, stored_n=header.n, stored_hash=sound.hash)
            waiting = self._waiting(place, identities, now_ms)
        self._keep(place, place.chain)

    def _waiting(self, place: _Place, identities: Sequence[VerifierKey], now_ms: int) -> Sound | None:
        """The next block, if it is here. It was sound when it came; the box's key may have changed since."""
        chain = place.chain
        message = self._store.message(chain.box, chain.epoch, chain.stored_n + 1)
        if message is None:
            return None
        try:
            return open_block(message, chain.box, identities)
        except RefusedError as error:
            self._store.drop(chain.box, chain.epoch, chain.stored_n + 1)
            place.ahead -= 1
            self._refuse(chain.box, error, now_ms)
            return None

    def _place(self, box: str, epoch: str, now_ms: int) -> _Place:
        key = (box, epoch)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = self._load(box, epoch, now_ms)
            if len(self._places) > _PLACES:
                self._places.popitem(last=False)
        self._places.move_to_end(key)
        return place

    def _load(self, box: str, epoch: str, now_ms: int) -> _Place:
        chain = self._store.chain(box, epoch)
        if chain is None:
            if not is_word(EPOCH, epoch):
                raise RefusedError("SBX-RCV-011", box=box, reason="epoch has not its form")
            if self._store.chains(box) >= MAX_LIVES:
                raise RefusedError("SBX-RCV-023", box=box, epoch=epoch)
            self._store.put_chain(Chain(box, epoch))
            self._store.meet(box, epoch, now_ms)
            return _Place(Chain(box, epoch), None, 0)
        header = due = None
        if chain.stored_n >= 0:
            message = self._store.message(box, epoch, chain.stored_n)
            assert message is not None  # written in one transaction with the chain
            note = decode(unpack_block(message)[0])
            header = decode_header(note.text)
            due = in_force(note, header.identity, self._known(box))
        return _Place(chain, header, self._store.ahead(box, epoch), due)

    def _keep(self, place: _Place, chain: Chain) -> None:
        place.chain = chain
        self._store.put_chain(chain)

    def _refuse(self, box: str, error: RefusedError, now_ms: int) -> None:
        self._store.refused(box, error.code, now_ms)
        self._log(error.code, error.args_)

    def _say(self, code: str, **args: object) -> None:
        self._log(code, {name: str(value) for name, value in args.items()})
