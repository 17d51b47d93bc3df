"""Signed notes: one spelling, and nothing believed before its signature."""

from __future__ import annotations

import base64

import pytest

from buffer.errors import NoteError
from buffer.note import (
    DASH,
    MAX_NOTE,
    MAX_SIGNATURES,
    Ed25519Signer,
    Note,
    Signature,
    VerifierKey,
    decode,
    encode,
    key_id,
)

TEXT = b"sitebox/receipt/v1\nby city\n"
CITY = Ed25519Signer("city", bytes(range(32)))
COUNTY = Ed25519Signer("county", bytes(32))


def test_example_of_the_specification() -> None:
    """The worked example in the package comment of golang.org/x/mod/sumdb/note, both ways."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    seed = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    text = (
        b"If you think cryptography is the answer to your problem,\n"
        b"then you don't know what your problem is.\n"
    )
    value = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    raw = text + f"\n— PeterNeumann {value}\n".encode()
    assert decode(raw).signed_by([key]) == (key,)
    assert encode(text, [Ed25519Signer("PeterNeumann", seed)]) == raw
    assert key.key_id == key_id(key.name, key.public)


def test_two_signatures_in_the_order_given() -> None:
    note = decode(encode(TEXT, [COUNTY, CITY]))
    assert note.text == TEXT
    assert note.signed_by([CITY.verifier, COUNTY.verifier]) == (COUNTY.verifier, CITY.verifier)
    assert note.signed_by([CITY.verifier]) == (CITY.verifier,)
    assert note.signed_by([]) == ()


def test_text_may_hold_empty_lines() -> None:
    text = b"a\n\n\nb\n"
    assert decode(encode(text, [CITY])).text == text


def test_bad_signature_of_a_known_key_is_said() -> None:
    raw = encode(TEXT, [CITY]).replace(b"by city", b"by City")
    with pytest.raises(NoteError, match="bad signature of city"):
        decode(raw).signed_by([CITY.verifier])


def test_key_of_the_same_name_is_another_key() -> None:
    other = Ed25519Signer("city", bytes(32))
    assert decode(encode(TEXT, [other])).signed_by([CITY.verifier]) == ()


def test_key_signs_only_the_kinds_it_is_registered_for() -> None:
    platform = Ed25519Signer("city", bytes(32), kinds=("sitebox/receipt/v1",))
    encode(TEXT, [platform])
    with pytest.raises(NoteError, match="does not sign"):
        encode(b"sitebox/block/v1\n", [platform])


def test_signer_does_not_show_its_seed() -> None:
    assert repr(CITY) == f"Ed25519Signer({CITY.verifier})"


GOOD = encode(TEXT, [CITY])
LINE = GOOD[len(TEXT) + 1 :]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        TEXT,
        TEXT + b"\n",
        GOOD[:-1],
        GOOD + b"\n",
        b" " + GOOD[:-1],
        GOOD + b"trailing\n",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"by", b"b\x00"),
        GOOD.replace(b"by", b"b\t"),
        GOOD.replace(b"by", b"b\x7f"),
        GOOD.replace(b"by", b"\xff\xfe"),
        GOOD.replace(DASH, b"- "),
        GOOD.replace(DASH, b""),
        GOOD.replace(b" city ", b"  city "),
        GOOD.replace(b" city ", b" ci+ty "),
        GOOD.replace(b" city ", " cìty ".encode()),
        GOOD[:-1] + b" \n",
        GOOD[:-2] + b"\n",
        GOOD[:-1] + b"=\n",
        GOOD + LINE,
        TEXT + b"\n" + DASH + b"city AAAA\n",
        TEXT + b"\n" + LINE * (MAX_SIGNATURES + 1),
        b"x" * MAX_NOTE + b"\n\n" + LINE,
        TEXT[:-1] + LINE,
    ],
)
def test_other_spellings_are_refused(raw: bytes) -> None:
    with pytest.raises(NoteError):
        decode(raw)


def test_base64_with_spare_bits_is_another_spelling() -> None:
    value = LINE.split()[-1]
    assert value.endswith(b"=")
    at = value.rstrip(b"=")[-1:]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = alphabet[alphabet.index(at) + 1 : alphabet.index(at) + 2]
    forged = value.rstrip(b"=")[:-1] + spare + b"=" * value.count(b"=")
    assert base64.b64decode(forged) == base64.b64decode(value)
    with pytest.raises(NoteError, match="one spelling"):
        decode(GOOD.replace(value, forged))


@pytest.mark.parametrize("text", [b"no newline", b"", b"tab\there\n", b"\xff\n"])
def test_text_that_cannot_be_signed(text: bytes) -> None:
    with pytest.raises(NoteError):
        encode(text, [CITY])


def test_note_without_signer() -> None:
    with pytest.raises(NoteError):
        encode(TEXT, [])


def test_signature_of_another_algorithm_is_kept_and_not_believed() -> None:
    foreign = Signature("witness", b"\x01\x02\x03\x04", b"\x07" * 2420)
    note = Note(TEXT, (*decode(GOOD).signatures, foreign))
    assert decode(note.encode()) == note
    assert note.signed_by([CITY.verifier]) == (CITY.verifier,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "city",
        "city+00000000",
        str(CITY.verifier)[:-4],
        str(CITY.verifier).replace("city", "town"),
        str(CITY.verifier) + "\n",
        str(CITY.verifier).replace("+AQ", "+AA"),
        str(CITY.verifier).upper(),
        " " + str(CITY.verifier),
    ],
)
def test_verifier_key_has_one_spelling(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


def test_verifier_key_of_parts_that_do_not_belong_together() -> None:
    with pytest.raises(NoteError):
        VerifierKey("city", COUNTY.verifier.key_id, CITY.verifier.public)
    with pytest.raises(NoteError):
        VerifierKey.of("a b", CITY.verifier.public)
    with pytest.raises(NoteError):
        VerifierKey.of("city", b"short")
    assert not CITY.verifier.is_good(TEXT, b"short")
