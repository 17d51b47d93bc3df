"""Counts add up."""

from dataclasses import fields

from drivers.counters import GOOD, Counters, Tally


def test_every_count_is_added() -> None:
    names = [one.name for one in fields(Counters)]
    one = Counters(**{name: n for n, name in enumerate(names, 1)})
    two = Counters(**{name: 10 * n for n, name in enumerate(names, 1)})
    assert one + two == Counters(**{name: 11 * n for n, name in enumerate(names, 1)})


def test_the_line_is_the_sum_of_its_meters_and_of_nobodys() -> None:
    tally = Tally(["a", "b"])
    before = tally.snapshot()
    tally.add("a", Counters(good=1))
    tally.add("b", Counters(good=2, timeouts=1))
    tally.add(None, Counters(dropped=5))
    tally.reopened()
    after = tally.snapshot()
    assert after.line == Counters(good=3, timeouts=1, dropped=5)
    assert dict(after.meters) == {"a": Counters(good=1), "b": Counters(good=2, timeouts=1)}
    assert (before.reopen, after.reopen, before.line) == (0, 1, Counters())


def test_exchanges_that_went_well_count_like_all_others() -> None:
    tally = Tally(["a", "b"])
    for more in (GOOD, Counters(good=1, echo=1), GOOD):
        tally.add("a", more)
    assert tally.snapshot().meters["a"] == Counters(good=3, echo=1)
    assert tally.snapshot().line == Counters(good=3, echo=1)
