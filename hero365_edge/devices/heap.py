"""The heap: what a large message took is given back with it, and collecting garbage stops no sound."""

import ctypes
import gc
import os
from contextlib import suppress
from pathlib import Path

_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of mallopt(3)."""
LARGE_BYTES = 256 * 1024
"""Larger blocks have pages of their own; a frame of sound is far smaller."""


def give_large_blocks_back() -> None:
    """From here on; nothing where the C library is not glibc.

    glibc takes each large block that is freed for a sign that there will be more of that size, and puts the next into
    its heap: between smaller ones they stay there. A few messages of 16 MB left 20 MB behind for good.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def keep_what_is_there() -> None:
    """Modules, settings, the parts of the appliance: Python's collector of cycles need not look at them again.

    No thread of Python runs while it looks, those of the sound card neither: 6.5 ms for the whole program. What came
    since is little, and takes some 10 us.
    """
    gc.collect()
    gc.freeze()


def resident_bytes() -> int:
    """What this process has in memory just now (proc_pid_statm(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
