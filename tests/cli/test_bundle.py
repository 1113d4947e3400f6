"""`hero365-edge bundle`: what is in it and, with a canary in every place a token can be, what is not."""

import base64
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from hero365_edge.cli import main
from hero365_edge.dialogue import transcripts
from tests.cli.test_asking_the_daemon import STATUS, Daemon

ROOT = Path(__file__).parents[2]
TOKEN = "canary+of/the+bundle=="  # noqa: S105  nobody's
CLAIMS = base64.urlsafe_b64encode(b'{"canary": 1}').decode().rstrip("=")
REPLACED = f"eyJhbGciOiJub25lIn0.{CLAIMS}.Y2FuYXJ5"
JOURNAL = f"""\
2026-11-22T20:00:00+0000 van hero365-edge[7]: hero365_edge.connection: GET /ws?user_id=u&token={quote(TOKEN, safe="")}
2026-11-22T20:00:01+0000 van hero365-edge[7]: plain {TOKEN} and {TOKEN!r} and "Authorization: Bearer {TOKEN}"
2026-11-22T20:00:02+0000 van hero365-edge[7]: the one before it: {REPLACED}
2026-11-22T20:00:03+0000 van hero365-edge[7]: cut off at the end {TOKEN[:12]}
2026-11-22T20:00:04+0000 van hero365-edge[7]: {transcripts.name}: the agent says: Mrs Miller, 12 Mill Lane
"""


