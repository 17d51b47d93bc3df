"""Finds the kinds: every module of this folder that holds ``KIND``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import agent.rules.kinds
from agent.rules.finding import Finding
from agent.rules.world import World
from config.rulekinds import Rule

Held = Mapping[str, Any]
Step = Callable[[Any, World, Held], tuple[Iterable[Finding], Held]]


@cache
def steps() -> Mapping[str, Step]:
    """Kind by name; one that has no memory is wrapped so that all look alike."""
    return MappingProxyType(
        {module.KIND: getattr(module, "step", None) or _forgetful(module.judge) for module in _modules()}
    )


def uses(rule: Rule) -> Iterable[str]:
    """The quantities a rule looks at: what its kind's ``USES`` says, and the one it names itself."""
    named = getattr(rule, "quantity", None)
    return (*_used().get(rule.kind, ()), *(() if named is None else (named,)))


@cache
def _used() -> Mapping[str, Iterable[str]]:
    return {module.KIND: getattr(module, "USES", ()) for module in _modules()}


def _modules() -> Iterator[Any]:
    for info in pkgutil.iter_modules(agent.rules.kinds.__path__):
        module = importlib.import_module(f"agent.rules.kinds.{info.name}")
        if hasattr(module, "KIND"):
            yield module


def _forgetful(judge: Callable[[Any, World], Iterable[Finding]]) -> Step:
    def step(rule: Any, world: World, held: Held) -> tuple[Iterable[Finding], Held]:
        return judge(rule, world), held

    return step
