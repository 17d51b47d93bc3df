"""The daemon: puts the parts together, runs their threads, stops them in order.

::

    main      chores, clock steps, watchdog, signals
    bus-*     one a bus: polls and requests            uplink-*  one a destination
    recorder  journal, rules, alarms                   control   the socket

Start never waits for the network: the first reading is durable whether or not anybody listens.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from agent import notify
from agent.accepted import Accepted, accept
from agent.busloop import BusLoop
from agent.chores import Chore, Chores
from agent.clock import Clock, kernel_boot_id, mono_ms
from agent.control import ControlServer
from agent.inbox import Inbox, Remark
from agent.log import Log
from agent.paths import Paths
from agent.poller import Poller
from agent.recorder import Recorder
from agent.restore import restore
from agent.rules.engine import Active, Engine
from agent.supervisor import Supervisor
from agent.verbs import Desk
from agent.software import digest, version
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.keys import Keys
from buffer.logbook import Logbook
from buffer.reader import JournalReader
from config.profile import Profile
from config.site import SiteConfig
from drivers.bus import Bus
from drivers.exchange import MeterSpec
from drivers.ports import open_port

EX_SOFTWARE = 70
GRACE_MS = 30_000  # how far past its own deadline a watched thread may be before the watchdog starves
STEP_MS = 2_000  # wall minus mono moved by more: the clock was set
