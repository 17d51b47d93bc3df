"""What is doubted, what is believed after a second read, and what never is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from config.profiles import builtin_profiles
from config.quantities import STANDING
from config.site import Meter
from drivers.exchange import MeterSpec, Polled
from drivers.limits import limits
from drivers.plausible import Watch
from drivers.samples import Quality, Sample

MINUTE = 60_000


def spec(profile: str = "dlt645-2007-3p", ct: str = "40", pt: str = "1") -> MeterSpec:
    known = builtin_profiles()[profile]
    meter = Meter(
        id="m", bus="b1", protocol=known.family, address="1", profile=profile, ct=Decimal(ct), pt=Decimal(pt)
    )
    return MeterSpec(meter, known)


def replace_quantity(known: MeterSpec, old: str, new: str) -> MeterSpec:
    """The same meter with another name for one of its items."""
    items = [replace(item, quantity=new) if item.quantity == old else item for item in known.profile.dlt]
    return replace(known, profile=replace(known.profile, dlt=tuple(items)))


def sample(name: str, told: str | None) -> Sample:
    """A value, or the quality that stands for one."""
    if told is None:
        return Sample(name, None, Quality.NO_REPLY)
    return Sample(name, Decimal(told), Quality.GOOD)


def polled(watch: Watch, *reads: Mapping[str, str | None], now_ms: int = 0) -> tuple[dict[str, str], int]:
    """One poll judged by ``watch``: what came out, and how often the meter was read."""
    ended, count = judged(
        watch, *(Polled(tuple(sample(*one) for one in told.items())) for told in reads), now_ms=now_ms
    )
    told = {s.quantity: s.quality.value if s.value is None else str(s.value) for s in ended.samples}
    return told, count


def judged(watch: Watch, *reads: Polled, now_ms: int = 0) -> tuple[Polled, int]:
    """What is believed of these reads, and how many of them were wanted."""
    ended = watch.judge(reads[0], now_ms)
    if ended is not None:
        assert not ended.doubted
        return ended, 1
    ended = watch.settle(reads[0], reads[1], now_ms)
    assert ended.doubted
    return ended, 2


def fresh(**last: str) -> Watch:
    """A watch that has seen one poll."""
    watch = Watch(limits(spec()))
    if last:
        assert polled(watch, last) == (last, 1)
    return watch


@pytest.mark.parametrize(
    ("name", "good", "wrong"),
    [
        ("f", "50.03", "83.03"),
        ("f", "0.00", "10.00"),  # 0: a meter without voltage
        ("pf", "-1.000", "-1.001"),
        ("pf_b", "0.998", "7.998"),
        ("u_a", "1000.0", "1000.1"),
        ("i_a", "-800.000", "-800.040"),  # 20 A, twice the largest of a meter behind transformers, times 40
        ("p", "1200.0000", "1200.0040"),  # three elements of 500 V and 20 A
        ("p_c", "-400.0000", "-400.0040"),
        ("s", "0.0000", "-0.0040"),
        ("demand_p", "1200.0000", "1200.0040"),
        ("temp", "-60.0", "-60.1"),
    ],
)
def test_a_value_out_of_its_range_is_read_again(name: str, good: str, wrong: str) -> None:
    assert polled(fresh(), {name: good}) == ({name: good}, 1)
    assert polled(fresh(), {name: wrong}, {name: good}) == ({name: good}, 2)


@pytest.mark.parametrize("profile", sorted(builtin_profiles()))
def test_each_profile_has_limits(profile: str) -> None:
    found = limits(spec(profile, ct="1"))
    assert all(low < high for low, high in found.ranges.values())
    assert all(most > 0 for most in found.powers_kw.values())
    assert set(found.powers_kw) == {
        item.quantity
        for item in (*builtin_profiles()[profile].dlt, *builtin_profiles()[profile].modbus)
        if item.quantity.startswith("e")
    }


def test_without_a_known_ratio_only_what_holds_everywhere_is_a_range() -> None:
    """A profile of primary values: 10 kV and 2 MW are as good as any."""
    watch = Watch(limits(spec("dlt645-2007-3p-primary")))
    told = {"u_a": "5800.0", "i_a": "2000.000", "p": "2000.0000"}
    assert polled(watch, told) == (told, 1)
    assert polled(watch, {"pf": "1.500"}, {"pf": "0.900"}) == ({"pf": "0.900"}, 2)


@pytest.mark.parametrize("name", ["u_a", "f", "temp"])
def test_what_is_steady_is_compared_with_the_last(name: str) -> None:
    last, near, far = {
        "u_a": ("230.0", "190.0", "150.0"),
        "f": ("50.00", "50.90", "51.10"),
        "temp": ("40", "59", "61"),
    }[name]
    assert polled(fresh(**{name: last}), {name: near}) == ({name: near}, 1)
    assert polled(fresh(**{name: last}), {name: far}, {name: near}) == ({name: near}, 2)
    watch = fresh(**{name: last})
    assert polled(watch, {name: far}, {name: far}) == ({name: far}, 2), "two reads agree"
    assert polled(watch, {name: far}) == ({name: far}, 1), "and are the last now"


def test_a_feeder_may_be_cut_and_come_back() -> None:
    watch = fresh(u_a="230.1", f="50.00")
    dead = {"u_a": "0.0", "f": "0.00"}
    assert polled(watch, dead, dead) == (dead, 2)
    back = {"u_a": "229.8", "f": "50.01"}
    assert polled(watch, back, back) == (back, 2)


def test_current_power_and_power_factor_may_jump() -> None:
    watch = fresh(i_a="0.000", p="0.0000", q="0.0000", pf="1.000", s="0.0000")
    started = {"i_a": "700.000", "p": "900.0000", "q": "-300.0000", "pf": "-0.950", "s": "948.0000"}
    assert polled(watch, started) == (started, 1)


@pytest.mark.parametrize("stem", ["p", "q"])
def test_phases_that_do_not_add_up_are_read_again(stem: str) -> None:
    right = {stem: "30.0000", f"{stem}_a": "10.0000", f"{stem}_b": "-5.0000", f"{stem}_c": "25.0000"}
    near = {**right, stem: "31.5000"}  # read while it changed
    wrong = {**right, f"{stem}_b": "5.0000"}
    assert polled(fresh(), right) == (right, 1)
    assert polled(fresh(), near) == (near, 1)
    assert polled(fresh(), wrong, right) == (right, 2)
    assert polled(fresh(), right | {stem: "29.0000"}) == (right | {stem: "29.0000"}, 1)
    missing = {**wrong, stem: None}
    assert polled(fresh(), missing) == ({**wrong, stem: "no_reply"}, 1)


PHASE = {"u_b": "230.0", "i_b": "100.000", "pf_b": "-0.900", "p_b": "-20.7000"}


@pytest.mark.parametrize(
    ("name", "near", "far"),
    [
        ("p_b", "-16.0000", "-15.0000"),
        ("p_b", "27.0000", "28.0000"),  # signs are not compared: what they mean is the maker's choice
        ("i_b", "-76.000", "-74.000"),
        ("i_b", "130.000", "135.000"),
        ("pf_b", "-0.680", "-0.670"),
        ("u_b", "173.0", "171.0"),
    ],
)
def test_power_that_is_not_voltage_times_current_is_read_again(name: str, near: str, far: str) -> None:
    assert polled(fresh(), {**PHASE, name: near}) == ({**PHASE, name: near}, 1)
    assert polled(fresh(), {**PHASE, name: far}, PHASE) == (PHASE, 2)


def test_without_a_power_factor_power_may_be_less_than_voltage_times_current_but_not_more() -> None:
    known = {"u_c": "230.0", "i_c": "100.000", "p_c": "0.1000"}
    assert polled(fresh(), known) == (known, 1)
    assert polled(fresh(), known | {"p_c": "31.0000"}, known) == (known, 2)
    small = {"u_c": "230.0", "i_c": "0.000", "p_c": "0.9000"}  # below 25 W at the meter: nothing is compared
    assert polled(fresh(), small) == (small, 1)


def test_while_a_load_changes_the_second_read_is_taken_and_few_are_spent_on_it() -> None:
    """A welder: power and current are hardly ever of one instant. No value is lost."""
    watch = fresh()
    reads = []
    for poll in range(400):
        one = PHASE | {"p_b": f"-{1 + poll % 7}.0000"}
        told, times = polled(watch, one, PHASE)
        assert told["p_b"] == (PHASE if times == 2 else one)["p_b"]
        reads.append(times)
    assert reads[:3] == [2, 2, 2]
    assert 40 <= reads.count(2) <= 44
    slow, quick = PHASE | {"p_b": "-1.0000"}, PHASE | {"p_b": "-9.0000"}
    assert polled(fresh(), slow, quick) == (quick, 2), "never of one instant: the second"


def test_what_a_value_breaks_alone_is_read_again_whatever_the_sums_have_cost() -> None:
    watch = fresh()
    broken = PHASE | {"p_b": "-1.0000"}
    assert [polled(watch, broken, PHASE)[1] for _ in range(4)] == [2, 2, 2, 1]
    far = PHASE | {"p_b": "-3999.0000"}
    assert polled(watch, far, PHASE) == (PHASE, 2)


def test_a_sum_is_not_finer_than_the_digits_it_is_made_of() -> None:
    """1.5 W at the meter, 0.06 kW on the primary side."""
    idle = {"p": "0.0600", "p_a": "0.0000", "p_b": "0.0000", "p_c": "0.0000"}
    assert polled(fresh(), idle) == (idle, 1)
    assert polled(fresh(), idle | {"p": "0.0640"}, idle) == (idle, 2)


def test_digits_that_are_no_number_doubt_the_whole_poll() -> None:
    """A frame with one bad digit is damaged: what else it says is taken from the second read."""
    watch = fresh()
    first = Polled((sample("p_a", "80.0000"), Sample("p_b", None, Quality.INVALID)))
    second = Polled((sample("p_a", "2.7000"), sample("p_b", "2.6000")))
    assert judged(watch, first, second)[0].samples == second.samples
    for _ in range(3):
        assert judged(watch, first, first)[0].samples == first.samples
    assert judged(watch, first) == (first, 1), "a meter that always says so is asked once"


def test_a_rule_that_a_meter_breaks_in_three_polls_is_not_asked_again() -> None:
    """A total with a sign of its own, a ratio nobody declared: three reads more, not one a poll."""
    odd = {"p": "-30.0000", "p_a": "10.0000", "p_b": "10.0000", "p_c": "10.0000", "i_a": "900.000"}
    more = {**odd, "i_a": "905.000"}
    watch = fresh()
    for _ in range(3):
        assert polled(watch, odd, more) == (more, 2)
    assert polled(watch, odd) == (odd, 1)
    assert watch.strikes == {"sum p": 3, "range i_a": 3}
    assert polled(watch, {"i_b": "900.000"}, {"i_b": "7.000"}) == ({"i_b": "7.000"}, 2), "the other phase is"


@pytest.mark.parametrize(
    ("name", "beyond", "again"),
    [
        ("f", "70.01", "70.01"),
        ("f", "655.35", "655.34"),
        ("u_a", "1000.1", "1000.1"),
        ("u_bc", "-1000.1", "-1000.1"),
        ("pf", "1.001", "1.001"),
        ("pf_c", "-32.767", "-32.767"),
    ],
)
def test_beyond_a_bound_no_number_of_reads_makes_it_true(name: str, beyond: str, again: str) -> None:
    """And after three polls nobody asks a second time."""
    known = replace_quantity(spec(), "u_c", "u_bc")
    watch = Watch(limits(known))
    for poll in range(8):
        told, times = polled(watch, {name: beyond, "i_a": "1.000"}, {name: again, "i_a": "1.000"})
        assert told == {name: "invalid", "i_a": "1.000"}
        assert times == (2 if poll < 3 else 1)
    assert watch.strikes == {f"bound {name}": 3}
    assert name not in watch.last, "and it is never what the next value is compared with"


def test_a_value_that_comes_back_within_its_bound_is_one() -> None:
    watch = fresh()
    for _ in range(5):
        polled(watch, {"f": "655.35"}, {"f": "655.35"})
    assert polled(watch, {"f": "50.00"}) == ({"f": "50.00"}, 1)


def test_a_bound_is_none_where_a_plant_may_be_beyond() -> None:
    """A generator that starts, a voltage whose ratio nobody told, a voltage of the wrong sign: read twice."""
    for name, told in (("f", "12.50"), ("u_a", "-3.0")):
        assert polled(fresh(), {name: told}, {name: told}) == ({name: told}, 2)
    watch = Watch(limits(spec("dlt645-2007-3p-primary")))
    assert polled(watch, {"u_a": "5800.0"}) == ({"u_a": "5800.0"}, 1)


def test_beyond_a_bound_in_one_of_two_reads_is_no_agreement() -> None:
    """990 V and 1001 V are within a factor of two, and the one is as far from 230 V as the other."""
    for first, second in (("990.0", "1001.0"), ("1001.0", "990.0")):
        watch = fresh(u_a="230.0")
        assert polled(watch, {"u_a": first}, {"u_a": second}) == ({"u_a": "invalid"}, 2)


def test_a_bound_that_is_broken_always_leaves_the_other_doubts_their_second_read() -> None:
    watch = fresh(ep_imp="5.00")
    beyond = {"f": "655.35", "ep_imp": "5.00"}
    for _ in range(4):
        polled(watch, beyond, beyond)
    jumped = beyond | {"ep_imp": "90000.00"}
    assert polled(watch, jumped, beyond) == ({"f": "invalid", "ep_imp": "5.00"}, 2)
    broken = {"f": "655.35", "ep_imp": "5.00"} | PHASE | {"p_b": "-1.0000"}
    watch.credit = 0
    assert polled(watch, broken) == (broken | {"f": "invalid"}, 1), "no read is left for a product"
    watch.credit = 10
    assert polled(watch, broken, broken | PHASE) == (beyond | PHASE | {"f": "invalid"}, 2)


def test_strikes_are_in_a_row() -> None:
    watch = fresh()
    for second in ("900.000", "900.000", "7.000", "900.000", "900.000", "7.000"):
        assert polled(watch, {"i_a": "900.000"}, {"i_a": second}) == ({"i_a": second}, 2)
    assert not watch.strikes


def test_two_reads_that_disagree_and_are_both_impossible_are_no_value() -> None:
    watch = fresh(ep_imp="100.00")
    reads = [{"i_a": "900.000", "ep_imp": "99.00"}, {"i_a": "-900.000", "ep_imp": "40.00"}]
    assert polled(watch, *reads, now_ms=MINUTE) == ({"i_a": "invalid", "ep_imp": "invalid"}, 2)
    assert not watch.strikes
    assert polled(watch, {"ep_imp": "100.40"}, now_ms=2 * MINUTE) == ({"ep_imp": "100.40"}, 1), (
        "100.00 is the last"
    )


def test_a_doubted_value_without_a_second_read_is_no_value_and_the_others_stay() -> None:
    first = {"u_a": "230.0", "f": "10.00", "p": None}
    assert polled(fresh(), first, {"u_a": None, "f": None, "p": "1.0000"}) == (
        {"u_a": "230.0", "f": "invalid", "p": "1.0000"},
        2,
    )


def test_a_second_read_that_is_worse_is_not_taken() -> None:
    first, second = {"u_a": "230.0", "f": "10.00"}, {"u_a": "1200.0", "f": "50.00"}
    assert polled(fresh(), first, second) == ({"u_a": "230.0", "f": "50.00"}, 2)


# -- energy


@pytest.mark.parametrize(
    ("name", "seconds"), [("ep_imp", 300), ("ep_exp", 10), ("ep_imp", 86_400), ("ep_exp", 0)]
)
def test_energy_rises_no_faster_than_the_meter_measures(name: str, seconds: int) -> None:
    """1200 kW, and a minute because register and poll are not of one instant."""
    most = Decimal(1200) * (seconds + 60) / 3600
    start = Decimal("5000.00")
    low, high = str(start + most), str(start + most + Decimal("0.01"))
    assert polled(fresh(**{name: "5000.00"}), {name: low}, now_ms=seconds * 1000) == ({name: low}, 1)
    again = {name: "5000.40"}
    assert polled(fresh(**{name: "5000.00"}), {name: high}, again, now_ms=seconds * 1000) == (again, 2)


def test_the_rise_counts_from_the_last_poll() -> None:
    watch = fresh(ep_imp="0.00")
    hour = 60 * MINUTE
    assert polled(watch, {"ep_imp": "100.00"}, now_ms=hour) == ({"ep_imp": "100.00"}, 1)
    assert polled(watch, {"ep_imp": "200.00"}, {"ep_imp": "100.40"}, now_ms=hour + MINUTE)[1] == 2


def test_energy_never_falls_unless_two_reads_say_so() -> None:
    watch = fresh(ep_imp="5000.00")
    assert polled(watch, {"ep_imp": "4999.99"}, {"ep_imp": "5000.00"}, now_ms=1)[1] == 2
    swapped = {"ep_imp": "3.20"}
    assert polled(watch, {"ep_imp": "3.16"}, swapped, now_ms=MINUTE) == (swapped, 2), (
        "another meter, or cleared"
    )
    assert polled(watch, {"ep_imp": "3.24"}, now_ms=2 * MINUTE) == ({"ep_imp": "3.24"}, 1)
    assert not watch.strikes


def test_a_register_that_rolls_over_is_believed() -> None:
    watch = fresh(ep_imp="39999999.60")
    assert polled(watch, {"ep_imp": "0.40"}, {"ep_imp": "0.40"}, now_ms=MINUTE) == ({"ep_imp": "0.40"}, 2)


@pytest.mark.parametrize("again", ["999.99", "1041.00"])
def test_jumps_of_energy_that_disagree_are_not_believed(again: str) -> None:
    """The second read fell behind the first, or rose by more than the meter measures in a minute."""
    watch = fresh(ep_imp="5.00")
    assert polled(watch, {"ep_imp": "1000.00"}, {"ep_imp": again}) == ({"ep_imp": "invalid"}, 2)
    assert watch.last["ep_imp"] == (Decimal("5.00"), 0)


def test_the_first_energy_is_taken_as_it_is() -> None:
    assert polled(fresh(), {"ep_imp": "999999.99"}) == ({"ep_imp": "999999.99"}, 1)


# -- ratios in the meter


def test_a_changed_ratio_is_read_again_and_believed() -> None:
    watch = fresh(ct="40")
    assert polled(watch, {"ct": "41", "i_a": "41.00"}, {"ct": "40", "i_a": "40.00"}) == (
        {"ct": "40", "i_a": "40.00"},
        2,
    )
    assert polled(watch, {"ct": "60"}, {"ct": "60"}) == ({"ct": "60"}, 2)
    assert polled(watch, {"ct": "60"}) == ({"ct": "60"}, 1)


@pytest.mark.parametrize("name", sorted(STANDING))
def test_what_stands_still_is_read_twice_when_it_changes(name: str) -> None:
    """One of 256 damaged frames passes the sum: noise must not open a cover, nor swap a meter."""
    watch = fresh(**{name: "1"})
    assert polled(watch, {name: "1"}) == ({name: "1"}, 1)
    assert polled(watch, {name: "0"}, {name: "1"}) == ({name: "1"}, 2), "damaged"
    assert polled(watch, {name: "0"}, {name: "2"}) == ({name: "invalid"}, 2), "damaged twice"
    assert polled(watch, {name: "2"}, {name: "2"}) == ({name: "2"}, 2), "it did change"
    assert polled(watch, {name: "2"}) == ({name: "2"}, 1)
    assert polled(watch, {name: "0"}, {name: "0"}) == ({name: "0"}, 2), "back to nothing: cleared, or swapped"


def test_a_meters_own_ratio_leaves_no_range_of_ours() -> None:
    ranges = limits(spec("acrel-adl400-ratio", ct="1")).ranges
    assert set(ranges) <= {"f", "pf", "pf_a", "pf_b", "pf_c", "temp"}


# -- the poll itself


def test_samples_keep_their_order_and_qualities() -> None:
    gone, kept = Sample("p", None, Quality.MISSING), Sample("u_a", None, Quality.REFUSED)
    first = Polled((gone, sample("f", "10.00"), kept))
    second = Polled((gone, sample("f", "50.00"), Sample("u_a", None, Quality.NO_REPLY)))
    ended, _ = judged(Watch(limits(spec())), first, second)
    assert ended == Polled((gone, sample("f", "50.00"), kept), doubted=1)
