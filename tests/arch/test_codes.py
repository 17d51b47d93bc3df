"""Every SBX code that the product can say is in both catalogues; no catalogue has one that nothing says."""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.arch.tree import CODE, ROOT, Source, docstrings, none, product

LANGUAGES = ("en", "zh")


def catalogue(lang: str) -> set[str]:
    """The codes of one language."""
    return set(tomllib.loads((ROOT / f"config/messages/{lang}.toml").read_text(encoding="utf-8")))


def _spoken(source: Source) -> Iterator[tuple[str, str]]:
    """(place, text) of each string constant with a code, docstrings left out."""
    quiet = docstrings(source.tree)
    for node in ast.walk(source.tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in quiet else None
        if isinstance(text, str) and "SBX-" in text:
            yield source.at(node), text


def _used() -> dict[str, str]:
    return {code: place for s in product() for place, text in _spoken(s) for code in CODE.findall(text)}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_code_in_use_is_catalogued(lang: str) -> None:
    known = catalogue(lang)
    none(f"{place} {code}" for code, place in sorted(_used().items()) if code not in known)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_catalogued_code_is_in_use(lang: str) -> None:
    none(sorted(catalogue(lang) - set(_used())))


def test_codes_are_written_out() -> None:
    """A code put together at run time cannot be searched for."""
    cut = re.compile(r"SBX-[A-Z]{2,4}-?$|SBX-$")
    none(f"{place} {text!r}" for s in product() for place, text in _spoken(s) if cut.search(text))
