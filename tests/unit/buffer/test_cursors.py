"""Receipts that move a cursor, and every kind that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buffer.block import Sums
from buffer.cursors import accept
from buffer.errors import ReceiptRefused
from buffer.head import BlockInfo, Cursor, Head
from buffer.receipt import Receipt

HEAD = Head("e1", 9, "9" * 64, 100, Sums())
GOOD = Receipt("city", "SB-1", "e1", 5, "5" * 64, (), (), (), 1)


class Blocks:
    """Block n has the hash nnn…; 10 and up are not there."""

    def info(self, n: int) -> BlockInfo | None:
        return BlockInfo(n, str(n) * 64, 0, 0, 0, 0, 0, 0, True) if n < 10 else None


def test_forward_moves() -> None:
    assert accept(GOOD, HEAD, None, Blocks(), "SB-1")
    assert accept(GOOD, HEAD, Cursor(4, "4" * 64, 0), Blocks(), "SB-1")
    assert accept(replace(GOOD, stored_n=9, stored_hash="9" * 64), HEAD, None, Blocks(), "SB-1")


def test_repeating_and_nothing_do_not_move() -> None:
    assert not accept(GOOD, HEAD, Cursor(5, "5" * 64, 0), Blocks(), "SB-1")
    assert not accept(replace(GOOD, stored_n=-1, stored_hash=""), HEAD, None, Blocks(), "SB-1")


@pytest.mark.parametrize(
    ("receipt", "at", "code"),
    [
        (replace(GOOD, epoch="e2"), None, "SBX-JNL-011"),
        (replace(GOOD, stored_n=10), None, "SBX-JNL-012"),
        (replace(GOOD, stored_hash="6" * 64), None, "SBX-JNL-013"),
        (GOOD, Cursor(6, "6" * 64, 0), "SBX-JNL-014"),
        (replace(GOOD, stored_n=-1, stored_hash=""), Cursor(0, "0" * 64, 0), "SBX-JNL-014"),
        (replace(GOOD, stored_hash="6" * 64), Cursor(5, "5" * 64, 0), "SBX-JNL-013"),
    ],
)
def test_refused(receipt: Receipt, at: Cursor | None, code: str) -> None:
    with pytest.raises(ReceiptRefused, match=code) as error:
        accept(receipt, HEAD, at, Blocks(), "SB-1")
    assert error.value.facts["by"] == "city"


def test_of_another_box() -> None:
    """Refused before anything else: SBX-JNL-010."""
    with pytest.raises(ReceiptRefused, match="SBX-JNL-010"):
        accept(replace(GOOD, box="SB-2", epoch="e2"), HEAD, None, Blocks(), "SB-1")
