"""Whom the link trusts, as the settings ask for it; apart from `world.py`, which needs every library there is."""

from hero365_edge.devices.tls import Trust
from hero365_edge.settings import Settings


def trust(settings: Settings) -> Trust:
    """Whom the link trusts. Raises ConfigError when a file of `tls` is not what it should be, if TLS is used."""
    tls = settings.tls
    wanted = Trust(
        ca_file=tls.ca_file,
        client_cert_file=tls.client_cert_file,
        client_key_file=tls.client_key_file,
        pins=tls.pins,
        pins_report_only=tls.pins_report_only,
    )
    if settings.backend.url.startswith("wss:"):
        wanted.context()
    return wanted
