"""The nearest known word to a misspelt one, for messages only. Never used to accept a misspelling."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """The closest known word, or all of them where none is close."""
    words = list(known)
    close = get_close_matches(word[:64], words, n=1)
    return close[0] if close else " ".join(words) or "-"
