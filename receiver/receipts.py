"""What a receipt says of a chain: stored, held beyond the gap, wanted. Pure but for asking the store.

::

    0 .......... stored_n   gap    held    gap    held    ... told_n
    stored 0..stored_n      want   also    want   also        want
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from buffer.header import Header
from buffer.receipt import MAX_HEADS, MAX_RANGES, Receipt
from receiver.shelf import Chain, Shelf

_MOST_HELD = 4_096


def compose(by: str, chain: Chain, header: Header | None, store: Shelf, now_ms: int) -> Receipt:
    """The receipt of ``by`` for a chain as committed; ``header`` is that of the newest stored block."""
    held = tuple(runs(store.unchained(chain.box, chain.epoch, chain.stored_n, _MOST_HELD)))
    return Receipt(
        by=by,
        box=chain.box,
        epoch=chain.epoch,
        stored_n=chain.stored_n,
        stored_hash=chain.stored_hash,
        also=held[:MAX_RANGES],
        want=tuple(gaps(chain.stored_n, held, chain.told_n))[:MAX_RANGES],
        heads=_heads(by, header),
        time_ms=now_ms,
    )


def gaps(stored_n: int, held: Sequence[tuple[int, int, str]], told_n: int) -> Iterator[tuple[int, int]]:
    """What is missing up to the newest block held or told of."""
    n = stored_n + 1
    for a, b, _ in held:
        if a > n:
            yield n, a - 1
        n = b + 1
    if told_n >= n:
        yield n, told_n


def runs(blocks: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Neighbouring blocks as one range, with the hash of its last."""
    run: tuple[int, int, str] | None = None
    for n, digest in blocks:
        if run is not None and n == run[1] + 1:
            run = (run[0], n, digest)
            continue
        if run is not None:
            yield run
        run = (n, n, digest)
    if run is not None:
        yield run


def _heads(by: str, header: Header | None) -> tuple[tuple[str, int, str], ...]:
    """What other authorities hold, as the box's newest block quotes their receipts."""
    seen = () if header is None else header.seen
    return tuple((one.authority, one.n, one.hash) for one in seen if one.authority != by)[:MAX_HEADS]
