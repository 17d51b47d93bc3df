"""The catalogue: both languages say the same things about the same codes."""

from __future__ import annotations

import re

import pytest
import wcwidth

from config.errors import ConfigError, Problem
from config.messages import known_codes, placeholders, render, template, text

CODE = re.compile(r"SBX-[A-Z]{3}-\d{3}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
FAULT = re.compile(r"SBX-(CFG|SER|BUS|MTR)-[0-8]")  # other areas also keep plain words for screens here
AMBIGUOUS = frozenset("●─│█▀▄▁℃×°→…▲“”‘’·—")  # drawn two cells wide by some terminals


@pytest.fixture(params=known_codes())
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_code_is_in_both_languages_with_the_same_placeholders(code: str) -> None:
    assert CODE.fullmatch(code)
    assert placeholders(template(code, "en")) == placeholders(template(code, "zh"))


def test_a_message_says_what_and_what_next_on_one_line(code: str) -> None:
    for lang in ("en", "zh"):
        message = template(code, lang)
        assert message.what.strip()
        assert message.next.strip() or not FAULT.match(code), "a fault says what to do next"
        whole = f"{message.what}{message.why}{message.next}"
        assert whole.isprintable()
        assert wcwidth.wcswidth(whole) > 0
        assert not AMBIGUOUS & set(whole), "a terminal may draw this two cells wide"


def test_each_language_is_that_language(code: str) -> None:
    english, chinese = template(code, "en"), template(code, "zh")
    assert not CHINESE.search(english.what + english.why + english.next)
    assert CHINESE.search(chinese.what + chinese.why)


def test_both_catalogues_hold_the_same_codes() -> None:
    from config.messages import _catalogue

    assert set(_catalogue("en")) == set(_catalogue("zh"))


def test_values_are_filled_in_and_are_no_templates() -> None:
    filled = text("SBX-CFG-013", "en", missing="{missing} {0} {__class__}")
    assert filled.what == "the key {missing} {0} {__class__} is missing"


def test_a_missing_argument_stays_visible() -> None:
    assert text("SBX-CFG-013", "en").what == "the key {missing} is missing"


@pytest.mark.parametrize(("code", "lang"), [("SBX-CFG-000", "en"), ("SBX-CFG-013", "fr")])
def test_an_unknown_code_or_language_is_a_clear_error(code: str, lang: str) -> None:
    with pytest.raises(ConfigError, match=code if lang == "en" else lang):
        text(code, lang)


def test_render() -> None:
    problem = Problem("SBX-CFG-013", "sitebox.toml", 3, "site", {"missing": "id"})
    assert render(problem, "en") == (
        "sitebox.toml:3 site: SBX-CFG-013 the key id is missing; add a line: id = ..."
    )
    assert render(problem, "zh").startswith("sitebox.toml:3 site: SBX-CFG-013 缺少 id; ")
    assert render(Problem("SBX-CFG-002", "a.toml", 0, ""), "en").startswith("a.toml: SBX-CFG-002 ")
