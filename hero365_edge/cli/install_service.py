"""`hero365-edge install-service`: make the program of this virtual environment a service; or take it away again."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from hero365_edge.errors import EdgeError
from hero365_edge.fleet.durable import write_durably
from hero365_edge.fleet.identity import STATE, USER

UNIT = "hero365-edge.service"
UNITS = ("hero365-edge-provision.service", UNIT)
PACKAGED = "/usr/bin/hero365-edge"
"""Where the Debian package has the program, and so what the units start as they are written."""
PLACES = {
    "hero365-edge.sysusers": "/etc/sysusers.d/hero365-edge.conf",
    "hero365-edge.udev": "/etc/udev/rules.d/60-hero365-edge.rules",
    **{unit: f"/etc/systemd/system/{unit}" for unit in UNITS},
}
"""Each file of `systemd/` and where this command puts it."""
FOLDERS = ("/etc/hero365-edge", "/etc/hero365-edge/config.d")
LINK = "/usr/local/bin/hero365-edge"
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  where nothing may be, not where we write
_ALLOWED = re.compile(r"[A-Za-z0-9/._+-]+")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--remove", action="store_true", help="stop the service and take away what this command wrote")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--no-start", action="store_true", help="let it start at the next boot, not now")
    parser.add_argument(
        "--root", metavar="DIR", type=Path, default=Path("/"), help="write into this file system, such as an image's"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it, a line for each thing done. What is as it should be already is left alone."""
    hand = Hand(arguments.root, dry=arguments.dry_run)
    if not arguments.dry_run and os.geteuid() != 0:
        raise EdgeError(f"only root may write to /etc; use: sudo {sys.prefix}/bin/hero365-edge install-service")
    if arguments.root != Path("/") and not arguments.root.is_dir():
        raise EdgeError(f"--root {arguments.root}: is no folder; it must be the top of a file system with /etc")
    if arguments.remove:
        remove(hand)
    else:
        install(hand, program(Path(sys.prefix), Path(sys.base_prefix)), start=not arguments.no_start)
    return 0


class Hand:
    """Does one thing after the other below `root` and says each; only says them when `dry`."""

    def __init__(self, root: Path, *, dry: bool) -> None:
        self.root = root
        self.runs = root == Path("/") and Path("/run/systemd/system").is_dir()
        """Whether the systemd that is meant is running here and now."""
        self._dry = dry

    def at(self, place: str) -> Path:
        """`place`, an absolute path, below the root."""
        return self.root / place.lstrip("/")

    def say(self, done: str, what: object) -> None:
        """A line for a person."""
        print(f"{'would have ' if self._dry else ''}{done:9} {what}")

    def write(self, place: str, text: str) -> None:
        """A file that all may read."""
        path = self.at(place)
        if path.is_file() and not path.is_symlink() and path.read_text(encoding="utf-8") == text:
            self.say("kept", path)
            return
        if not self._dry:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            write_durably(path, text.encode(), mode=0o644)
        self.say("written", path)

    def folder(self, place: str) -> None:
        """A folder that all may enter."""
        path = self.at(place)
        if path.is_dir():
            self.say("kept", path)
            return
        if not self._dry:
            path.mkdir(mode=0o755, parents=True)
            path.chmod(0o755)
        self.say("made", path)

    def link(self, place: str, target: Path) -> None:
        """A link to the program, unless something else has its name."""
        path = self.at(place)
        if path.is_symlink() and path.readlink() == target:
            self.say("kept", f"{path} -> {target}")
        elif path.exists() and not path.is_symlink():
            self.say("left", f"{path}: it is something else")
        else:
            if not self._dry:
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.symlink_to(target)
            self.say("linked", f"{path} -> {target}")

    def remove(self, place: str) -> None:
        """A file of ours or the link, if it is there."""
        path = self.at(place)
        if path.is_symlink() if place == LINK else path.is_file():
            if not self._dry:
                path.unlink()
            self.say("removed", path)

    def run(self, *command: str) -> None:
        """A program of systemd. Raises EdgeError with what it said when it fails."""
        if not self._dry:
            if shutil.which(command[0]) is None:
                raise EdgeError(f"{command[0]} is not there; this computer has no systemd")
            done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  fixed words and our own paths
            if done.returncode:
                raise EdgeError(f"`{' '.join(command)}` failed: {done.stderr.strip() or f'exit {done.returncode}'}")
        self.say("run", " ".join(command))


