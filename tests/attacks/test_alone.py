"""The second verifier: one file, no project, old enough a Python, a real openssl."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from buffer.bundle import write_bundle
from buffer.note import Ed25519Signer
from buffer.verify import BlockData, Wrong, alone
from buffer.verify.report import GAP_KINDS
from tests.support.alone import OPENSSL, SOURCE, alone_elsewhere, evidence_file
from tests.support.alone import alone as judged
from tests.support.journals import CITY, COUNTY, IDENTITY, Life, make, receipt
from tests.vectors.test_journal_vectors import FILES, blocks_of, loaded

KEY = IDENTITY.verifier
needs_openssl = pytest.mark.skipif(not OPENSSL, reason="NOT TESTED: the second verifier needs openssl")


def test_it_imports_the_standard_library_alone() -> None:
    tree = ast.parse(SOURCE, feature_version=(3, 9))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        (node.module or "." if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]
        for node in imports
    }
    assert names <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in imports)


def test_it_uses_nothing_that_python_3_9_lacks() -> None:
    """What came later and is used elsewhere in the project; annotations are never evaluated."""
    assert "from __future__ import annotations" in SOURCE
    assert not re.search(r"strict=|slots=|kw_only=|StrEnum|\bmatch \w+:|pairwise|datetime\.UTC", SOURCE)
    unions = [
        node
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.Call) and "isinstance" in ast.dump(node.func)
    ]
    assert not any(isinstance(call.args[1], ast.BinOp) for call in unions)


def test_it_shares_no_text_with_the_first() -> None:
    """No statement of three lines or more stands in both."""
    package = Path(alone.__file__).parent
    others = [*package.glob("*.py"), *package.parent.glob("*.py")]
    long = set()
    for path in others:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        own = {ast.dump(one) for one in ast.walk(tree) if isinstance(one, ast.stmt) and _lines(one) > 3}
        if path.name == "alone.py":
            mine = own
        else:
            long |= own
    assert not mine & long


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_its_kinds_are_those_of_the_first() -> None:
    mine = {name: gap for name, (gap, _, _) in alone.KINDS.items()}
    assert mine == {kind.value: kind in GAP_KINDS for kind in Wrong if kind is not Wrong.VALUE_DIFFERS}


@needs_openssl
@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_vectors(name: str, quick: bool, tmp_path: Path) -> None:
    content = loaded(name)
    parts = [BlockData(*one) for one in blocks_of(content)]
    receipts = [one["note"].encode() for one in content["receipts"]]
    path = evidence_file(tmp_path / "e.zip", parts, KEY, receipts)
    told = judged(path, KEY, [CITY.verifier, COUNTY.verifier], quick=quick)
    expect = content["expect"]
    assert (told.exit, told.kind, told.first_wrong) == (expect["exit"], expect["kind"], expect["first_wrong"])


def honest(tmp_path: Path) -> Path:
    blocks = make(Life(blocks=8))
    with (tmp_path / "e.zip").open("wb") as file:
        write_bundle(file, blocks, KEY, [receipt(blocks, 7)[0], receipt(blocks, 5, COUNTY)[0]], "about")
    return tmp_path / "e.zip"


@needs_openssl
def test_on_a_pc_without_the_project(tmp_path: Path) -> None:
    told = alone_elsewhere(honest(tmp_path), KEY, [CITY.verifier, COUNTY.verifier])
    assert (told.exit, told.kind) == (0, None)
    assert told.verdicts == {
        "authentic": "pass",
        "complete": "pass",
        "time": "pass",
        "receipts": "pass",
        "values": "not-checked",
        "open": "not-checked",
    }


@needs_openssl
def test_what_was_not_checked_never_passes(tmp_path: Path) -> None:
    path = honest(tmp_path)
    told = judged(path, None)
    assert (told.exit, told.verdicts["authentic"], told.verdicts["receipts"]) == (1, "warn", "not-checked")
    told = judged(path, KEY)
    assert (told.exit, told.verdicts["receipts"]) == (0, "not-checked")
    stranger = judged(path, Ed25519Signer("SB-7F3A-92", bytes(32)).verifier)
    assert (stranger.exit, stranger.kind, stranger.first_wrong) == (65, "re-signed with another key", 0)
    middle = evidence_file(tmp_path / "m.zip", make()[3:], KEY)
    assert judged(middle, None).verdicts["authentic"] == "not-checked"
    assert judged(middle, KEY).exit == 0


@needs_openssl
def test_quick_starts_openssl_for_each_turn_of_a_key(tmp_path: Path) -> None:
    blocks = make(Life(blocks=30))
    path = evidence_file(tmp_path / "e.zip", blocks, KEY)
    whole, quick = judged(path, KEY), judged(path, KEY, quick=True)
    assert (whole.exit, quick.exit) == (0, 0)
    assert whole.processes == 2 + 60  # two for the example of the RFC
    assert quick.processes == 2 + 10 + 1  # ten ratchet keys, one identity


@needs_openssl
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_a_person_reads(lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = make()
    for at, forged in enumerate([blocks, [*blocks[:3], *blocks[4:]]]):
        path = evidence_file(tmp_path / f"{at}.zip", forged, KEY, [receipt(blocks, 5)[0]])
        code = alone.main([str(path), "--key", str(KEY), "--authority", str(CITY.verifier), "--lang", lang])
        said = capsys.readouterr().out
        assert code == (65 if at else 0)
        heads = [line for line in said.splitlines() if not line.startswith(" ")]
        assert [line.partition(":")[0] for line in heads[:6]] == [
            alone.TEXTS[name][lang == "zh"]
            for name in ("authentic", "complete", "time", "receipts", "values", "open")
        ]
        assert ("removed block" in said) == bool(at)
        assert not re.search(r"[{}]", said)


def test_every_text_takes_the_same_facts_in_both_languages() -> None:
    for english, chinese in alone.TEXTS.values():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["e.zip", "--key", "no key"], 64),
        (["nothing.zip", "--key", str(KEY)], 66),
        (["about", "--key", str(KEY)], 66),
    ],
)
def test_refusals(
    words: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "about").write_text("no zip")
    assert alone.main([*words, "--lang", "en"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize("words", [[], ["a", "b"], ["a", "--lang", "fr"]])
def test_usage_errors_are_64(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        alone.main(words)
    assert ended.value.code == 64


@needs_openssl
def test_without_openssl_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = honest(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert alone.main([str(path), "--key", str(KEY), "--lang", "en"]) == 66
    assert "openssl" in capsys.readouterr().err


@pytest.mark.parametrize("said", ["exit 0", "exit 1", "echo Signature Verification Failure; exit 1"])
def test_an_openssl_that_says_always_the_same_is_not_believed(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = honest(tmp_path)
    tool = tmp_path / "openssl"
    tool.write_text(f"#!/bin/sh\n{said}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert alone.main([str(path), "--key", str(KEY), "--lang", "en"]) == 66
    assert "openssl" in capsys.readouterr().err


@needs_openssl
def test_no_flipped_byte_goes_unnoticed(tmp_path: Path) -> None:
    """A flip is refused, found, or changes nothing that is evidence (dates and attributes of the zip)."""
    data = honest(tmp_path).read_bytes()
    path, noticed, flips = tmp_path / "f.zip", 0, 0
    for at in range(3, len(data), 401):
        flips += 1
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        noticed += alone.main([str(path), "--key", str(KEY), "--quick", "--lang", "en"]) != 0
    print(f"{flips} flips, {noticed} noticed")
    assert noticed > flips * 0.7


@needs_openssl
def test_many_signatures_of_one_key_are_checked_at_a_time(tmp_path: Path) -> None:
    """Runs of openssl side by side share no file: a half-written key would end the whole verification."""
    signer = Ed25519Signer("SB-1", bytes(range(32)))
    texts = [b"sitebox/block/v1\n%d\n" % n for n in range(120)]
    asked = [(signer.verifier.public, text, signer.sign(text)) for text in texts]
    spoilt = [(public, text + b"x", signature) for public, text, signature in asked[:40]]
    checks = alone.Signatures(str(tmp_path))
    checks.ahead([*asked, *spoilt])
    assert [checks.known[one] for one in asked] == [True] * len(asked)
    assert [checks.known[one] for one in spoilt] == [False] * len(spoilt)
    assert checks.count == 2 + len(asked) + len(spoilt)
    assert list(tmp_path.iterdir()) == []
