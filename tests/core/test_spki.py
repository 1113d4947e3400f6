"""The pin of a certificate, beside what the library `cryptography` makes of it."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.spki import pin_of
from hero365_edge.errors import WireError

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

KEYS: dict[str, Key] = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "RSA 2048": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def certificate(key: Key, name: str = "backend", serial: int = 1) -> bytes:
    now = datetime.now(UTC)
    told = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    unsigned = x509.CertificateBuilder(told, told, key.public_key(), serial, now, now + timedelta(days=1))
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return unsigned.sign(key, digest).public_bytes(Encoding.DER)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("serial", [1, 2**158])
def test_it_is_the_hash_of_the_public_key_info(name: str, serial: int) -> None:
    key = KEYS[name]
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    expected = base64.b64encode(hashlib.sha256(info).digest()).decode()
    assert pin_of(certificate(key, "x" * 60, serial)) == expected


def test_it_stays_when_the_certificate_is_renewed_with_the_same_key() -> None:
    assert pin_of(certificate(KEYS["P-256"], serial=5)) == pin_of(certificate(KEYS["P-256"], serial=6))


@pytest.mark.parametrize("length", range(0, 250, 7))
def test_a_piece_of_a_certificate_is_none(length: int) -> None:
    with pytest.raises(WireError):
        pin_of(certificate(KEYS["P-256"])[:length])


@given(st.binary(max_size=200))
def test_noise_is_no_certificate_and_never_breaks_anything(noise: bytes) -> None:
    with pytest.raises(WireError):
        pin_of(noise)
