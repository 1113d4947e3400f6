"""Whom the link trusts, over real TLS on loopback: what is refused is refused before the token is sent."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from hero365_edge.core.address import address
from hero365_edge.core.secret import Secret
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.devices.tls import Trust, in_words
from hero365_edge.errors import ConfigError, LinkError, LinkRefused
from tests.authority import DAY, Authority, Signed

LOST = "A" * 43 + "="
"""A pin of a key that nobody shows."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Door:
    """A WebSocket server behind TLS; `visitors` are those whose request arrived, with their token."""

    def __init__(self, server: Server, visitors: list[str]) -> None:
        self.port: int = next(iter(server.sockets)).getsockname()[1]
        self.visitors = visitors

    async def knock(self, trust: Trust, host: str = "localhost") -> None:
        target = address(f"wss://{host}:{self.port}/v1", "s", "u", "b", Secret("canary-token"), "both")
        link = await WebSocketDialer(trust).dial(target)
        await link.close()

    async def refuses(self, trust: Trust, host: str = "localhost") -> LinkError:
        """How a dial fails; no token may have arrived."""
        with pytest.raises(LinkError) as caught:
            await self.knock(trust, host)
        assert self.visitors == []
        assert str(caught.value).startswith(f"wss://{host}:{self.port}/v1/s: ")
        return caught.value


@contextlib.asynccontextmanager
async def door(context: ssl.SSLContext) -> AsyncIterator[Door]:
    visitors: list[str] = []

    async def take(connection: ServerConnection) -> None:
        assert connection.request is not None
        visitors.append(connection.request.path)
        await connection.wait_closed()

    quiet = logging.getLogger("tests.door")
    async with serve(take, "127.0.0.1", 0, ssl=context, logger=quiet, close_timeout=0.1) as server:
        yield Door(server, visitors)


