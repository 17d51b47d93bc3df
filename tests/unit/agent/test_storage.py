"""Days left: by the newest day, whatever was before, and less what platforms have not confirmed."""

from __future__ import annotations

from dataclasses import replace

from agent.storage import days_left
from buffer.head import BlockInfo

DAY_MS = 86_400_000
T0 = 1_795_000_000_000
MIB = 1 << 20


def blocks(count: int, size: int = 10_000, every_ms: int = 60_000) -> list[BlockInfo]:
    one = BlockInfo(0, "", 0, 0, T0, 0, 1_000, size - 1_000, True)
    return [replace(one, n=n, utc_ms=T0 + n * every_ms) for n in range(1, count + 1)]


def test_the_rate_is_that_of_the_newest_blocks() -> None:
    # 10 kB a minute and a tenth for pages: 15.8 MB a day
    assert days_left(blocks(1_440), 2_048 * MIB, 1_440, 0) == int(
        (2_048 * MIB - 1_440 * 1_100) / (1_440 * 11_000)
    )


def test_what_waits_for_a_platform_takes_its_part() -> None:
    whole = days_left(blocks(1_440), 2_048 * MIB, 1_440, 0)
    assert whole is not None
    assert days_left(blocks(1_440), 2_048 * MIB, 1_440, 1_440) == whole - 1
    assert days_left(blocks(1_440), 2_048 * MIB, 1_000_000, 1_000_000) == 0


def test_headers_stay_for_ever_and_are_counted() -> None:
    """A header a minute is half a gigabyte in a year."""
    found = days_left(blocks(1_440), 2_048 * MIB, 3 * 525_600, 0)
    assert found == int((2_048 * MIB - 3 * 525_600 * 1_100) / (1_440 * 11_000))


def test_too_little_or_a_clock_that_was_set_project_nothing() -> None:
    assert days_left([], 2_048 * MIB, 1_440, 0) is None
    assert days_left(blocks(30), 2_048 * MIB, 1_440, 0) is None
    stepped = blocks(1_440)
    stepped[-1] = replace(stepped[-1], utc_ms=T0 + 4_000 * DAY_MS)
    assert days_left(stepped, 2_048 * MIB, 1_440, 0) is None
    assert days_left(stepped[::-1], 2_048 * MIB, 1_440, 0) is None


def test_blocks_whose_bodies_are_gone_do_not_make_it_look_cheaper() -> None:
    thinned = [replace(one, body_bytes=0, has_body=one.n % 2 == 0) for one in blocks(1_440)]
    thinned = [replace(one, body_bytes=9_000) if one.has_body else one for one in thinned]
    found, whole = days_left(thinned, 2_048 * MIB, 1_440, 0), days_left(blocks(1_440), 2_048 * MIB, 1_440, 0)
    assert found is not None
    assert whole is not None
    assert found <= 2 * whole + 1
