"""Register maps of the meter models, written a second time from the makers' and drivers' lists.

Nothing here is read from ``config/profiles`` or shares code with the drivers: the vectors made from these
tables are the second opinion on addresses, types, word order, units and on what one request may merge.

A row is ``address encoding unit quantities``; the quantities follow each other without gap. ``READS`` are the
requests of the fast and of the slow poll, as ``address+registers``. Addresses: hex with ``x``, else decimal.

::

    x0061 u16 0.1V u_a u_b u_c      three registers of 0.1 V
    7 i32le 0.001A i_a i_b i_c      low word first; sm32: sign and magnitude
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Map:
    """``side``: "site" (secondary, ratios from the site file), "meter" (ratios in registers), "primary"."""

    rows: str
    fast: str
    slow: str
    fc: int = 3
    side: str = "primary"
    phases: int = 3
    highest: bool = False  # "no value" of a signed integer is its largest, not its least


_ACREL = """
x000A u32 0.01kWh ep_imp
x0014 u32 0.01kWh ep_exp
x0028 u32 0.01kvarh eq_imp
x0032 u32 0.01kvarh eq_exp
x0061 u16 0.1V u_a u_b u_c
x0064 u16 0.01A i_a i_b i_c
x0077 u16 0.01Hz f
x0078 u16 0.1V u_ab u_bc u_ca
x0164 i32 W p_a p_b p_c p
x016C i32 var q_a q_b q_c q
x0174 i32 VA s_a s_b s_c s
x017C i16 0.001- pf_a pf_b pf_c pf
"""
_ACREL_FAST = "x0061+6 x0164+16 x017C+4"
_ACREL_SLOW = "x000A+2 x0014+2 x0028+2 x0032+2 x0077+4 x0174+8"
_ACREL_OWN = Map(
    rows=_ACREL + "x008D u16 1- pt ct\n",
    fast="x0061+6 x008D+2 x0164+16 x017C+4",
    slow="x000A+2 x0014+2 x0028+2 x0032+2 x0077+4 x008D+2 x0174+8",
    side="meter",
)


def _dtsd422(bank: int) -> Map:
    """The first or second three circuits; registers of the second are 4096 higher."""
    rows = """
1 u16 0.1V u_a u_b u_c
7 sm32 0.001A i_a i_b i_c
13 sm32 W p p_a p_b p_c
21 sm32 var q q_a q_b q_c
29 sm32 VA s s_a s_b s_c
37 sm16 0.001- pf pf_a pf_b pf_c
41 u16 0.01Hz f
42 u32 0.01kWh ep_imp
52 u32 0.01kWh ep_exp
"""
    moved = [row.split(" ", 1) for row in rows.strip().splitlines()]
    fast, slow = ((1, 3), (7, 22), (37, 4)), ((29, 8), (41, 3), (52, 2))
    return Map(
        rows="\n".join(f"{int(first) + bank} {rest}" for first, rest in moved),
        fast=" ".join(f"{first + bank}+{count}" for first, count in fast),
        slow=" ".join(f"{first + bank}+{count}" for first, count in slow),
    )


_PM = """
2999 f32 A i_a i_b i_c
3027 f32 V u_a u_b u_c
3053 f32 kW p_a p_b p_c p
3067 f32 kvar q
3075 f32 kVA s
3109 f32 Hz f
3203 i64 Wh ep_imp ep_exp
"""
_PM_FAST = "2999+6 3027+6 3053+8 3067+2"
_POWER_METER = Map(rows=_PM, fast=_PM_FAST, slow="3075+2 3109+2 3203+8")
_PAC2200 = """
1 f32 V u_a u_b u_c
13 f32 A i_a i_b i_c
25 f32 W p_a p_b p_c
31 f32 var q_a q_b q_c
37 f32 1- pf_a pf_b pf_c
63 f32 VA s
65 f32 W p
67 f32 var q
69 f32 1- pf
801 f64 Wh ep_imp
809 f64 Wh ep_exp
"""
_PAC_FAST, _PAC_SLOW = "1+6 13+6 25+18 65+6", "63+2 801+4 809+4"
_UMG = Map(
    rows="""
