"""What a simulated DL/T 645-2007 meter stored of itself: load records (06), hourly and daily freezes (05).

Stateless: the feed knows every past value, so a stored record is made when it is asked for. Written from
DL/T 645-2007 annex B and the freeze tables as quoted in public sources, apart from the client's decoders::

    A0 A0 | len | mm hh DD MM YY | U I f | AA | P Q | AA | PF | AA | energies | AA | AA | AA | cs | E5
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from drivers.simulated.items import SINGLES, bcd, number

_LOAD_CLASSES = (  # by DI of the live item; classes 5 and 6 are off
    ("02010100", "02010200", "02010300", "02020100", "02020200", "02020300", "02800002"),
    tuple(f"020{kind}0{n}00" for kind in (3, 4) for n in range(4)),
    tuple(f"02060{n}00" for n in range(4)),
    ("00010000", "00020000", "00030000", "00040000"),
    (),
    (),
)
_MODE = bytes((0x0F,))  # classes 1 to 4
_HOURS, _DAYS, _LOAD_DAYS = 254, 62, 60  # how far back the lists go
_TARIFFS = 4


@dataclass(frozen=True, slots=True)
class History:
    """``at`` gives the values shown at a moment of the meter's own time; ``step_min``: how often a load
    record is stored, 0: never; ``freezes``: whole sets and parts, parts alone, or none."""

    at: Callable[[datetime], Mapping[str, float]]
    clock: Callable[[], datetime]
    step_min: int = 15
    freezes: str = "sets"

    def data(self, di: str, rest: bytes) -> bytes | None:
        """The data of ``di``; ``rest`` is what the request says behind it. None: no such data."""
        if di == "04000901":
            return _MODE if self.step_min else bytes(1)
        if di.startswith("04000A0") and "2" <= di[-1] <= "7":
            return bcd(self.step_min, 2)
        if di[:2] == "06" and di[4:] == "0001" and len(rest) == 6 and self.step_min:
            return self._load(int(di[2:4], 16), rest)
        if di[:2] == "05" and self.freezes != "none":
            return self._frozen(di[2:4], di[4:6], int(di[6:], 16))
        return None

    def _load(self, which: int, rest: bytes) -> bytes | None:
        if which > len(_LOAD_CLASSES):
            return None
        moments = islice(self._stored(_moment(rest[1:])), int(f"{rest[0]:02x}"))
        return b"".join(self._record(which, at) for at in moments)

    def _stored(self, since: datetime) -> Iterator[datetime]:
        """The moments at which a record was stored, from ``since`` on."""
        step = timedelta(minutes=self.step_min)
        now = self.clock()
        since = max(since, now - timedelta(days=_LOAD_DAYS))
        midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + -(-(since - midnight) // step) * step
        while at <= now:
            yield at
            at += step

    def _record(self, which: int, at: datetime) -> bytes:
        body = bytes.fromhex(f"{at:%M%H%d%m%y}")
        shown = self.at(at)
        for index, dis in enumerate(_LOAD_CLASSES, start=1):
            if which in (0, index):
                body += b"".join(number(SINGLES[di], shown[SINGLES[di].name])[0] for di in dis)
            body += b"\xaa"
        head = b"\xa0\xa0" + bytes((len(body),)) + body
        return head + bytes((sum(head) & 0xFF, 0xE5))

    def _frozen(self, kind: str, part: str, nn: int) -> bytes | None:
        step, most = {"04": (timedelta(hours=1), _HOURS), "06": (timedelta(days=1), _DAYS)}.get(
            kind, (None, 0)
        )
        if step is None or not 1 <= nn <= most:
            return None
        now = self.clock()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + (now - midnight) // step * step - (nn - 1) * step
        when, shown = bytes.fromhex(f"{at:%M%H%d%m%y}"), self.at(at)
        if part == "00":
            return when
        if part == "FF" and kind == "04" and self.freezes == "sets":
            return when + _energy("ep_imp", shown)[:4] + _energy("ep_exp", shown)[:4]
        names = {"01": "ep_imp", "02": "ep_exp", "03": "eq_imp", "04": "eq_exp"}
        if part not in names:
            return None
        energy = _energy(names[part], shown)
        return energy[:4] if kind == "04" else energy


def _energy(name: str, shown: Mapping[str, float]) -> bytes:
    """The total and the four tariffs."""
    group = {"ep_imp": "0001", "ep_exp": "0002", "eq_imp": "0003", "eq_exp": "0004"}[name]
    dis = [f"{group}0{tariff}00" for tariff in range(_TARIFFS + 1)]
    return b"".join(number(SINGLES[di], shown[name])[0] for di in dis)


def _moment(wire: bytes) -> datetime:
    """mm hh DD MM YY."""
    minute, hour, day, month, year = (int(f"{byte:02x}") for byte in wire)
    return datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001 a meter's time has no zone
