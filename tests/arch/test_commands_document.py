"""docs/commands.md: its commands run, its keys are the program's, its example file is sound."""

from __future__ import annotations

import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from buffer.command import MAX_OBJECT, open_command
from buffer.note import VerifierKey
from config.build import Shape
from config.orderfile import MAX_FILE, Ground, take_file
from config.orders import VERBS, Declaration, Order
from config.ordershapes import DECLARATION, ORDER, in_file
from config.site import Point
from tests.arch.test_formats_documented import documented, spelled
from tests.arch.tree import ROOT
from tests.support.journals import CITY

DOCUMENT = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
ZONE = ZoneInfo("Asia/Shanghai")
openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="the document's commands need openssl")


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-u"], input=script, cwd=folder, capture_output=True, text=True, check=False)


@openssl
def test_the_example_is_a_command_and_openssl_says_so(tmp_path: Path) -> None:
    (told,) = re.findall(r"```text\n(.*?)```", DOCUMENT, re.DOTALL)
    assert run(SCRIPTS[0], tmp_path).stdout == told
    command = open_command((tmp_path / "order.note").read_bytes(), [CITY.verifier])
    assert (command.verb, command.number, command.object["id"]) == ("order-put", 7, "2026-031")
    assert f"key={CITY.verifier}" in SCRIPTS[0]


@openssl
@pytest.mark.parametrize(("old", "new"), [('"30"', '"3"'), ("number 7", "number 8"), ("by city", "by cyti")])
def test_openssl_notices_an_edit(tmp_path: Path, old: str, new: str) -> None:
    assert old in SCRIPTS[0]
    assert "Successfully" not in run(SCRIPTS[0].replace(old, new), tmp_path).stdout


@openssl
def test_what_the_document_makes_with_openssl_is_believed(tmp_path: Path) -> None:
    run(SCRIPTS[0], tmp_path)
    assert run(SCRIPTS[1], tmp_path).returncode == 0
    key = VerifierKey.parse((tmp_path / "vkey").read_text().strip())
    command = open_command((tmp_path / "made.note").read_bytes(), [key])
    assert command == open_command((tmp_path / "order.note").read_bytes(), [CITY.verifier])


def defaults(cls: type[Order | Declaration], shape: Shape) -> dict[str, str]:
    """Key -> default as TOML spells it."""
    fields = cls.__dataclass_fields__
    found = {}
    for key in in_file(shape, ZONE):
        default = fields[f"{key}_ms" if key in ("from", "to") else key].default
        required = not isinstance(default, str | int | Decimal | tuple | None)
        found[key] = "required" if required else spelled(default)
    return found


def test_every_key_and_default_is_documented() -> None:
    found = documented(DOCUMENT)
    assert {name: keys for name, keys in found.items() if name[:1] in "45"} == {
        "4. An order file": defaults(Order, ORDER),
        "5. A declaration": defaults(Declaration, DECLARATION),
    }


def test_the_files_shown_are_sound() -> None:
    kw = Decimal(1)
    points = (Point(id="kiln", role="production", meter="m", on_above_kw=kw, off_below_kw=kw),)
    for text in re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL):
        orders, declarations = take_file("x", text.encode(), Ground(points, ZONE, 0))
        assert len(orders) + len(declarations) == 1


def test_numbers_and_verbs_are_those_of_the_program() -> None:
    assert f"at most {MAX_OBJECT // 1024} KiB" in DOCUMENT
    assert f"at most {MAX_FILE // 1024} KiB" in DOCUMENT
    assert all(f"`{verb}`" in DOCUMENT for verb in VERBS)
    refusals = {f"SBX-ORD-{number:03d}" for number in range(30, 40)} - {"SBX-ORD-032"}
    assert {code for code in refusals if code not in DOCUMENT} == set()
