"""A power cut before every step of a short life: nothing promised is lost, nothing is unreadable, no number
has two contents. The disk is ``tests.support.powercut``; the oracle is ``tests.support.life``.

The campaign itself is tried: with a disk that forgets one kind of sync it must go red.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from buffer.errors import StorageError
from tests.support.life import Promises, judge, live
from tests.support.powercut import Chance, MemoryDisk, Names, Step

SEED = 20261123
KINDS: tuple[tuple[float, Names], ...] = ((0.0, "none"), (1.0, "all"), (0.5, "ext4"), (0.5, "posix"))


def found(disk: MemoryDisk, seed: int, kinds: tuple[tuple[float, Names], ...] = KINDS) -> Iterator[str]:
    """The broken promises over all cuts of one life."""
    for k in range(len(disk.steps) + 1):
        promised = Promises.until(disk.steps[:k])
        for keep, names in kinds:
            rng = random.Random(f"{seed} {k} {keep} {names}")
            left = disk.after(k, Chance(rng, keep, names))
            try:
                wrong = judge(left, promised)
            except StorageError as error:
                wrong = f"does not start: {error}"
            if wrong is not None:
                yield f"seed {seed}, cut before step {k}, kept {keep}, names {names}: {wrong}"


def test_nothing_synced_is_lost_at_any_step() -> None:
    disk = MemoryDisk()
    live(disk)
    assert len([step for step in disk.steps if step.what != "mark"]) > 50
    assert list(found(disk, SEED, KINDS[:1])) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_nothing_is_lost_whatever_survives_of_the_unsynced(seed: int) -> None:
    disk = MemoryDisk()
    live(disk)
    assert list(found(disk, seed)) == []


@pytest.mark.slow
def test_a_cut_during_recovery_loses_nothing() -> None:
    """Every step of the recovery, after a cut at every seventh step of the life."""
    disk = MemoryDisk()
    live(disk)
    for k in range(3, len(disk.steps) + 1, 7):
        promised = Promises.until(disk.steps[:k])
        second = disk.after(k, Chance(random.Random(SEED + k), 0.5, "ext4"))
        base = len(second.steps)
        assert judge(second, promised, boot=8) is None
        for j in range(base, len(second.steps) + 1):
            third = second.after(j, Chance(random.Random(SEED + j), 0.5, "posix"))
            assert judge(third, promised) is None, (k, j)


def _sync_of_frames(step: Step) -> bool:
    return step.what == "sync" and step.args[1] == "/box/journal/tail"


def _folder_of_journal(step: Step) -> bool:
    return step.what == "sync_folder" and step.args[0] == "/box/journal"


def _folder_of_keys(step: Step) -> bool:
    return step.what == "sync_folder" and step.args[0] == "/box/keys"


def _sync_of_keys(step: Step) -> bool:
    return step.what == "sync" and step.args[1].startswith("/box/keys/")


def _commit(step: Step) -> bool:
    return step.what == "commit"


MUTANTS = (_sync_of_frames, _folder_of_journal, _folder_of_keys, _sync_of_keys, _commit)


@pytest.mark.parametrize("missing", MUTANTS)
def test_the_campaign_goes_red_without(missing: Callable[[Step], bool]) -> None:
    disk = MemoryDisk(lies=missing)
    live(disk)
    assert any(step.what == "lie" for step in disk.steps)
    assert next(found(disk, SEED, KINDS[:1]), None) is not None


@pytest.mark.parametrize("how", ["once", "three times", "late"])
def test_a_failing_step_is_said_and_loses_nothing(how: str) -> None:
    """The Nth step fails, for every N: the journal says so, does nothing more, and what it had promised is
    there when it is opened again. ``late``: the step was done all the same, only nobody could know."""
    whole = MemoryDisk()
    live(whole)
    for n in range(len(whole.steps)):
        disk = MemoryDisk()
        errors = {at: OSError(5, "I/O error") for at in range(n, n + (3 if how == "three times" else 1))}
        disk.failures, disk.late_failures = ({}, errors) if how == "late" else (errors, {})
        try:
            said = live(disk)
        except (StorageError, OSError):
            pass
        else:
            assert said or whole.steps[n].what == "mark", (
                f"the failure of step {n} went unnoticed: {whole.steps[n]}"
            )
        promised = Promises.until(disk.steps)
        assert judge(disk.reboot(), promised) is None, n
