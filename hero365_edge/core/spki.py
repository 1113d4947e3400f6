"""The public key of a certificate, found by walking its DER (RFC 5280 section 4.1; X.690): what pins are made of."""

import base64
import hashlib
from typing import Final

from hero365_edge.errors import WireError

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_BEFORE_THE_KEY: Final = ("serial number", "signature algorithm", "issuer", "validity", "subject")


def pin_of(certificate: bytes) -> str:
    """SHA-256 of its SubjectPublicKeyInfo, in base64: the pin of RFC 7469, which `openssl` makes too.

    Raises WireError for what is no certificate.
    """
    return base64.b64encode(hashlib.sha256(_public_key_info(certificate)).digest()).decode()


def _public_key_info(certificate: bytes) -> bytes:
    to_be_signed = _inside(certificate, *_element(certificate, 0, _SEQUENCE))
    fields = _inside(to_be_signed, *_element(to_be_signed, 0, _SEQUENCE))
    at = 0
    if fields[:1] == bytes([_VERSION]):  # absent in a certificate of version 1
        _, at = _element(fields, at)
    for _ in _BEFORE_THE_KEY:
        _, at = _element(fields, at)
    _, end = _element(fields, at, _SEQUENCE)
    return fields[at:end]


def _inside(der: bytes, begin: int, end: int) -> bytes:
    return der[begin:end]


def _element(der: bytes, at: int, wanted: int | None = None) -> tuple[int, int]:
    """Where the content of the element at `at` begins, and where it ends."""
    if len(der) < at + 2 or (wanted is not None and der[at] != wanted):
        raise WireError("not a certificate")
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + octets], "big"), begin + octets
    if begin + length > len(der):
        raise WireError("not a certificate")
    return begin, begin + length
