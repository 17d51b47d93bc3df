"""Records that must fit what stands before them, and bodies that must have a reason to be gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from buffer.verify import Report, Wrong, verify
from tests.support.journals import IDENTITY, T0, Life, Row, header_of, make, receipt


def judged(edit: Callable[[int, list[Row]], None], *, gone: tuple[int, ...] = (), **life: Any) -> Report:
    blocks = make(Life(edit=edit, **life))
    blocks = [replace(block, body=None) if n in gone else block for n, block in enumerate(blocks)]
    return verify(blocks, identity=IDENTITY.verifier)


def named(report: Report) -> tuple[Wrong | None, int | None, int]:
    return report.wrong_kind, report.first_wrong, report.exit_code()


def as_it_is(n: int, records: list[Row]) -> None:
    """Nothing edited."""


def test_what_a_meter_stored_is_counted_as_nothing_and_breaks_no_slot() -> None:
    def stored(n: int, records: list[Row]) -> None:
        if n in (3, 4):
            old = {"p": "1.0", "ep_imp": "0.01"}
            for src in ("load", "hourly", "daily", "total"):
                own = {
                    "k": "reading",
                    "m": "scrubber",
                    "src": src,
                    "mt": 1_795_000_000_000,
                    "v": old,
                    "x": {},
                }
                shared = {key: records[-1][key] for key in ("boot", "mono", "q", "t")}
                records.append({"i": 0} | shared | own)
            records.append(records.pop(-1) | {"v": {}})

    blocks = make(Life(edit=stored))
    assert header_of(blocks[4]).sums == header_of(make()[4]).sums
    assert named(verify(blocks, identity=IDENTITY.verifier)) == (None, None, 0)


def register(values: dict[int, str], between: Row | None = None) -> Callable[[int, list[Row]], None]:
    """Another energy in each of some blocks, and a record before the last of them."""

    def edit(n: int, records: list[Row]) -> None:
        if n in values:
            for one in records:
                if one.get("m") == "scrubber" and one["v"]:
                    one["v"]["ep_imp"] = values[n]
            if between and n == max(values):
                records.insert(
                    0, {**{key: records[0][key] for key in ("boot", "i", "mono", "q", "t")}, **between}
                )

    return edit


@pytest.mark.parametrize(
    ("values", "between", "expected"),
    [
        ({2: "9.9", 3: "10.10", 6: "10.1"}, None, (None, None, 0)),
        ({2: "10.1", 3: "9.9"}, None, (Wrong.REGISTER_FALLS, 3, 1)),
        ({2: "10.1", 6: "9.9"}, None, (Wrong.REGISTER_FALLS, 6, 1)),
        ({2: "10.1", 3: "9.9"}, {"k": "meter-event", "m": "scrubber", "what": "ratio"}, (None, None, 0)),
        (
            {2: "10.1", 3: "9.9"},
            {"k": "meter-event", "m": "kiln-main", "what": "ratio"},
            (Wrong.REGISTER_FALLS, 3, 1),
        ),
    ],
)
def test_registers(
    values: dict[int, str], between: Row | None, expected: tuple[Wrong | None, int | None, int]
) -> None:
    assert named(judged(register(values, between))) == expected


def test_a_start_that_does_not_follow_the_record_before_it() -> None:
    def forget(n: int, records: list[Row]) -> None:
        if n == 5:
            records[0]["last_i"] -= 2

    assert named(judged(forget)) == (Wrong.BOOT_WRONG, 5, 65)


def test_a_start_behind_what_was_recovered() -> None:
    def recovered(n: int, records: list[Row]) -> None:
        if n == 5:
            found = {"k": "recovered", "records": 3, "frames": 1}
            records.insert(0, {**{key: records[0][key] for key in ("boot", "i", "mono", "q", "t")}, **found})
            records[2]["from_t"] = T0 + 240_950  # of the last record of block 4

    assert named(judged(recovered)) == (None, None, 0)


def test_a_start_without_a_record() -> None:
    def later(n: int, records: list[Row]) -> None:
        for one in records:
            one["boot"] += one["boot"] - 1

    shifted = Life(edit=later, header=lambda one: replace(one, boot=2 * one.boot - 1))
    report = verify(make(shifted), identity=IDENTITY.verifier)
    assert named(report) == (Wrong.BOOT_SKIPPED, 5, 1)


def lost(n: int, records: int, blocks: Any = None) -> Callable[[int, list[Row]], None]:
    """A loss record in block ``n``."""

    def edit(at: int, rows: list[Row]) -> None:
        if at == n:
            shared = {key: rows[0][key] for key in ("boot", "i", "mono", "q", "t")}
            named = {} if blocks is None else {"blocks": blocks, "records": records, "digest": "00" * 32}
            rows.append(
                {**shared, "mono": rows[-1]["mono"], "k": "loss", "what": "bodies", "count": records, **named}
            )

    return edit


@pytest.mark.parametrize(
    ("edit", "gone", "expected"),
    [
        (as_it_is, (4,), (Wrong.BODY_MISSING, 4, 1)),  # the city's receipt of block 5 is quoted in block 7
        (as_it_is, (6,), (Wrong.BODY_UNSAID, 6, 1)),
        (as_it_is, (2, 6), (Wrong.BODY_MISSING, 2, 1)),
        (lost(7, 7, [[6, 6]]), (6,), (Wrong.BODY_MISSING, 6, 1)),
        (lost(7, 6, [[6, 6]]), (6,), (Wrong.LOSS_WRONG, 7, 65)),
        (lost(7, 7), (6,), (Wrong.BODY_MISSING, 6, 1)),
        (lost(7, 6), (6,), (Wrong.BODY_UNSAID, 6, 1)),
        (lost(7, 7, [[6, 7]]), (6,), (Wrong.LOSS_WRONG, 7, 65)),
        (lost(7, 7, [6]), (6,), (Wrong.LOSS_WRONG, 7, 65)),
    ],
)
def test_bodies_that_are_gone(
    edit: Callable[[int, list[Row]], None], gone: tuple[int, ...], expected: tuple[Wrong, int, int]
) -> None:
    assert named(judged(edit, gone=gone)) == expected


def test_a_receipt_from_outside_is_a_reason() -> None:
    blocks = make()
    blocks[6] = replace(blocks[6], body=None)
    report = verify(blocks, identity=IDENTITY.verifier, receipts=[receipt(blocks, 7)])
    assert named(report) == (Wrong.BODY_MISSING, 6, 1)


def test_configuration_record_that_names_another_before() -> None:
    def configured(n: int, records: list[Row]) -> None:
        if n == 4:
            shared = {key: records[-1][key] for key in ("boot", "i", "mono", "q", "t")}
            records.append({**shared, "k": "config", "digest": "c0" * 32, "old": "dd" * 32})

    assert named(judged(configured)) == (Wrong.CFG_UNSAID, 4, 1)


def test_two_editions_of_the_software_in_one_boot() -> None:
    other = Life(header=lambda one: replace(one, soft="0.2.0") if one.n == 3 else one)
    assert named(verify(make(other), identity=IDENTITY.verifier)) == (Wrong.FALLING, 3, 65)
