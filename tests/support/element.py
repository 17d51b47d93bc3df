"""A secure element as the product sees it: a `Signer` whose key is P-256 and never comes out."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from buffer.note import VerifierKey


class Element:
    """Signs whatever it is given, with ASN.1 as such chips' libraries give it."""

    def __init__(self, name: str) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        der = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.verifier = VerifierKey.of(name, der)

    def sign(self, data: bytes, /) -> bytes:
        """Another signature each time."""
        return self._private.sign(data, ec.ECDSA(hashes.SHA256()))
