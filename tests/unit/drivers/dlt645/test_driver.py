"""A poll from the first exchange to the samples: blocks, singles, refusals, follow-ups, silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from config.profile import DltBlock
from drivers.dlt645 import DRIVER
from drivers.dlt645.driver import find_address
from drivers.dlt645.fetch import MAX_FOLLOW_UPS, MeterLine
from drivers.dlt645.frame import encode_read
from drivers.exchange import Answer, Driver, Exchange, MeterSpec, Polled
from drivers.samples import Quality
from tests.unit.drivers.dlt645.meter import Chunks, FakeMeter, Played, bcd, di, direct, listen, play, wire
from tests.unit.drivers.dlt645.specs import ADDRESS, VOLTAGES, item, profile, spec

VOLTS = [*bcd("230.1", 2), *bcd("229.9", 2), *bcd("231.0", 2)]
AMPS = [*bcd("1.500", 3), *bcd("-1.501", 3), *bcd("0.000", 3)]


def meter() -> FakeMeter:
    """A meter with all items, singles and blocks."""
    return FakeMeter(
        ADDRESS,
        {
            "02030000": bcd("-12.4100", 3),
            "0201FF00": VOLTS,
            "02010100": VOLTS[0:2],
            "02010200": VOLTS[2:4],
            "02010300": VOLTS[4:6],
            "0202FF00": AMPS,
            "02020100": AMPS[0:3],
            "02020200": AMPS[3:6],
            "02020300": AMPS[6:9],
            "00010000": bcd("123456.78", 4),
            "01010000": [*bcd("1.2345", 3), 0x00, 0x12, 0x01, 0x01, 0x23],
        },
    )


def poll(
    target: FakeMeter, spec_: MeterSpec | None = None, *, skip: frozenset[str] = frozenset()
) -> tuple[dict[str, str], Polled]:
    """A fast poll: quantity -> value or quality, as text."""
    polled = play(DRIVER.poll(spec_ or spec(), "fast", skip), direct(target))
    return texts(polled), polled


def texts(polled: Polled) -> dict[str, str]:
    return {s.quantity: s.quality.value if s.value is None else str(s.value) for s in polled.samples}


GOOD = {
    "p": "-12.4100",
    "u_a": "230.1",
    "u_b": "229.9",
    "u_c": "231.0",
    "i_a": "1.500",
    "i_b": "-1.501",
    "i_c": "0.000",
}


def test_it_is_a_driver() -> None:
    driver: Driver = DRIVER
    assert driver.protocols == ("dlt645-2007",)
    assert driver.default_gap_ms == 20


def test_blocks_first_then_the_rest() -> None:
    target = meter()
    got, polled = poll(target)
    assert got == GOOD
    assert list(got) == [s.quantity for s in polled.samples]
    assert target.asked == ["0201FF00", "0202FF00", "02030000"]
    assert polled.unsupported == frozenset()


def test_the_slow_class_is_its_own() -> None:
    target = meter()
    polled = play(DRIVER.poll(spec(), "slow", frozenset()), direct(target))
    assert texts(polled) == {"ep_imp": "123456.78", "demand_p": "1.2345"}
    assert target.asked == ["00010000", "01010000"]


def test_ratios_are_exact_and_keep_the_digits() -> None:
    got, _ = poll(meter(), spec(ct="40", pt="100"))
    assert got == {
        "p": "-49640.0000",
        "u_a": "23010.0",
        "u_b": "22990.0",
        "u_c": "23100.0",
        "i_a": "60.000",
        "i_b": "-60.040",
        "i_c": "0.000",
    }
    polled = play(DRIVER.poll(spec(ct="0.2", pt="1"), "slow", frozenset()), direct(meter()))
    assert texts(polled)["ep_imp"] == "24691.356"


def test_a_ratio_with_an_exponent_gives_plain_digits() -> None:
    made = profile((item("ep_imp", "00010000", "XXXXXXXX", ratio="ct"),), ())
    target = FakeMeter(items={"00010000": bcd("12345678", 4)})
    assert poll(target, spec(made, ct="1E+2"))[0] == {"ep_imp": "1234567800"}


def test_learnt_blocks_are_not_asked() -> None:
    target = meter()
    got, polled = poll(target, skip=frozenset({"0201FF00"}))
    assert got == GOOD
    assert target.asked == ["0202FF00", "02030000", "02010100", "02010200", "02010300"]
    assert polled.unsupported == frozenset()


@pytest.mark.parametrize("answer", [0x02, 0x01, 0x04, 0x00, VOLTS[:4], VOLTS[:2], [*VOLTS, 0], [], [0] * 9])
def test_a_refused_or_odd_block_is_learnt_and_read_item_by_item(answer: int | list[int]) -> None:
    target = meter()
    target.items["0201FF00"] = answer
    got, polled = poll(target)
    assert got == GOOD
    assert target.asked == ["0201FF00", "0202FF00", "02030000", "02010100", "02010200", "02010300"]
    assert polled.unsupported == {"0201FF00"}


def test_a_block_for_one_item_is_not_worth_it() -> None:
    made = profile((item("u_b", "02010200", "XXX.X"),), (VOLTAGES,))
    target = meter()
    assert poll(target, spec(made))[0] == {"u_b": "229.9"}
    assert target.asked == ["02010200"]


def test_members_a_profile_does_not_use_take_their_length_from_the_table() -> None:
    made = profile((item("u_a", "02010100", "XXX.X"), item("u_c", "02010300", "XXX.X")), (VOLTAGES,))
    target = meter()
    assert poll(target, spec(made))[0] == {"u_a": "230.1", "u_c": "231.0"}
    assert target.asked == ["0201FF00"]


def test_a_block_with_a_member_of_unknown_length_is_not_asked() -> None:
    odd = DltBlock(di="0E01FF00", items=("02010100", "02010200", "0E010300"))
    made = profile((item("u_a", "02010100", "XXX.X"), item("u_b", "02010200", "XXX.X")), (odd,))
    target = meter()
    assert poll(target, spec(made))[0] == {"u_a": "230.1", "u_b": "229.9"}
    assert target.asked == ["02010100", "02010200"]


def test_identifiers_in_small_letters() -> None:
    small = DltBlock(di="0201ff00", items=VOLTAGES.items)
    made = profile((item("u_a", "02010100", "XXX.X"), item("u_b", "02010200", "XXX.X")), (small,))
    target = meter()
    target.items["0201FF00"] = 0x02
    got, polled = poll(target, spec(made))
    assert got == {"u_a": "230.1", "u_b": "229.9"}
    assert polled.unsupported == {"0201ff00"}


def test_tariffs_behind_the_wanted_ones_are_the_meters_own() -> None:
    block = DltBlock(di="0001FF00", items=("00010000", "00010100"))
    items = (item("ep_imp", "00010000", "XXXXXX.XX"), item("ep_exp", "00010100", "XXXXXX.XX"))
    registers = [byte for n in range(5) for byte in bcd(f"{n}.00", 4)]
    target = FakeMeter(items={"0001FF00": registers})
    assert poll(target, spec(profile(items, (block,))))[0] == {"ep_imp": "0.00", "ep_exp": "1.00"}
    for wrong in (registers[:4], registers[:-1]):
        target = FakeMeter(items={"0001FF00": wrong, "00010000": registers[:4], "00010100": 0x02})
        got, polled = poll(target, spec(profile(items, (block,))))
        assert got == {"ep_imp": "0.00", "ep_exp": "unsupported"}
        assert polled.unsupported == {"0001FF00"}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (0x02, "unsupported"),
        (0x06, "unsupported"),
        (0x04, "refused"),
        (0x01, "refused"),
        (0x00, "refused"),
        ([0xFF, 0xFF], "missing"),
        ([0xEE, 0xEE], "missing"),
        ([0x0A, 0x00], "invalid"),
        ([0x01], "invalid"),
        ([], "invalid"),
        ([0x01, 0x23, 0x00], "230.1"),  # a spare byte of a voltage, as captured
        ([0x01, 0x23, 0x02], "invalid"),
        ([0x01, 0x23, 0x00, 0x00], "invalid"),
        ([0x00, 0x00], "0.0"),
    ],
)
def test_a_single_item(answer: int | list[int], text: str) -> None:
    target = meter()
    target.items["0201FF00"] = 0x02
    target.items["02010200"] = answer
    got, _ = poll(target)
    assert got == {**GOOD, "u_b": text}


def test_no_other_item_may_carry_a_spare_byte() -> None:
    target = meter()
    target.items["02030000"] = [*bcd("-12.4100", 3), 0]
    assert poll(target)[0] == {**GOOD, "p": "invalid"}


@pytest.mark.parametrize("data", [bcd("1.2345", 3), [*bcd("1.2345", 3), 0, 0x12, 1, 1]])
def test_a_demand_without_its_whole_time_is_invalid_or_bare(data: list[int]) -> None:
    target = meter()
    target.items["01010000"] = data
    polled = play(DRIVER.poll(spec(), "slow", frozenset()), direct(target))
    assert texts(polled)["demand_p"] == ("1.2345" if len(data) == 3 else "invalid")


def test_missing_phases_of_a_block() -> None:
    target = meter()
    target.items["0201FF00"] = [*VOLTS[:2], 0xFF, 0xFF, 0xEE, 0xEE]
    target.items["0202FF00"] = [*AMPS[:3], 0, 0, 0, 0xFF, 0xFF, 0x0F]
    got, polled = poll(target)
    assert got == {**GOOD, "u_b": "missing", "u_c": "missing", "i_b": "0.000", "i_c": "invalid"}
    assert polled.unsupported == frozenset()


def test_a_silent_meter_is_asked_once() -> None:
    target = FakeMeter(default=None)
    got, polled = poll(target)
    assert set(got.values()) == {"no_reply"}
    assert list(got) == list(GOOD)
    assert target.asked == ["0201FF00"]
    assert polled.unsupported == frozenset()


def test_a_meter_that_falls_silent_keeps_what_it_said() -> None:
    target = meter()
    target.items["02030000"] = None
    assert poll(target)[0] == {**GOOD, "p": "no_reply"}
    target = meter()
    target.items["0201FF00"] = 0x02
    target.items["02010100"] = None
    got, polled = poll(target)
    assert got == {**GOOD, "u_a": "no_reply", "u_b": "no_reply", "u_c": "no_reply"}
    assert target.asked[-1] == "02010100"
    assert polled.unsupported == {"0201FF00"}


def test_silence_on_a_block_after_an_answer_is_tried_item_by_item() -> None:
    target = meter()
    target.items["0202FF00"] = None
    got, polled = poll(target)
    assert got == GOOD
    assert polled.unsupported == {"0202FF00"}


def test_silence_on_a_block_and_then_on_an_item_ends_the_poll_and_teaches_nothing() -> None:
    target = meter()
    target.items["0202FF00"] = None
    target.items["02030000"] = None
    got, polled = poll(target)
    assert got == {
        **{q: v for q, v in GOOD.items() if q.startswith("u_")},
        **dict.fromkeys(("p", "i_a", "i_b", "i_c"), "no_reply"),
    }
    assert polled.unsupported == frozenset()


SLOW = tuple(
    item(quantity, di, "XXXXXX", poll="slow")
    for quantity, di in (
        ("n_program", "03300000"),
        ("n_clear", "03300100"),
        ("n_cover", "03300D00"),
        ("n_power_down", "03110000"),
    )
)
BREAKS = tuple(
    item(f"n_phase_break_{phase}", "03040000", "XXXXXX", poll="slow", nth=nth, of=6)
    for phase, nth in (("a", 1), ("b", 3), ("c", 5))
)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ("5 70 61 80 703 90", "5 61 703"),
        ("5 70 61 80 703", "invalid invalid invalid"),
        ("5", "invalid invalid invalid"),
        ("", "invalid invalid invalid"),
        ("5 70 61 80 703 90 1", "invalid invalid invalid"),
    ],
)
def test_several_numbers_in_one_answer_are_believed_in_its_own_length(numbers: str, said: str) -> None:
    data = [byte for number in numbers.split() for byte in bcd(number, 3)]
    target = FakeMeter(items={"03040000": data})
    polled = play(DRIVER.poll(spec(profile(BREAKS, ())), "slow", NOTHING), direct(target))
    assert " ".join(texts(polled).values()) == said
    assert target.asked == ["03040000"]


def test_a_phase_that_is_filled_is_missing_alone() -> None:
    target = FakeMeter(
        items={"03040000": [*bcd("5", 3), *bcd("7", 3), *[0xFF] * 6, *bcd("9", 3), *bcd("1", 3)]}
    )
    polled = play(DRIVER.poll(spec(profile(BREAKS, ())), "slow", NOTHING), direct(target))
    assert " ".join(texts(polled).values()) == "5 missing 9"


COUNTED = {one.di: bcd(f"{number}", 3) for number, one in enumerate(SLOW, 1)}
NOTHING: frozenset[str] = frozenset()


def slow(answers: dict[str, int | None], skip: frozenset[str] = NOTHING) -> tuple[str, int, Polled]:
    """One slow poll of four counters: what came out, in order, how much was asked, and what was learnt."""
    target = FakeMeter(items={**COUNTED, **answers})
    polled = play(DRIVER.poll(spec(profile(SLOW, ())), "slow", skip), direct(target))
    return " ".join(texts(polled).values()), len(target.asked), polled


@pytest.mark.parametrize(("word", "said"), [(0x02, "unsupported"), (0x01, "refused"), (0x04, "refused")])
def test_a_declined_item_of_the_slow_class_is_told(word: int, said: str) -> None:
    got, asked, polled = slow({"03300100": word})
    assert (got, asked) == (f"1 {said} 3 4", 4)
    assert polled.unsupported == {"03300100"}


def test_what_is_not_asked_for_is_unsupported() -> None:
    got, asked, polled = slow({}, frozenset({"03300100", "03110000"}))
    assert (got, asked) == ("1 unsupported 3 unsupported", 2)
    assert polled.unsupported == NOTHING


def test_a_meter_that_has_nothing_of_a_class_is_asked_for_all_of_it() -> None:
    got, asked, _ = slow({"03300D00": 0x02}, frozenset(COUNTED))
    assert (got, asked) == ("1 2 unsupported 4", 4)


def test_one_silence_behind_an_answer_does_not_end_a_slow_poll() -> None:
    got, asked, polled = slow({"03300100": None})
    assert (got, asked) == ("1 no_reply 3 4", 4)
    assert polled.unsupported == {"03300100"}
    got, asked, polled = slow({"03110000": None})
    assert (got, asked) == ("1 2 3 no_reply", 4)
    assert polled.unsupported == {"03110000"}, "also as the last"


def test_two_silences_end_a_slow_poll_and_teach_nothing() -> None:
    got, asked, polled = slow({"03300100": None, "03300D00": None})
    assert (got, asked) == ("1 no_reply no_reply no_reply", 3)
    assert polled.unsupported == NOTHING
    got, asked, polled = slow({"03300000": None})
    assert (got, asked) == ("no_reply no_reply no_reply no_reply", 1), "the first: nobody is there"


def test_a_refusal_behind_a_silence_shows_that_the_meter_lives() -> None:
    got, _, polled = slow({"03300100": None, "03300D00": 0x02})
    assert got == "1 no_reply unsupported 4"
    assert polled.unsupported == {"03300100", "03300D00"}


def test_garble_ends_the_poll() -> None:
    played = Played()

    def line(request: bytes) -> Chunks:
        return [meter().answer(request)] if len(played.labels) == 1 else [b"\x00\x68\x55"]

    polled = play(DRIVER.poll(spec(), "fast", frozenset()), line, played)
    assert texts(polled) == {
        **{q: v for q, v in GOOD.items() if q.startswith("u_")},
        **dict.fromkeys(("p", "i_a", "i_b", "i_c"), "garbled"),
    }
    assert played.labels == ["0201FF00", "0202FF00"]
    assert polled.unsupported == frozenset()


def test_a_port_that_failed_is_silence() -> None:
    polled = play(DRIVER.poll(spec(), "fast", frozenset()), lambda request: "port")
    assert set(texts(polled).values()) == {"no_reply"}


def test_an_item_of_the_makers_own_is_what_the_profile_says() -> None:
    made = profile((item("temp", "0E010100", "XXX.X", signed=True),), ())
    assert poll(FakeMeter(items={"0E010100": bcd("-12.3", 2)}), spec(made))[0] == {"temp": "-12.3"}


@pytest.mark.parametrize("signed", [True, False])
def test_the_top_bit_of_apparent_power_is_left_out(signed: bool) -> None:
    """In a block as in a single item, and whatever the profile says of a sign."""
    phases = ("02050100", "02050200", "02050300")
    singles = {"02050100": [0x11, 0x22, 0x83], "02050200": bcd("3.2211", 3), "02050300": [0x99, 0x99, 0xF9]}
    items = tuple(
        item(f"s_{phase}", one, "XX.XXXX", signed=signed) for phase, one in zip("abc", phases, strict=True)
    )
    block = DltBlock(di="0205FF00", items=phases)
    told = {"s_a": "3.2211", "s_b": "3.2211", "s_c": "79.9999"}
    assert poll(FakeMeter(items={**singles}), spec(profile(items, ())))[0] == told
    whole = [byte for one in phases for byte in singles[one]]
    assert poll(FakeMeter(items={"0205FF00": whole}), spec(profile(items, (block,))))[0] == told


def test_two_quantities_of_one_item_cost_one_exchange() -> None:
    made = profile(
        (item("p", "02030000", "XX.XXXX", signed=True), item("p_a", "02030000", "XX.XXXX", signed=True)), ()
    )
    target = meter()
    assert poll(target, spec(made))[0] == {"p": "-12.4100", "p_a": "-12.4100"}
    assert target.asked == ["02030000"]


def test_bits_of_one_word_cost_one_exchange() -> None:
    made = profile(
        tuple(item(f"in_{bit}", "04000507", "word", bit=bit) for bit in (0, 9, 10)),
        (),
    )
    target = FakeMeter(items={"04000507": [0x01, 0x04]})
    assert poll(target, spec(made))[0] == {"in_0": "1", "in_9": "0", "in_10": "1"}
    assert target.asked == ["04000507"]
    target = FakeMeter(items={"04000507": 0x02})
    assert poll(target, spec(made))[0] == dict.fromkeys(("in_0", "in_9", "in_10"), "unsupported")


def test_a_number_of_twelve_digits_keeps_all_but_its_leading_zeros() -> None:
    made = profile((item("serial", "04000402", "XXXXXXXXXXXX"),), ())
    target = FakeMeter(items={"04000402": bcd("012345678901", 6)})
    assert poll(target, spec(made))[0] == {"serial": "12345678901"}
    target = FakeMeter(items={"04000402": bcd("999999999999", 6)})
    assert poll(target, spec(made))[0] == {"serial": "999999999999"}


def test_an_empty_class_asks_nothing() -> None:
    assert play(DRIVER.poll(spec(profile((), ())), "fast", frozenset()), direct(meter())) == Polled(())


# -- follow-up frames -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_follow_up_frames_are_joined(size: int) -> None:
    target = meter()
    target.frame_data = size
    got, polled = poll(target)
    assert got == GOOD
    assert polled.unsupported == frozenset()
    assert target.asked[:2] == ["0201FF00", "0201FF00#1"]


def follow_up(broken: Callable[[int, FakeMeter, bytes], bytes]) -> tuple[dict[str, str], list[str], Polled]:
    """Two voltages in one block, two frames; ``broken`` may spoil the n-th answer."""
    made = profile((item("u_a", "02010100", "XXX.X"), item("u_b", "02010200", "XXX.X")), (VOLTAGES,))
    target = FakeMeter(items={"0201FF00": VOLTS, "02010100": VOLTS[:2], "02010200": VOLTS[2:4]}, frame_data=4)
    played = Played()
    polled = play(
        DRIVER.poll(spec(made), "fast", frozenset()),
        lambda request: [broken(len(played.labels), target, request)],
        played,
    )
    return texts(polled), played.labels, polled


def test_a_broken_sequence_is_tried_once_more() -> None:
    got, labels, polled = follow_up(lambda n, target, request: b"" if n == 2 else target.answer(request))
    assert got == {"u_a": "230.1", "u_b": "229.9"}
    assert labels == ["0201FF00", "0201FF00#1"] * 2
    assert polled.unsupported == frozenset()


def test_a_sequence_broken_twice_ends_the_poll() -> None:
    got, labels, polled = follow_up(lambda n, target, request: b"" if n % 2 == 0 else target.answer(request))
    assert got == {"u_a": "no_reply", "u_b": "no_reply"}
    assert labels == ["0201FF00", "0201FF00#1"] * 2
    assert polled.unsupported == frozenset()


@pytest.mark.parametrize("word", [0x01, 0x02])
def test_a_refused_follow_up_teaches_that_the_block_is_not_to_be_had(word: int) -> None:
    got, labels, polled = follow_up(
        lambda n, target, request: wire(ADDRESS, 0xD2, [word]) if n in (2, 4) else target.answer(request)
    )
    assert got == {"u_a": "230.1", "u_b": "229.9"}
    assert labels == [*["0201FF00", "0201FF00#1"] * 2, "02010100", "02010200"]
    assert polled.unsupported == {"0201FF00"}


def test_a_wrong_frame_number_is_not_appended() -> None:
    wrong = wire(ADDRESS, 0x92, [*di("0201FF00"), *bcd("9.9", 2), 2])
    got, labels, _ = follow_up(lambda n, target, request: wrong if n == 2 else target.answer(request))
    assert got == {"u_a": "230.1", "u_b": "229.9"}
    assert labels == ["0201FF00", "0201FF00#1"] * 2


def test_a_meter_that_never_ends_is_invalid() -> None:
    def line(request: bytes) -> Chunks:
        data = [(byte - 51) % 256 for byte in request[14:-2]]
        return [wire(ADDRESS, 0xB1 if len(data) == 4 else 0xB2, [*data[:4], 0x00, *data[4:]])]

    played = Played()
    outcome = play(MeterLine(ADDRESS).fetch("02030000", 3), line, played)
    assert outcome is Quality.INVALID
    assert len(played.labels) == 2 * (1 + MAX_FOLLOW_UPS)


# -- what the exchange tells the bus ----------------------------------------------------------------


def first(exchanges: object) -> Exchange:
    assert hasattr(exchanges, "send")
    exchange = exchanges.send(None)
    assert isinstance(exchange, Exchange)
    return exchange


@pytest.mark.parametrize(("class_", "label", "data"), [("fast", "0201FF00", 6), ("slow", "00010000", 4)])
def test_the_expected_length(class_: str, label: str, data: int) -> None:
    exchange = first(DRIVER.poll(spec(), "fast" if class_ == "fast" else "slow", frozenset()))
    assert (exchange.label, exchange.reply_bytes, exchange.wildcard) == (label, 12 + 4 + data, False)


def test_a_follow_up_is_expected_with_its_frame_number() -> None:
    fetch = MeterLine(ADDRESS).fetch("0201FF00", 6)
    target = FakeMeter(items={"0201FF00": VOLTS}, frame_data=4)
    answer = listen(next(fetch), [target.answer(encode_read(ADDRESS, "0201FF00"))], Played())
    exchange = fetch.send(answer)
    assert (exchange.label, exchange.reply_bytes) == ("0201FF00#1", 12 + 4 + 2 + 1)


def test_a_demand_is_expected_with_its_time() -> None:
    made = profile((item("demand_p", "01010000", "XX.XXXX"),), ())
    assert first(DRIVER.poll(spec(made), "fast", frozenset())).reply_bytes == 12 + 4 + 8


def test_a_wildcard_address_fences_the_line() -> None:
    assert first(DRIVER.probe(spec(address="AAAAAAAAAAAA"))).wildcard
    assert first(find_address()).wildcard


@pytest.mark.parametrize(
    ("items", "label"),
    [
        (profile().dlt, "02010100"),
        ((item("p", "02030000", "XX.XXXX"), item("ep_imp", "00010000", "XXXXXX.XX")), "00010000"),
        ((item("p", "02030000", "XX.XXXX"), item("f", "02800002", "XX.XX")), "02030000"),
    ],
)
def test_the_probe_is_one_short_read(items: tuple[object, ...], label: str) -> None:
    made = profile(tuple(i for i in profile().dlt if i in items) or items)  # type: ignore[arg-type]  # DltItems
    target = meter()
    polled = play(DRIVER.probe(spec(made)), direct(target))
    assert target.asked == [label]
    assert len(polled.samples) == 1


def test_the_probe_of_a_silent_and_of_a_refusing_meter() -> None:
    assert texts(play(DRIVER.probe(spec()), direct(FakeMeter(default=None)))) == {"u_a": "no_reply"}
    assert texts(play(DRIVER.probe(spec()), direct(FakeMeter(default=0x02)))) == {"u_a": "unsupported"}


def test_an_address_is_found() -> None:
    assert play(find_address(), direct(meter())) == ADDRESS
    assert play(find_address("AAAAAAAA9012"), direct(meter())) == ADDRESS
    assert play(find_address("AAAAAAAA9013"), direct(meter())) is None
    assert play(find_address(), lambda request: [wire("AAAAAAAAAAAA", 0x93, [0xAA] * 6)]) is None
    assert play(find_address(), lambda request: [wire(ADDRESS, 0xD3, [0x01])]) is None


def test_an_answer_of_another_kind_is_no_value() -> None:
    poll_ = DRIVER.poll(spec(), "fast", frozenset())
    next(poll_)
    with pytest.raises(StopIteration) as end:
        poll_.send(Answer(reply="not a frame"))
    assert {s.quality for s in end.value.value.samples} == {Quality.NO_REPLY}
