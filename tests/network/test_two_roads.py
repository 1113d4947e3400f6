"""A backend with two addresses, of which one leads nowhere: the other is dialled before anybody notices."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.network.road import missing, road

WHY_NOT = missing()
pytestmark = [pytest.mark.network, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

ROOT = Path(__file__).parents[2]
# With a table of names of its own, in which the backend has both addresses, as it would have by DNS.
OWN_NAMES = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
DIAL = """
import asyncio, sys, time
from hero365_edge.core.address import address
from hero365_edge.core.secret import Secret
from hero365_edge.devices.link import WebSocketDialer

async def main():
    found = {info[4][0] for info in await asyncio.get_running_loop().getaddrinfo("voice.test", 80)}
    assert len(found) == 2, found
    there = address(f"ws://voice.test:{sys.argv[1]}/ws", "5b1c", "u", "b", Secret(""), "both")
    began_at = time.monotonic()
    link = await WebSocketDialer().dial(there)
    print(time.monotonic() - began_at)
    await link.close()

asyncio.run(main())
"""


async def take(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_where_ipv6_leads_nowhere_ipv4_is_dialled_a_quarter_of_a_second_later(tmp_path: Path) -> None:
    with road() as way:
        way.swallow_ipv6()
        hosts = tmp_path / "hosts"
        hosts.write_text(f"{way.address_ipv6} voice.test\n{way.address} voice.test\n")
        listener = way.listen()
        async with serve(take, sock=listener):
            command = ["unshare", "--mount", "sh", "-c", OWN_NAMES, "sh", str(hosts)]
            command += [sys.executable, "-c", DIAL, str(listener.getsockname()[1])]
            done = await asyncio.to_thread(
                subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
            )
    assert done.returncode == 0, done.stderr
    took_s = float(done.stdout)
    assert 0.2 < took_s < 1.5, "IPv6 was tried first, and not for long"
