"""A whole simulated plant: loads, meters, buses, switches and truth log, startable inside a process.

::

    with Plant(spec, times) as plant:
        plant.ready["buses"]["b1"]          # what a reader opens
        plant.command({"set": "unplug", "meter": "scrubber-1", "on": True})
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drivers.simulated.feed import Registers, start
from drivers.simulated.load import build
from drivers.simulated.meter import Meter
from drivers.simulated.plantfile import BusSpec, MeterSpec, PlantSpec
from drivers.simulated.ports import PtyEnd, SocketEnd
from drivers.simulated.reply import Reply
from drivers.simulated.switches import ControlError, Message, Switches, flag, number, refuse_unknown
from drivers.simulated.tcpbus import TcpBus
from drivers.simulated.threads import Bus, BusThread, LineBus
from drivers.simulated.truth import Truth
from drivers.simulated.wire import Wire

_EPOCH_MS = 1_767_225_600_000  # 2026-01-01T00:00Z: where the registers of a plant on the clock begin


@dataclass(frozen=True, slots=True)
class Times:
    """The clocks given to a plant: monotonic ns (pacing), UTC ms (read once, at start)."""

    mono_ns: Callable[[], int]
    utc_ms: Callable[[], int]


class Plant:
    """Everything between ``start`` and ``stop``. The plant's time runs on the monotonic clock: a step of the
    wall clock does not reach it."""

    def __init__(self, spec: PlantSpec, times: Times, *, truth: Path | None = None) -> None:
        self._spec = spec
        self._times = times
        self._began_ns, self._began_ms = times.mono_ns(), times.utc_ms()
        offset_ms = spec.plant.utc_offset_s * 1000
        self._anchor_ms = self._began_ms if spec.plant.anchor == "start" else _EPOCH_MS - offset_ms
        self._truth = Truth(truth)
        self._lock = threading.Lock()
        self._loads = build(spec.loads, period_s=spec.plant.period_s, seed=spec.plant.seed)
        self._meters = {meter.id: self._meter(meter) for meter in spec.meters}
        self._switches = Switches(self._loads, self._meters, self._since_ms)
        self._threads = {bus.id: BusThread(bus.id, self._bus(bus), times.mono_ns) for bus in spec.buses}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start one thread a bus."""
        for thread in self._threads.values():
            thread.start()

    def stop(self) -> None:
        """Stop the threads, close ports and files, remove the links."""
        for thread in self._threads.values():
            thread.stop()
        self._truth.close()

    def now_ms(self) -> float:
        """The plant's UTC in ms."""
        return self._began_ms + (self._times.mono_ns() - self._began_ns) / 1e6

    @property
    def ready(self) -> dict[str, Any]:
        """What a reader must know: bus id -> path or ``127.0.0.1:PORT``, and the start in ms UTC."""
        buses = {name: thread.bus.name for name, thread in self._threads.items()}
        return {"ready": True, "buses": buses, "meters": list(self._meters), "started_ms": self._began_ms}

    def command(self, message: Message) -> dict[str, Any]:
        """Take one control message (see ``drivers.simulated``) and answer it. Raises ControlError."""
        with self._lock:
            if "get" in message:
                refuse_unknown(message, {"get", "meter", "last"})
                return {"ok": True, "t": round(self.now_ms()), **self._get(message)}
            if message.get("set") in ("bus-gone", "echo"):
                self._set_bus(message)
            elif "set" in message:
                self._switches.set(message)
            else:
                raise ControlError('a message has "set" or "get"')
            return {"ok": True, "t": round(self.now_ms())}

    def _get(self, message: Message) -> dict[str, Any]:
        if message["get"] == "served":
            last = int(number(message, "last", 0, 1000)) if "last" in message else 20
            return {"counts": self._truth.counts(), "last": self._truth.last(last, message.get("meter"))}
        if message["get"] == "plant":
            return {**self.ready, "lines": self._counters()}
        if message["get"] == "meter" and message.get("meter") in self._meters:
            meter = self._meters[message["meter"]]
            shown = {name: f"{value:.6f}" for name, value in meter.shown().items()}
            return {"meter": meter.spec.id, "shown": shown, "faults": asdict(meter.faults)}
        raise ControlError('get is "served", "plant", or "meter" with a known "meter"')

    def _counters(self) -> dict[str, dict[str, int]]:
        lines = {name: thread.bus for name, thread in self._threads.items()}
        return {name: asdict(bus.wire.counters) for name, bus in lines.items() if isinstance(bus, LineBus)}

    def _set_bus(self, message: Message) -> None:
        thread = self._threads.get(str(message.get("bus")))
        if thread is None:
            raise ControlError(f"no bus {message.get('bus')!r}")
        refuse_unknown(message, {"set", "bus", "on"})
        on = flag(message)
        if message["set"] == "echo":
            if not isinstance(thread.bus, LineBus):
                raise ControlError("only a line can echo")
            thread.bus.wire.echo = on
        elif not thread.call(partial(thread.bus.gone, on)):
            raise ControlError("the bus thread did not answer")

    def _since_ms(self) -> float:
        return self.now_ms() - self._anchor_ms

    def _meter(self, spec: MeterSpec) -> Meter:
        rng = random.Random(f"{self._spec.plant.seed}:{spec.id}")
        shown_kwh = rng.uniform(1_000, 40_000) if spec.energy_kwh is None else spec.energy_kwh
        ratio = float(spec.ct * spec.pt)
        base = Registers(*(shown_kwh * ratio * share for share in (1.0, 0.002, 0.3, 0.01)))
        feed = start(
            [self._loads[name] for name in spec.loads],
            phases=spec.phases,
            nominal_v=spec.nominal_v * float(spec.pt),
            seed=rng.random(),
            base=base,
        )
        return Meter(
            spec, feed, self.now_ms, anchor_ms=self._anchor_ms, utc_offset_s=self._spec.plant.utc_offset_s
        )

    def _bus(self, spec: BusSpec) -> Bus:
        meters = [meter for meter in self._meters.values() if meter.spec.bus == spec.id]
        facts = self._spec.plant
        rng = random.Random(f"{facts.seed}:{spec.id}")
        served = partial(self._note, spec.id)
        if spec.kind == "tcp":
            return TcpBus(meters, spec.port, served, rng=rng, mono_ns=self._times.mono_ns)
        wire = Wire(meters, served, rng, check_baud=facts.check_baud, strict=facts.strict_silence)
        port = SocketEnd(spec.port) if spec.kind == "rtu-over-tcp" else PtyEnd(spec.link)
        return LineBus(wire, port, self._times.mono_ns)

    def _note(self, bus: str, meter: Meter, reply: Reply, faults: tuple[str, ...]) -> None:
        """Write the truth about one reply."""
        entry: dict[str, Any] = {
            "t": round(self.now_ms()),
            "mono_ms": self._times.mono_ns() // 1_000_000,
            "bus": bus,
            "meter": meter.spec.id,
            "protocol": meter.spec.protocol,
            "ask": reply.ask,
            "kind": reply.kind,
            "faults": list(faults),
            "shown": {one.name: one.text for one in reply.shown},
            "primary": {one.name: meter.primary(one) for one in reply.shown},
        }
        self._truth.note(entry)
