"""The appliance in the lab: its Debian packages installed, run by systemd, a backend at the far end of its link.

All times are the lab's (`pace.now()`), unless they are in a turn's record.
"""

import asyncio
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.pcm import RATE_HZ, Pcm
from tests.lab.agent_line import GuestError
from tests.lab.machine import Machine
from tests.lab.pace import PACE, now, sleep, slow_event_loop
from tests.lab.stick import Heard
from tests.listening import find, follow
from tests.packaging.shop import ENTRY_FILE, Shop, keyring

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
UNIT = "hero365-edge"
PORT = 8443
BUTTON, LAMP = 17, 22
INTO_THE_WORD_S = 0.1
"""So late is the press: people speak first."""
TAP_S = 0.15
LIKE_WHAT_WAS_SAID = 0.8
LIKE_THE_ANSWER = 0.9
LOOK_EVERY_S = 1.0
"""Each look costs the machine a tenth of a second, of which it has none to spare while it is speaking."""
SETTLING_S = 1.0
"""What starting has left to do then: its modules are loaded at their first use."""
SHOP = "/srv/hero365-edge/"
SETTINGS = f"""
backend: {{url: "wss://lab-backend:{PORT}/v1/voice/ws", user_id: technician, business_id: business}}
audio: {{input: {{device: Stick, digital_silence: normal}}, output: {{device: Stick, volume: 1.0}}}}
"""
# gpiozero asks /proc/cpuinfo which board this is. The lab lays a Raspberry Pi's over it; the unit's own /proc has none.
A_PI = "[Service]\nBindReadOnlyPaths=/run/lab-cpuinfo:/proc/cpuinfo\n"


def packages() -> list[Path]:
    """The Debian packages of this tree, built now."""
    subprocess.run(["scripts/build-deb"], cwd=ROOT, check=True, timeout=900)  # noqa: S607  our own script
    subprocess.run(["packaging/build", "webrtcvad", "amd64"], cwd=ROOT, check=True, timeout=900)  # noqa: S607  the same
    found = [*ROOT.glob("dist/hero365-edge_*_all.deb"), *ROOT.glob("dist/python3-webrtcvad_*_amd64.deb")]
    assert len(found) == 2, found
    return found


def install(machine: Machine, debs: list[Path]) -> None:
    """As ops does it: from a signed repository, then a file of settings. The service is left stopped."""
    with keyring() as signing, tempfile.TemporaryDirectory() as name:
        shop = Shop(Path(name), signing, f"file:{SHOP}")
        shop.offer(debs)
        machine.put(shop.folder, SHOP)
        for path, text in shop.introduction().items():
            machine.put(text, path)
    machine.run(f"chmod -R a+rX {SHOP}")
    only_ours(machine)
    machine.run("apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y hero365-edge", timeout_s=300)
    machine.run(f"systemctl stop {UNIT}")
    machine.put(SETTINGS, "/etc/hero365-edge/config.d/50-lab.yaml")
    machine.put(A_PI, f"/etc/systemd/system/{UNIT}.service.d/lab.conf")
    machine.run("systemctl daemon-reload; systemctl reset-failed")


def only_ours(machine: Machine) -> None:
    """Leave apt the entry for our repository alone: the mirror that the image was made from is far away."""
    machine.run(f"cd /etc/apt && find sources.list sources.list.d -type f ! -path {ENTRY_FILE[9:]} -delete || :")
    machine.set_clock()  # it lags behind the world's, and a signature of the future is none


def know(machine: Machine, shop: Shop) -> None:
    """The entry for this repository in place of the one that is there."""
    for path, text in shop.introduction().items():
        machine.put(text, path)
    only_ours(machine)


