"""How much memory this process holds, native libraries included."""

import os
from pathlib import Path


def resident_bytes() -> int:
    """The resident set (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
