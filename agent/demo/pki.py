"""Certificates for demonstrations and tests: one small authority, keys on P-256.

::

    ca = make_ca("demo CA", lasting(now))
    issue(ca, "SB-7F3A-92", lasting(now)).write(folder, "box")        box.crt, box.key (0600)

Never for a real plant: there the platform's own authority issues, and no private key leaves the box.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.clock import utc_ms


@dataclass(frozen=True, slots=True)
class Validity:
    """From, until (UTC)."""

    begin: datetime
    end: datetime


def lasting(now: datetime, days: int = 30) -> Validity:
    """Valid since yesterday, for so many days from now."""
    return Validity(now - timedelta(days=1), now + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """``<stem>.crt`` and ``<stem>.key`` (mode 0600); gives both paths."""
        certificate, key = folder / f"{stem}.crt", folder / f"{stem}.key"
        certificate.write_bytes(self.certificate_pem)
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        return certificate, key


class Authority:
    """A new authority, its certificate in a folder; what it issues is written where it is asked to."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._validity = lasting(datetime.fromtimestamp(utc_ms() / 1000, UTC))
        self._pair = make_ca("demonstration CA", self._validity)
        self.certificate = folder / "ca.crt"
        self.certificate.write_bytes(self._pair.certificate_pem)

    def server(self, stem: Path, *hosts: str) -> tuple[Path, Path]:
        """``<stem>.crt`` and ``<stem>.key`` of a broker that is called so."""
        return issue(self._pair, "broker", self._validity, hosts).write(stem.parent, stem.name)

    def client(self, stem: Path, name: str) -> tuple[Path, Path]:
        """``<stem>.crt`` and ``<stem>.key`` of a client of that name."""
        return issue(self._pair, name, self._validity).write(stem.parent, stem.name)


def make_ca(name: str, validity: Validity) -> Pair:
    """A self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, validity, key)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def issue(ca: Pair, name: str, validity: Validity, hosts: Sequence[str] = ()) -> Pair:
    """A certificate for ``name``: a server's when ``hosts`` (names, addresses) are given, else a client's."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    builder = (
        _builder(name, validity, key)
        .issuer_name(ca.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(authority, critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), False)
    return Pair(builder.sign(ca.key, hashes.SHA256()), key)


def _builder(name: str, validity: Validity, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.begin)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
