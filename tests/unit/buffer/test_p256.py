"""ECDSA P-256: notes, keys in their one spelling, and a box whose identity lies in a secure element."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import buffer.verify.alone as alone_module
from buffer.bundle import write_bundle
from buffer.command import Command, open_command, sign_command
from buffer.errors import NoteError
from buffer.journal import Journal
from buffer.keys import Keys
from buffer.note import VerifierKey, decode, encode
from buffer.verify import verify
from config.values import Wrong, platform_key
from tests.support.element import Element
from tests.support.life import BOX, CFG, HOUR_MS, ROOT, Box, blocks_of
from tests.support.powercut import MemoryDisk

TEXT = b"sitebox/block/v1\nany text\n"


def test_a_note_of_an_element() -> None:
    element = Element("SB-1")
    raw = encode(TEXT, (element,))
    assert decode(raw).signed_by((element.verifier,)) == (element.verifier,)
    with pytest.raises(NoteError, match="bad signature"):
        decode(raw.replace(b"any", b"ANY")).signed_by((element.verifier,))


def test_an_element_may_be_a_platform_or_an_issuer() -> None:
    """The site file takes its key, and the command it signs is believed."""
    element = Element("a-platform-with-a-name-of-32-char")
    assert platform_key(str(element.verifier)) == str(element.verifier)
    with pytest.raises(Wrong, match="SBX-CFG-081"):
        platform_key(str(element.verifier).replace("+" + element.verifier.key_id.hex(), "+00000000"))
    asked = Command(element.verifier.name[:32], BOX, "e", 0, "1a" * 32, 1, 0, "order-cancel", {"id": "a"})
    issuer = Element(asked.by)
    assert open_command(sign_command(asked, issuer), [issuer.verifier]) == asked


def test_a_key_has_one_spelling_and_its_id_is_that_of_its_der() -> None:
    key = Element("SB-1").verifier
    assert VerifierKey.parse(str(key)) == key
    assert key.key_id == hashlib.sha256(key.public).digest()[:4]
    assert not key.is_ed25519


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    public = ec.generate_private_key(curve).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(NoteError):
        VerifierKey.of("SB-1", der)


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    public = bytearray(Element("SB-1").verifier.public)
    public[-1] ^= 1
    with pytest.raises(NoteError):
        VerifierKey.of("SB-1", bytes(public))


@pytest.mark.parametrize("signature", [b"", b"\x30" * 8, bytes(64), bytes(200)])
def test_what_is_no_signature_is_not_good(signature: bytes) -> None:
    assert not Element("SB-1").verifier.is_good(TEXT, signature)


def test_a_box_whose_identity_lies_in_an_element(tmp_path: Path) -> None:
    """The whole chain under it, its ratchet turning; both verifiers take it and find one flipped byte."""
    disk = MemoryDisk()
    element = Element(BOX)
    box = Box.__new__(Box)
    _open(box, disk, replace(Keys.open(ROOT / "keys", BOX, disk), identity=element))
    for slot in range(4):
        box.now(HOUR_MS)
        box.read(slot)
        box.seal()
    blocks = blocks_of(box.journal._store)
    report = verify(blocks, identity=element.verifier)
    assert report.exit_code() in (0, 1), report.findings
    path = tmp_path / "proof.zip"
    with path.open("xb") as file:
        write_bundle(file, blocks, element.verifier, [], "test")
    assert _alone(path, element) == report.exit_code()
    spoilt = replace(blocks[2], note=blocks[2].note.replace(b"utc 1", b"utc 2"))
    with (tmp_path / "bad.zip").open("xb") as file:
        write_bundle(file, [*blocks[:2], spoilt, *blocks[3:]], element.verifier, [], "test")
    assert _alone(tmp_path / "bad.zip", element) == 65
    assert verify([*blocks[:2], spoilt, *blocks[3:]], identity=element.verifier).exit_code() == 65


def _open(box: Box, disk: MemoryDisk, keys: Keys) -> None:
    """A box on keys of its own making."""
    box.disk, box._mark, box._ms, box.slot, box._boot = disk, lambda *_: None, 0, 0, 1
    box._waiting, box.said, box.keys = {}, {""}, keys
    box.journal = Journal.open(
        ROOT / "journal", box=BOX, keys=keys, soft="1.2.3 abcdef0", cfg=CFG, now=box.now(), fs=disk
    )


def _alone(path: Path, element: Element) -> int:
    words = [sys.executable, str(alone_module.__file__), str(path), "--key", str(element.verifier)]
    return subprocess.run(words, capture_output=True, timeout=120, check=False).returncode
