"""Meters and profiles the driver tests share."""

from __future__ import annotations

from decimal import Decimal

from config.profile import DltBlock, DltItem, PollClass, Profile, Ratio
from config.site import Meter
from drivers.exchange import MeterSpec

ADDRESS = "123456789012"


def item(
    quantity: str,
    di: str,
    form: str,
    *,
    signed: bool = False,
    ratio: Ratio = "none",
    poll: PollClass = "fast",
    bit: int | None = None,
    nth: int = 1,
    of: int = 1,
) -> DltItem:
    return DltItem(
        quantity=quantity,
        di=di,
        format=form,
        signed=signed,
        ratio=ratio,
        poll=poll,
        bit=bit,
        nth=nth,
        of=of,
    )


ITEMS = (
    item("p", "02030000", "XX.XXXX", signed=True, ratio="ptct"),
    item("u_a", "02010100", "XXX.X", ratio="pt"),
    item("u_b", "02010200", "XXX.X", ratio="pt"),
    item("u_c", "02010300", "XXX.X", ratio="pt"),
    item("i_a", "02020100", "XXX.XXX", signed=True, ratio="ct"),
    item("i_b", "02020200", "XXX.XXX", signed=True, ratio="ct"),
    item("i_c", "02020300", "XXX.XXX", signed=True, ratio="ct"),
    item("ep_imp", "00010000", "XXXXXX.XX", ratio="ptct", poll="slow"),
    item("demand_p", "01010000", "XX.XXXX", ratio="ptct", poll="slow"),
)
VOLTAGES = DltBlock(di="0201FF00", items=("02010100", "02010200", "02010300"))
CURRENTS = DltBlock(di="0202FF00", items=("02020100", "02020200", "02020300"))


def profile(
    items: tuple[DltItem, ...] = ITEMS, blocks: tuple[DltBlock, ...] = (VOLTAGES, CURRENTS)
) -> Profile:
    return Profile(id="test", title="test", family="dlt645-2007", sources=(), dlt=items, blocks=blocks)


def spec(made: Profile | None = None, *, address: str = ADDRESS, ct: str = "1", pt: str = "1") -> MeterSpec:
    meter = Meter(
        id="m",
        bus="b",
        protocol="dlt645-2007",
        address=address,
        profile="test",
        ct=Decimal(ct),
        pt=Decimal(pt),
    )
    return MeterSpec(meter, made or profile())
