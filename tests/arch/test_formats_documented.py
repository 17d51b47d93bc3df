"""``docs/config.md`` and ``docs/profile-format.md`` name every key with its default; their example passes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from agent.cli import main
from agent.rules.alarms import Change
from config import profile, profileshapes, ruleshapes, shapes, site
from tests.arch.tree import ROOT

CONFIG = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
PROFILE = (ROOT / "docs" / "profile-format.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+?) \| [^|]+ \|$", re.MULTILINE)
_RULES = {f"[[rule]] {name}": (cls, shape) for name, (cls, shape) in ruleshapes.RULES.items()}
SECTIONS: dict[str, tuple[type[object], Iterable[str]]] = {
    "[site]": (site.Site, shapes.SITE),
    "[[bus]]": (site.Bus, {**shapes.SERIAL_BUS, **shapes.NETWORK_BUS}),
    "[[meter]]": (site.Meter, shapes.METER),
    "[[point]]": (site.Point, shapes.POINT),
    **_RULES,
    "[[shift]]": (site.Shift, shapes.SHIFT),
    "[[uplink]]": (site.Uplink, shapes.UPLINK),
    **{f"[[notify]] {name}": (cls, shape) for name, (cls, shape) in shapes.NOTIFIES.items()},
    "[power]": (site.Power, shapes.POWER),
    "[[issuer]]": (site.Issuer, shapes.ISSUER),
    "[journal]": (site.Journal, shapes.JOURNAL),
}
PARTS: dict[str, tuple[type[object], Iterable[str]]] = {
    "Head": (profile.Profile, profileshapes.HEAD),
    "source": (profile.Source, profileshapes.SOURCE),
    "item, Modbus": (profile.ModbusItem, profileshapes.MODBUS_ITEM),
    "item, DL/T 645": (profile.DltItem, profileshapes.DLT_ITEM),
    "block, DL/T 645": (profile.DltBlock, profileshapes.BLOCK),
}
REQUIRED_BY_KIND = {("Bus", "port"), ("Bus", "host")}  # optional in the type, needed by one kind


def documented(page: str) -> dict[str, dict[str, str]]:
    """Section -> key -> default, as the page says."""
    chapters = [chapter.partition("\n") for chapter in page.split("\n## ")[1:]]
    return {name: dict(_ROW.findall(text)) for name, _, text in chapters if _ROW.search(text)}


def spelled(value: object) -> str:
    """A default as TOML spells it."""
    if isinstance(value, str | Decimal):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        words = ", ".join(f'"{one}"' for one in value)
        return f"`[{words}]`"
    return "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def defaults(cls: type[object], keys: Iterable[str]) -> dict[str, str]:
    assert dataclasses.is_dataclass(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    given = {key: fields[key].default for key in keys}
    return {
        key: "required"
        if value is dataclasses.MISSING or (cls.__name__, key) in REQUIRED_BY_KIND
        else spelled(value)
        for key, value in given.items()
    }


@pytest.mark.parametrize(("page", "parts"), [(CONFIG, SECTIONS), (PROFILE, PARTS)], ids=["config", "profile"])
def test_every_key_and_default_is_documented(
    page: str, parts: dict[str, tuple[type[object], Iterable[str]]]
) -> None:
    assert documented(page) == {name: defaults(cls, keys) for name, (cls, keys) in parts.items()}


def test_the_worked_example_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = re.findall(r"^```toml\n(.*?)^```$", PROFILE, re.MULTILINE | re.DOTALL)
    assert len(texts) == 2
    (tmp_path / "profiles" / "vectors").mkdir(parents=True)
    (tmp_path / "profiles" / "our-em1.toml").write_text(texts[0], encoding="utf-8")
    (tmp_path / "profiles" / "vectors" / "our-em1.toml").write_text(texts[1], encoding="utf-8")
    status = main(["profile", "test", "our-em1", "--config", str(tmp_path), "--lang", "en"])
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("page", ["notify.md", "uplink-mqtt.md", "journal-format.md"])
def test_each_state_of_an_alarm_is_documented(page: str) -> None:
    """Whoever reads alarms meets all of them; ``excused`` is a record of its declaration."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (told,) = re.findall(r"`state`( is)? (`raised`.*?)(?: · |[.;] |\n)", text)
    assert {name for name in get_args(Change) if f"`{name}`" not in told[1]} == {"excused"}
