"""Signed notes: the one envelope of everything this project signs (C2SP signed-note v1, Ed25519).

::

    sitebox/receipt/v1                            text: UTF-8 lines, no control characters;
    by city                                       its first line says what it is (domain separation)
    ...
                                                  one empty line, part of neither
    — city Dn2vK0n9...                            a line a signature: em dash U+2014, blank, key name, blank,
                                                  base64(key id, 4 bytes || signature)

Signed are the bytes of the text with its last newline. key id = SHA-256(name || 0x0A || 0x01 || public)[:4].
A verifier key is written ``name+<key id, 8 hex>+<base64(0x01 || public)>`` (https://c2sp.org/signed-note).

Closed list of algorithms: Ed25519 (0x01), and ECDSA P-256 with SHA-256 (0x02) for secure elements that know
no other: public is the DER of its SubjectPublicKeyInfo, key id = SHA-256(public)[:4], the signature ASN.1.

Never re-serialises a text to check it, and never accepts two spellings of one note: the signature lines are
written again and compared.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from buffer.errors import NoteError

MAX_NOTE: Final = 64 * 1024  # bytes
MAX_SIGNATURES: Final = 16
DASH: Final = "— ".encode()
ED25519: Final = b"\x01"  # signature type, C2SP signed-note
ECDSA: Final = b"\x02"  # the same
_ED25519_BYTES: Final = 64
_ED25519_KEY: Final = 32
_P256: Final = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
)  # RFC 5480, before x, y
_P256_KEY: Final = len(_P256) + 64
_P256_BYTES: Final = range(8, 73)  # DER of two integers
_KEY_ID_BYTES: Final = 4
_NAME = re.compile(r"[!-*,-~]{1,64}")  # ASCII without blank and plus: no two names that look alike
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes that say which key of that name is meant (C2SP signed-note)."""
    if len(public) == _P256_KEY:
        return hashlib.sha256(public).digest()[:_KEY_ID_BYTES]
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:_KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name: 32 raw bytes of Ed25519, or the DER of a P-256 key. Raises NoteError when
    made of parts that do not belong together."""

    name: str
    key_id: bytes
    public: bytes

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None or not (self.is_ed25519 or _is_p256(self.public)):
            raise NoteError("verifier key: bad name or length")
        if self.key_id != key_id(self.name, self.public):
            raise NoteError("verifier key: its id is not of this name and key")

    @property
    def is_ed25519(self) -> bool:
        """The other algorithm is ECDSA P-256."""
        return len(self.public) == _ED25519_KEY

    @classmethod
    def of(cls, name: str, public: bytes) -> VerifierKey:
        """From a name and the bytes of its key."""
        return cls(name, key_id(name, public), public)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """From ``name+hash8+base64(0x01 || public)``; NoteError for any other spelling."""
        name, _, rest = text.partition("+")
        id_text, _, key_text = rest.partition("+")
        data = _unbase64(key_text)
        if data[:1] not in (ED25519, ECDSA):
            raise NoteError("verifier key: of no algorithm that counts")
        found = cls.of(name, data[1:])
        if str(found) != text or found.key_id.hex() != id_text:
            raise NoteError("verifier key: its id is not of this name and key")
        return found

    def is_good(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``text``."""
        key = _public_key(self.public)
        try:
            if isinstance(key, Ed25519PublicKey):
                if len(signature) != _ED25519_BYTES:
                    return False
                key.verify(signature, text)
            else:
                if len(signature) not in _P256_BYTES:
                    return False
                key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        kind = ED25519 if self.is_ed25519 else ECDSA
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(kind + self.public).decode()}"


class Signer(Protocol):
    """Whoever holds a private key: a file, a ratchet, a secure element."""

    @property
    def verifier(self) -> VerifierKey: ...

    def sign(self, data: bytes, /) -> bytes:
        """The raw signature over ``data``."""


class Ed25519Signer:
    """A private key in memory. ``kinds`` limits it to texts with one of these first lines; None: any."""

    def __init__(self, name: str, seed: bytes, kinds: Collection[str] | None = None) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._kinds = None if kinds is None else frozenset(kind.encode() for kind in kinds)
        self.verifier = VerifierKey.of(name, self._private.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """64 bytes; NoteError when this key is not registered for the kind of ``data``."""
        if self._kinds is not None and data.partition(b"\n")[0] not in self._kinds:
            raise NoteError(f"{self.verifier.name} does not sign this kind of text")
        return self._private.sign(data)

    def __repr__(self) -> str:
        return f"Ed25519Signer({self.verifier})"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> bytes:
        return DASH + f"{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A text and who says they signed it; nothing is believed before ``signed_by``."""

    text: bytes
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        return self.text + b"\n" + b"".join(signature.encode() for signature in self.signatures)

    def signed_by(self, keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Those of ``keys`` whose signature is here and good, in the order of the lines.

        A key that is not among the lines is no mistake; a line of a known key with a bad signature is:
        NoteError.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found = []
        for line in self.signatures:
            key = known.get((line.name, line.key_id))
            if key is None:
                continue
            if not key.is_good(self.text, line.signature):
                raise NoteError(f"bad signature of {key.name}")
            found.append(key)
        return tuple(found)


def encode(text: bytes, signers: Sequence[Signer]) -> bytes:
    """The note of ``text`` (ends with a newline), one line a signer in the order given."""
    lines = []
    for signer in signers:
        key = signer.verifier
        lines.append(Signature(key.name, key.key_id, signer.sign(text)))
    raw = Note(text, tuple(lines)).encode()
    decode(raw)
    return raw


def decode(raw: bytes) -> Note:
    """Take a note apart without believing it; NoteError for anything but its one spelling and for sizes over
    MAX_NOTE or MAX_SIGNATURES."""
    if len(raw) > MAX_NOTE:
        raise NoteError("note: too long")
    at = raw.rfind(b"\n\n")
    if at < 0:
        raise NoteError("note: no empty line before the signatures")
    text, tail = raw[: at + 1], raw[at + 2 :]
    _check_text(raw)
    if not tail.endswith(b"\n"):
        raise NoteError("note: no newline at its end")
    note = Note(text, _signatures(tail[:-1].split(b"\n")))
    if note.encode() != raw:
        raise NoteError("note: not in its one spelling")
    return note


def _check_text(raw: bytes) -> None:
    if _CONTROL.search(raw):
        raise NoteError("note: control characters")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError("note: not UTF-8") from error


def _signatures(lines: Sequence[bytes]) -> tuple[Signature, ...]:
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("note: too many signatures")
    found = tuple(_signature(line) for line in lines)
    if len({(one.name, one.key_id) for one in found}) != len(found):
        raise NoteError("note: one key signs twice")
    return found


def _signature(line: bytes) -> Signature:
    name, blank, value = line.removeprefix(DASH).decode("utf-8").partition(" ")
    if not line.startswith(DASH) or not blank or _NAME.fullmatch(name) is None:
        raise NoteError("note: not a signature line")
    data = _unbase64(value)
    if len(data) <= _KEY_ID_BYTES:
        raise NoteError("note: signature too short")
    return Signature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error


def _is_p256(public: bytes) -> bool:
    """The one spelling of a key on that curve."""
    if len(public) != _P256_KEY or not public.startswith(_P256):
        return False
    try:
        _public_key(public)
    except ValueError:  # no point of the curve
        return False
    return True


@lru_cache(maxsize=64)
def _public_key(public: bytes) -> Ed25519PublicKey | ec.EllipticCurvePublicKey:
    if len(public) == _ED25519_KEY:
        return Ed25519PublicKey.from_public_bytes(public)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public[-65:])
