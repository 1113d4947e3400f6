"""What reaches standard error, and that no token does, at DEBUG and with the real `websockets` library talking."""

import io
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from hero365_edge.cli import logging_setup
from hero365_edge.core.address import address
from hero365_edge.core.secret import Secret
from hero365_edge.fleet.secrets import keep_secret

CANARY = "eyJcanary.canary-canary.canary_canary"
log = logging.getLogger("hero365_edge.test")


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_a_person_reads_time_level_and_place() -> None:
    stream = io.StringIO()
    logging_setup.set_up("info", {}, stream)
    log.info("listening on %s", "default")
    log.debug("too much")
    (line,) = lines(stream)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO    hero365_edge\.test: listening on default", line)


@pytest.fixture
def journal() -> Iterator[tuple[TextIO, dict[str, str]]]:
    """A file that stands for the journal's stream, and the variable that says so."""
    with tempfile.TemporaryFile("w+") as stream:
        status = os.fstat(stream.fileno())
        yield stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_the_journal_gets_a_priority_before_each_line_and_no_time(journal: tuple[TextIO, dict[str, str]]) -> None:
    stream, environ = journal
    logging_setup.set_up("debug", environ, stream, Path("/nowhere"))
    log.debug("fine")
    log.warning("two\nlines")
    log.error("failed", exc_info=OSError("no card"))
    stream.seek(0)
    read = stream.read().splitlines()
    assert read[:3] == ["<7>hero365_edge.test: fine", "<4>hero365_edge.test: two", "<4>lines"]
    assert read[3] == "<3>hero365_edge.test: failed"
    assert read[-1] == "<3>OSError: no card"
    assert all(line.startswith("<") for line in read)


@pytest.fixture
def datagrams(tmp_path: Path) -> Iterator[socket.socket]:
    """What stands for the journal's other end, where entries arrive with their fields."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.settimeout(5)
        yield listening


def fields(datagram: bytes) -> dict[str, str]:
    """An entry of systemd's native journal protocol, as its document says: NAME, newline, length, value, newline."""
    found = {}
    while datagram:
        name, _, rest = datagram.partition(b"\n")
        length = int.from_bytes(rest[:8], "little")
        found[name.decode()] = rest[8 : 8 + length].decode()
        assert rest[8 + length : 9 + length] == b"\n"
        datagram = rest[9 + length :]
    return found


def test_the_journal_gets_one_entry_a_record_with_priority_place_and_fields(
    journal: tuple[TextIO, dict[str, str]], datagrams: socket.socket, tmp_path: Path
) -> None:
    stream, environ = journal
    keep_secret(CANARY)
    logging_setup.set_up("debug", environ, stream, tmp_path / "journal")
    log.warning("two\nlines of %s", CANARY, extra={"fields": {"turn": "answered", "token": CANARY, "nothing": None}})
    entry = fields(datagrams.recv(65536))
    line = entry.pop("CODE_LINE")
    assert line.isdecimal()
    assert entry == {
        "MESSAGE": "hero365_edge.test: two\nlines of ***",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "hero365-edge",
        "LOGGER": "hero365_edge.test",
        "THREAD": "MainThread",
        "CODE_FILE": __file__,
        "CODE_FUNC": "test_the_journal_gets_one_entry_a_record_with_priority_place_and_fields",
        "HERO365_EDGE_TURN": "answered",
        "HERO365_EDGE_TOKEN": "***",
    }
    stream.seek(0)
    assert stream.read() == ""


def test_a_traceback_is_one_entry_and_hides_what_it_quotes(
    journal: tuple[TextIO, dict[str, str]], datagrams: socket.socket, tmp_path: Path
) -> None:
    stream, environ = journal
    keep_secret(CANARY)
    logging_setup.set_up("info", environ, stream, tmp_path / "journal")
    log.error("failed", exc_info=OSError(CANARY))
    datagram = datagrams.recv(65536)
    assert fields(datagram)["MESSAGE"] == "hero365_edge.test: failed\nOSError: ***"
    assert b"canary" not in datagram


@pytest.mark.parametrize("away", [True, False], ids=["the journal restarts", "the entry is too long"])
def test_what_the_journal_does_not_take_is_written_as_lines(
    away: bool, journal: tuple[TextIO, dict[str, str]], datagrams: socket.socket, tmp_path: Path
) -> None:
    stream, environ = journal
    logging_setup.set_up("info", environ, stream, tmp_path / "journal")
    if away:
        (tmp_path / "journal").unlink()
    text = "x" if away else "x" * 1_000_000
    log.warning("%s", text)
    stream.seek(0)
    assert stream.read() == f"<4>hero365_edge.test: {text}\n"


def test_standard_error_that_is_not_the_journals_is_for_people_though_there_is_a_journal(
    datagrams: socket.socket, tmp_path: Path
) -> None:
    stream = io.StringIO()
    logging_setup.set_up("info", {"JOURNAL_STREAM": "9:1234"}, stream, tmp_path / "journal")
    log.info("here")
    assert "INFO    hero365_edge.test: here" in stream.getvalue()