@pytest.fixture
def van(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, a token and programs that stand in for systemd's, each of which tells the token."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "journal").write_text(JOURNAL)
    (tmp_path / "config.yaml").write_text(
        f"backend: {{url: 'ws://127.0.0.1:9/ws', token_file: {tmp_path}/token}}\n"
        "audio: {input: {device: nobody}, output: {device: nobody}}\npanel: {profile: none}\n"
        f"control: {{socket: {tmp_path}/control.sock}}\nlog: {{transcripts: true}}\n"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (
        ("journalctl", f"cat {tmp_path}/journal"),
        ("systemctl", f"echo 'Environment=SOMETHING=canary-of-a-unit {TOKEN}'"),
        ("ip", f"echo '{TOKEN}' >&2; exit 3"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("MY_SECRET", "canary-in-a-variable")
    return tmp_path


def bundle(van: Path, *options: str) -> Mapping[str, str]:
    """The files of a new bundle by their names."""
    path = van / "out.tar.gz"
    assert main(["bundle", "--config", str(van / "config.yaml"), "--out", str(path), *options]) == 0
    with tarfile.open(path) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive.getmembers()}
        return {Path(name).name: file.read().decode() for name, file in files.items() if file is not None}


def test_no_secret_is_in_it_in_any_form(van: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = bundle(van)
    everything = "\n".join(files.values()) + "".join(capsys.readouterr())
    for form in (TOKEN, quote(TOKEN), quote(TOKEN, safe=""), TOKEN[:9], REPLACED, CLAIMS, "canary"):
        assert form not in everything
    assert "GET /ws?user_id=u&token=***" in files["journal.txt"]
    assert "the one before it: ***" in files["journal.txt"]
    assert "Environment=SOMETHING=***" in files["unit-file.txt"]


def test_files_of_the_device_are_named_and_never_packed(van: Path) -> None:
    """A kept utterance, a token under another name: their names and sizes tell enough."""
    (van / "state").mkdir()
    (van / "state/utterance.wav").write_text("canary of a sound")
    files = bundle(van)
    assert "17" in next(line for line in files["folders.txt"].splitlines() if line.endswith(" utterance.wav"))
    assert "canary" not in "\n".join(files.values())


def test_what_was_said_is_left_out_unless_it_is_asked_for(van: Path) -> None:
    assert "Miller" not in "\n".join(bundle(van).values())
    (van / "out.tar.gz").unlink()
    assert "the agent says: Mrs Miller" in bundle(van, "--transcripts")["journal.txt"]


def test_the_running_programs_answer_is_in_it_without_the_text_of_the_answer_and_the_place(van: Path) -> None:
    daemon = Daemon(van)
    daemon.status = {**STATUS, "context": {"location": {"latitude": 52.5}, "current_task": "Mrs Miller's boiler"}}
    (van / "config.yaml").write_text(f"control: {{socket: {van}/control.sock}}\npanel: {{profile: none}}\n")
    try:
        status = json.loads(bundle(van)["status.json"])
        (van / "out.tar.gz").unlink()
        with_text = json.loads(bundle(van, "--transcripts")["status.json"])
    finally:
        daemon.close()
    private = {"last_text", "context"}
    assert status == {name: value for name, value in STATUS.items() if name not in private}
    assert with_text == daemon.status


def test_it_explains_the_van_and_what_could_not_be_collected(van: Path) -> None:
    files = bundle(van)
    settings = json.loads(files["settings.json"])
    assert settings["settings"]["audio"]["input"]["device"] == "nobody"
    assert settings["origin"]["audio.input.device"] == str(van / "config.yaml")
    assert settings["token_from"] == str(van / "token")
    assert {each["name"] for each in json.loads(files["check.json"])} >= {"configuration", "microphone", "backend"}
    assert "hero365-edge " in files["versions.txt"]
    assert "numpy " in files["versions.txt"]
    assert "MemTotal" in files["computer.txt"]
    assert files["status.json"].startswith("not collected: hero365-edge is not running")
    assert files["network.txt"] == "not collected: ip says: ***\n"
    for name in files.keys() - {"MANIFEST.txt"}:
        assert f"\n{name} " in files["MANIFEST.txt"]


def test_settings_that_are_wrong_do_not_keep_the_rest_from_being_packed(van: Path) -> None:
    (van / "config.yaml").write_text(f"backend: {{tokn: '{TOKEN}', token_file: {van}/token}}\n")
    files = bundle(van)
    assert files["settings.json"].startswith("not collected: ")
    assert "backend.tokn is not a setting" in files["settings.json"]
    assert "canary" not in "\n".join(files.values())
    assert "GET /ws" in files["journal.txt"]


def test_a_command_that_fetches_tokens_is_named_without_its_arguments(van: Path) -> None:
    (van / "config.yaml").write_text("backend: {token_command: [/usr/bin/fetch, --key, canary-in-a-command]}\n")
    files = bundle(van)
    assert json.loads(files["settings.json"])["settings"]["backend"]["token_command"] == [
        "/usr/bin/fetch",
        "***",
        "***",
    ]
    assert "canary" not in "\n".join(files.values())


def test_it_goes_into_a_folder_under_a_name_that_tells_device_and_time(
    van: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (van / "out").mkdir()
    assert main(["bundle", "--config", str(van / "config.yaml"), "--out", str(van / "out")]) == 0
    (path,) = (van / "out").iterdir()
    assert path.name.startswith("hero365-edge-")
    assert path.name.endswith(".tar.gz")
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{path}: ")


def test_listing_tells_what_would_be_in_it_and_writes_nothing(van: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bundle", "--list", "--out", str(van / "out.tar.gz")]) == 0
    assert "settings.json " in capsys.readouterr().out
    assert not (van / "out.tar.gz").exists()


@pytest.mark.network
def test_it_is_sent_nowhere(van: Path) -> None:
    """By the kernel's count, in a network whose only way out leads nowhere; `check` dials the backend, on loopback."""
    (van / "config.yaml").write_text("backend: {url: 'ws://127.0.0.1:9/ws'}\npanel: {profile: none}\n")
    bundling = f"{sys.executable} -m hero365_edge bundle --config {van}/config.yaml --out {van}/out.tar.gz"
    telling = "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))"
    script = f"""
    ip() {{ /sbin/ip "$@"; }}
    ip link set lo up; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add out type veth peer name nowhere; ip link set nowhere up
    ip address add 198.51.100.1/24 dev out; ip link set out up; ip route add default dev out
    {bundling} >&2
    cat /sys/class/net/out/statistics/tx_packets
    {sys.executable} -c "{telling}"
    cat /sys/class/net/out/statistics/tx_packets
    """
    command = ["unshare", "--net", "--mount", "sh", "-euc", f"mount -t sysfs sysfs /sys; {script}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)  # noqa: S603  the text above
    if "unshare failed" in ended.stderr:
        pytest.skip("no namespaces here")
    assert ended.returncode == 0, ended.stderr
    assert (van / "out.tar.gz").exists()
    meanwhile, after_one_more = map(int, ended.stdout.split())
    assert meanwhile == 0
    assert after_one_more > 0, "what is meant to leave would have been counted"
