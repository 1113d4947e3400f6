"""The way to the backend: who asks, with which token, what the name is, and the door itself."""

import asyncio
import ipaddress
import os
import socket
import uuid
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from hero365_edge.cli.probes.finding import Finding, Running, Verdict
from hero365_edge.core import messages, wire
from hero365_edge.core.address import address, is_loopback
from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import LinkError, WireError
from hero365_edge.fleet.lifetime import lifetime_of
from hero365_edge.fleet.token import token_source
from hero365_edge.settings import Settings


async def identity(settings: Settings, _running: Running) -> Finding:
    """Who speaks, for whom."""
    missing = [name for name in ("user_id", "business_id") if not getattr(settings.backend, name)]
    if missing:
        text = f"{' and '.join(f'backend.{name}' for name in missing)} not set; the backend asks for both"
        return Finding(Verdict.WARN, text, "`hero365-edge provision`, or set them in /etc/hero365-edge/config.yaml")
    return Finding(Verdict.OK, f"user {settings.backend.user_id}, business {settings.backend.business_id}")


async def token(settings: Settings, _running: Running) -> Finding:
    """Where it comes from and how long it lives, never the token."""
    source = token_source(settings, os.environ, SystemClock())
    found, now = await source.token(), SystemClock().utc()
    if not found:
        next_step = "`hero365-edge provision`, or put it in a file, named by backend.token_file"
        return Finding(Verdict.WARN, "none; the backend may refuse", next_step)
    life = lifetime_of(found)
    text = f"{len(found)} characters from {source.where()}, fingerprint {found.fingerprint}; {life.in_words(now)}"
    if life.has_ended(now):
        return Finding(Verdict.WARN, text, "`hero365-edge identity rotate`; if the clock is wrong, `timedatectl`")
    return Finding(Verdict.OK, text)


async def name(settings: Settings, _running: Running) -> Finding:
    """Ask for the host's addresses, as the dialer will. Raises LinkError when there are none."""
    parts = urlsplit(settings.backend.url)
    host = parts.hostname or ""
    if proxied := proxy_of(parts.scheme, host):
        return Finding(Verdict.NOT_CHECKED, f"the environment's proxy does it ({proxied})")
    try:
        return Finding(Verdict.OK, f"{ipaddress.ip_address(host)} is an address: nothing to look up")
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(settings.backend.connect_timeout_s):
            found = await loop.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise LinkError(f"{host}: no answer within {settings.backend.connect_timeout_s:g} s") from error
    except (socket.gaierror, UnicodeError) as error:
        raise LinkError(f"{host}: {getattr(error, 'strerror', None) or error}") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    return Finding(Verdict.OK, f"{host} is {', '.join(addresses)}")


def proxy_of(scheme: str, host: str) -> str:
    """The environment's proxy for this address, by host alone: its user and password are nobody's business."""
    if is_loopback(host) or proxy_bypass(host):
        return ""
    proxies = getproxies()
    proxy = proxies.get("socks") or proxies.get("https" if scheme == "wss" else "http") or ""
    return urlsplit(proxy).hostname or ""


async def backend(settings: Settings, _running: Running) -> Finding:
    """Dial, and wait to be confirmed. No session is started. What fails is named by its stage."""
    from hero365_edge.cli.trust import trust  # noqa: PLC0415  a missing library fails here only
    from hero365_edge.devices.link import WebSocketDialer  # noqa: PLC0415  a missing library fails here only

    wanted = settings.backend
    found = await token_source(settings, os.environ, SystemClock()).token()
    session_id = str(uuid.uuid4())
    target = address(wanted.url, session_id, wanted.user_id, wanted.business_id, found, wanted.auth_transport)
    doing = f"open a connection to {wanted.url}"
    try:
        async with asyncio.timeout(wanted.connect_timeout_s):
            link = await WebSocketDialer(trust(settings)).dial(target)
        try:
            doing = "say connection_confirmed"
            async with asyncio.timeout(wanted.confirm_timeout_s):
                while not isinstance(said := _read(await link.receive()), messages.ConnectionConfirmed):
                    if isinstance(said, messages.Error):
                        raise LinkError(f"the backend says: {said.error}")
        finally:
            await link.close()
    except TimeoutError as error:
        raise LinkError(f"the backend did not {doing} in time") from error
    kind = "real-time" if said.realtime_available else "buffered"
    return Finding(Verdict.OK, f"{wanted.url} confirmed, {kind} audio")


def _read(message: str | bytes) -> object:
    try:
        return wire.read(message)
    except WireError:
        return None
