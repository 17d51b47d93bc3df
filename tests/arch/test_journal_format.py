"""docs/journal-format.md: its commands run, its example is the vector, its names are the code's."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from buffer.verify import Wrong
from tests.support.journal_vectors import GOOD

DOCUMENT = (Path(__file__).parents[2] / "docs" / "journal-format.md").read_text(encoding="utf-8")
SECTION = DOCUMENT.partition("## 9. ")[2].partition("\n## 10. ")[0]


@pytest.mark.skipif(not shutil.which("openssl"), reason="the document's commands need openssl")
def test_commands_of_the_document(tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL))
    (told,) = re.findall(r"```text\n(.*?)```", SECTION, re.DOTALL)
    done = subprocess.run(
        ["sh", "-eu"], input=script, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == (told, "", 0)
    for name, data in (("0.note", GOOD[0].note), ("1.note", GOOD[1].note), ("1.rows", GOOD[1].body)):
        assert (tmp_path / name).read_bytes() == data


@pytest.mark.skipif(not shutil.which("openssl"), reason="the document's commands need openssl")
@pytest.mark.parametrize(
    ("old", "new"), [("sum reads 2 0", "sum reads 3 0"), ('"1.400"', '"2.400"'), ("fefefefe", "fefefefd")]
)
def test_commands_of_the_document_notice_an_edit(tmp_path: Path, old: str, new: str) -> None:
    script = "\n".join(re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL))
    assert old in script
    done = subprocess.run(
        ["sh", "-u"],
        input=script.replace(old, new),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "FAILED" in done.stdout or "Failure" in done.stdout


def test_every_kind_of_wrong_stands_in_the_document() -> None:
    missing = {kind for kind in Wrong if f"`{kind}`" not in DOCUMENT}
    assert missing == {
        Wrong.UNREADABLE,
        Wrong.UNKNOWN_VERSION,
    }  # said in words: nothing readable, newer software
