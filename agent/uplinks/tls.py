"""TLS for a box whose clock may be wrong: the chain and the name by OpenSSL, the dates by ourselves.

::

    dates are judged at max(clock, floor)         floor: newest block, newest receipt, this software

Python cannot set OpenSSL's verification time, so ``X509_V_FLAG_NO_CHECK_TIME`` turns its date check off, and
``check_dates`` does it right after the handshake, before a byte of MQTT is sent. A certificate that is not
valid *yet* is refused only by a synchronised clock: the floor is a lower bound of the time and can prove that
a certificate has expired, never that it is too young. Everything wrong has a code.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from agent.errors import AgentError
from buffer.block import decode_header
from buffer.instant import Instant
from buffer.note import decode
from buffer.verify import BlockData

NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, OpenSSL <openssl/x509_vfy.h>
BUILT_MS: Final = 1_767_225_600_000  # 2026-01-01: this software did not exist before

# X509_V_ERR_… of OpenSSL <openssl/x509_vfy.h>
_WRONG_HOST: Final = frozenset((62, 63, 64))  # hostname, email, ip address mismatch
_FOREIGN: Final = frozenset((2, 18, 19, 20, 21))  # no issuer, self-signed, self-signed in chain, untrusted
_REVOKED: Final = 23
_ALERT = re.compile(r"ALERT_([A-Z_]+)")


class LinkError(AgentError):
    """A connection that cannot be had, or is over. The uplink catches it: offline, shown, tried again."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The three files of one uplink."""

    ca: Path
    cert: Path
    key: Path


def context(identity: Identity) -> ssl.SSLContext:
    """A client's context: TLS 1.2 at least, name checked, dates not (see above). Reads the files anew: a
    renewed certificate is used with the next connection. LinkError SBX-TLS-001, -002, -003."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_flags |= NO_CHECK_TIME
    for path in (identity.ca, identity.cert, identity.key):
        _check_readable(path)
    try:
        made.load_verify_locations(identity.ca)
    except (ssl.SSLError, ValueError) as error:
        raise LinkError("SBX-TLS-002", path=identity.ca) from error
    try:
        made.load_cert_chain(identity.cert, identity.key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise LinkError("SBX-TLS-003", cert=identity.cert, key=identity.key) from error
        raise LinkError("SBX-TLS-002", path=f"{identity.cert}, {identity.key}") from error
    return made


def own_certificate(identity: Identity) -> x509.Certificate:
    """The box's certificate. LinkError SBX-TLS-002."""
    try:
        return x509.load_pem_x509_certificate(identity.cert.read_bytes())
    except (ValueError, OSError) as error:
        raise LinkError("SBX-TLS-002", path=identity.cert) from error


def peer_chain(sock: ssl.SSLSocket) -> tuple[x509.Certificate, ...]:
    """The verified chain of the other side, its own certificate first. Only after the handshake."""
    inner: Any = sock
    if not hasattr(inner, "get_verified_chain"):  # public from Python 3.13 on, there before
        inner = inner._sslobj
    found = []
    for one in inner.get_verified_chain():
        der = one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes())
        found.append(x509.load_der_x509_certificate(der))
    return tuple(found)


def check_dates(chain: Sequence[x509.Certificate], now: Instant, floor_ms: int, *, own: bool) -> None:
    """LinkError when one of the chain is out of its dates: SBX-TLS-010, -011; our own: -015, -016."""
    at_ms = max(now.utc_ms, floor_ms, BUILT_MS)
    for certificate in chain:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        facts = {
            "name": _common_name(certificate),
            "begin": f"{begin:%Y-%m-%d}",
            "end": f"{end:%Y-%m-%d}",
            "clock": f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}",
        }
        if _ms(end) < at_ms:
            raise LinkError("SBX-TLS-015" if own else "SBX-TLS-010", **facts)
        if _ms(begin) > at_ms and now.letter == "S":
            raise LinkError("SBX-TLS-016" if own else "SBX-TLS-011", **facts)


def floor_ms(newest: BlockData | None, *received_ms: int) -> int:
    """The present is later than the newest block and every receipt: the floor for ``check_dates``."""
    made_ms = 0 if newest is None else decode_header(decode(newest.note).text).utc_ms
    return max(made_ms, *received_ms)


def explain(error: OSError, host: str) -> LinkError:
    """The coded form of what a handshake, or the first read after it, raised."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verification(error, host)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"):
            return LinkError("SBX-TLS-021", host=host)
        alert = _ALERT.search(reason)
        if alert is not None:
            return LinkError("SBX-TLS-020", host=host, reason=alert[1].lower().replace("_", " "))
        return LinkError("SBX-TLS-023", host=host, reason=reason)
    return LinkError("SBX-UPL-005", host=host, reason=error.strerror or type(error).__name__)


def _verification(error: ssl.SSLCertVerificationError, host: str) -> LinkError:
    if error.verify_code in _WRONG_HOST:
        return LinkError("SBX-TLS-012", host=host)
    if error.verify_code in _FOREIGN:
        return LinkError("SBX-TLS-013", host=host)
    if error.verify_code == _REVOKED:
        return LinkError("SBX-TLS-014", host=host)
    return LinkError("SBX-TLS-023", host=host, reason=error.verify_message)


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise LinkError("SBX-TLS-001", path=path, reason=error.strerror) from error


def _no_password() -> str:
    """OpenSSL would ask on the terminal; an encrypted key is simply not usable here."""
    return ""


def _common_name(certificate: x509.Certificate) -> str:
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value)[:64] if found else "-"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
