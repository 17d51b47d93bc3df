"""Who may import whom (import-linter, setup.cfg), and that the package names are ours alone."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.tree import PACKAGES, ROOT


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run([program, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", PACKAGES)
def test_top_level_names_belong_to_this_distribution_alone(name: str) -> None:
    """agent or config are names that others use as well; in our environment nobody else may own them."""
    assert set(importlib.metadata.packages_distributions().get(name, ())) == {"sitebox"}
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / name / "__init__.py"


def test_no_other_distribution_brings_a_module_of_that_name() -> None:
    """A loose file site-packages/config.py would win or lose by the order of sys.path: refuse it."""
    found = []
    for dist in importlib.metadata.distributions():
        tops = {f.parts[0].removesuffix(".py") for f in dist.files or () if f.suffix == ".py"}
        if dist.metadata["Name"] != "sitebox":
            found += [f"{dist.metadata['Name']}: {top}" for top in tops & set(PACKAGES)]
    assert found == []
