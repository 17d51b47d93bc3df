"""The box was off: what nobody watched is held against nobody, and clears nothing."""

from __future__ import annotations

import json
from dataclasses import replace

from agent.rules.engine import Engine
from config.site import SiteConfig
from tests.support.plants import OVER, SILENT, Story, plant

CUT = "power-cut"


def reborn(story: Story, config: SiteConfig) -> None:
    """The daemon begins again from its page."""
    page = json.loads(json.dumps(story.engine.page()))
    up = story.engine.active
    story.engine = Engine(config, page["world"]["now"])
    story.engine.turn_to(page)
    story.engine.restore(up)


def test_the_first_look_after_a_pause_blames_no_meter_and_no_feeder() -> None:
    config = plant(SILENT)
    story = Story(config)
    story.run(range(0, 100, 10), kiln="12", scrubber="8", spare="1")
    reborn(story, config)
    story.tick(1300)  # the rules are asked before the first poll has ended
    story.run(range(1301, 1400, 10), kiln="12", scrubber="8", spare="1")
    assert story.changes == []


def test_silence_counts_from_when_the_box_watches_again() -> None:
    config = plant(SILENT)
    story = Story(config)
    story.run(range(0, 100, 10), kiln="12", scrubber="8", spare="1")
    reborn(story, config)
    story.tick(1300)
    story.run(range(1301, 1400, 10), kiln="12", scrubber=None, spare="1")
    assert story.changes == [(1361, "silent/scrubber-m", True)]


def test_all_silent_after_a_pause_is_a_feeder_in_its_time() -> None:
    config = plant(SILENT)
    story = Story(config)
    story.run(range(0, 100, 10), kiln="12", scrubber="8", spare="1")
    reborn(story, config)
    story.run(range(1300, 1400, 10), kiln=None, scrubber=None, spare=None)
    assert story.changes == [(1340, CUT, True)]


def test_a_pause_clears_nothing() -> None:
    config = plant(SILENT)
    config = replace(config, meters=(*config.meters[:2], replace(config.meters[2], bus="b2")))
    story = Story(config)
    story.poll(0, kiln="12", scrubber="8", spare="1")
    story.run(range(10, 100, 10), kiln=None, scrubber=None, spare="1")
    assert story.changes == [(60, "silent/bus/b1", True)]
    reborn(story, config)
    story.tick(1300)
    story.run(range(1301, 1330, 10), kiln=None, scrubber=None, spare="1")
    assert story.changes == [(60, "silent/bus/b1", True)]
    story.poll(1331, kiln="12", scrubber="8", spare="1")
    assert story.changes[1:] == [(1331, "silent/bus/b1", False)]


def test_a_limit_passed_before_and_after_a_pause_was_not_passed_in_it() -> None:
    config = plant(OVER)
    story = Story(config)
    story.run(range(0, 20, 10), kiln="120")
    reborn(story, config)
    story.run(range(1300, 1330, 10), kiln="120")
    assert story.changes == []
    story.poll(1330, kiln="120")
    assert [change for change in story.changes if change[1] == "over"] == [(1330, "over", True)]