19000 f32 V u_a u_b u_c u_ab u_bc u_ca
19012 f32 A i_a i_b i_c
19020 f32 W p_a p_b p_c p
19028 f32 VA s_a s_b s_c s
19036 f32 var q_a q_b q_c q
19050 f32 Hz f
19068 f32 Wh ep_imp
19076 f32 Wh ep_exp
""",
    fast="19000+6 19012+6 19020+8 19036+8",
    slow="19006+6 19028+8 19050+2 19068+2 19076+2",
)


def _djsf(energy: str) -> Map:
    rows = f"12 u32 {energy} ep_imp\n50 f32 V u_a\n52 f32 A i_a\n54 f32 kW p\n"
    return Map(rows=rows, fast="50+6", slow="12+2", phases=1)


_SDM_ONE = Map(
    rows="""
x0000 f32 V u_a
x0006 f32 A i_a
x000C f32 W p
x0012 f32 VA s
x0018 f32 var q
x001E f32 1- pf
x0046 f32 Hz f
x0048 f32 kWh ep_imp ep_exp
x004C f32 kvarh eq_imp eq_exp
""",
    fast="x0000+2 x0006+2 x000C+2 x0018+2 x001E+2",
    slow="x0012+2 x0046+10",
    fc=4,
    phases=1,
)

MAPS: dict[str, Map] = {
    "acrel-adl400": Map(rows=_ACREL, fast=_ACREL_FAST, slow=_ACREL_SLOW, side="site"),
    "acrel-dtsd1352": Map(rows=_ACREL, fast=_ACREL_FAST, slow=_ACREL_SLOW, side="site"),
    "acrel-adl400-ratio": _ACREL_OWN,
    "acrel-dtsd1352-ratio": _ACREL_OWN,
    "acrel-adl400-primary": Map(
        rows="""
x0800 f32 V u_a u_b u_c
x080C f32 A i_a i_b i_c
x0814 f32 kW p_a p_b p_c p
x0822 f32 kvar q
x082A f32 kVA s
x0832 f32 1- pf
x0834 f32 Hz f
x084C u32 0.1kWh ep_imp
x0856 u32 0.1kWh ep_exp
""",
        fast="x0800+6 x080C+6 x0814+8 x0822+2 x0832+2",
        slow="x082A+2 x0834+2 x084C+2 x0856+2",
    ),
    "acrel-adw300": Map(
        rows="""
20 u16 0.1V u_a u_b u_c
26 u16 0.01A i_a i_b i_c
30 i32 W p_a p_b p_c p
62 u32 0.01kWh ep_imp ep_exp
""",
        fast="20+3 26+3 30+8",
        slow="62+4",
    ),
    "acrel-djsf1352-rn": _djsf("Wh"),
    "acrel-djsf1352-rn6": _djsf("0.1Wh"),
    "solarman-dtsd422-d3": _dtsd422(0),
    "solarman-dtsd422-d3-ct456": _dtsd422(4096),
    "chint-dtsu666": Map(
        rows="""
x101E f32 kWh ep_imp
x1028 f32 kWh ep_exp
x2006 f32 0.1V u_a u_b u_c
x200C f32 0.001A i_a i_b i_c
x2012 f32 0.1W p p_a p_b p_c
x201A f32 0.1var q q_a q_b q_c
x202A f32 0.001- pf pf_a pf_b pf_c
x2044 f32 0.01Hz f
""",
        fast="x2006+28 x202A+8",
        slow="x101E+2 x1028+2 x2044+2",
        side="site",
    ),
    "chint-dtsu666-h": Map(
        rows="2102 f32 A i_a i_b i_c\n2108 f32 V u_a u_b u_c\n", fast="2102+6", slow="2108+6"
    ),
    "sungrow-dtsu666-20": Map(
        rows="""
x000A u32 0.01kWh ep_imp
x0014 u32 0.01kWh ep_exp
x0061 u16 0.1V u_a u_b u_c
x0064 u16 0.01A i_a i_b i_c
x0164 i32 W p_a p_b p_c p
""",
        fast="x0061+6 x0164+8",
        slow="x000A+2 x0014+2",
        fc=4,
    ),
    "eastron-sdm630": Map(
        rows="""
