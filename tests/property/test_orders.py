"""Any sequence of orders, cancels, declarations and restarts is what a plain dictionary would make of it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buffer.note import Signer
from tests.support.boxes import START_MS, Box
from tests.support.journals import CITY, COUNTY
from tests.support.orders import SITE, Desk

HOUR_MS = 3_600_000
SOURCES: dict[str, Signer | None] = {"local": None, "city": CITY, "county": COUNTY}
NAMES = st.sampled_from("abc")
HOURS = st.integers(-30, 60)

puts = st.tuples(
    st.just("put"),
    st.sampled_from(["local", "city", "city", "county"]),
    NAMES,
    HOURS,
    st.none() | HOURS | st.integers(20, 60),
    st.none() | st.none() | NAMES,
)
cancels = st.tuples(st.just("cancel"), st.sampled_from(["local", "city"]), NAMES)
declares = st.tuples(st.just("declare"), HOURS, HOURS | st.integers(20, 60))
ends = st.tuples(st.just("end"), st.integers(1, 4))
restarts = st.tuples(st.just("restart"), st.sampled_from(["kill", "stop", "kill, no logbook", "seal, kill"]))
repeats = st.tuples(st.just("repeat"))


@dataclass
class Model:
    """What should hold: [from, to, source, fate] of each order by the box's name of it, and of each
    declaration [from, to]."""

    orders: dict[str, list[Any]] = field(default_factory=dict)
    declarations: dict[str, list[Any]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def put(self, now: int, source: str, name: str, span: tuple[int, int | None], old: str | None) -> bool:
        key = _key(source, name)
        begin, end = span
        if key in self.orders or key in self.declarations or (end is not None and end <= max(begin, now)):
            return False
        if old is not None:
            before = self.orders.get(_key(source, old))
            if before is None or before[3] in ("cancelled", "replaced"):
                return False
            if before[0] >= begin:
                before[1] = before[0]  # nothing left of it
            elif before[1] is None or before[1] > begin:
                before[1] = begin
            before[3] = "replaced"
        self.orders[key] = [begin, end, source, ""]
        return True

    def cancel(self, now: int, source: str, name: str) -> bool:
        held = self.orders.get(_key(source, name))
        if held is None or held[3] == "cancelled" or (held[1] is not None and held[1] <= now):
            return False
        if held[0] == held[1]:
            return False
        held[1], held[3] = held[0], "cancelled"
        return True

    def known(self, now: int) -> dict[str, tuple[int, int | None]]:
        """What the rules should know of orders."""
        recent = now - 8 * 24 * HOUR_MS
        return {
            key: (begin, end)
            for key, (begin, end, _, _) in self.orders.items()
            if begin != end and (end is None or end > recent)
        }


def _key(source: str, name: str) -> str:
    return name if source == "local" else f"{source}/{name}"


class Run:
    """Plays steps on a real box and on the model."""

    def __init__(self, folder: Path) -> None:
        self.box = Box(folder, SITE)
        self.desk = Desk(self.box, 1)
        self.model = Model()
        self.changes = 0
        self.last: tuple[Signer, int, str, dict[str, Any]] | None = None
        self.box.start(0)
        self.box.recorder.step(self.box.at(0))

    @property
    def now(self) -> int:
        return self.box.at(self.desk.second).utc_ms

    def play(self, step: tuple[Any, ...]) -> None:
        self.desk.second += 7
        getattr(self, step[0])(*step[1:])
        engine = self.box.recorder.snapshot.world
        assert {o.id: (o.from_ms, o.to_ms) for o in engine.orders} == self.model.known(self.now)
        assert {d.id: [d.from_ms, d.to_ms] for d in engine.declarations} == {
            key: span for key, span in self.model.declarations.items() if span[0] < span[1]
        }
        records = self.box.records("order") + self.box.records("declaration")
        assert len(records) == self.changes, "one record for each accepted change, none for anything else"

    def put(self, source: str, name: str, begin: int, end: int | None, old: str | None) -> None:
        start, stop = START_MS + begin * HOUR_MS, None if end is None else START_MS + end * HOUR_MS
        value: dict[str, Any] = {"id": name, "kind": "stop", "from_ms": start}
        value |= {} if stop is None else {"to_ms": stop}
        value |= {} if old is None else {"replaces": old}
        self._command(source, "order-put", value, self.model.put(self.now, source, name, (start, stop), old))

    def cancel(self, source: str, name: str) -> None:
        expected = self.model.cancel(self.now, source, name)
        self._command(source, "order-cancel", {"id": name}, expected)

    def declare(self, begin: int, end: int) -> None:
        number = self.model.numbers.get("local", 0) + 1
        start, stop = START_MS + begin * HOUR_MS, START_MS + end * HOUR_MS
        value = {"id": f"d{number}", "kind": "stop", "from_ms": start, "to_ms": stop}
        sound = start < stop
        if sound:
            self.model.declarations[f"d{number}"] = [start, stop]
        self._command("local", "declaration-put", value, sound)

    def end(self, number: int) -> None:
        held = self.model.declarations.get(f"d{number}")
        sound = held is not None and held[1] > max(self.now, held[0])
        if held is not None and sound:
            held[1] = max(held[0], self.now)
        self._command("local", "declaration-end", {"id": f"d{number}"}, sound)

    def repeat(self) -> None:
        """The last accepted note of a platform once more: the same answer, and nothing else."""
        if self.last is not None:
            signer, number, verb, value = self.last
            head = self.first_head
            answer = self.desk.platform(number, verb, value, signer, head_n=head[0], head_hash=head[1])
            assert [one.repeated for one in answer.done] == [True]

    def restart(self, how: str) -> None:
        if how.startswith("seal"):
            self.box.recorder.step(self.box.at(self.desk.second + 61))
            self.desk.second += 61
        if how == "stop":
            self.box.stop(self.desk.second)
        else:
            self.box.crash()
        if "logbook" in how:
            shutil.rmtree(self.box.folder / "logbook")
        self.desk.second += 1
        self.box.start(self.desk.second)

    def _command(self, source: str, verb: str, value: dict[str, Any], accepted: bool) -> None:
        signer, number = SOURCES[source], self.model.numbers.get(source, 0) + 1
        signer = signer or self.box.clerk._office.signer
        head = self.box.recorder.snapshot.head
        answer = self.desk.platform(number, verb, value, signer)
        assert bool(answer.done) is accepted, (source, verb, value, answer)
        if accepted:
            self.model.numbers[source] = number
            self.changes += 1
            self.last, self.first_head = (signer, number, verb, value), (head.n, head.hash)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(puts | puts | cancels | cancels | declares | ends | restarts | repeats, min_size=4, max_size=20)
)
def test_any_sequence_is_what_the_model_makes_of_it(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        try:
            for step in steps:
                run.play(step)
        finally:
            run.box.crash()
