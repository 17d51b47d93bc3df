"""What the control socket answers: status, a read of a meter. Looks at snapshots; asks buses for reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.accepted import Accepted
from agent.asking import Asking
from agent.beside import Beside
from agent.busloop import BusLoop
from agent.busstatus import BusFacts
from agent.calendarcheck import calendar_checks
from agent.clock import Clock, kernel_sync
from agent.control import Verb
from agent.errors import AgentError
from agent.inbox import GivenBack, Inbox
from agent.orders.counter import Counter
from agent.paths import Paths
from agent.recorder import Recorder
from agent.ring import Seen
from agent.rotation import asked
from agent.scanning import Searches, Wish, plan_of
from agent.software import version
from agent.status import Facts, StorageFacts, UplinkFacts, build, points
from agent.storage import storage
from agent.uplinks import Uplink
from buffer.bundle import read_bundle
from buffer.errors import FormatError
from buffer.instant import Instant
from buffer.note import VerifierKey
from buffer.reader import JournalReader
from buffer.refill import fitting
from config import site
from config.site import Bus
from drivers.samples import PollResult

READ_PATIENCE_S = 30.0
REFILL_STEP = 100  # blocks put back between two commits


@dataclass(slots=True)
class Desk:
    """Made once the parts run; everything it reads is immutable or thread-safe. ``accepted`` is replaced
    when files were found bad at a reload. ``identities``: the keys that the box had and has, oldest first."""

    paths: Paths
    clock: Clock
    accepted: Accepted
    recorder: Recorder
    buses: Mapping[str, BusLoop]
    uplinks: Mapping[str, Uplink]
    inbox: Inbox
    beside: Beside
    identities: Callable[[], Sequence[VerifierKey]]
    searches: Searches = field(default_factory=Searches)

    def verbs(self) -> dict[str, Verb]:
        """The verbs of the socket."""
        return {
            "status": Verb(self._status),
            "read": Verb(self._read),
            "buses": Verb(self._buses),
            "trace": Verb(self._trace),
            "scan": Verb(self._scan, act=True),
            "scan-look": Verb(self._scan_look, act=True, audited=False),
            "scan-cancel": Verb(self._scan_cancel, act=True),
            "refill": Verb(self._refill, act=True),
            **self.beside.verbs(),
            **Counter(self.inbox.put).verbs(),
            **Asking(self.inbox.put).verbs(),
            "rotate": Verb(lambda args: asked(self.inbox), act=True),
        }

    def _scan(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a search for meters in the free moments of a bus; declared meters are left alone."""
        loop = self._loop(args)
        bus = loop.bus.config
        meters = self.accepted.loaded.config.meters
        known = [meter for meter in meters if meter.bus == bus.id]
        plan = plan_of(Wish.take(args), bus, self.accepted.profiles, known, patient=False)
        seconds = self.searches.begin(bus.id, plan, loop.errand, self.clock.now().mono_ms)
        return {"bus": bus.id, "seconds": seconds, "known": [meter.id for meter in known]}

    def _scan_look(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return self.searches.look(self._loop(args).bus.config.id, self.clock.now().mono_ms)

    def _scan_cancel(self, args: Mapping[str, Any]) -> dict[str, Any]:
        loop = self._loop(args)
        self.searches.cancel(loop.bus.config.id)
        loop.wake()
        return {}

    def _refill(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Put back what an evidence file of a platform has and our store lost."""
        file = Path(str(args.get("file", "")))
        try:
            with closing(JournalReader(self.paths.journal)) as reader:
                found = list(fitting(reader, read_bundle(file).blocks, self.identities()))
        except (OSError, FormatError) as error:
            raise AgentError("SBX-VFY-900", 66, file=file, reason=error) from error
        for start in range(0, len(found), REFILL_STEP):
            self.inbox.put(GivenBack(tuple(found[start : start + REFILL_STEP]), file.name[:80]))
        return {"blocks": len(found)}

    def _buses(self, args: Mapping[str, Any]) -> dict[str, Any]:
        del args
        return {"buses": [_bus(loop.bus.config) for loop in self.buses.values()]}

    def _trace(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Frames of a bus behind number ``after``; a negative number gives the number to begin with."""
        after = args.get("after", -1)
        since = self._loop(args).ring.after(after if isinstance(after, int) else -1)
        now = self.clock.now()
        return {
            "frames": [_frame(seen, now) for seen in since.frames],
            "next": since.last,
            "lost": since.lost,
        }

    def _loop(self, args: Mapping[str, Any]) -> BusLoop:
        name = str(args.get("bus", ""))
        loop = self.buses.get(name)
        if loop is None:
            raise AgentError("SBX-BUS-010", 64, bus=name[:40])
        return loop

    def _status(self, args: Mapping[str, Any]) -> dict[str, Any]:
        config = self.accepted.loaded.config
        snapshot = self.recorder.snapshot
        now = self.clock.now()
        buses = [BusFacts(name, loop.state(), loop.bus.counters()) for name, loop in self.buses.items()]
        return build(
            Facts(
                config=config,
                version=version(),
                daemon=True,
                now=now,
                sync=kernel_sync(),
                polls=snapshot.polls,
                alarms=snapshot.alarms,
                uplinks=[
                    _facts(one, self.uplinks[one.id], now.mono_ms)
                    for one in config.uplinks
                    if one.id in self.uplinks  # others wait for a reload
                ],
                storage=self._storage(),
                head_n=snapshot.head.n,
                records=snapshot.head.last_i,
                dropped=snapshot.dropped,
                logbook=snapshot.logbook,
                gaps=snapshot.gaps,
                wrong_clocks=snapshot.wrong_clocks,
                key_fault=snapshot.key_fault,
                rot=snapshot.rot,
                buses=buses,
                problems=self.accepted.problems,
                last_good=self.accepted.last_good,
                points=points(snapshot.world, config),
                more=(*self.beside.checks(), *calendar_checks(snapshot.world, config)),
            )
        )

    def _storage(self) -> StorageFacts:
        reader = JournalReader(self.paths.journal)
        try:
            return storage(self.paths, reader, self.accepted.loaded.config)
        finally:
            reader.close()

    def _read(self, args: Mapping[str, Any]) -> dict[str, Any]:
        name = str(args.get("meter", ""))
        config = self.accepted.loaded.config
        meter = next((meter for meter in config.meters if meter.id == name), None)
        if meter is None:
            raise AgentError("SBX-MTR-015", 64, meter=name)
        now = self.clock.now()
        result = self.buses[meter.bus].read(name, now.mono_ms, READ_PATIENCE_S)
        if result is None:
            raise AgentError("SBX-MTR-016", 69, meter=name)
        return _plain(result, now.utc_ms)


def _bus(config: Bus) -> dict[str, Any]:
    return {
        "id": config.id,
        "kind": config.kind,
        "port": config.port,
        "host": config.host,
        "tcp_port": config.tcp_port,
    }


def _frame(seen: Seen, now: Instant) -> dict[str, Any]:
    frame = seen.frame
    return {
        "number": seen.number,
        "time": now.utc_ms - (now.mono_ms - frame.mono_ms),
        "mono": frame.mono_ms,
        "meter": seen.meter,
        "way": frame.way,
        "hex": frame.data.hex(),
    }


def _plain(result: PollResult, utc_ms: int) -> dict[str, Any]:
    return {
        "meter": result.meter,
        "live": True,
        "time": utc_ms,
        "error": result.error,
        "attempts": result.attempts,
        "samples": [
            {
                "quantity": sample.quantity,
                "value": None if sample.value is None else f"{sample.value:f}",
                "quality": sample.quality.value,
            }
            for sample in result.samples
        ],
        "frames": [
            {"mono": frame.mono_ms, "way": frame.way, "hex": frame.data.hex()} for frame in result.frames
        ],
    }


def _facts(config: site.Uplink, uplink: Uplink, mono_ms: int) -> UplinkFacts:
    status = uplink.status()
    quiet = None if status.last_receipt_ms is None else mono_ms - status.last_receipt_ms
    return UplinkFacts(
        config.id,
        status.state,
        status.code,
        status.sent_n,
        status.acked_n,
        status.confirmed_n,
        status.backlog,
        quiet,
        config.receipts,
        config.blocks,
    )
