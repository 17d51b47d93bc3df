"""What somebody asks the clerk of orders, on its way through the inbox. Data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from config.errors import Problem

Wish = Literal["file", "order-cancel", "declaration-put", "declaration-end"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One command that counts: kind, id and number of its record; ``repeated``: it was executed before."""

    kind: str
    op: str
    id: str
    record: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """``problems``: why the rest, or all of it, was refused."""

    done: tuple[Outcome, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """``called``: the file's name, or the verb's, for messages; ``who``: the user at the box. ``reply`` is
    told the answer once, when what was accepted is durable."""

    wish: Wish
    called: str
    who: str
    reply: Callable[[Answer], None]
    data: bytes = b""
    values: Mapping[str, Any] = field(default_factory=dict)
