"""When a command runs: in turn, bounded by the hour, the newest change never lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.notices.board import Board
from agent.notices.course import HOUR_MS, WAITING, Course
from tests.support.notices import change

BOTH = ("warning", "alarm")
A_CHANGE = change("a")


def told(course: Course, now_ms: int) -> list[tuple[str, str, int]]:
    """Everything it runs at one moment: id, state, held."""
    found = []
    while (document := course.turn(now_ms)) is not None:
        found.append((document["alarm"]["id"], document["alarm"]["state"], document["held"]))
    return found


def test_changes_run_one_after_another() -> None:
    course = Course(Board(BOTH), 20)
    course.take(change("a"))
    course.take(change("b", level="warning"))
    course.take(change("a", "cleared"))
    assert course.due(5) == 5
    assert told(course, 5) == [("a", "raised", 0), ("b", "raised", 0), ("a", "cleared", 0)]
    assert course.due(5) is None
    assert course.turn(6) is None


def test_each_document_says_what_is_up_when_it_runs() -> None:
    course = Course(Board(BOTH), 20)
    course.take(change("a"))
    course.take(change("b", level="warning"))
    first = course.turn(0)
    assert first is not None
    assert first["up"] == {"alarm": 1, "warning": 1}
    course.take(change("a", "cleared"))
    last = [course.turn(1), course.turn(1)][-1]
    assert last is not None
    assert last["up"] == {"alarm": 0, "warning": 1}


def test_a_burst_beyond_the_hour_is_merged_into_one() -> None:
    course = Course(Board(BOTH), 3)
    for n in range(5):
        course.take(change(f"a{n}"))
    assert told(course, 0) == [("a4", "raised", 4)]
    assert course.held == 4
    course.take(change("b"))
    course.take(change("c"))
    assert told(course, 10) == [("b", "raised", 0), ("c", "raised", 0)]
    course.take(change("d"))
    course.take(change("e"))
    assert told(course, 20) == []
    assert course.waiting == 2
    assert course.due(20) == HOUR_MS
    assert told(course, HOUR_MS - 1) == []
    assert told(course, HOUR_MS) == [("e", "raised", 1)]


def test_what_is_up_at_a_start_is_told_of_once() -> None:
    course = Course(Board(BOTH), 20)
    for name in "abc":
        course.take(change(name, again=True))
    course.take(change("d"))
    course.take(change("e"))
    assert told(course, 0) == [("d", "raised", 3), ("e", "raised", 0)]
    course = Course(Board(BOTH), 20)
    for name in "abc":
        course.take(change(name, again=True))
    assert told(course, 0) == [("c", "raised", 2)]


def test_other_levels_are_left_out() -> None:
    course = Course(Board(("alarm",)), 20)
    course.take(change("a", level="warning"))
    assert told(course, 0) == []
    assert course.due(0) is None


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.just("turn"), st.integers(1, 40), st.just("hour")), max_size=60),
    st.integers(1, 5),
)
def test_bounded_and_nothing_uncounted(steps: list[str | int], most: int) -> None:
    """However changes and turns mix: never more runs an hour than allowed, every change told of or counted,
    and after the last turn that gave anything the newest change has been told of."""
    course = Course(Board(BOTH), most)
    now = taken = counted = 0
    newest = ""
    begun: list[int] = []
    for step in (*steps, "hour", "turn"):
        if step == "hour":
            now += HOUR_MS
        elif step == "turn":
            for name, _, held in told(course, now):
                begun.append(now)
                counted += held + 1
                last = name
            if course.waiting == 0 and taken:
                assert last == newest
        else:
            assert isinstance(step, int)
            for _ in range(step):
                newest = f"n{taken}"
                course.take({**A_CHANGE, "alarm": {**A_CHANGE["alarm"], "id": newest}})
                taken += 1
        assert len(course._waiting) <= WAITING
        assert sum(now - one < HOUR_MS for one in begun) <= most
        assert counted + course.waiting == taken
    assert course.waiting == 0