async def refused_by(context: ssl.SSLContext, trust: Trust) -> str:
    """How a dial ends whose handshake `context` refuses. Unlike asyncio's, this server says why before it hangs up."""

    def shake_hands(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(ssl.SSLError, OSError):
            context.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(asyncio.to_thread(shake_hands, listening))
        target = address(f"wss://localhost:{listening.getsockname()[1]}/v1", "s", "u", "b", Secret("canary"), "both")
        with pytest.raises(LinkError) as caught:
            await WebSocketDialer(trust).dial(target)
        await serving
    return str(caught.value)


def trusting(signed: Signed, **more: object) -> Trust:
    return Trust(ca_file=str(signed.file), **more)  # type: ignore[arg-type]  # any of its settings


# -- authorities ---------------------------------------------------------------------------------------------------


async def test_a_backend_whose_authority_is_named_is_dialled(authority: Authority) -> None:
    async with door(authority.sign().served()) as at:
        await at.knock(trusting(authority.root))
        assert len(at.visitors) == 1


async def test_a_named_authority_replaces_the_systems(authority: Authority, tmp_path: Path) -> None:
    another = Authority(tmp_path, "another")
    known = trusting(another.root).context().get_ca_certs()
    assert [each["subject"] for each in known] == [((("commonName", "another"),),)]


async def test_tls_before_1_2_is_not_spoken() -> None:
    assert Trust().context().minimum_version is ssl.TLSVersion.TLSv1_2
    assert Trust().context().check_hostname
    assert Trust().context().verify_mode is ssl.CERT_REQUIRED


async def test_no_variable_has_the_sessions_keys_written_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/tmp/keys")  # noqa: S108  it must not come into being
    assert Trust().context().keylog_filename is None


@pytest.mark.parametrize("wanted", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_versions_there_are_work(wanted: ssl.TLSVersion, authority: Authority) -> None:
    context = authority.sign().served()
    context.minimum_version = context.maximum_version = wanted
    leaf_pin = authority.root.pin
    async with door(context) as at:
        await at.knock(trusting(authority.root, pins=(leaf_pin, LOST)))


# -- what is refused, in plain words -------------------------------------------------------------------------------


async def test_an_unknown_authority(authority: Authority, tmp_path: Path) -> None:
    async with door(authority.sign().served()) as at:
        error = await at.refuses(trusting(Authority(tmp_path, "another").root))
    assert "authority is not known here: name it in tls.ca_file" in str(error)


async def test_a_certificate_that_signed_itself(authority: Authority, tmp_path: Path) -> None:
    async with door(authority.root.served()) as at:
        error = await at.refuses(trusting(Authority(tmp_path, "another").root))
    assert "signed by itself" in str(error)


async def test_another_name(authority: Authority) -> None:
    async with door(authority.sign(host="elsewhere.example").served()) as at:
        error = await at.refuses(trusting(authority.root))
        assert "is for another name; look at backend.url" in str(error)
        error = await at.refuses(trusting(authority.root), host="127.0.0.1")
        assert "is for another address; look at backend.url" in str(error)


async def test_an_expired_certificate(authority: Authority) -> None:
    async with door(authority.sign(begins_in=-2 * DAY, ends_in=-DAY).served()) as at:
        error = await at.refuses(trusting(authority.root))
    assert "has expired; this computer's clock says 2" in str(error)
    assert error.cause == "tls"


async def test_a_certificate_of_tomorrow_is_a_matter_of_the_clock(authority: Authority) -> None:
    async with door(authority.sign(begins_in=DAY, ends_in=2 * DAY).served()) as at:
        error = await at.refuses(trusting(authority.root))
    assert "is not yet valid; this computer's clock says 2" in str(error)
    assert "wait until it is synchronised (`timedatectl`)" in str(error)
    assert error.cause == "clock"


async def test_a_backend_of_the_nineties(authority: Authority) -> None:
    context = authority.sign().served()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert "nothing newer than TLS 1.1" in await refused_by(context, trusting(authority.root))


def test_a_failure_without_words_of_its_own_is_told_by_openssls() -> None:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 999, "the moon is full"
    assert in_words(error) == "the certificate is refused (the moon is full)"
    failure = ssl.SSLError("x")
    failure.reason = "SOMETHING_NEW"
    assert in_words(failure) == "TLS failed (SOMETHING_NEW)"


def test_the_clock_is_told_as_it_was() -> None:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 9, "certificate is not yet valid"
    assert "says 1970-01-01 00:05 UTC" in in_words(error, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=5))


# -- pins ----------------------------------------------------------------------------------------------------------


async def test_a_pinned_key_anywhere_in_the_chain_will_do(authority: Authority) -> None:
    leaf = authority.sign()
    async with door(leaf.served()) as at:
        for pin in (leaf.pin, authority.root.pin):
            await at.knock(trusting(authority.root, pins=(LOST, pin)))
        assert len(at.visitors) == 2


async def test_a_chain_without_a_pinned_key_is_refused_before_the_token_is_sent(authority: Authority) -> None:
    leaf = authority.sign()
    async with door(leaf.served()) as at:
        error = await at.refuses(trusting(authority.root, pins=(LOST, "B" * 43 + "=")))
    assert f"no pinned key in the chain {leaf.pin}, {authority.root.pin}; if the backend has new keys" in str(error)


async def test_a_pin_does_not_make_up_for_an_unknown_authority(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.sign()
    async with door(leaf.served()) as at:
        error = await at.refuses(trusting(Authority(tmp_path, "another").root, pins=(leaf.pin, LOST)))
    assert "authority is not known" in str(error)


async def test_a_certificate_that_is_sent_but_not_part_of_the_chain_does_not_count(
    authority: Authority, tmp_path: Path
) -> None:
    """Whoever has any valid certificate could else append the pinned one, which is public."""
    leaf, stranger = authority.sign(), Authority(tmp_path, "another").root
    leaf.file.write_bytes(leaf.file.read_bytes() + stranger.file.read_bytes())
    async with door(leaf.served()) as at:
        error = await at.refuses(trusting(authority.root, pins=(stranger.pin, LOST)))
    assert "no pinned key" in str(error)


async def test_report_only_lets_pass_and_tells(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    leaf = authority.sign()
    async with door(leaf.served()) as at:
        await at.knock(trusting(authority.root, pins=(LOST, "B" * 43 + "="), pins_report_only=True))
    assert f"tls.pins would refuse localhost: no pinned key in the chain {leaf.pin}, " in caplog.text


# -- a client certificate ------------------------------------------------------------------------------------------


def asking(signed: Signed, authority: Authority, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = signed.served()
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(authority.root.file)
    return context


@pytest.mark.parametrize("apart", [True, False])
async def test_the_client_certificate_is_shown(authority: Authority, apart: bool, tmp_path: Path) -> None:
    client = authority.sign("client", "device-1")
    key = tmp_path / "key.pem"
    if apart:
        content = client.file.read_text()
        end = content.index("-----BEGIN CERTIFICATE")
        key.write_text(content[:end])
        client.file.write_text(content[end:])
    names = {"client_cert_file": str(client.file), "client_key_file": str(key) if apart else ""}
    async with door(asking(authority.sign(), authority)) as at:
        await at.knock(trusting(authority.root, **names))
        assert len(at.visitors) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_that_is_missing_is_asked_for(version: ssl.TLSVersion, authority: Authority) -> None:
    context = asking(authority.sign(), authority, version)
    assert "it may want tls.client_cert_file" in await refused_by(context, trusting(authority.root))


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (ssl.TLSVersion.TLSv1_2, "does not know the authority of tls.client_cert_file"),
        (ssl.TLSVersion.TLSv1_3, "it may not take tls.client_cert_file"),
    ],
)
async def test_a_client_certificate_of_an_unknown_authority_is_told(
    version: ssl.TLSVersion, told: str, authority: Authority, tmp_path: Path
) -> None:
    context = asking(authority.sign(), authority, version)
    stranger = Authority(tmp_path, "another").sign("client")
    assert told in await refused_by(context, trusting(authority.root, client_cert_file=str(stranger.file)))


@pytest.mark.parametrize("setting", ["ca_file", "client_cert_file"])
@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read"), ("no PEM", "does not hold what it should")])
async def test_a_file_that_is_not_what_it_should_be_is_for_a_person_to_mend(
    setting: str, content: str | None, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=why) as caught:
        Trust(**{setting: str(file)}).context()  # type: ignore[arg-type]  # one of the two names
    assert str(caught.value).startswith(f"tls.{setting}: {file} ")


async def test_a_file_that_went_bad_breaks_the_link_which_is_dialled_again_and_is_no_refused_token(
    authority: Authority, tmp_path: Path
) -> None:
    trust = Trust(ca_file=str(tmp_path / "gone.pem"))
    async with door(authority.sign().served()) as at:
        with pytest.raises(LinkError, match=r"tls\.ca_file: .*cannot be read") as broken:
            await at.knock(trust)
    assert broken.value.cause == "tls"
    assert not isinstance(broken.value, LinkRefused)


async def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password(authority: Authority) -> None:
    locked = authority.sign("client", password=b"secret")
    with pytest.raises(ConfigError, match="is encrypted"):
        Trust(client_cert_file=str(locked.file)).context()


async def test_the_files_are_read_again_only_when_they_changed(authority: Authority, tmp_path: Path) -> None:
    used = tmp_path / "used.pem"
    used.write_bytes(authority.root.file.read_bytes())
    dialer = WebSocketDialer(Trust(ca_file=str(used)))
    first = await dialer._context()
    assert await dialer._context() is first
    used.write_bytes(authority.root.file.read_bytes() + b"\n")
    assert await dialer._context() is not first
    used.unlink()
    with pytest.raises(LinkError, match="cannot be read"):
        await dialer._context()


async def test_a_renewed_file_counts_at_the_next_dial(authority: Authority, tmp_path: Path) -> None:
    used = tmp_path / "used.pem"
    used.write_bytes(Authority(tmp_path, "another").root.file.read_bytes())
    trust = Trust(ca_file=str(used))
    async with door(authority.sign().served()) as at:
        await at.refuses(trust)
        used.write_bytes(authority.root.file.read_bytes())
        await at.knock(trust)