class FarBackend:
    """The simulated backend on a thread and an event loop of its own, at the far end of the machine's link."""

    def __init__(self, machine: Machine, options: dict[str, Any]) -> None:
        listener, tls = machine.far_end(PORT)
        self._simulated = SimulatedBackend(Options(welcome=False, listener=listener, tls=tls, **options))
        self._loop = slow_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="far backend", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._simulated.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._simulated.__aexit__(kind, error, trace))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(self, predicate: Callable[[SimulatedBackend], bool], timeout_s: float) -> SimulatedBackend:
        """Its records, as soon as `predicate` is true of them. Raises TimeoutError, telling what happened instead."""
        self._do(self._simulated.wait_for(lambda: predicate(self._simulated), timeout_s), timeout_s + 5)
        return self._simulated

    @property
    def records(self) -> SimulatedBackend:
        """What it has noted so far."""
        return self._simulated

    def drop_links(self) -> None:
        """Cut every connection without a goodbye."""
        self._do(self._simulated.drop_links())

    def _do(self, work: Coroutine[Any, Any, T], timeout_s: float = 30.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s / PACE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was asked, and when."""

    began_at: float
    """The first word."""
    pressed_at: float
    """The kernel's edge."""
    ended_at: float
    """The last word was over."""


class Appliance:
    """The service on a machine, and what a technician does with it."""

    def __init__(self, machine: Machine, backend: FarBackend | None = None) -> None:
        """Without a backend nobody answers its dials."""
        self.machine = machine
        self._backend = backend

    @property
    def backend(self) -> FarBackend:
        """The one at the far end."""
        assert self._backend is not None, "nobody is at the far end"
        return self._backend

    def start(self) -> float:
        """Start the service; how long systemd waited for READY=1, in seconds."""
        began_at = now()
        self.machine.run(f"systemctl start {UNIT}")
        return now() - began_at

    def ready(self, limit_s: float = 30.0) -> None:
        """Wait until its status says that it is ready, with a session and a microphone."""
        self.until(lambda: self.told().startswith("ready, link active"), "the appliance is ready", limit_s)
        self.until(lambda: "speaker" not in self.told(), "the speaker is open", limit_s)
        sleep(SETTLING_S)

    def hear_out(self, limit_s: float = 40.0) -> tuple[SimulatedBackend, Heard]:
        """Wait until the newest answer was given and heard to its end; the backend's records, and what was heard.

        Nothing is asked of the machine meanwhile: it has its hands full.
        """
        backend = self.backend.wait_for(lambda it: bool(it.answers and it.answers[-1].complete), limit_s)
        self.until(self.machine.stick.silent, "the answer is over", limit_s)
        return backend, self.machine.heard()

    def told(self) -> str:
        """What it last told systemd about itself."""
        return self.show("StatusText")

    def show(self, prop: str) -> str:
        """A property of its unit."""
        return self.machine.run(f"systemctl show --value -p {prop} {UNIT}").out.strip()

    @property
    def pid(self) -> int:
        """Its process; 0 when there is none."""
        return int(self.show("MainPID"))

    def ask(self, words: Pcm, *, hold: bool = False) -> Asked:
        """Begin to speak, press a little into the first word; tap, or hold until the last."""
        over_at = self.machine.speak(words, wait=False)
        began_at = over_at - len(words) / RATE_HZ
        _sleep_until(began_at + INTO_THE_WORD_S)
        pressed_at = self.machine.press(BUTTON)
        _sleep_until(over_at if hold else pressed_at + TAP_S)
        self.machine.release(BUTTON)
        _sleep_until(over_at)
        return Asked(began_at, pressed_at, over_at)

    def a_turn_works(self, words: Pcm, answer: Pcm) -> None:
        """Once it is ready, ask and hear the answer out: every word of both."""
        self.ready(60.0)
        self.machine.heard()
        before = len(self.backend.records.answers)
        self.ask(words, hold=True)
        self.backend.wait_for(lambda it: len(it.answers) > before, 40.0)
        backend, heard = self.hear_out()
        up, down = find(words, backend.utterances[-1].pcm), follow(answer, heard.mono())
        assert up.likeness > LIKE_WHAT_WAS_SAID, up
        assert down.likeness > LIKE_THE_ANSWER, down

    def status(self) -> dict[str, Any]:
        """What `hero365-edge status --json` says."""
        told: dict[str, Any] = json.loads(self.machine.run("hero365-edge status --json").out)
        return told

    def until(self, true: Callable[[], bool], what: str, limit_s: float = 30.0) -> float:
        """Wait for it; how long it took. Raises TimeoutError with the service's last words."""
        began_at = now()
        while not true():
            if now() > began_at + limit_s:
                told = "\n".join(self.machine.journal(UNIT).splitlines()[-25:])
                raise TimeoutError(f"not within {limit_s:g} s: {what}; it says {self.told()!r}\n{told}")
            sleep(LOOK_EVERY_S)
        return now() - began_at


def _sleep_until(moment: float) -> None:
    sleep(max(0.0, moment - now()))


@contextmanager
def beside_a_backend(machine: Machine, **options: Any) -> Iterator[Appliance]:
    """The appliance, its service not started; `options` are the simulated backend's."""
    with FarBackend(machine, options) as backend:
        try:
            yield Appliance(machine, backend)
        except BaseException as failed:
            with suppress(GuestError):  # its power may be off
                failed.add_note(machine.journal(UNIT))
            raise


@contextmanager
def at_work(machine: Machine, **options: Any) -> Iterator[Appliance]:
    """The appliance with a stick and a session, ready; `options` are the simulated backend's."""
    machine.plug_usb()
    with beside_a_backend(machine, **options) as appliance:
        appliance.start()
        appliance.ready()
        machine.heard()  # what it was given so far is nobody's answer
        yield appliance