x0000 f32 V u_a u_b u_c
x0006 f32 A i_a i_b i_c
x000C f32 W p_a p_b p_c
x0012 f32 VA s_a s_b s_c
x0018 f32 var q_a q_b q_c
x001E f32 1- pf_a pf_b pf_c
x0034 f32 W p
x0038 f32 VA s
x003C f32 var q
x003E f32 1- pf
x0046 f32 Hz f
x0048 f32 kWh ep_imp ep_exp
x004C f32 kvarh eq_imp eq_exp
""",
        fast="x0000+64",
        slow="x0012+6 x0038+24",
        fc=4,
    ),
    "eastron-sdm120": _SDM_ONE,
    "eastron-sdm72-v2": Map(
        rows="""
x0000 f32 V u_a u_b u_c
x0006 f32 A i_a i_b i_c
x000C f32 W p_a p_b p_c
x0012 f32 VA s_a s_b s_c
x0018 f32 var q_a q_b q_c
x001E f32 1- pf_a pf_b pf_c
x0034 f32 W p
x0038 f32 VA s
x003C f32 var q
x003E f32 1- pf
x0046 f32 Hz f
x0048 f32 kWh ep_imp ep_exp
""",
        fast="x0000+18 x0018+12 x0034+2 x003C+4",
        slow="x0012+6 x0038+2 x0046+6",
        fc=4,
    ),
    "eastron-sdm230": _SDM_ONE,
    "abb-b23": Map(
        rows="""
x5000 u64 0.01kWh ep_imp ep_exp
x5B00 u32 0.1V u_a u_b u_c
x5B0C u32 0.01A i_a i_b i_c
x5B14 i32 0.01W p p_a p_b p_c
x5B2C u16 0.01Hz f
x5B3A i16 0.001- pf pf_a pf_b pf_c
""",
        fast="x5B00+6 x5B0C+6 x5B14+8 x5B3A+4",
        slow="x5000+8 x5B2C+1",
        highest=True,
    ),
    "inepro-pro380": Map(
        rows="""
x5002 f32 V u_a u_b u_c
x5008 f32 Hz f
x500C f32 A i_a i_b i_c
x5012 f32 kW p p_a p_b p_c
x501A f32 kvar q q_a q_b q_c
x5022 f32 kVA s s_a s_b s_c
x502A f32 1- pf pf_a pf_b pf_c
x600C f32 kWh ep_imp
x6018 f32 kWh ep_exp
x6030 f32 kvarh eq_imp
x603C f32 kvarh eq_exp
""",
        fast="x5002+6 x500C+22 x502A+8",
        slow="x5008+2 x5022+8 x600C+2 x6018+2 x6030+2 x603C+2",
    ),
    "schneider-iem3000": Map(
        rows=_PM + "3219 i64 varh eq_imp eq_exp\n",
        fast=_PM_FAST,
        slow="3075+2 3109+2 3203+8 3219+8",
    ),
    "schneider-pm2000": _POWER_METER,
    "schneider-pm5000": _POWER_METER,
    "siemens-pac2200": Map(rows=_PAC2200, fast=_PAC_FAST, slow=_PAC_SLOW),
    "siemens-pac2200-fc04": Map(rows=_PAC2200, fast=_PAC_FAST, slow=_PAC_SLOW, fc=4),
    "siemens-pac1600": Map(
        rows="""
