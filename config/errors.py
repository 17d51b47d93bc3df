"""What can be wrong with a configuration: one root, and problems as data. Holds no text: see ``messages``.

>>> Problem("SBX-CFG-013", "sitebox.toml", 3, "site.id").code
'SBX-CFG-013'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType


class ConfigError(Exception):
    """Root of this package's errors. Caught by the CLI, which prints it and ends with exit code 78."""


class UnknownMessage(ConfigError):  # noqa: N818 - says what is wrong
    """A code or language that no catalogue holds. A mistake in the program: nobody catches it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: ``line`` counts from 1, 0 = the whole file; ``key`` as in ``meter.kiln-main.ct``;
    ``args`` fill the placeholders of the code's message."""

    code: str
    file: str
    line: int
    key: str
    args: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class ConfigInvalid(ConfigError):  # noqa: N818 - says what is wrong
    """The files hold mistakes; ``problems`` are all of them, in file and line order. Caught at start and at
    reload by the daemon, which goes on with its last good configuration, and by ``config check``. ``plans``:
    the wire time of each bus, if it came so far (``config.wiretime.BusPlan``)."""

    def __init__(self, problems: Sequence[Problem], plans: Sequence[object] = ()) -> None:
        self.plans = tuple(plans)
        self.problems = tuple(sorted(without_twins(problems), key=lambda p: (p.file, p.line, p.code, p.key)))
        first = self.problems[0] if self.problems else None
        where = f"{first.file}:{first.line} {first.key} {first.code}" if first else "no problem given"
        super().__init__(f"{len(self.problems)} problem(s), first {where}")


def without_twins(problems: Sequence[Problem]) -> list[Problem]:
    """The problems without exact repetitions (a frozen value with a mapping inside is not hashable)."""
    kept: list[Problem] = []
    for problem in problems:
        if problem not in kept:
            kept.append(problem)
    return kept
