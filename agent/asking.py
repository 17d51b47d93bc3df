"""What may be asked of the rules over the control socket: to acknowledge an alarm, how each rule judges now.

The answer comes from the recorder's thread, which owns the rules; the socket's thread waits for it. Decides
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Literal

from agent.control import Verb
from agent.errors import AgentError
from agent.orders.counter import user

PATIENCE_S: Final = 15.0  # less than the command line's own
LONGEST: Final = 200  # characters of a reason


@dataclass(frozen=True, slots=True)
class RulesAsked:
    """``reply`` is told the answer once: whether the alarm was up, or verdicts by rule."""

    wish: Literal["acknowledge", "verdicts"]
    reply: Callable[[Mapping[str, Any]], None]
    alarm: str = ""
    who: str = ""
    reason: str = ""


class Asking:
    """``put`` hands an item to the recorder; False: its queue is full."""

    def __init__(self, put: Callable[[RulesAsked], bool], patience_s: float = PATIENCE_S) -> None:
        self._put = put
        self._patience_s = patience_s

    def verbs(self) -> dict[str, Verb]:
        """The verbs of the socket."""
        return {
            "alarm-ack": Verb(self._acknowledge, act=True, named=True),
            "verdicts": Verb(self._verdicts),
        }

    def _acknowledge(self, args: Mapping[str, Any]) -> dict[str, Any]:
        alarm = str(args.get("alarm", ""))[:120]
        reason = "".join(c if c.isprintable() else "?" for c in str(args.get("reason", ""))[:LONGEST])
        who = user(args.get("uid", -1))
        found = self._ask(lambda reply: RulesAsked("acknowledge", reply, alarm=alarm, who=who, reason=reason))
        if not found["up"]:
            raise AgentError("SBX-ALM-001", 64, alarm=alarm)
        return {"alarm": alarm, "by": who}

    def _verdicts(self, args: Mapping[str, Any]) -> dict[str, Any]:
        del args
        return dict(self._ask(lambda reply: RulesAsked("verdicts", reply)))

    def _ask(self, make: Callable[[Callable[[Mapping[str, Any]], None]], RulesAsked]) -> Mapping[str, Any]:
        told: SimpleQueue[Mapping[str, Any]] = SimpleQueue()
        if not self._put(make(told.put)):
            raise AgentError("SBX-ALM-002", 75)
        try:
            return told.get(timeout=self._patience_s)
        except Empty:
            raise AgentError("SBX-ALM-002", 75) from None