def program(environment: Path, interpreter: Path) -> Path:
    """The program of this virtual environment. Raises EdgeError where a service could not start it."""
    if environment == interpreter:
        raise EdgeError(
            f"this hero365-edge is part of {environment}, not of a virtual environment: "
            "the Debian package brings its own unit, and others need: python3 -m venv /opt/hero365-edge"
        )
    found = environment / "bin" / "hero365-edge"
    if not found.is_file():
        raise EdgeError(f"{found} is not there; install it by: {environment}/bin/pip install 'hero365-edge[pi]'")
    if not _ALLOWED.fullmatch(str(found)):
        raise EdgeError(f"{found}: a unit may start only what is named with letters, digits and / . _ + -")
    for path, what in ((environment, "the virtual environment"), (interpreter, "the Python it was made with")):
        for hidden in _HIDDEN:
            if path.resolve().is_relative_to(hidden):
                raise EdgeError(
                    f"{path}: {what} is below {hidden}, which the service does not see (ProtectHome=, PrivateTmp=); "
                    "use the system's Python and another place: /usr/bin/python3 -m venv /opt/hero365-edge"
                )
        for folder in (path, *path.resolve().parents):
            if not folder.stat().st_mode & 0o001:
                raise EdgeError(f"{folder}: the user {USER} may not enter it; allow it by: chmod o+rx {folder}")
    if not found.stat().st_mode & 0o004:
        raise EdgeError(f"{found}: the user {USER} may not read it; allow it by: chmod -R o+rX {environment}")
    return found


def texts(program: Path) -> Mapping[str, str]:
    """What to write where: the files of `systemd/`, the units starting this program."""
    found = {}
    for name, place in PLACES.items():
        text = resources.files("hero365_edge").joinpath("systemd", name).read_text(encoding="utf-8")
        found[place] = text.replace(f"={PACKAGED} ", f"={program} ")
    return found


def install(hand: Hand, program: Path, *, start: bool) -> None:
    """User, groups, device rules, folders, units. Run again after an update of the program: it restarts the service."""
    packaged = hand.at(f"/usr/lib/systemd/system/{UNIT}")
    if packaged.exists():
        raise EdgeError(f"{packaged} is there: the Debian package is installed; apt remove hero365-edge first")
    for place, text in texts(program).items():
        hand.write(place, text)
    hand.run("systemd-sysusers", *_root(hand), Path(PLACES["hero365-edge.sysusers"]).name)
    for folder in FOLDERS:
        hand.folder(folder)
    hand.link(LINK, program)
    if hand.runs:
        if shutil.which("udevadm") is not None:
            hand.run("udevadm", "control", "--reload")
            hand.run("udevadm", "trigger", "--subsystem-match=gpio", "--subsystem-match=spidev", "--settle")
        hand.run("systemctl", "daemon-reload")
    hand.run("systemctl", *_root(hand), "enable", *UNITS)
    if not hand.runs:
        hand.say("left", "the service to the next boot: no systemd runs here")
    elif not start:
        hand.say("left", f"the service to the next boot, or to: systemctl start {UNIT}")
    else:
        hand.run("systemctl", "restart", *UNITS)
        print("See: hero365-edge status, hero365-edge check, journalctl -u hero365-edge")


def remove(hand: Hand) -> None:
    """All that `install` wrote. What the owner wrote, and what the service kept, stays and is named."""
    if units := [unit for unit in UNITS if hand.at(PLACES[unit]).exists()]:
        now = ("--now",) if hand.runs else ()
        hand.run("systemctl", *_root(hand), "disable", *now, *units)
    for place in (*PLACES.values(), LINK):
        hand.remove(place)
    if hand.runs:
        hand.run("systemctl", "daemon-reload")
    kept = f"/etc/hero365-edge {STATE} /var/cache/hero365-edge"
    print(f"Kept: the user {USER}, {kept}. To be rid of them: rm -r {kept}; userdel {USER}")


def _root(hand: Hand) -> tuple[str, ...]:
    return () if hand.root == Path("/") else (f"--root={hand.root}",)
