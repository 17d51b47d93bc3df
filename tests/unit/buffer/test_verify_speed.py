"""What a verification costs beside the bare cryptography and parsing of the same blocks, in the same run."""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable

import pytest

from buffer import note
from buffer.verify import verify
from tests.support.journals import IDENTITY, TURN, Life, make, ratchet

MOST = 4.0  # times the bare cost
ROUNDS = 15


def spent_s(work: Callable[[], None]) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize("rows", [3, 30, 100])
def test_cost_of_a_block(rows: int) -> None:
    blocks = make(Life(blocks=30, rows=rows))
    keys = [ratchet(n // TURN).verifier for n in range(len(blocks))]

    def bare() -> None:
        for block, key in zip(blocks, keys, strict=True):
            found = note.decode(block.note)
            assert all(
                one.is_good(found.text, line.signature)
                for one, line in zip((IDENTITY.verifier, key), found.signatures, strict=True)
            )
            hashlib.sha256(block.body or b"").digest()
            for row in (block.body or b"").splitlines():
                json.loads(row)

    def whole() -> None:
        assert verify(blocks, identity=IDENTITY.verifier).exit_code() == 0

    # side by side, so that what else the machine does slows both down alike
    ratio = statistics.median(spent_s(whole) / spent_s(bare) for _ in range(ROUNDS))
    assert ratio <= MOST, f"{rows} rows: {ratio:.2f} times the bare cost"
