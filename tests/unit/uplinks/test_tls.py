"""Dates of certificates against a clock that may be wrong, and the codes of failing handshakes."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from agent.demo.pki import Pair, Validity, issue, make_ca
from agent.uplinks.tls import BUILT_MS, LinkError, check_dates, explain
from tests.support.uplinks import at

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000
CA = make_ca("test CA", Validity(NOW - timedelta(days=400), NOW + timedelta(days=400)))


@pytest.fixture(scope="module")
def pair() -> Pair:
    return issue(CA, "broker", Validity(NOW - timedelta(days=10), NOW + timedelta(days=10)), ("localhost",))


def judged(
    chain: x509.Certificate, utc_ms: int, letter: str = "S", floor_ms: int = 0, own: bool = False
) -> str | None:
    try:
        check_dates((chain, CA.certificate), at(0, letter, utc_ms), floor_ms, own=own)
    except LinkError as error:
        return error.code
    return None


def test_inside_its_dates(pair: Pair) -> None:
    assert judged(pair.certificate, NOW_MS) is None


def test_expired(pair: Pair) -> None:
    assert judged(pair.certificate, NOW_MS + 11 * DAY_MS) == "SBX-TLS-010"
    assert judged(pair.certificate, NOW_MS + 11 * DAY_MS, own=True) == "SBX-TLS-015"


def test_not_yet_valid(pair: Pair) -> None:
    assert judged(pair.certificate, NOW_MS - 11 * DAY_MS) == "SBX-TLS-011"
    assert judged(pair.certificate, NOW_MS - 11 * DAY_MS, own=True) == "SBX-TLS-016"


@pytest.mark.parametrize("letter", ["R", "M", "I"])
def test_a_clock_that_is_not_synchronised_cannot_call_it_too_young(pair: Pair, letter: str) -> None:
    assert judged(pair.certificate, 0, letter) is None
    assert judged(pair.certificate, NOW_MS + 11 * DAY_MS, letter) == "SBX-TLS-010"


def test_a_clock_set_back_does_not_revive_an_expired_certificate(pair: Pair) -> None:
    assert judged(pair.certificate, 0, "R", floor_ms=NOW_MS + 11 * DAY_MS) == "SBX-TLS-010"
    assert judged(pair.certificate, 0, "S", floor_ms=NOW_MS + 11 * DAY_MS) == "SBX-TLS-010"


def test_the_software_itself_is_a_floor() -> None:
    built = datetime.fromtimestamp(BUILT_MS / 1000, UTC)
    old = issue(CA, "old", Validity(built - timedelta(days=9), built - timedelta(days=1)))
    assert judged(old.certificate, 0, "R") == "SBX-TLS-010"


def test_the_whole_chain_is_judged(pair: Pair) -> None:
    dead = make_ca("old CA", Validity(NOW - timedelta(days=60), NOW - timedelta(days=1)))
    with pytest.raises(LinkError) as caught:
        check_dates((pair.certificate, dead.certificate), at(0, "S", NOW_MS), 0, own=False)
    assert caught.value.code == "SBX-TLS-010"
    assert caught.value.args_["name"] == "old CA"


def ssl_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("WRONG_VERSION_NUMBER", "SBX-TLS-021"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SBX-TLS-020"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "SBX-TLS-020"),
        ("TLSV1_ALERT_UNKNOWN_CA", "SBX-TLS-020"),
        ("UNEXPECTED_EOF", "SBX-TLS-023"),
    ],
)
def test_alerts_have_codes(reason: str, code: str) -> None:
    assert explain(ssl_error(reason), "broker").code == code


def test_the_reason_of_an_alert_is_readable() -> None:
    found = explain(ssl_error("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "broker")
    assert found.args_["reason"] == "certificate expired"


@pytest.mark.parametrize(
    ("verify_code", "code"),
    [
        (62, "SBX-TLS-012"),
        (64, "SBX-TLS-012"),
        (18, "SBX-TLS-013"),
        (19, "SBX-TLS-013"),
        (20, "SBX-TLS-013"),
        (23, "SBX-TLS-014"),
        (7, "SBX-TLS-023"),
    ],
)
def test_failed_verification_has_codes(verify_code: int, code: str) -> None:
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_code, error.verify_message = verify_code, "as OpenSSL says it"
    assert explain(error, "broker").code == code


def test_a_reset_is_no_tls_mistake() -> None:
    assert explain(ConnectionResetError(104, "Connection reset by peer"), "broker").code == "SBX-UPL-005"
