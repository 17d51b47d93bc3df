"""A site file for tests that go through files and a journal: the plant of ``plants``, on a real bus."""

from __future__ import annotations

from pathlib import Path

from agent.accepted import accept
from config.site import SiteConfig

SITE = """
[site]
id = "T1"

[[bus]]
id = "b1"
kind = "serial"
port = "/dev/ttyUSB0"
"""
METER = """
[[meter]]
id = "{name}-m"
bus = "b1"
protocol = "dlt645-2007"
address = "00000000000{number}"
profile = "dlt645-2007-3p"
line = "9600 8E1"
"""
POINT = """
[[point]]
id = "{name}"
role = "{role}"
meter = "{name}-m"
on_above_kw = "{on}"
off_below_kw = "{off}"
"""
RULE = """
[[rule]]
id = "pair"
kind = "treatment-off"
production = ["kiln"]
treatment = ["scrubber"]
stop_lag_s = {lag}
"""


def site(lag_s: int = 60) -> str:
    """A kiln and a scrubber that must run with it."""
    points = (("kiln", "production", "5", "4"), ("scrubber", "treatment", "2", "1"))
    text = SITE
    for number, (name, role, on, off) in enumerate(points):
        text += METER.format(name=name, number=number)
        text += POINT.format(name=name, role=role, on=on, off=off)
    return text + RULE.format(lag=lag_s)


def written(folder: Path, lag_s: int = 60) -> tuple[SiteConfig, list[str]]:
    """The site in a folder, and the options of a verb that name it; the box's state lies in ``folder``."""
    etc = folder / f"etc-{lag_s}"
    etc.mkdir()
    (etc / "sitebox.toml").write_text(site(lag_s), encoding="utf-8")
    config = accept(etc, folder / "kept").loaded.config
    options = ["--config", str(etc), "--state", str(folder), "--runtime", str(folder / "run")]
    return config, [*options, "--lang", "en"]
