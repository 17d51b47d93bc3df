"""The lines of ``expect``: ``TIME [+-30s] raise KEY [level=alarm] [code=...] [fault=...] [declared=...]``.

Raises Wrong; compares nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from agent.scenario.model import Expected, Verb
from agent.scenario.times import Clock, span_ms
from config.messages import known_codes
from config.suggest import nearest
from config.values import Wrong

LEAST_MS = 20_000  # tolerance where a line names none, or one step if that is longer
_VERBS: Mapping[str, Verb] = MappingProxyType(
    {"raise": "raise", "escalate": "escalate", "clear": "clear", "excuse": "excuse"}
)
_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"level": ("warning", "alarm"), "fault": ("plant", "device", "supply"), "declared": (), "code": ()}
)


def take(line: str, clock: Clock, step_ms: int, rules: Collection[str]) -> Expected:
    """One line. ``rules``: what an alarm key may begin with."""
    at_ms, rest = clock.take(line)
    words = rest.split()
    within_ms = max(LEAST_MS, step_ms)
    if words and words[0].startswith("+-"):
        within_ms = span_ms(words.pop(0)[2:])
    if len(words) < 2 or words[0] not in _VERBS:
        raise Wrong("SBX-SCN-020", value=rest, near=" | ".join(f"{verb} KEY" for verb in _VERBS))
    key = words[1]
    if key.split("/")[0] not in rules:
        raise Wrong("SBX-SCN-021", value=key, near=nearest(key.split("/")[0], rules))
    return Expected(at_ms, within_ms, _VERBS[words[0]], key, **dict(map(_pair, words[2:])))


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    if name not in _CHOICES or not value:
        raise Wrong("SBX-SCN-022", value=word, near=" ".join(f"{one}=" for one in _CHOICES))
    choices = known_codes() if name == "code" else _CHOICES[name]
    if choices and value not in choices:
        near = nearest(value, choices) if name != "code" else "SBX-RUL-..."
        raise Wrong("SBX-SCN-022", value=word, near=near)
    return name, value
