"""The recorder's part of another identity: it owns the journal, and so the hand-over.

::

    sitebox key rotate --socket--> desk --Rotate--> recorder: decide, seal --said--> desk --> the new key
"""

from __future__ import annotations

import contextlib
from queue import Empty, SimpleQueue
from typing import Any, Final

from agent.errors import AgentError
from agent.inbox import Inbox, Rotate
from buffer.errors import KeyFault, StoreFull
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.note import VerifierKey

PATIENCE_S: Final = 15.0


def rotate(item: Rotate, journal: Journal, now: Instant) -> None:
    """Decide on another identity and hand over to it at once; a card without room does it with a later seal.
    Raises WriteFailed."""
    try:
        new = journal.ratchet.decide(journal.head, now)
    except KeyFault as fault:
        item.said.put(fault)
        return
    with contextlib.suppress(StoreFull):
        journal.seal(now)
    item.said.put(new)


def asked(inbox: Inbox) -> dict[str, Any]:
    """What the control socket answers: the new key. AgentError: SBX-KEY-006, -007, -008, or SBX-KEY-009 when
    the recorder does not say."""
    said: SimpleQueue[VerifierKey | KeyFault] = SimpleQueue()
    inbox.put(Rotate(said))
    inbox.wake()
    try:
        found = said.get(timeout=PATIENCE_S)
    except Empty as error:
        raise AgentError("SBX-KEY-009", 69) from error
    if isinstance(found, KeyFault):
        raise AgentError(found.code, 74, **found.facts)
    return {"verifier": str(found)}
