"""What the guest says to a port at the far end, said to a port of this host; and the answers back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 65536


@contextmanager
def relayed(listener: socket.socket, address: str) -> Iterator[None]:
    """While this lasts, whoever connects to the listener speaks to `host:port`."""
    host, _, port = address.partition(":")
    made: list[socket.socket] = [listener]

    def accept() -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = listener.accept()
                made.append(near)
                try:
                    far = socket.create_connection((host, int(port)), timeout=5.0)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                made.append(far)
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, name="relay", daemon=True).start()
    try:
        yield
    finally:
        for each in made:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _pump(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
