"""Keeps C libraries off standard error: PortAudio, ALSA and JACK print some 40 lines to it as they initialise."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 to /dev/null for the length of the block.

    The libraries write past `sys.stderr`, so only the descriptor itself can be turned. It belongs to the whole
    process: what another thread logs meanwhile is lost too, so keep the block to the call that chatters.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
