"""A token that a command prints, as kubeconfig's exec plug-ins and git's credential helpers do.

It is kept in memory only, and never passed on by an argument or a variable.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from hero365_edge.core.secret import Secret
from hero365_edge.errors import ConfigError, EdgeError, LinkError
from hero365_edge.fleet.identity import daemon_owner
from hero365_edge.fleet.lifetime import Lifetime, lifetime_of, moment
from hero365_edge.ports import Clock

log = logging.getLogger(__name__)

WITHIN_S = 8.0
"""Less than `backend.connect_timeout_s` by default, which covers it."""
AGAIN_S = 60.0
"""A token younger than this that is refused is not the command's last try: no hot loop of commands and dials."""
_LONGEST_BYTES = 65_536


class TokenCommand:
    """Runs `command` when a token is needed and the one it has is past 80 % of its life, or was refused."""

    def __init__(
        self,
        command: Sequence[str],
        clock: Clock,
        token_of: Callable[[bytes, str], Secret],
        within_s: float = WITHIN_S,
    ) -> None:
        self._command = tuple(command)
        self._clock = clock
        self._token_of = token_of
        self._within_s = within_s
        self._held: Secret | None = None
        self._life = Lifetime()
        self._refresh_at: datetime | None = None
        self._fetched_at = -AGAIN_S
        self._stamp = 0
        self._one_at_a_time = asyncio.Lock()

    def where(self) -> str:
        """For people; the arguments are not shown, somebody will put a secret there."""
        return f"command {self._command[0]}"

    async def token(self) -> Secret:
        """The token that is held, or a new one.

        Raises LinkError when the command fails or takes too long (it needs the network as the dial does), ConfigError
        when it cannot be run or prints no token. While the old token still lives, it is given instead.
        """
        async with self._one_at_a_time:
            held = self._held
            if held is not None and not self._is_due():
                return held
            try:
                return self._take(await self._run())
            except EdgeError as error:
                if held is None or self._life.has_ended(self._clock.utc()):
                    raise
                log.warning("the old token is used once more: %s", error)
                self._refresh_at = self._clock.utc() + timedelta(seconds=AGAIN_S)
                return held

    async def refresh(self) -> None:
        """Run the command while nobody waits for it, if the token is past 80 % of its life."""
        if self._held is not None and self._is_due():
            with contextlib.suppress(EdgeError):  # the next dial says it, where that matters
                await self.token()

    def _is_due(self) -> bool:
        now = self._clock.utc()
        return self._life.has_ended(now) or (self._refresh_at is not None and now >= self._refresh_at)

    def stamp(self) -> object:
        """Changes when a token was refused that had worked: then the command may have a better one at once."""
        return self._stamp

    @property
    def renews(self) -> bool:
        """At 80 % of its life."""
        return True

    def expires_at(self) -> float | None:
        """As the token that is held says, or the command."""
        return self._life.expires_at

    def refused(self) -> None:
        """Forget the token."""
        self._held = None
        if self._clock.now() - self._fetched_at >= AGAIN_S:
            self._stamp += 1

    def _take(self, printed: bytes) -> Secret:
        """Hold the token that was printed. Raises ConfigError for one that is none."""
        word, told = self._parsed(printed)
        token = self._token_of(word, self.where())
        now = self._clock.utc()
        life = lifetime_of(token)
        if told is not None:
            life = Lifetime(life.issued, told)
        self._held, self._life, self._fetched_at = token, life, self._clock.now()
        self._refresh_at = life.refresh_at(now)
        log.info("a token came from %s: %s, %s", self.where(), token.fingerprint, life.in_words(now))
        return token

    def _parsed(self, printed: bytes) -> tuple[bytes, datetime | None]:
        """The token's bytes, and when it expires if the command says so. Raises ConfigError that shows none of it."""
        if not printed.lstrip().startswith(b"{"):
            return printed, None
        wanted = f'{self.where()}: prints JSON that is not {{"token": "…", "expires": a time}}'
        try:
            told: Any = json.loads(printed)
        except (ValueError, RecursionError):
            raise ConfigError(wanted) from None
        token, expires = told.get("token"), told.get("expires")
        if not isinstance(token, str):
            raise ConfigError(wanted)
        until = moment(expires)
        if expires is not None and until is None:
            raise ConfigError(f"{wanted}; expires must be RFC 3339 with its zone, or seconds since 1970")
        return token.encode(errors="replace"), until

    async def _run(self) -> bytes:
        """What it prints on standard output. It gets no input, and what it says on standard error is not kept."""
        # Never as root: what the daemon's user may write must not be what root runs in `hero365-edge check`.
        user, group = daemon_owner() or (None, None)
        with _memory() as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,  # so that whatever it starts goes with it
                    user=user,
                    group=group,
                    extra_groups=None if user is None else [],
                )
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else "a zero byte in it"
                raise ConfigError(f"{self.where()}: cannot be run ({reason})") from None
            try:
                async with asyncio.timeout(self._within_s):
                    status = await process.wait()
            except TimeoutError:
                raise LinkError(f"{self.where()}: printed no token within {self._within_s:g} s") from None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            if status:
                raise LinkError(f"{self.where()}: failed with exit status {status}; run it by hand to see why")
            return os.pread(output, os.lseek(output, 0, os.SEEK_CUR), 0)


@contextlib.contextmanager
def _memory() -> Iterator[int]:
    """A file in memory that takes no more than a token can be.

    Not a pipe: that ends when its last holder does, and a helper may leave an agent behind that inherited it.
    """
    file = os.memfd_create("token", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(file, _LONGEST_BYTES)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        yield file
    finally:
        os.close(file)
