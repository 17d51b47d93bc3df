"""The wheel: all that a box needs, nothing else, and two builds of one tree are equal byte for byte."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.arch.tree import PACKAGES, ROOT

_METADATA = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def _build(folder: Path) -> Path:
    """Build in a copy: a build in the tree would leave its folder behind and take old files from it."""
    tree = folder / "tree"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _METADATA:
        shutil.copy(ROOT / name, tree / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, "-w", folder, tree], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("sitebox-*.whl")
    return wheel


@pytest.mark.slow
def test_wheel_is_whole_and_reproducible(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    wheel = _build(first)
    assert wheel.read_bytes() == _build(second).read_bytes()

    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    wanted = {
        p.relative_to(ROOT).as_posix() for name in PACKAGES for p in (ROOT / name).rglob("*") if p.is_file()
    }
    assert held == {n for n in wanted if "__pycache__" not in n and not n.endswith(".md")}
