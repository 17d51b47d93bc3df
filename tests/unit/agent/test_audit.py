"""What changed between two configurations is said in words that a person understands, and only that."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from agent.accepted import accept
from agent.audit import LONGEST, MOST, config_change
from agent.cli import main
from config.canonical import canonical
from config.profiles import builtin_profiles
from config.site import Bus, Meter, Site, SiteConfig

METER = Meter(
    id="kiln-m",
    bus="b1",
    protocol="dlt645-2007",
    address="000000000012",
    profile="dlt645-2007-3p",
    ct=Decimal(40),
)
SITE = SiteConfig(site=Site(id="SB-1"), buses=(Bus(id="b1", kind="serial", port="/dev/x"),), meters=(METER,))


def change(after: SiteConfig) -> dict[str, object] | None:
    old, new = (canonical(one, builtin_profiles()) for one in (SITE, after))
    return config_change(old, new, "ab" * 32)


def test_a_ratio_that_changes_is_named_with_both_values() -> None:
    found = change(replace(SITE, meters=(replace(METER, ct=Decimal(60)),)))
    assert found == {
        "what": "config",
        "digest": "ab" * 32,
        "count": 1,
        "changes": [["meters.kiln-m.ct", '"40"', '"60"']],
    }


def test_the_same_is_no_change() -> None:
    assert change(SITE) is None


def test_a_meter_that_comes_or_goes_is_named_leaf_by_leaf() -> None:
    more = replace(SITE, meters=(METER, replace(METER, id="new-m", address="000000000013")))
    found = change(more)
    assert found is not None
    changes = found["changes"]
    assert isinstance(changes, list)
    assert ["meters.new-m.address", "-", '"000000000013"'] in changes
    assert all(name.startswith("meters.new-m.") for name, _, _ in changes)


def test_many_and_long_changes_stay_small() -> None:
    many = tuple(replace(METER, id=f"m{n}", address=f"{n:012d}") for n in range(100))
    found = change(replace(SITE, meters=many, site=Site(id="SB-1", name="名" * 500)))
    assert found is not None
    changes = found["changes"]
    assert isinstance(changes, list)
    assert len(changes) == MOST
    assert isinstance(found["count"], int)
    assert found["count"] > 100 * 5
    assert all(len(part) <= LONGEST for one in changes for part in one[1:])


def test_the_configuration_before_is_known_at_the_next_start(tmp_path: Path) -> None:
    words = [f"--{name}={tmp_path / name}" for name in ("config", "state", "runtime")]
    assert main(["config", "init", *words]) == 0
    kept = tmp_path / "state" / "accepted.json"
    first = accept(tmp_path / "config", kept)
    assert first.before is None
    for path in (tmp_path / "config").rglob("*.toml"):
        path.write_text(path.read_text().replace('ct = "600/5"', 'ct = "800/5"'))
    second = accept(tmp_path / "config", kept)
    assert second.before == first.loaded.text
    assert second.before is not None
    found = config_change(second.before, second.loaded.text, second.loaded.digest)
    assert found is not None
    changes = found["changes"]
    assert isinstance(changes, list)
    assert [one[1:] for one in changes] == [['"120"', '"160"']] * len(changes)
