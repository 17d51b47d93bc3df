"""The evidence file: fixed names, bounded sizes, nothing else in it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest

from buffer.bundle import MAX_RECEIPTS, read_bundle, write_bundle
from buffer.errors import BundleError, UnknownVersion
from buffer.rows import MAX_BODY
from buffer.verify import BlockData, verify
from tests.support.journals import CITY, IDENTITY, make, receipt

KEY = IDENTITY.verifier
Members = list[tuple[str, bytes]]


def written(blocks: list[BlockData]) -> io.BytesIO:
    file = io.BytesIO()
    assert write_bundle(file, blocks, KEY, [receipt(make(), 3)[0]], "箱") == len(blocks)
    return file


def test_what_goes_in_comes_out() -> None:
    blocks = make()
    blocks[2] = replace(blocks[2], body=None)
    blocks[3] = replace(blocks[3], raw=None)
    bundle = read_bundle(written(blocks))
    assert list(bundle.blocks) == blocks
    assert list(bundle.blocks) == blocks
    assert (bundle.about, bundle.identity, bundle.receipts) == ("箱", KEY, (receipt(make(), 3)[0],))


def test_same_evidence_is_the_same_file() -> None:
    assert written(make()).getvalue() == written(make()).getvalue()


def test_file_is_verified_from_its_own_bytes() -> None:
    bundle = read_bundle(written(make()))
    given = [(note, CITY.verifier) for note in bundle.receipts]
    assert verify(bundle.blocks, identity=bundle.identity, receipts=given).exit_code() == 0


def test_members_can_be_read_with_any_zip_tool() -> None:
    names = zipfile.ZipFile(written(make())).namelist()
    assert names[:6] == [
        "about.txt",
        "identity.vkey",
        "receipts/0001.note",
        "blocks/0000000000000000.note",
        "blocks/0000000000000000.rows",
        "blocks/0000000000000000.raw",
    ]


def test_two_lives_do_not_fit_in_one_file() -> None:
    with pytest.raises(BundleError, match="rise"):
        written([*make(), *make()])


def test_receipts_are_limited() -> None:
    with pytest.raises(BundleError):
        write_bundle(io.BytesIO(), [], KEY, [b"x"] * (MAX_RECEIPTS + 1), "")


def _zip(members: Members, pack: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", pack) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file


def _members() -> Members:
    archive = zipfile.ZipFile(written(make()))
    return [(name, archive.read(name)) for name in archive.namelist()]


@pytest.mark.parametrize(
    "change",
    [
        lambda members: [],
        lambda members: members[1:],
        lambda members: [members[1], members[0], *members[2:]],
        lambda members: [*members[:-1], ("../etc/passwd", b"x"), members[-1]],
        lambda members: [*members[:-1], ("blocks/1.note", b"x"), members[-1]],
        lambda members: [*members[:3], *members[4:]],
        lambda members: [*members[:3], members[6], *members[3:6], *members[7:]],
        lambda members: [*members[:3], members[4], members[3], *members[5:]],
        lambda members: [*members[:-1], members[2], members[-1]],
        lambda members: members[:-1],
        lambda members: [*members[:-4], members[-1]],
        lambda members: [*members[:-1], ("end", b"sitebox/bundle/v1\nblocks 08\n")],
        lambda members: [members[0], (members[1][0], b"no key\n"), *members[2:]],
        lambda members: [(members[0][0], b"\xff"), *members[1:]],
        lambda members: [*members[:4], (members[4][0], b"\0" * (MAX_BODY + 1)), *members[5:]],
        lambda members: [(members[0][0], b"x" * 100_000), *members[1:]],
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_that_are_no_evidence(change: Callable[[Members], Members]) -> None:
    with pytest.raises(BundleError):
        list(read_bundle(_zip(change(_members()))).blocks)


def test_other_packings_are_refused() -> None:
    assert list(read_bundle(_zip(_members(), zipfile.ZIP_STORED)).blocks) == make()
    with pytest.raises(BundleError, match="another way"):
        read_bundle(_zip(_members(), zipfile.ZIP_BZIP2))


def test_newer_edition_is_said() -> None:
    with pytest.raises(UnknownVersion):
        read_bundle(_zip([*_members()[:-1], ("end", b"sitebox/bundle/v2\n")]))


def test_not_a_zip() -> None:
    with pytest.raises(BundleError, match="not a zip"):
        read_bundle(io.BytesIO(b"PK\x03\x04" + b"x" * 100))


def test_no_flipped_byte_goes_unnoticed() -> None:
    """A flip is refused, or it changes nothing that is evidence (dates and attributes of the zip)."""
    data = written(make()).getvalue()
    told = (make(), KEY, (receipt(make(), 3)[0],), "箱")
    refused = 0
    for at in range(0, len(data), 7):
        flipped = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        try:
            bundle = read_bundle(io.BytesIO(flipped))
            assert (list(bundle.blocks), bundle.identity, bundle.receipts, bundle.about) == told
        except BundleError:
            refused += 1
    assert refused > len(data) // 7 * 0.7
