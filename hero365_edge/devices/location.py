"""Where the vehicle is, by gpsd over its JSON protocol (gpsd_json(5)); it needs no library."""

import asyncio
import json
import math
from typing import Any

from hero365_edge.core.context import Fix
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock

_WATCH = b'?WATCH={"enable":true,"json":true};\n'
LONGEST_LINE = 64 * 1024
CONNECT_S = 5.0
SILENT_S = 60.0
"""gpsd tells every second while a receiver is there; then it is asked anew, for it may have hung."""
PLANE = 2
"""TPV.mode: 2 and 3 know the place, 0 and 1 do not."""


class GpsdLocation:
    """The Location port over gpsd at `where`, ADDRESS:PORT."""

    def __init__(self, clock: Clock, where: str) -> None:
        self._clock = clock
        self._where = where
        host, _, port = where.rpartition(":")
        self._address = host.strip("[]"), int(port)
        self._lines: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def fix(self) -> Fix:
        """The next place that gpsd tells. Raises DeviceError when gpsd is not there, goes away, or says nothing."""
        try:
            async with asyncio.timeout(SILENT_S):
                if self._lines is None:
                    self._lines = await self._open()
                while True:
                    line = await self._lines[0].readuntil()
                    if (fix := _fix(line, self._clock.now())) is not None:
                        return fix
        except TimeoutError:
            self.close()
            raise DeviceError(f"gpsd at {self._where} knows no place") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.close()
            why = (error.strerror if isinstance(error, OSError) else None) or "it hung up"
            raise DeviceError(f"gpsd at {self._where} is not to be had: {why}") from None
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """Hang up; the next `fix` dials again."""
        if self._lines is not None:
            self._lines[1].close()
            self._lines = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(*self._address, limit=LONGEST_LINE)
        writer.write(_WATCH)
        return reader, writer


def _fix(line: bytes, now: float) -> Fix | None:
    """The place in a report of class TPV; None where it is another report, or knows none."""
    try:
        said = json.loads(line, parse_int=float)  # of any number of digits: the largest are infinite
        if said["class"] != "TPV" or said["mode"] < PLANE:
            return None
        latitude, longitude = float(said["lat"]), float(said["lon"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):  # and neither is NaN
        return None
    return Fix(latitude, longitude, now, _number(said, "eph"), _number(said, "speed"), _number(said, "track"))


def _number(said: dict[str, Any], name: str) -> float | None:
    value = said.get(name)
    return float(value) if isinstance(value, float) and math.isfinite(value) else None