1 u32 0.01V u_a u_b u_c
7 u32 0.0001A i_a i_b i_c
13 u32 0.01V u_ab u_bc u_ca
19 i32 0.01W p_a p_b p_c
25 i32 0.01var q_a q_b q_c
49 i32 0.01Hz f
57 i32 0.01W p
59 i32 0.01var q
6687 u32 Wh ep_imp ep_exp
""",
        fast="1+12 19+12 57+4",
        slow="13+6 49+2 6687+4",
    ),
    "weidmueller-em525": _UMG,
    "janitza-umg": _UMG,
}

# DL/T 645-2007: DI, decimals, bytes, sign ("-" where the top bit is one; "b0": bit 0 of a word; "1/6": the
# first of six numbers), quantity
_DLT_3P = """
02010100 1 2 + u_a | 02010200 1 2 + u_b | 02010300 1 2 + u_c
02020100 3 3 - i_a | 02020200 3 3 - i_b | 02020300 3 3 - i_c
02030000 4 3 - p | 02030100 4 3 - p_a | 02030200 4 3 - p_b | 02030300 4 3 - p_c
02040000 4 3 - q | 02040100 4 3 - q_a | 02040200 4 3 - q_b | 02040300 4 3 - q_c
02050000 4 3 + s | 02050100 4 3 + s_a | 02050200 4 3 + s_b | 02050300 4 3 + s_c
02060000 3 2 - pf | 02060100 3 2 - pf_a | 02060200 3 2 - pf_b | 02060300 3 2 - pf_c
00010000 2 4 + ep_imp | 00020000 2 4 + ep_exp
02800001 3 3 - i_n | 02800002 2 2 + f | 02800004 4 3 - demand_p | 02800007 1 2 - temp
04000402 0 6 + serial | 04000507 0 2 b0 phase_order
03300000 0 3 + n_program | 03300100 0 3 + n_clear | 03300200 0 3 + n_demand_clear
03300300 0 3 + n_event_clear | 03300400 0 3 + n_time_set
03300D00 0 3 + n_cover | 03300E00 0 3 + n_terminal_cover
03110000 0 3 + n_power_down | 10000001 0 3 + n_voltage_loss
03040000 0 3 1/6 n_phase_break_a | 03040000 0 3 3/6 n_phase_break_b | 03040000 0 3 5/6 n_phase_break_c
030E0000 0 3 1/6 n_reverse_flow_a | 030E0000 0 3 3/6 n_reverse_flow_b | 030E0000 0 3 5/6 n_reverse_flow_c
"""
_DLT_FAST = "0201FF00 0202FF00 0203FF00 0204FF00 0206FF00"
_DLT_COUNTS = "03300000 03300100 03300200 03300300 03300400 03300D00 03300E00 03110000 10000001"
_DLT_SAID = f" 04000402 04000507 {_DLT_COUNTS} 03040000 030E0000"
_DLT_SLOW = "0205FF00 00010000 00020000 02800001 02800002 02800004 02800007" + _DLT_SAID


@dataclass(frozen=True, slots=True)
class DltMap:
    """The data identifiers of a DL/T 645-2007 profile and those that each poll asks for, in order."""

    rows: str
    fast: str
    slow: str
    side: str = "site"
    phases: int = 3
    big_current: bool = False


DLT_MAPS: dict[str, DltMap] = {
    "dlt645-2007-3p": DltMap(_DLT_3P, _DLT_FAST, _DLT_SLOW),
    "dlt645-2007-3p-primary": DltMap(_DLT_3P, _DLT_FAST, _DLT_SLOW, side="primary"),
    "dlt645-2007-3p-unsigned": DltMap(
        _DLT_3P.replace("3 3 - i", "3 3 + i").replace("3 2 - pf", "3 2 + pf"),
        _DLT_FAST,
        _DLT_SLOW,
        big_current=True,
    ),
    "dlt645-2007-1p": DltMap(
        _DLT_3P,
        "02010100 02020100 02030000 02060000",
        "00010000 00020000 02800001 02800002 04000402 "
        "03300000 03300100 03300300 03300400 03300D00 03300E00 03110000",
        phases=1,
    ),
    "dlt645-2007-3p3w": DltMap(
        _DLT_3P.replace("u_a", "u_ab")
        .replace("u_c", "u_bc")
        .replace("03040000 0 3 3/6 n_phase_break_b | ", "")
        .replace("030E0000 0 3 3/6 n_reverse_flow_b | ", ""),
        "02010100 02010300 02020100 02020300 02030000 02040000 02060000",
        "02050000 00010000 00020000 02800002 02800004" + _DLT_SAID,
    ),
}
