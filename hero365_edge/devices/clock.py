"""The computer's clocks, and whether the wall clock can be believed."""

import ctypes
import os
import time
from datetime import UTC, datetime

from hero365_edge.errors import DeviceError

_NOT_SYNCHRONISED_US = 16_000_000
"""The kernel lets its estimate of the error grow to 16 s unless somebody corrects the clock; systemd judges by it too
(`ntp_synced` in its time-util.c), because STA_UNSYNC means something else."""


class SystemClock:
    """CLOCK_MONOTONIC, which is PortAudio's and libgpiod's clock too, and the wall clock."""

    def now(self) -> float:
        """Seconds on the monotonic clock; never jumps when the wall clock is set."""
        return time.monotonic()

    def utc(self) -> datetime:
        """The wall clock in UTC."""
        return datetime.now(UTC)

    def synchronised(self) -> bool:
        """Whether somebody keeps the wall clock right; where nobody can tell, it is taken to be right."""
        try:
            return is_synchronised()
        except DeviceError:
            return True


class _Timex(ctypes.Structure):
    """The head of `struct timex` (adjtimex(2)), and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


def is_synchronised() -> bool:
    """Whether something (timesyncd, chrony, a GPS) keeps the wall clock right. Raises DeviceError if unknown."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) < 0:
        raise DeviceError(f"the kernel does not tell about its clock ({os.strerror(ctypes.get_errno())})")
    return bool(timex.maxerror < _NOT_SYNCHRONISED_US)
