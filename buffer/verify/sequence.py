"""What may never go back from one header to the next. Pure comparisons of two sound neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from buffer.header import Header, ratchet_counter


def falls(before: Header, after: Header) -> Iterator[str]:
    """One line for each counter that goes back, or each name that changes without its counter."""
    yield from _boot(before, after)
    if before.ext is not None and (after.ext is None or after.ext < before.ext):
        yield f"ext {before.ext} to {after.ext}"
    yield from _ratchet(before, after)
    yield from _seen(before, after)


def _boot(before: Header, after: Header) -> Iterator[str]:
    if after.boot < before.boot:
        yield f"boot {before.boot} to {after.boot}"
    if after.boot == before.boot and after.boot_id != before.boot_id:
        yield f"boot {after.boot} has two ids"
    if after.boot == before.boot and (after.soft, after.soft_digest) != (before.soft, before.soft_digest):
        yield f"boot {after.boot} ran two editions of the software"


def _ratchet(before: Header, after: Header) -> Iterator[str]:
    old, new = before.next_key, after.next_key
    a, b = ratchet_counter(before.box, old), ratchet_counter(after.box, new)
    assert a is not None  # a Header holds no other key than this box's ratchet
    assert b is not None
    if b < a or (a == b and old != new):
        yield f"ratchet {old.name} to {new.name}"


def _seen(before: Header, after: Header) -> Iterator[str]:
    """A quoted receipt never disappears, never goes back, and speaks of an earlier block than this one.
    A quote carried over unchanged is not judged again: a new epoch opens with quotes of the old one."""
    now = {seen.authority: seen for seen in after.seen}
    old = {seen.authority: seen for seen in before.seen}
    for name, was in old.items():
        if name not in now:
            yield f"receipt of {name} is no longer quoted"
        elif now[name].time_ms < was.time_ms and now[name].n <= was.n:
            yield f"receipt of {name} goes back"
    for name, seen in now.items():
        if seen != old.get(name) and seen.n >= after.n:
            yield f"receipt of {name} speaks of block {seen.n}"
