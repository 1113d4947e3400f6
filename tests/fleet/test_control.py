"""The control socket, over a real Unix socket."""

# ruff: noqa: ASYNC240  a test may look at a file from a coroutine; nothing else waits for this loop

import asyncio
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hero365_edge.errors import ConfigError, DeviceError, EdgeError
from hero365_edge.fleet.control import REQUEST_BYTES, ControlServer, request


async def status(_: Mapping[str, object]) -> Mapping[str, object]:
    return {"state": "ready"}


async def echo(message: Mapping[str, object]) -> Mapping[str, object]:
    return {"heard": message["text"]}


async def fail(_: Mapping[str, object]) -> Mapping[str, object]:
    raise DeviceError("the microphone is gone")


async def hang(_: Mapping[str, object]) -> Mapping[str, object]:
    await asyncio.Event().wait()
    return {}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, {"status": status, "echo": echo, "fail": fail, "hang": hang})
    await server.start()
    yield server
    await server.close()


async def ask(path: Path, message: Mapping[str, object], timeout_s: float = 5.0) -> dict[str, Any]:
    return await asyncio.to_thread(request, path, message, timeout_s)


async def raw(path: Path, sent: bytes) -> list[dict[str, Any]]:
    """What comes back for these bytes, to the end."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return [msgspec.json.decode(answer) for answer in answers]


async def test_a_request_is_answered_by_the_handler_it_names(server: ControlServer, path: Path) -> None:
    assert await ask(path, {"do": "status"}) == {"state": "ready"}
    assert await ask(path, {"do": "echo", "text": "grüß Gott"}) == {"heard": "grüß Gott"}


async def test_one_connection_may_ask_many_times_and_need_not_end_its_last_line(
    server: ControlServer, path: Path
) -> None:
    answers = await raw(path, b'{"do": "status"}\n{"do": "echo", "text": "a"}\n{"do": "status"}')
    assert answers == [{"ok": True, "state": "ready"}, {"ok": True, "heard": "a"}, {"ok": True, "state": "ready"}]


@pytest.mark.parametrize("sent", [b"what?\n", b"[]\n", b"\n", b'{"do": 1}\n', b"{}\n", b'{"do": "fly"}\n', b"\xff\n"])
async def test_what_cannot_be_understood_is_answered_with_an_error(
    sent: bytes, server: ControlServer, path: Path
) -> None:
    (answer,) = await raw(path, sent)
    assert answer["ok"] is False
    assert answer["error"]
    assert await ask(path, {"do": "status"}) == {"state": "ready"}


async def test_an_unknown_request_is_told_which_there_are(server: ControlServer, path: Path) -> None:
    with pytest.raises(EdgeError, match="one of: echo, fail, hang, status"):
        await ask(path, {"do": "fly"})


async def test_an_error_of_the_handler_is_the_answer(server: ControlServer, path: Path) -> None:
    with pytest.raises(EdgeError, match="the microphone is gone"):
        await ask(path, {"do": "fail"})


async def test_a_request_without_end_is_refused_before_it_fills_the_memory(server: ControlServer, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * (REQUEST_BYTES + 1))
    async with asyncio.timeout(5):
        answer = msgspec.json.decode(await reader.readline())
    assert answer == {"ok": False, "error": f"a request is one line of at most {REQUEST_BYTES} bytes"}
    writer.close()
    assert await ask(path, {"do": "status"}) == {"state": "ready"}


async def test_the_longest_request_is_answered_and_a_longer_one_never_sent(server: ControlServer, path: Path) -> None:
    longest = "x" * (REQUEST_BYTES - len('{"do":"echo","text":""}\n'))
    assert await ask(path, {"do": "echo", "text": longest}) == {"heard": longest}
    with pytest.raises(EdgeError, match="bytes long"):
        await ask(path, {"do": "echo", "text": longest + "x"})


async def test_owner_and_group_may_use_it_and_nobody_else(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_closing_hangs_up_takes_the_file_away_and_may_be_done_again(server: ControlServer, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"do": "status"}\n{"do": "hang"}\n')
    idle, idle_writer = await asyncio.open_unix_connection(path)
    async with asyncio.timeout(2):
        assert await reader.readline()
        await server.close()
        assert await reader.read() == b""
        assert await idle.read() == b""
    await server.close()
    assert not path.exists()
    writer.close()
    idle_writer.close()


async def test_the_socket_of_a_daemon_that_was_killed_is_replaced(path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    server = ControlServer(path, {"status": status})
    await server.start()
    assert await ask(path, {"do": "status"}) == {"state": "ready"}
    await server.close()


async def test_the_socket_of_a_daemon_that_lives_is_left_alone(server: ControlServer, path: Path) -> None:
    with pytest.raises(EdgeError, match="another hero365-edge answers"):
        await ControlServer(path, {}).start()
    assert await ask(path, {"do": "status"}) == {"state": "ready"}


async def test_a_file_that_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ConfigError, match=r"control\.socket: .* is not a socket"):
        await ControlServer(path, {}).start()
    assert path.read_text() == "precious"


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "run" / "edge" / "control.sock", {})
    await server.start()
    assert (tmp_path / "run" / "edge" / "control.sock").is_socket()
    await server.close()


async def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"control\.socket: .* cannot be made \(Not a directory\)"):
        await ControlServer(tmp_path / "file" / "run" / "control.sock", {}).start()


def test_without_a_daemon_the_client_says_how_to_start_one(path: Path) -> None:
    with pytest.raises(EdgeError, match=f"not running \\(no answer at {path}\\); start it with: systemctl start"):
        request(path, {"do": "status"})
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with pytest.raises(EdgeError, match="not running"):
        request(path, {"do": "status"})


async def test_a_client_outside_the_group_is_told_what_to_do(server: ControlServer, path: Path) -> None:
    path.chmod(0)
    if os.access(path, os.W_OK):
        pytest.skip("this user opens everything")
    with pytest.raises(EdgeError, match="use sudo, or join the group"):
        await ask(path, {"do": "status"})


async def test_a_daemon_that_hangs_is_not_waited_for_for_ever(server: ControlServer, path: Path) -> None:
    with pytest.raises(EdgeError, match=r"gave no answer at .* within 0\.1 s"):
        await ask(path, {"do": "hang"}, timeout_s=0.1)


def answering(path: Path, answer: bytes) -> Callable[[], None]:
    """A listener that is not hero365-edge; the result waits for it to end."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def once() -> None:
        with listener, listener.accept()[0] as client:
            client.recv(1000)
            client.sendall(answer)

    thread = threading.Thread(target=once)
    thread.start()
    return thread.join


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n", b"[]\n"])
def test_an_answer_that_is_none_is_told(answer: bytes, path: Path) -> None:
    joined = answering(path, answer)
    with pytest.raises(EdgeError, match="is not hero365-edge, or it stopped meanwhile"):
        request(path, {"do": "status"})
    joined()
