"""Whom the link trusts, by the library `ssl`: authorities, a client certificate, pins; and its errors in plain words.

TLS 1.2 at the least, and the name in the certificate is always checked: no setting turns either off.
"""

import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hero365_edge.core.spki import pin_of
from hero365_edge.errors import ConfigError, WireError

log = logging.getLogger(__name__)

_CLOCK = "this computer's clock says {now:%Y-%m-%d %H:%M} UTC"
_NOT_YET_VALID = 9
_WORDS = {
    _NOT_YET_VALID: f"the certificate is not yet valid; {_CLOCK}: wait until it is synchronised (`timedatectl`)",
    10: f"the certificate has expired; {_CLOCK}: if that is right (`timedatectl`), the backend needs a new one",
    18: "the certificate is signed by itself, by no authority: name it in tls.ca_file if it is the right one",
    19: "the certificate's authority is not known here: name it in tls.ca_file, or update ca-certificates",
    20: "the certificate's authority is not known here: name it in tls.ca_file, or update ca-certificates",
    21: "the certificate's authority is not known here: name it in tls.ca_file, or update ca-certificates",
    62: "the certificate is for another name; look at backend.url, or at who answers there (a hotel's log-in page?)",
    64: "the certificate is for another address; look at backend.url: should it be a name?",
}
"""By OpenSSL's number for why a chain was refused (X509_V_ERR_*)."""
_PINNED_ELSE = -1
_REASONS = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS; look at host and port in backend.url",
    "UNSUPPORTED_PROTOCOL": "the backend offers nothing newer than TLS 1.1; it has to be updated",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the backend offers nothing newer than TLS 1.1; it has to be updated",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the backend wants a client certificate; set tls.client_cert_file",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the backend refused the handshake; it may want tls.client_cert_file",
    "TLSV1_ALERT_UNKNOWN_CA": "the backend does not know the authority of tls.client_cert_file",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the backend says that tls.client_cert_file has expired",
}


@dataclass(frozen=True, slots=True)
class Trust:
    """The settings `tls` of the same names."""

    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""
    pins: Sequence[str] = ()
    pins_report_only: bool = False

    def stamp(self) -> object:
        """Equal to an earlier one for as long as `context` would read the same files."""
        system = ssl.get_default_verify_paths()
        roots = [self.ca_file] if self.ca_file else [system.cafile or system.openssl_cafile, system.openssl_capath]
        return [_looked_at(path) for path in (*roots, self.client_cert_file, self.client_key_file) if path]

    def context(self) -> ssl.SSLContext:
        """What connections are made with, read from the files as they are now. Raises ConfigError."""
        # Not create_default_context: it would write the session's keys to a file that the environment names, and
        # judge chains more strictly from Python 3.13 on.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file:
            _load("tls.ca_file", self.ca_file, lambda: context.load_verify_locations(self.ca_file))
        else:
            context.load_default_certs()
        if self.client_cert_file:
            key = self.client_key_file or self.client_cert_file
            files = " and ".join(dict.fromkeys((self.client_cert_file, key)))
            pair = (self.client_cert_file, key, _no_password)
            _load("tls.client_cert_file", files, lambda: context.load_cert_chain(*pair))
        if self.pins:
            context.sslobject_class = _checked_by(self._check_pins)
        return context

    @property
    def hint(self) -> str:
        """What may be behind a backend that hangs up right after the handshake: TLS 1.3 tells about clients late."""
        return f"it may {'not take' if self.client_cert_file else 'want'} tls.client_cert_file"

    def _check_pins(self, connection: ssl.SSLObject) -> None:
        """Raises SSLCertVerificationError unless a key of the verified chain is pinned. Nothing was sent yet."""
        shown = [_pin(certificate) for certificate in verified_chain(connection)]
        if set(shown) & set(self.pins):
            return
        text = f"no pinned key in the chain {', '.join(shown)}"
        if self.pins_report_only:
            log.warning("tls.pins would refuse %s: %s", connection.server_hostname, text)
            return
        error = ssl.SSLCertVerificationError(text)
        error.verify_code, error.verify_message = _PINNED_ELSE, text
        raise error


def _looked_at(path: str) -> object:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def verified_chain(connection: ssl.SSLObject) -> list[bytes]:
    """The chain as it was verified, leaf first, each certificate in DER.

    Public from Python 3.13 on. In 3.11 and 3.12 the same function of OpenSSL is there under a private name, and gives
    objects; what the peer merely sent (`getpeercert`) would not do, it is not the chain that was verified.
    """
    if hasattr(connection, "get_verified_chain"):
        chain: list[bytes] = connection.get_verified_chain()
        return chain
    private: Any = connection
    return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in private._sslobj.get_verified_chain()]  # noqa: SLF001  as told


def in_words(error: ssl.SSLError, now: datetime | None = None) -> str:
    """Why the handshake failed and what to do about it, for a person."""
    now = now or datetime.now(UTC)
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _PINNED_ELSE:
            return f"{error.verify_message}; if the backend has new keys, change tls.pins; if not, somebody listens in"
        told = _WORDS.get(error.verify_code, f"the certificate is refused ({error.verify_message})")
        return told.format(now=now)
    return _REASONS.get(error.reason, f"TLS failed ({error.reason or 'for no reason given'})")


def cause_of(error: ssl.SSLError) -> str:
    """One word to count it by: `clock` for a certificate that is not yet valid, else `tls`."""
    return "clock" if getattr(error, "verify_code", 0) == _NOT_YET_VALID else "tls"


def _checked_by(check: Callable[[ssl.SSLObject], None]) -> type[ssl.SSLObject]:
    class Checked(ssl.SSLObject):
        """Asks `check` as soon as the handshake is done: before anything is sent, the token least of all."""

        def do_handshake(self) -> None:
            super().do_handshake()
            check(self)

    return Checked


def _load(key: str, files: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        raise ConfigError(f"{key}: {files} does not hold what it should in PEM ({error.reason})") from None
    except OSError as error:
        raise ConfigError(f"{key}: {files} cannot be read ({error.strerror})") from None


def _no_password() -> str:
    """An encrypted key would be asked for at a terminal that a vehicle does not have."""
    raise ConfigError("tls.client_key_file: is encrypted; it must be a plain PEM key that only hero365-edge may read")


def _pin(certificate: bytes) -> str:
    try:
        return pin_of(certificate)
    except WireError:
        return "(unreadable)"
