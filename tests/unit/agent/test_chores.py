"""Chores: one that fails starves no other and is planned again; a clock step plans them all anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.chores import Chore, Chores


def make(done: list[str], reported: list[tuple[str, str]]) -> Chores:
    def good() -> None:
        done.append("good")

    def bad() -> None:
        raise OSError("card gone")

    chores = (Chore("bad", 1, bad), Chore("good", 10, good))
    return Chores(chores, lambda name, error: reported.append((name, error)))


def make_due(chores: Chores) -> None:
    for job in chores._scheduler.jobs:
        job.next_run = datetime.now() - timedelta(seconds=1)  # noqa: DTZ005 the library's own clock


def test_a_failing_chore_is_reported_replanned_and_starves_nobody() -> None:
    done: list[str] = []
    reported: list[tuple[str, str]] = []
    chores = make(done, reported)
    chores.step()
    assert (done, reported) == ([], [])
    for turn in (1, 2):
        make_due(chores)
        chores.step()
        assert done == ["good"] * turn
        assert reported == [("bad", "OSError: card gone")] * turn
        assert all(job.next_run and job.next_run > datetime.now() for job in chores._scheduler.jobs)  # noqa: DTZ005 as above


def test_a_clock_set_back_does_not_let_chores_sleep() -> None:
    chores = make([], [])
    for job in chores._scheduler.jobs:
        job.next_run = datetime.now() + timedelta(days=300)  # noqa: DTZ005 what a clock set back leaves behind
    chores.replan()
    longest = max(job.next_run for job in chores._scheduler.jobs if job.next_run)
    assert longest - datetime.now() <= timedelta(minutes=11)  # noqa: DTZ005 as above


def test_planned_at_whole_minutes() -> None:
    chores = make([], [])
    assert all(job.next_run and job.next_run.second == 0 for job in chores._scheduler.jobs)
