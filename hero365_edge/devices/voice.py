"""A local voice: the program espeak-ng, when it is installed."""

import asyncio
import shutil
from contextlib import suppress

from hero365_edge.errors import DeviceError

LIMIT_S = 10.0
LONGEST_CHARS = 1000
"""A minute of speech; a longer text is said up to here."""


class EspeakVoice:
    """Runs the program anew for each text, which takes some 50 ms. The text does not show in the process list."""

    def __init__(self, program: str, limit_s: float = LIMIT_S) -> None:
        """`limit_s`: a program that takes longer is ended."""
        self._program = program
        self._limit_s = limit_s

    async def say(self, text: str) -> bytes:
        """The text as a WAV file, whose header announces more than there is. Raises DeviceError."""
        pipe = asyncio.subprocess.PIPE
        command = (self._program, "-v", "en-us", "--stdin", "--stdout")
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            raise DeviceError(f"the local voice {self._program} does not start: {error.strerror}") from error
        try:
            async with asyncio.timeout(self._limit_s):
                audio, _ = await process.communicate(text[:LONGEST_CHARS].encode())
        except TimeoutError:
            raise DeviceError(f"the local voice {self._program} took more than {self._limit_s:g} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode or not audio:
            raise DeviceError(f"the local voice {self._program} failed: it exited with {process.returncode}")
        return audio


def installed_voice() -> EspeakVoice | None:
    """The voice of this computer, if it has one."""
    program = shutil.which("espeak-ng")
    return EspeakVoice(program) if program else None
