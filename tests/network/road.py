"""A road of one's own to a host far away, in the real kernel: a network namespace and a pair of veth.

The far host lives in this process: a socket stays in the namespace in which it was made, whoever uses it. Needs root.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_NUMBERS = count(1)
_CLONE_NEWNET = 0x40000000


def missing() -> str:
    """Why there can be no road here; empty when there can."""
    if os.geteuid() != 0:
        return "needs root, to make a network namespace"
    absent = [tool for tool in ("ip", "tc", "nft") if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)} (Debian: iproute2, nftables)"
    name = f"h365-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)  # noqa: S603, S607  the system's own
    if made.returncode:
        return "this kernel or container allows no network namespace"
    _run("ip", "netns", "del", name)
    return ""


class Road:
    """The way to the far host at `address`. Its bad days: `swallow`, `cut`, `lose`, `narrow`; `mend` ends each."""

    def __init__(self, number: int) -> None:
        tag = f"{os.getpid() % 100_000}n{number}"
        self._space, self._near, self._far = f"h365-{tag}", f"ha{tag}", f"hb{tag}"
        net = f"10.203.{os.getpid() % 250}"
        base = number * 4 % 252
        self._near_address, self.address = f"{net}.{base + 1}", f"{net}.{base + 2}"
        self._near_ipv6, self.address_ipv6 = f"fd00:365::{base + 1:x}", f"fd00:365::{base + 2:x}"

    def build(self) -> None:
        """Make it."""
        _run("ip", "netns", "add", self._space)
        _run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far)
        _run("ip", "link", "set", self._far, "netns", self._space)
        _run("ip", "addr", "add", f"{self._near_address}/30", "dev", self._near)
        _run("ip", "link", "set", self._near, "up")
        self._there("ip", "addr", "add", f"{self.address}/30", "dev", self._far)
        self._there("ip", "link", "set", self._far, "up")

    def remove(self) -> None:
        """Take it away, with whatever still uses it."""
        _run("ip", "netns", "del", self._space)

    def listen(self, port: int = 0) -> socket.socket:
        """A listening socket of the far host, at any port when `port` is 0."""
        made: list[socket.socket] = []

        def make() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            space = os.open(f"/run/netns/{self._space}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if libc.setns(space, _CLONE_NEWNET):  # of this thread alone
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(space)
            made.append(socket.create_server((self.address, port)))

        maker = threading.Thread(target=make)
        maker.start()
        maker.join()
        return made[0]

    def swallow(self) -> None:
        """Nothing comes through, and nobody says so."""
        self.lose(100)

    def lose(self, percent: int) -> None:
        """So much of what goes either way is lost."""
        rule = "drop" if percent == 100 else f"numgen random mod 100 < {percent} drop"
        hooks = (f"chain {hook} {{ type filter hook {hook} priority 0; {rule}; }};" for hook in ("input", "output"))
        self._there("nft", f"add table inet road {{ {' '.join(hooks)} }};")

    def swallow_ipv6(self) -> None:
        """The far host has an address of IPv6 too, and what is sent there is lost."""
        _run("ip", "-6", "addr", "add", f"{self._near_ipv6}/126", "dev", self._near, "nodad")
        self._there("ip", "-6", "addr", "add", f"{self.address_ipv6}/126", "dev", self._far, "nodad")
        rule = "chain in6 { type filter hook input priority 0; meta l4proto tcp meta nfproto ipv6 drop; };"
        self._there("nft", f"add table inet six {{ {rule} }};")

    def cut(self) -> None:
        """The modem is off."""
        _run("ip", "link", "set", self._near, "down")

    def narrow(self, kilobits: int) -> None:
        """So many kbit/s go up."""
        queue = ("rate", f"{kilobits}kbit", "burst", "8kb", "limit", "512kb")
        _run("tc", "qdisc", "replace", "dev", self._near, "root", "tbf", *queue)

    def mend(self) -> None:
        """Everything comes through again."""
        _run("ip", "link", "set", self._near, "up")
        subprocess.run(  # noqa: S603  the system's own
            ["ip", "netns", "exec", self._space, "nft", "delete table inet road"],  # noqa: S607  as above
            check=False,
            capture_output=True,
        )

    def _there(self, *command: str) -> None:
        _run("ip", "netns", "exec", self._space, *command)


@contextmanager
def road() -> Iterator[Road]:
    """A road, taken away at the end."""
    made = Road(next(_NUMBERS))
    try:
        made.build()
        yield made
    finally:
        made.remove()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  the system's own tools, with our own names
