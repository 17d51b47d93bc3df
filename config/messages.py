"""The message catalogue: for each code, in each language, what happened, why, and what to do next.

The texts are data (``messages/en.toml``, ``messages/zh.toml``; one table a code). A value can never act as a
template: placeholders are filled in one pass. Never decides anything.

>>> text("SBX-CFG-013", "en", missing="id").what
'the key id is missing'
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from config.errors import Problem, UnknownMessage

LANGUAGES = ("en", "zh")
_PARTS = ("what", "why", "next")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A message in one language. ``why`` may be empty."""

    code: str
    what: str
    why: str
    next: str


def text(code: str, /, lang: str, **args: object) -> Text:
    """The message of a code with ``{names}`` filled in; a name without argument stays visible as ``{name}``.

    Raises UnknownMessage for a code or language the catalogue does not hold."""
    found = template(code, lang)
    return Text(code, *(_fill(part, args) for part in (found.what, found.why, found.next)))


def template(code: str, lang: str) -> Text:
    """The message as it stands in the catalogue. Raises UnknownMessage."""
    if lang not in LANGUAGES:
        raise UnknownMessage(f"language {lang!r} is not one of {', '.join(LANGUAGES)}")
    try:
        return _catalogue(lang)[code]
    except KeyError:
        raise UnknownMessage(f"code {code!r} is not in config/messages/{lang}.toml") from None


def known_codes() -> tuple[str, ...]:
    """All codes of the catalogue, sorted."""
    return tuple(sorted(_catalogue("en")))


def placeholders(message: Text) -> frozenset[str]:
    """The names a template wants filled."""
    return frozenset(_PLACEHOLDER.findall(f"{message.what} {message.why} {message.next}"))


def render(problem: Problem, lang: str) -> str:
    """One line for people: ``file:line key: CODE what; why; how to mend``."""
    message = text(problem.code, lang, **problem.args)
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    head = f"{place} {problem.key}" if problem.key else place
    parts = [_without_stop(part) for part in (message.what, message.why, message.next) if part]
    return f"{head}: {problem.code} {'; '.join(parts)}"


def _without_stop(part: str) -> str:
    """A part of a line ends without full stop; dots that mean "and so on" stay."""
    return part if part.endswith("...") else part.rstrip(" .。")


def _fill(part: str, args: Mapping[str, object]) -> str:
    return _PLACEHOLDER.sub(lambda found: str(args.get(found[1], found[0])), part)


@cache
def _catalogue(lang: str) -> Mapping[str, Text]:
    raw = tomllib.loads(files("config").joinpath("messages", f"{lang}.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {code: Text(code, *(entry[part] for part in _PARTS)) for code, entry in raw.items()}
    )
