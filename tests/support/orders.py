"""Orders for tests: a plant with issuers, files as an installer writes them, commands of a platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from agent.orders.asked import Answer, Asked, Wish
from buffer.command import Command, sign_command
from buffer.head import Head
from buffer.note import Signer
from config.calendar import moment_ms
from config.orders import VERBS
from config.site import Issuer
from tests.support.boxes import Box
from tests.support.journals import CITY, COUNTY
from tests.support.plants import PAIR, plant

ZONE = ZoneInfo("Asia/Shanghai")
SITE = replace(
    plant(PAIR),
    issuers=(
        Issuer(id="city", key=str(CITY.verifier), verbs=VERBS),
        Issuer(id="county", key=str(COUNTY.verifier), verbs=("order-put",)),
    ),
)


def at(text: str) -> int:
    """UTC ms of a moment at the plant."""
    return moment_ms(text, ZONE)


def stop(name: str, begin: str, end: str | None, **more: Any) -> dict[str, Any]:
    """A stop order as the object of a command."""
    ends = {} if end is None else {"to_ms": at(end)}
    return {"id": name, "kind": "stop", "from_ms": at(begin), **ends, **more}


def command(head: Head, number: int, verb: str, value: Mapping[str, Any], **changes: Any) -> Command:
    """A command of the city for the box of ``plants.plant``, quoting its head."""
    made = Command(
        by="city",
        box="T1",
        epoch=head.epoch,
        head_n=head.n,
        head_hash=head.hash,
        number=number,
        time_ms=1_795_000_000_000,
        verb=verb,
        object=value,
    )
    return replace(made, **changes)


class Desk:
    """Hands things to a box and tells what came of it; ``second`` is the box's hand-run clock."""

    def __init__(self, box: Box, second: float = 1) -> None:
        self.box = box
        self.second = second

    def ask(self, wish: Wish, /, **values: Any) -> Answer:
        """One step of the recorder with one wish in its inbox; a file's bytes are ``data``."""
        data = values.pop("data", b"")
        answers: list[Answer] = []
        called = "order.toml" if wish == "file" else "declare"
        self.box.inbox.put(Asked(wish, called, "wang", answers.append, data, values))
        self.box.recorder.step(self.box.at(self.second))
        (answer,) = answers
        return answer

    def file(self, text: str) -> Answer:
        """An installer's file."""
        return self.ask("file", data=text.encode())

    def platform(
        self, number: int, verb: str, value: Mapping[str, Any], signer: Signer = CITY, **changes: Any
    ) -> Answer:
        """A signed command."""
        changes = {"by": signer.verifier.name, **changes}
        head = self.box.recorder.snapshot.head
        return self.ask("file", data=sign_command(command(head, number, verb, value, **changes), signer))


def codes(answer: Answer) -> list[str]:
    """Why it was refused."""
    return [problem.code for problem in answer.problems]
