"""Puts a daemon together from its configuration: the one place that knows every part.

Order matters: configuration, keys, journal (which recovers), rules (which read the journal), buses, uplinks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from agent import uplinks
from agent.accepted import Accepted, accept, keep
from agent.audit import config_change
from agent.beside import Beside
from agent.busloop import BusLoop
from agent.clock import Clock, kernel_boot_id, moment_ms
from agent.history import newest_first
from agent.inbox import Inbox, ReceiptHeard
from agent.latches import Latches
from agent.log import Log
from agent.meters.book import Book
from agent.meters.past import past
from agent.meters.ratios import told
from agent.meters.recall import Questions, Want
from agent.orders.clerk import Clerk, Office
from agent.orders.opening import hash_of, reopened
from agent.paths import Paths
from agent.poller import Poller, Round
from agent.recorder import Recorder
from agent.restore import restore
from agent.rot import Finder, SoundReader
from agent.service import Service
from agent.software import digest, version
from buffer.anew import begun
from buffer.handover import lineage, opened
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.keys import Keys
from buffer.logbook import Logbook
from buffer.note import VerifierKey
from buffer.reader import JournalReader, last_boot
from buffer.receipt import Receipt
from buffer.shelf import NAME
from config.site import Bus as BusConfig
from config.site import SiteConfig
from drivers.bus import Bus
from drivers.errand import Errand
from drivers.exchange import MeterSpec
from drivers.ports import open_port
from drivers.samples import PollResult, WireFrame


def build(paths: Paths, log: Log) -> Service:
    """A daemon ready to run. Raises ConfigRefusedError (78), AgentError, JournalError."""
    accepted = _accepted(paths, log)
    config = accepted.loaded.config
    keys = _keys(paths, config.site.id, log)
    clock = Clock(last_boot(paths.journal) + 1, kernel_boot_id())
    now = clock.now()
    journal = _journal(accepted, paths, keys, now)
    _keep(accepted, paths, log)
    latches = Latches(Logbook(paths.logbook), str(now.utc_ms))
    reader = SoundReader(paths.journal, journal.caretaker.doubt)
    orders, lost = reopened(reader, latches.orders.load(), now.utc_ms)
    rules = restore(reader, config, now, latches.page(), orders)
    office = Office(journal, config, keys.identity, hash_of(paths.journal), rules.engine.know, latches.orders)
    clean = _was_clean(reader)
    before = past(reader, config, told(config, accepted.profiles), latches, now)
    reader.close()
    inbox = Inbox()
    buses = _buses(accepted, latches, inbox, now)
    book = Book(config, before, latches, _asker(accepted, buses, inbox))
    recorder = Recorder(journal, rules, inbox, config, latches, book, Clerk(office, orders, lost, now))
    finder = Finder(paths.journal, lambda: _identities(keys, recorder), inbox, log)
    finder.look(sorted(reader.rotten))
    box = uplinks.Box(config.site.id, keys.identity.verifier, clean)
    ways = _uplinks(config, box, partial(_hooks, paths=paths, recorder=recorder, finder=finder, log=log))
    beside = Beside.of(config, paths, inbox, log)
    recorder.listen(beside.announcer(recorder.snapshot.alarms, tuple(ways.values())))
    return Service(
        paths=paths,
        clock=clock,
        accepted=accepted,
        inbox=inbox,
        recorder=recorder,
        buses=buses,
        uplinks=ways,
        log=log,
        finder=finder,
        beside=beside,
    )


def _accepted(paths: Paths, log: Log) -> Accepted:
    """The configuration in force, and in the log what is wrong with the files."""
    accepted = accept(paths.config, paths.accepted)
    if accepted.last_good:
        log.put("fail", "SBX-CFG-900", count=len(accepted.problems))
    return accepted


def _journal(accepted: Accepted, paths: Paths, keys: Keys, now: Instant) -> Journal:
    """The journal, which says at once by what it is configured, and what of that is new."""
    loaded = accepted.loaded
    return Journal.open(
        paths.journal,
        box=loaded.config.site.id,
        keys=keys,
        soft=f"{version()} {digest()}",
        cfg=loaded.digest,
        now=now,
        explain=lambda old: config_change(accepted.before, old, loaded.text),
    )


def _keep(accepted: Accepted, paths: Paths, log: Log) -> None:
    """Only now that the journal says what was changed: what was kept before is what it is compared with."""
    why_not = keep(accepted, paths.accepted)
    if why_not:
        log.put("warn", "SBX-CFG-909", path=paths.accepted, reason=why_not)


def _keys(paths: Paths, box: str, log: Log) -> Keys:
    """The keys, and in the log what of them or of the journal they have signed is not there any more."""
    keys = Keys.open(paths.keys, box)
    if keys.remade:
        log.put("fail", "SBX-KEY-012", path=paths.keys)
    if begun(keys) and not (paths.journal / NAME).exists():
        log.put("fail", "SBX-JNL-019", path=paths.journal)
    return keys


def _was_clean(reader: JournalReader) -> bool:
    """What the boot record of this start says of the stop before."""
    for record in newest_first(reader):
        if record["k"] == "boot":
            return bool(record["clean"])
    return False


def _identities(keys: Keys, recorder: Recorder) -> tuple[VerifierKey, ...]:
    """Every identity that this box has had, as of now."""
    return lineage(keys.identity.verifier, opened(recorder.snapshot.handovers))


def _buses(accepted: Accepted, latches: Latches, inbox: Inbox, now: Instant) -> dict[str, BusLoop]:
    config, profiles = accepted.loaded.config, accepted.profiles
    learnt = latches.learnt()
    loops = {}
    for bus in config.buses:
        meters = [meter for meter in config.meters if meter.bus == bus.id]
        specs = [MeterSpec(meter, profiles[meter.profile]) for meter in meters]
        poller = Poller([one for spec in specs for one in _rounds(spec)], now.mono_ms, now.utc_ms)
        loops[bus.id] = BusLoop(partial(_bus, bus, specs, learnt), poller, inbox.put)
    return loops


def _asker(accepted: Accepted, buses: Mapping[str, BusLoop], inbox: Inbox) -> Callable[[Want], Errand | None]:
    """Questions to a meter go to its bus as errands."""
    config, profiles = accepted.loaded.config, accepted.profiles
    bus_of = {meter.id: buses[meter.bus] for meter in config.meters}
    specs = {meter.id: MeterSpec(meter, profiles[meter.profile]) for meter in config.meters}
    asked = {meter: Questions(specs, loop.bus.manner, inbox.put) for meter, loop in bus_of.items()}

    def ask(want: Want) -> Errand | None:
        errand = asked[want.meter].errand(want)
        bus_of[want.meter].errand(errand)
        return errand

    return ask


def _bus(
    config: BusConfig,
    specs: Sequence[MeterSpec],
    learnt: Mapping[str, frozenset[str]],
    emit: Callable[[PollResult], None],
    tap: Callable[[str, WireFrame], None],
) -> Bus:
    bus = Bus(config, specs, open_port(config, moment_ms), emit, tap)
    bus.preset(learnt)
    return bus


def _rounds(spec: MeterSpec) -> list[Round]:
    """The classes in which a meter has anything to read."""
    meter, profile = spec.meter, spec.profile
    classes = {item.poll for item in (*profile.dlt, *profile.modbus)}
    rounds = (Round(meter.id, "fast", meter.every_s), Round(meter.id, "slow", meter.slow_every_s))
    return [one for one in rounds if one.poll in classes]


def _uplinks(
    config: SiteConfig, box: uplinks.Box, hooks: Callable[[str], uplinks.Hooks]
) -> dict[str, uplinks.Uplink]:
    return {uplink.id: uplinks.build(uplink, box, hooks(uplink.id)) for uplink in config.uplinks}


def _hooks(name: str, paths: Paths, recorder: Recorder, finder: Finder, log: Log) -> uplinks.Hooks:
    def on_receipt(uplink: str, receipt: Receipt, note: bytes) -> None:
        finder.inbox.put(ReceiptHeard(uplink, receipt, note))

    def on_event(code: str, args: Mapping[str, str]) -> None:
        log.put("warn", code, **{**args, "uplink": name})

    return uplinks.Hooks(
        open_source=lambda: JournalReader(paths.journal),
        cursor=lambda: recorder.snapshot.cursors.get(name),
        on_receipt=on_receipt,
        on_event=on_event,
        handovers=lambda: recorder.snapshot.handovers,
        on_rot=lambda n: finder.look((n,)),
    )