def test_a_variable_inherited_from_a_service_does_not_make_a_terminal_the_journal() -> None:
    with tempfile.TemporaryFile("w+") as stream:
        logging_setup.set_up("info", {"JOURNAL_STREAM": "9:1234"}, stream)
        log.info("here")
        stream.seek(0)
        assert "INFO    hero365_edge.test: here" in stream.read()


def test_setting_up_again_replaces_the_first_and_leaves_others_alone() -> None:
    first, second, others = io.StringIO(), io.StringIO(), logging.getLogger().handlers[:]
    logging_setup.set_up("warning", {}, first)
    logging_setup.set_up("debug", {}, second)
    log.debug("once")
    assert (first.getvalue(), len(lines(second))) == ("", 1)
    assert logging.getLogger().handlers[:-1] == others


async def dial_and_talk() -> None:
    async def answer(connection: ServerConnection) -> None:
        await connection.send(f"you are {CANARY}")

    async with serve(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        target = address(f"ws://127.0.0.1:{port}/ws", "session", "user", "business", Secret(CANARY), "both")
        async with connect(target.url, additional_headers=target.headers, proxy=None) as connection:
            assert CANARY in str(await connection.recv())
            log.debug("dialled %s", target.url)


async def test_websockets_stays_at_info_when_everything_else_is_at_debug() -> None:
    stream = io.StringIO()
    keep_secret(CANARY)
    logging_setup.set_up("debug", {}, stream)
    await dial_and_talk()
    assert "dialled ws://127.0.0.1:" in stream.getvalue()
    assert "GET /ws/" not in stream.getvalue()
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize("known", [True, False])
async def test_even_with_websockets_at_debug_no_token_is_written(known: bool) -> None:
    """The request line and the header by their form alone; the rest because the token is known."""
    stream = io.StringIO()
    if known:
        keep_secret(CANARY)
    logging_setup.set_up("debug", {}, stream)
    logging.getLogger("websockets").setLevel(logging.DEBUG)
    await dial_and_talk()
    assert "> GET /ws/session?user_id=user&business_id=business&token=*** HTTP/1.1" in stream.getvalue()
    assert "Authorization: Bearer ***" in stream.getvalue()
    assert not known or "canary" not in stream.getvalue()


def test_a_quieter_level_holds_for_websockets_too() -> None:
    stream = io.StringIO()
    logging_setup.set_up("error", {}, stream)
    logging.getLogger("websockets.client").warning("chatter")
    assert stream.getvalue() == ""


def test_a_line_that_cannot_be_formatted_does_not_spill_its_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    """Only to our own stream: pytest's handlers raise, so they are taken away for it."""
    keep_secret(CANARY)
    stream = io.StringIO()
    logging.getLogger().handlers.clear()
    logging_setup.set_up("info", {}, stream)
    log.info("%d", CANARY)
    assert "canary" not in stream.getvalue() + "".join(capfd.readouterr())


def test_a_thread_that_dies_is_logged_and_scrubbed() -> None:
    stream = io.StringIO()
    keep_secret(CANARY)
    logging_setup.set_up("info", {}, stream)

    def die() -> None:
        raise OSError(CANARY)

    thread = threading.Thread(target=die, name="capture")
    thread.start()
    thread.join()
    assert "ERROR   hero365_edge.cli.logging_setup: thread capture died" in stream.getvalue()
    assert "OSError: ***" in stream.getvalue()


def test_a_librarys_warning_goes_to_the_log() -> None:
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging_setup.set_up("info", {}, stream)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    assert "WARNING py.warnings: " in stream.getvalue()


def stderr_of(program: str) -> str:
    """What a program writes that logs as `hero365-edge` does."""
    start = "import logging, os, sys; from hero365_edge.cli import logging_setup; logging_setup.set_up('info', {})\n"
    command = [sys.executable, "-c", start + program]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr  # noqa: S603  the text above


def test_nothing_is_lost_while_the_sound_library_is_kept_from_standard_error() -> None:
    program = """
from hero365_edge.devices.quiet import quiet_stderr
with quiet_stderr():
    os.write(2, b"chatter")
    logging.warning("kept")
    logging_setup.set_up("info", {})
    logging.warning("kept when set up anew")
logging.warning("kept behind it")
"""
    printed = stderr_of(program)
    assert [line.split("root: ")[1] for line in printed.splitlines()] == [
        "kept",
        "kept when set up anew",
        "kept behind it",
    ]
    assert "chatter" not in printed


def test_an_exception_that_nobody_can_catch_is_logged_without_its_secret() -> None:
    program = f"""
from hero365_edge.fleet.secrets import keep_secret
keep_secret("{CANARY}")
class Ashes:
    def __del__(self):
        raise RuntimeError("of {CANARY}")
Ashes()
"""
    printed = stderr_of(program)
    assert "RuntimeError: of ***" in printed
    assert "Ashes" in printed
    assert CANARY not in printed
