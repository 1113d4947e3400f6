"""Where the vehicle is, by a real gpsd that reads a real receiver's language from `gpsfake`; and by one that is mad."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hero365_edge.core.context import Fix
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.location import LONGEST_LINE, GpsdLocation
from hero365_edge.errors import DeviceError

PACKAGES = "gpsd gpsd-clients"
ABSENT = [
    program for program in ("gpsd", "gpsfake") if not (shutil.which(program) or Path(f"/usr/sbin/{program}").exists())
]
TPV = b'{"class":"TPV","mode":3,"lat":52.5,"lon":13.4,"eph":4.2,"speed":13.9,"track":271.5}\n'


def nmea(sentence: str) -> str:
    """With its checksum, as on the wire."""
    checksum = 0
    for each in sentence.encode():
        checksum ^= each
    return f"${sentence}*{checksum:02X}\r\n"


def drive() -> str:
    """Twenty seconds of a receiver on its way north along the 13th meridian, first without a view of the sky."""
    lines = []
    for second in range(20):
        quality, status, mode = (1, "A", 3) if second > 3 else (0, "V", 1)
        place = f"523{second % 10}.0000,N,01324.0000,E"
        clock = f"1030{second:02d}.00"
        lines += [
            nmea(f"GPGGA,{clock},{place},{quality},08,1.0,40.0,M,44.0,M,,"),
            nmea(f"GPGSA,A,{mode},01,02,03,04,05,06,07,08,,,,,1.8,1.0,1.5"),
            nmea(f"GPRMC,{clock},{status},{place},27.0,000.0,150124,,,A"),
        ]
    return "".join(lines)


@pytest.mark.skipif(bool(ABSENT), reason=f"{', '.join(ABSENT)} missing: apt-get install {PACKAGES}")
async def test_a_real_gpsd_tells_where_its_receiver_is(tmp_path: Path) -> None:
    log = tmp_path / "drive.nmea"
    log.write_text(drive(), newline="")
    port = free_port()
    command = ["gpsfake", "-q", "-c", "0.05", "-P", str(port), str(log)]
    gpsfake = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    location = GpsdLocation(SystemClock(), f"127.0.0.1:{port}")
    try:
        fix = await told(location)
        assert 52.5 <= fix.latitude < 52.67
        assert fix.longitude == pytest.approx(13.4)
        assert fix.speed_m_s == pytest.approx(27.0 * 0.514444, abs=0.1)
        assert fix.heading_deg == pytest.approx(0.0, abs=0.5)
    finally:
        location.close()
        gpsfake.terminate()
        await gpsfake.wait()


async def told(location: GpsdLocation) -> Fix:
    """Its first place with a speed; gpsd needs a while to start, and may tell a GGA's place before its RMC has come."""
    async with asyncio.timeout(20):
        while True:
            try:
                fix = await location.fix()
            except DeviceError:
                await asyncio.sleep(0.2)
            else:
                if fix.speed_m_s is not None:
                    return fix


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.asynccontextmanager
async def a_gpsd_that_says(*pieces: bytes) -> AsyncIterator[GpsdLocation]:
    """Says it as soon as it is asked, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b'?WATCH={"enable":true,"json":true};\n'
        for piece in pieces:
            writer.write(piece)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    location = GpsdLocation(SystemClock(), f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield location
    finally:
        location.close()
        server.close()


async def test_all_that_a_report_holds_is_told() -> None:
    async with a_gpsd_that_says(TPV) as location:
        fix = await location.fix()
        assert (fix.latitude, fix.longitude, fix.accuracy_m, fix.speed_m_s, fix.heading_deg) == (
            52.5,
            13.4,
            4.2,
            13.9,
            271.5,
        )


@pytest.mark.parametrize(
    "other",
    [
        b'{"class":"VERSION","release":"3.22"}\n',
        b'{"class":"TPV","mode":1}\n',
        b'{"class":"TPV","mode":3}\n',
        b'{"class":"TPV","mode":3,"lat":"north","lon":1}\n',
        b'{"class":"TPV","mode":3,"lat":NaN,"lon":1}\n',
        b'{"class":"TPV","mode":3,"lat":91,"lon":1}\n',
        b'{"class":"TPV","mode":"3","lat":1,"lon":1}\n',
        b'{"class":"TPV","mode":3,"lat":%s,"lon":1}\n' % (b"9" * 400),
        b"[1, 2]\n",
        b"[" * 5000 + b"\n",
        b"null\n",
        b"\xff\xfe\n",
        b"\n",
    ],
)
async def test_reports_without_a_place_and_what_is_no_report_are_passed_over(other: bytes) -> None:
    async with a_gpsd_that_says(other, TPV) as location:
        assert (await location.fix()).latitude == 52.5


async def test_a_figure_that_is_none_is_left_out() -> None:
    report = b'{"class":"TPV","mode":2,"lat":1,"lon":2,"eph":"bad","speed":NaN,"track":null}\n'
    async with a_gpsd_that_says(report) as location:
        fix = await location.fix()
        assert (fix.accuracy_m, fix.speed_m_s, fix.heading_deg) == (None, None, None)


@pytest.mark.parametrize("said", [b"", b'{"class":"TPV"', b"x" * (2 * LONGEST_LINE)])
async def test_a_gpsd_that_hangs_up_or_goes_mad_is_asked_anew(said: bytes) -> None:
    async with a_gpsd_that_says(said) as location:
        for _ in range(2):
            with pytest.raises(DeviceError, match=r"gpsd at 127\.0\.0\.1:\d+ is not to be had: it hung up"):
                await location.fix()


async def test_where_there_is_no_gpsd_it_is_said() -> None:
    with pytest.raises(DeviceError, match="is not to be had"):
        await GpsdLocation(SystemClock(), f"127.0.0.1:{free_port()}").fix()
