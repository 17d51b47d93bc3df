"""The daemon: puts the parts together, runs their threads, stops them in order.

::

    main      chores, clock steps, watchdog, signals
    bus-*     one a bus: polls and requests            uplink-*  one a destination
    recorder  journal, rules, alarms                   control   the socket
    notice-*  one a notice                             mains     the source of the mains

Start never waits for the network: the first reading is durable whether or not anybody listens.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from types import FrameType

from agent import notify
from agent.accepted import Accepted, accept
from agent.beside import Beside
from agent.busloop import BusLoop
from agent.chores import Chore, Chores
from agent.clock import Clock, kernel_sync, mono_ms
from agent.control import ControlServer
from agent.desk import Desk
from agent.inbox import ChoreDue, Inbox, Owed, Remark
from agent.log import Log
from agent.owed import owed_ms
from agent.paths import Paths
from agent.recorder import Recorder
from agent.rot import Finder
from agent.software import version
from agent.supervisor import Supervisor
from agent.timekeeper import Timekeeper
from agent.uplinks import Uplink
from buffer.instant import Instant
from buffer.reader import JournalReader
from buffer.scrub import share

EX_SOFTWARE = 70
GRACE_MS = 30_000  # how far past its own deadline a watched thread may be before the watchdog starves
PULSE_S = 0.5


class Service:
    """One run of the daemon, from parts that are ready to start."""

    # budget: the parts of the daemon, put together in agent.build alone
    def __init__(  # noqa: PLR0913 see above
        self,
        *,
        paths: Paths,
        clock: Clock,
        accepted: Accepted,
        inbox: Inbox,
        recorder: Recorder,
        buses: Mapping[str, BusLoop],
        uplinks: Mapping[str, Uplink],
        log: Log,
        finder: Finder,
        beside: Beside,
    ) -> None:
        self._finder = finder
        self._paths = paths
        self._clock = clock
        self._accepted = accepted
        self._inbox = inbox
        self._recorder = recorder
        self._buses = buses
        self._uplinks = uplinks
        self._log = log
        self._supervisor = Supervisor()
        self._stop = self._supervisor.stop
        self._recorder_stop = False
        self._hup = False
        self._reload = False
        self._reason = "SIGTERM"
        self._beside = beside
        self._desk = Desk(paths, clock, accepted, recorder, buses, uplinks, inbox, beside, finder.identities)
        self._control = ControlServer(paths.socket, self._desk.verbs(), self._acted)
        self._chores = Chores(
            (
                Chore("heartbeat", 1, self._heartbeat),
                Chore("retention", 60, self._retention),
                Chore("meters", 60, self._meters),
                Chore("scrub", 1, self._scrub),
                Chore("delivery", 1, self._delivery),
            ),
            self._chore_failed,
        )

    def run(self) -> int:
        """Run until a signal or a failure; gives the exit status. ``reload`` restarts in place."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        self._start()
        head = self._recorder.snapshot.head
        config = self._accepted.loaded.config
        self._log.put(
            "info",
            "SBX-SYS-001",
            version=version(),
            meters=len(config.meters),
            uplinks=len(config.uplinks),
            head=head.n,
        )
        notify.tell("READY=1", f"STATUS=block {head.n}")
        self._watch()
        return self._finish()

    @property
    def wants_reload(self) -> bool:
        """Whether the run ended in order to start anew with new files."""
        return self._reload

    def _start(self) -> None:
        spawn = self._supervisor.spawn
        for name in ("recorder", *(f"bus-{bus}" for bus in self._buses)):
            self._supervisor.beat(name, mono_ms())  # watched from now on: also one that never finishes a step
        self._meters()  # gaps that were open, clocks that are due: not an hour from now
        spawn("recorder", self._run_recorder)
        spawn("control", self._control.run)
        for name, loop in self._buses.items():
            spawn(f"bus-{name}", _bound(self._run_bus, name, loop))
        for name, uplink in self._uplinks.items():
            spawn(f"uplink-{name}", _bound(self._run_uplink, uplink))
        for name, run in self._beside.threads().items():
            spawn(name, _bound(run, self._stop))

    def _run_bus(self, name: str, loop: BusLoop) -> None:
        while not self._stop.is_set():
            due = loop.step(mono_ms())
            now = mono_ms()
            self._supervisor.beat(f"bus-{name}", max(due, now))
            loop.wait(min(due - now, 1000) / 1000)

    def _run_recorder(self) -> None:
        while not self._recorder_stop:
            before = self._recorder.snapshot.head.n
            due = self._recorder.step(self._clock.now())
            if self._recorder.snapshot.head.n != before:
                for uplink in self._uplinks.values():
                    uplink.wake()
            now = mono_ms()
            self._supervisor.beat("recorder", max(due, now))
            self._inbox.wait((due - now) / 1000)
        self._recorder.close(self._clock.now())

    def _run_uplink(self, uplink: Uplink) -> None:
        while not self._stop.is_set():
            uplink.step(self._clock.now())
        uplink.close()

    def _watch(self) -> None:
        timekeeper = Timekeeper(self._clock.now())
        while not self._stop.is_set():
            self._stop.wait(PULSE_S)
            now = self._clock.now()
            delta_ms = timekeeper.stepped_ms(now)
            if delta_ms is not None:
                self._stepped(delta_ms, now)
            anchor = timekeeper.anchor(now, kernel_sync().error_ms)
            if anchor is not None:
                self._inbox.put(Remark("anchor", anchor))
            self._chores.step()
            if self._hup:
                self._hup = False
                self._reconsider()
            if self._recorder.snapshot.superseded:
                self._begin_anew()
            late = self._supervisor.late(now.mono_ms, GRACE_MS)
            if late:
                self._log.put("fail", "SBX-SYS-005", threads=", ".join(late))
            else:
                notify.tell("WATCHDOG=1")

    def _stepped(self, delta_ms: int, now: Instant) -> None:
        """The wall clock was set: record it, move slot borders and chores; durations do not notice."""
        self._inbox.put(Remark("step", {"delta_ms": delta_ms}))
        for loop in self._buses.values():
            loop.rephase(now.mono_ms, now.utc_ms)
        self._chores.replan()
        self._log.put("warn", "SBX-SYS-004", delta_ms=delta_ms)

    def _reconsider(self) -> None:
        """SIGHUP: sound files restart the daemon in place, bad ones change nothing but the status."""
        found = accept(self._paths.config, self._paths.accepted)
        if found.last_good:
            for problem in found.problems:
                self._log.put("fail", problem.code, file=problem.file, line=problem.line, **problem.args)
            self._log.put("fail", "SBX-CFG-900", count=len(found.problems))
            self._desk.accepted = found
            return
        self._log.put("info", "SBX-SYS-007", digest=found.loaded.digest[:16])
        self._reason, self._reload = "SIGHUP", True
        self._stop.set()

    def _begin_anew(self) -> None:
        """A platform signed for a history that is not ours: start again, in another epoch."""
        self._log.put("fail", "SBX-JNL-016", head=self._recorder.snapshot.head.n)
        self._reason, self._reload = "new epoch", True
        self._stop.set()

    def _finish(self) -> int:
        failure = self._supervisor.failure
        if failure is not None:
            self._log.put("fail", "SBX-SYS-003", thread=failure.thread, error=failure.error)
            sys.stderr.write(failure.trace)
            sys.stderr.flush()
            return EX_SOFTWARE
        if not self._reload:
            notify.tell("STOPPING=1")
        self._log.put("info", "SBX-SYS-002", reason=self._reason)
        for loop in self._buses.values():
            loop.release()
        self._control.stop()
        for name in self._buses:
            self._supervisor.join(f"bus-{name}", 10)
        self._recorder_stop = True
        self._inbox.wake()
        clean = self._supervisor.join("recorder", 20)
        for name in self._uplinks:
            self._supervisor.join(f"uplink-{name}", 3)
        for name in self._beside.threads():
            self._supervisor.join(name, 3)
        return 0 if clean and self._supervisor.failure is None else EX_SOFTWARE

    def _acted(self, verb: str, uid: int) -> None:
        """Somebody used the right to act: on record before it is done."""
        self._inbox.put(Remark("audit", {"what": "act", "verb": verb, "by": uid}))

    def _heartbeat(self) -> None:
        """The line that ``systemctl status`` shows."""
        seen = self._recorder.snapshot
        silent = sum(poll.error is not None for poll in seen.polls.values())
        notify.tell(f"STATUS=block {seen.head.n}, {silent} meters failing, {len(seen.alarms)} alarms up")

    def _retention(self) -> None:
        self._inbox.put(ChoreDue("retention"))

    def _meters(self) -> None:
        self._inbox.put(ChoreDue("meters"))

    def _delivery(self) -> None:
        """Tell the rules what each platform still waits for."""
        seen = self._recorder.snapshot
        with closing(JournalReader(self._paths.journal)) as reader:
            ages = owed_ms(reader, self._accepted.loaded.config, seen.cursors, self._clock.now().utc_ms)
        self._inbox.put(Owed(ages))

    def _scrub(self) -> None:
        """This minute's share of the store; the recorder acts on what is found."""
        with closing(JournalReader(self._paths.journal)) as reader:
            numbers = share(reader.head().n + 1, self._clock.now().utc_ms)
        self._finder.look(numbers)

    def _chore_failed(self, chore: str, error: str) -> None:
        self._log.put("fail", "SBX-SYS-006", chore=chore, error=error)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._reason = signal.Signals(number).name
        self._stop.set()

    def _on_reload(self, number: int, frame: FrameType | None) -> None:
        self._hup = True


def _bound(run: Callable[..., None], *args: object) -> Callable[[], None]:
    """A thread's target without arguments."""

    def call() -> None:
        run(*args)

    return call


def restart() -> None:
    """Start this program anew in place: same process number, same arguments, fresh everything else."""
    os.execv(sys.executable, [sys.executable, "-m", "agent.cli", *sys.argv[1:]])
