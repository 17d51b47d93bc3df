"""What changed between two configurations is said in words that a person understands, and only that."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from agent.accepted import accept, keep
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


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def change(after: SiteConfig) -> dict[str, object]:
    old, new = (canonical(one, builtin_profiles()) for one in (SITE, after))
    return config_change(old, digest(old), new)


def test_a_ratio_that_changes_is_named_with_both_values() -> None:
    ratio = replace(SITE, meters=(replace(METER, ct=Decimal(60)),))
    found = change(ratio)
    assert found == {
        "what": "config",
        "digest": digest(canonical(ratio, builtin_profiles())),
        "count": 1,
        "changes": [["meters.kiln-m.ct", '"40"', '"60"']],
    }


@pytest.mark.parametrize("before", [None, "{}", canonical(SITE, builtin_profiles())])
def test_a_text_that_the_chain_does_not_know_explains_nothing(before: str | None) -> None:
    """Whoever edits what the state folder keeps could make any change look harmless."""
    found = config_change(before, "ab" * 32, canonical(SITE, builtin_profiles()))
    assert (found["before"], "changes" in found) == ("unknown", False)


def test_a_meter_that_comes_or_goes_is_named_leaf_by_leaf() -> None:
    more = replace(SITE, meters=(METER, replace(METER, id="new-m", address="000000000013")))
    found = change(more)
    changes = found["changes"]
    assert isinstance(changes, list)
    assert ["meters.new-m.address", "-", '"000000000013"'] in changes
    assert all(name.startswith("meters.new-m.") for name, _, _ in changes)


def test_many_and_long_changes_stay_small() -> None:
    many = tuple(replace(METER, id=f"m{n}", address=f"{n:012d}") for n in range(100))
    found = change(replace(SITE, meters=many, site=Site(id="SB-1", name="名" * 500)))
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
    assert keep(first, kept) == ""
    for path in (tmp_path / "config").rglob("*.toml"):
        path.write_text(path.read_text().replace('ct = "600/5"', 'ct = "800/5"'))
    assert accept(tmp_path / "config", kept).loaded != first.loaded, (
        "a reload looks before the next start does"
    )
    second = accept(tmp_path / "config", kept)
    found = config_change(second.before, first.loaded.digest, second.loaded.text)
    changes = found["changes"]
    assert isinstance(changes, list)
    assert [one[1:] for one in changes] == [['"120"', '"160"']] * len(changes)
