"""Pages made from the program are what the program would make now."""

from __future__ import annotations

import pytest

from tests.support.pages import DOCS, PAGES


@pytest.mark.parametrize("name", sorted(PAGES))
def test_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run: python -m tests.support.pages"
