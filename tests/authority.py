"""A certificate authority for tests: it signs whatever it is asked to, for keys made on the spot."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hero365_edge.core.spki import pin_of

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, and the file that holds both."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    file: Path

    @property
    def pin(self) -> str:
        return pin_of(self.certificate.public_bytes(Encoding.DER))

    def served(self) -> ssl.SSLContext:
        """What a server needs to show it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


class Authority:
    """One root. `sign` makes a certificate below it, which is good for a day around now."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self.root = self._make(name, None, name, is_authority=True)

    def sign(
        self,
        file: str = "leaf",
        host: str = "localhost",
        begins_in: timedelta = -DAY,
        ends_in: timedelta = DAY,
        password: bytes = b"",
    ) -> Signed:
        return self._make(host, self.root, file, begins_in, ends_in, password)

    def _make(
        self,
        name: str,
        issuer: Signed | None,
        file: str,
        begins_in: timedelta = -DAY,
        ends_in: timedelta = DAY,
        password: bytes = b"",
        *,
        is_authority: bool = False,
    ) -> Signed:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        unsigned = x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now + begins_in,
            now + ends_in,
        ).add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        if issuer:
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName([_name(name)]), critical=False)
        made = unsigned.sign(issuer.key if issuer else key, hashes.SHA256())
        path = self._folder / f"{file}.pem"
        lock = BestAvailableEncryption(password) if password else NoEncryption()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
        path.write_bytes(secret + made.public_bytes(Encoding.PEM))
        return Signed(made, key, path)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
