"""Every attack is caught and named, by both verifiers alike; what is out of reach is said to be."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buffer.block import decode_header, hash_text
from buffer.bundle import read_bundle
from buffer.errors import FormatError
from buffer.note import VerifierKey, decode, encode
from buffer.receipt import Receipt, encode_receipt
from buffer.verify import Report, Wrong, verify
from buffer.verify.alone import main
from tests.arch.tree import ROOT
from tests.attacks.catalogue import ATTACKS, BEYOND, LAST, Attack
from tests.attacks.honest import (
    AUTHORITIES,
    HANDED,
    Evidence,
    Rewriting,
    cloned,
    crashed,
    handed,
    lived,
    rewrite,
    turning,
    with_block,
)
from tests.support.alone import OPENSSL, Told, alone, evidence_file
from tests.support.journals import CITY

pytestmark = pytest.mark.skipif(not OPENSSL, reason="NOT TESTED: the second verifier needs openssl")

SEED, FLIPS = 20261125, 40
DOCUMENT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def first(path: Path, identity: VerifierKey) -> Report:
    """The first verifier on the file; each receipt with the key of the authority that it names."""
    bundle = read_bundle(path)
    pairs = [
        (raw, key) for raw in bundle.receipts for key in AUTHORITIES if f"\nby {key.name}\n".encode() in raw
    ]
    return verify(bundle.blocks, identity=identity, receipts=pairs, handovers=bundle.handovers)


def judged(folder: Path, evidence: Evidence) -> tuple[Report, Told]:
    """Both verifiers on one file."""
    given = evidence.blocks, evidence.identity, evidence.receipts, evidence.handovers
    path = evidence_file(folder / "e.zip", *given)
    return first(path, evidence.identity), alone(path, evidence.identity, AUTHORITIES)


BASES = {
    "lived": lived,
    "crashed": crashed,
    "turning": turning,
    "handed": handed,
    "cloned": lambda: cloned()[0],
}


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_the_honest_ones_are_honest(base: Callable[[], Evidence], tmp_path: Path) -> None:
    report, told = judged(tmp_path, base())
    assert (report.findings, report.exit_code()) == ((), 0)
    assert (told.kinds, told.exit) == ((), 0)
    assert told.verdicts["receipts"] == report.receipts.status == "pass"


@pytest.mark.parametrize("known", ["old", "new"])
@pytest.mark.parametrize("begin", [0, 2, HANDED, HANDED + 1, HANDED + 2])
def test_either_identity_leads_to_the_whole_line(known: str, begin: int, tmp_path: Path) -> None:
    """An acceptance sheet has the old one, a platform the new one; a range may begin anywhere."""
    keys = [handed().signers(n)[0].verifier for n in (HANDED, HANDED + 1)]
    given = replace(handed(), blocks=handed().blocks[begin:], identity=keys[known == "new"])
    report, told = judged(tmp_path, given)
    assert (report.findings, report.signatures.status) == ((), "pass")
    assert (told.kinds, told.verdicts["authentic"]) == ((), "pass")


def test_without_the_note_the_line_ends(tmp_path: Path) -> None:
    """Who knows the old identity and is given only what the new one signed is told so; nothing passes."""
    given = replace(handed(), blocks=handed().blocks[HANDED + 1 :], handovers=())
    report, told = judged(tmp_path, given)
    assert (report.wrong_kind, report.exit_code()) == (Wrong.RE_SIGNED, 65)
    assert (told.kind, told.exit) == (Wrong.RE_SIGNED, 65)


def test_the_headers_alone_show_a_hand_over(tmp_path: Path) -> None:
    bare = [replace(block, body=None, raw=None) for block in handed().blocks]
    report, told = judged(tmp_path, replace(handed(), blocks=tuple(bare), handovers=()))
    assert {finding.kind for finding in report.findings} == {Wrong.BODY_MISSING, Wrong.BODY_UNSAID}
    assert set(told.kinds) == {Wrong.BODY_MISSING, Wrong.BODY_UNSAID}
    assert report.signatures.status == "pass"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_named(attack: Attack, tmp_path: Path) -> None:
    honest = attack.base()
    forged = attack.change(honest)
    assert forged.given() not in (honest.given(), cloned()[0].given()), "it changed nothing"
    report, told = judged(tmp_path, forged)
    assert (report.wrong_kind, report.first_wrong) == (attack.kind, attack.n), report.findings
    assert (told.kind, told.first_wrong, told.exit) == (
        report.wrong_kind,
        report.first_wrong,
        report.exit_code(),
    )
    assert set(told.kinds) == {finding.kind for finding in report.findings}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_out_of_reach(name: str, tmp_path: Path) -> None:
    """Nobody can see these in what is given; each verifier says what it did not check, the document why."""
    forged = BEYOND[name](lived())
    assert forged.given() != lived().given(), "it changed nothing"
    report, told = judged(tmp_path, forged)
    assert (report.exit_code(), told.exit) == (0, 0), report.findings
    assert f"| {name} |" in DOCUMENT


def test_times_that_do_not_fit_the_receipts_are_no_forgery_but_said(tmp_path: Path) -> None:
    """T10: the clock of the box was set a day back, consistently and signed; the receipts say otherwise."""
    back = Rewriting(header=lambda one: replace(one, utc_ms=one.utc_ms - 86_400_000), later=True)
    forged = replace(rewrite(lived(), 9, back), receipts=())
    report, told = judged(tmp_path, forged)
    assert (report.exit_code(), report.time.status, report.time.args["early"]) == (0, "warn", "3")
    assert (told.exit, told.verdicts["time"]) == (0, "warn")


@pytest.mark.parametrize("at", range(FLIPS))
def test_no_flipped_bit_of_a_block_goes_unnoticed(at: int, tmp_path: Path) -> None:
    """Any bit of any note, body or frames, drawn by a seed; both name the same."""
    rng = random.Random(f"{SEED} {at}")
    n, name = rng.randrange(len(lived().blocks)), rng.choice(("note", "body", "raw"))
    block = lived().blocks[n]
    data = bytearray(getattr(block, name) or b"x")
    place = rng.randrange(len(data))
    data[place] ^= 1 << rng.randrange(8)
    report, told = judged(tmp_path, with_block(lived(), n, replace(block, **{name: bytes(data)})))
    print(f"seed {SEED} {at}: block {n}, {name}, byte {place}: {report.wrong_kind}")
    assert report.exit_code() == 65
    # a genesis that cannot be read says nothing of what number it has
    assert report.first_wrong == n or (n, report.first_wrong) == (0, None)
    assert (told.exit, told.kind, told.first_wrong) == (65, report.wrong_kind, report.first_wrong)


FILES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "without its end": lambda m: {k: v for k, v in m.items() if k != "end"},
    "an end that counts otherwise": lambda m: m | {"end": b"sitebox/bundle/v1\nblocks 11\n"},
    "of a newer edition": lambda m: m | {"end": b"sitebox/bundle/v2\n"},
    "a member that does not belong there": lambda m: {"a.exe": b"MZ", **m},
    "members in another order": lambda m: dict(sorted(m.items(), reverse=True)),
    "a body without its header": lambda m: {
        k: v for k, v in m.items() if k != "blocks/0000000000000004.note"
    },
    "a member that would unpack without end": lambda m: m | {"blocks/0000000000000004.rows": b"0" * 2**24},
    "no key": lambda m: m | {"identity.vkey": b"SB-TEST-1\n"},
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_evidence_are_refused_by_both(name: str, tmp_path: Path) -> None:
    whole = evidence_file(tmp_path / "e.zip", lived().blocks, lived().identity, lived().receipts)
    with zipfile.ZipFile(whole) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    path = tmp_path / "f.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in FILES[name](members).items():
            archive.writestr(member, data)
    with pytest.raises(FormatError):
        first(path, lived().identity)
    assert main([str(path), "--key", str(lived().identity)]) == 66


def test_there_are_enough_of_them_and_each_has_its_threat() -> None:
    names = [attack.name for attack in ATTACKS]
    print(f"{len(ATTACKS)} attacks, {len(BEYOND)} out of reach")
    assert len(set(names)) == len(names) >= 45
    threats = {line.split("|")[1].strip() for line in DOCUMENT.splitlines() if line.startswith("| T")}
    assert {attack.threat for attack in ATTACKS} <= threats
    assert set(_rows("## Out of reach")) == set(BEYOND)


def _rows(chapter: str) -> Sequence[str]:
    text = DOCUMENT.partition(chapter)[2].partition("\n## ")[0]
    found = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    return [one for one in found if not one.startswith(("what is done", "---"))]


def _anchored(rows: list[Any], *, utc: int) -> None:
    """An anchor of the kernel behind the rows, and another a second later."""
    own = {name: rows[-1][name] for name in ("boot", "mono", "q", "t")}
    for at, moved in ((own["mono"], 0), (own["mono"] + 1_000, utc)):
        anchor = {"k": "anchor", "source": "kernel", "at": at, "utc": own["t"] + at - own["mono"] + moved}
        rows.append({**own, "i": rows[-1]["i"] + 1, **anchor, "error_ms": 10})


@pytest.mark.parametrize(("moved", "disputed"), [(0, 0), (19, 0), (3_600_000, 1)])
def test_anchors_that_contradict_one_another_are_counted_by_both(
    moved: int, disputed: int, tmp_path: Path
) -> None:
    """A lying time server is no forgery of the box: the time is unsure, the rest authentic."""
    how = Rewriting(rows=lambda rows: _anchored(rows, utc=moved))
    given = replace(rewrite(lived(), LAST, how), receipts=())
    report, told = judged(tmp_path, given)
    assert (report.exit_code(), told.exit) == (0, 0), report.findings
    assert report.time.args["disputed"] == str(disputed)
    assert told.verdicts["time"] == report.time.status == "warn"


def test_time_needs_somebody_elses_clock(tmp_path: Path) -> None:
    """What the box says of its own time bounds it from one side at most."""
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    report, told = judged(tmp_path / "with", lived())
    assert (report.time.status, told.verdicts["time"]) == ("pass", "pass")
    report, told = judged(tmp_path / "without", replace(lived(), receipts=()))
    assert (report.time.status, told.verdicts["time"]) == ("warn", "warn")
    assert report.time.args["width_s"] == "-"


def test_what_the_box_said_of_others_shows_no_holder(tmp_path: Path) -> None:
    """``heads`` in a receipt are the box's own word come back: they may show a fork, and never that somebody
    holds this history. ``also`` is a stretch, not all before it."""
    evidence = lived()
    note = decode(evidence.blocks[-1].note)
    header = decode_header(note.text)
    receipt = Receipt(
        by="city",
        box=header.box,
        epoch=header.epoch,
        stored_n=-1,
        stored_hash="",
        also=(),
        want=((0, header.n),),
        heads=(("county", header.n, hash_text(note.text)),),
        time_ms=header.utc_ms,
    )
    said = encode(encode_receipt(receipt), (CITY,))
    report, told = judged(tmp_path, replace(evidence, receipts=(said,)))
    assert (report.receipts.status, told.verdicts["receipts"]) == ("warn", "warn")
    assert report.receipts.args["authorities"] == "-"
