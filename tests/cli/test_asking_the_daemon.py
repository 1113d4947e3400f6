"""`status`, `say` and `press`, over a real control socket with handlers that stand in for the daemon."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hero365_edge.cli import main
from hero365_edge.cli.status import in_words
from hero365_edge.core.lamp import STATES, Light
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.control import ControlServer

STATUS: dict[str, Any] = {
    "state": "ready",
    "link": {"state": "active", "profile": "v1", "realtime": True, "rtt_ms": None, "reconnects": 2},
    "session_id": "5b1c",
    "devices": {"microphone": "default", "panel": "works"},
    "volume": {"percent": 80, "muted": False},
    "waiting_utterances": 2,
    "last_text": "Tomorrow at two.",
    "last_turn": {
        "press": -1900,
        "speech_end": 0,
        "endpoint": 240,
        "accepted": 262,
        "first_byte": None,
        "first_sample": 431,
    },
}


DONE = ("status", "say", "press", "volume", "mute", "unmute", "context", "session_end", "phrases", "phrases_warm")


class Daemon:
    """Answers on a socket from a thread of its own, as another process would, and notes what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "control.sock"
        self.config = folder / "config.yaml"
        self.config.write_text(f"control: {{socket: {self.socket}}}\n")
        self.asked: list[Mapping[str, object]] = []
        self.refusal = ""
        self.status = STATUS
        self.given_up = 0
        self.volume = {"percent": 30, "muted": False}
        self.phrases: dict[str, object] = {
            "phrases": 3,
            "bytes": 786_432,
            "hits": 5,
            "misses": 2,
            "trouble": "",
            "usual": {"Done.": "agent", "One moment.": "local", "Which address?": None},
        }
        self._loop = asyncio.new_event_loop()
        self._server = ControlServer(self.socket, dict.fromkeys(DONE, self._answer))
        self._loop.run_until_complete(self._server.start())
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    async def _answer(self, message: Mapping[str, object]) -> Mapping[str, object]:
        self.asked.append(message)
        if self.refusal:
            raise EdgeError(self.refusal)
        loudness = dict.fromkeys(("volume", "mute", "unmute"), self.volume)
        context = {"location": {"latitude": 52.5, "longitude": 13.4}, "activity_mode": "working"}
        answers = {"context": context, "status": self.status, "session_end": {"given_up": self.given_up}, **loudness}
        answers |= {"phrases": self.phrases, "phrases_warm": {"said": 1, **self.phrases}}
        return answers.get(str(message["do"]), {})

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path)
    yield running
    running.close()


def test_status_is_readable_at_the_roadside(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", str(daemon.config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "state      ready: ready; press the button and speak",
        "link       active, profile v1, realtime yes, reconnects 2",
        "session    5b1c",
        "microphone default",
        "panel      works",
        "volume     80 %",
        "waiting    2 to be sent when the connection is back",
        "last turn  heard 431 ms after the last word (good)",
        "           in ms since speech_end: press -1900, speech_end 0, endpoint 240, accepted 262, first_sample 431",
        "answer     Tomorrow at two.",
    ]


def test_status_as_json_is_the_daemons_answer(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", "--config", str(daemon.config)]) == 0
    assert json.loads(capsys.readouterr().out) == STATUS


def test_watching_prints_again_when_something_changed_until_ctrl_c(daemon: Daemon) -> None:
    command = [sys.executable, "-m", "hero365_edge", "status", "--watch", "--json", "--config", str(daemon.config)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as watching:  # noqa: S603  our own interpreter
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["state"] == "ready"
        daemon.status = {**STATUS, "state": "listening"}
        assert json.loads(watching.stdout.readline())["state"] == "listening"
        watching.send_signal(signal.SIGINT)
        assert watching.communicate(timeout=10) == ("", "")
    assert watching.returncode == 130


def test_watching_tells_the_time_of_each_change(daemon: Daemon) -> None:
    command = [sys.executable, "-m", "hero365_edge", "status", "--watch", "--config", str(daemon.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:  # noqa: S603  our own interpreter
        assert watching.stdout is not None
        assert re.fullmatch(r"-- \d\d:\d\d:\d\d --\n", watching.stdout.readline())
        assert watching.stdout.readline().startswith("state      ready")
        watching.send_signal(signal.SIGINT)


def test_watching_goes_on_while_the_daemon_restarts(tmp_path: Path) -> None:
    first = Daemon(tmp_path)
    command = [sys.executable, "-m", "hero365_edge", "status", "--watch", "--json", "--config", str(first.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:  # noqa: S603  our own interpreter
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["state"] == "ready"
        first.close()
        told = json.loads(watching.stdout.readline())
        assert told["state"] is None
        assert "is not running" in told["why"]["hero365-edge"]
        second = Daemon(tmp_path)
        assert json.loads(watching.stdout.readline())["state"] == "ready"
        watching.send_signal(signal.SIGINT)
    second.close()


def test_what_is_wrong_is_told_with_its_reason_and_the_next_step() -> None:
    why = {"microphone": "it has given nothing for 1 s", "moon": "it is down"}
    told = list(in_words({"state": "fault", "why": why}))
    assert told[1:4] == [
        "why        microphone: it has given nothing for 1 s",
        "           -> plug it in; `hero365-edge devices` lists what there is, `hero365-edge check` who holds it",
        "why        moon: it is down",
    ]


def test_the_next_step_for_a_refused_token_is_told_for_each_source_that_it_may_have() -> None:
    step = list(in_words({"state": "fault", "why": {"token": "the token is refused"}}))[2]
    assert "its file" in step
    assert "credential needs `systemctl restart hero365-edge`" in step
    assert "command is run again by itself" in step


@pytest.mark.parametrize(("part", "name"), [("lamp", "lamp"), ("second_button", "second button")])
def test_a_part_of_the_panel_that_does_nothing_is_told_while_the_rest_works(part: str, name: str) -> None:
    told = list(in_words({"state": "ready", "why": {part: "GPIO5 is taken"}}))
    assert told[1] == f"why        {name}: GPIO5 is taken"
    assert told[2].startswith("           -> look at its wires")
    assert "the rest works" in told[2]


@pytest.mark.parametrize(("percent", "options"), [(None, []), (0, ["0"]), (100, ["100"])])
def test_the_volume_is_asked_for_or_set_and_printed(
    percent: int | None, options: list[str], daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["volume", "--config", str(daemon.config), *options]) == 0
    assert daemon.asked == [{"do": "volume"} if percent is None else {"do": "volume", "percent": percent}]
    assert capsys.readouterr().out == "30 %\n"
    assert main(["volume", "--json", "--config", str(daemon.config)]) == 0
    assert json.loads(capsys.readouterr().out) == {"percent": 30, "muted": False}


@pytest.mark.parametrize("percent", ["-1", "101", "0.5", "loud", "²", "1000000000000"])
def test_a_volume_that_is_no_percentage_is_wrong_usage(percent: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["volume", "--", percent])
    assert ended.value.code == 2
    assert f"{percent} is not a whole number of percent from 0 to 100" in capsys.readouterr().err


def test_muting_tells_how_to_end_it(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.volume = {"percent": 30, "muted": True}
    assert main(["mute", "--config", str(daemon.config)]) == 0
    assert capsys.readouterr().out == "30 %; muted, `hero365-edge unmute` ends that\n"
    assert main(["unmute", "--config", str(daemon.config)]) == 0
    assert [asked["do"] for asked in daemon.asked] == ["mute", "unmute"]


@pytest.mark.parametrize(
    ("given_up", "told"),
    [(0, "the session is ended\n"), (2, "the session is ended; 2 kept utterance(s) given up\n")],
)
def test_ending_the_session_tells_what_went_with_it(
    given_up: int, told: str, daemon: Daemon, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.given_up = given_up
    assert main(["session", "end", "--config", str(daemon.config)]) == 0
    assert daemon.asked == [{"do": "session_end"}]
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("light", STATES)
def test_every_state_has_words(light: Light) -> None:
    assert "not a state" not in next(in_words({"state": light.value}))


def test_what_the_daemon_does_not_say_is_unknown_and_never_good() -> None:
    assert list(in_words({})) == [
        "state      unknown: not a state this version knows",
        "link       unknown",
        "session    none",
        "last turn  none yet",
    ]


@pytest.mark.parametrize(
    ("turn", "verdict"),
    [
        ({"speech_end": 0, "first_sample": 599}, "heard 599 ms after the last word (good)"),
        ({"speech_end": 0, "first_sample": 600}, "heard 600 ms after the last word (over 600 ms)"),
        ({"speech_end": 0, "first_sample": None, "outcome": "failed"}, "no answer was heard (failed)"),
        (dict.fromkeys(("speech_end", "first_sample")), "no answer was heard (unknown why)"),
    ],
)
def test_the_last_turn_is_judged_by_the_seeds_target(turn: dict[str, int | None], verdict: str) -> None:
    assert verdict in "\n".join(in_words({"last_turn": turn}))


def test_say_hands_the_text_over(daemon: Daemon) -> None:
    assert main(["say", "--config", str(daemon.config), "what is next?"]) == 0
    assert daemon.asked == [{"do": "say", "text": "what is next?"}]


@pytest.mark.parametrize(("options", "length"), [([], {}), (["--hold", "2.5"], {"hold_s": 2.5})])
def test_press_is_a_tap_unless_it_is_held(options: list[str], length: dict[str, float], daemon: Daemon) -> None:
    assert main(["press", *options, "--config", str(daemon.config)]) == 0
    assert daemon.asked == [{"do": "press", **length}]


@pytest.mark.parametrize("hold", ["-1", "61", "nan", "long"])
def test_a_hold_that_no_finger_makes_is_wrong_usage(hold: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["press", f"--hold={hold}"])
    assert ended.value.code == 2
    assert f"{hold} is not a number of seconds from 0 to 60" in capsys.readouterr().err


def test_a_refusal_of_the_daemon_exits_1_with_its_reason(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.refusal = "busy with another answer"
    assert main(["say", "--config", str(daemon.config), "hello"]) == 1
    assert capsys.readouterr().err == "hero365-edge: busy with another answer\n"


@pytest.mark.parametrize(
    "command",
    [["status"], ["say", "hello"], ["press"], ["volume", "7"], ["mute"], ["unmute"], ["session", "end"], ["phrases"]],
)
def test_without_a_daemon_each_exits_1_and_says_how_to_start_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"control: {{socket: {tmp_path}/control.sock}}\n")
    assert main([*command, "--config", str(config)]) == 1
    assert f"not running (no answer at {tmp_path}/control.sock)" in capsys.readouterr().err


def test_the_context_is_told_and_printed(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["context", "--config", str(daemon.config), "--mode", "working", "--task", ""]) == 0
    assert daemon.asked == [{"do": "context", "activity_mode": "working", "current_task": ""}]
    assert capsys.readouterr().out == 'location: {"latitude": 52.5, "longitude": 13.4}\nactivity_mode: working\n'


def test_the_context_alone_is_only_asked_for(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["context", "--config", str(daemon.config), "--json"]) == 0
    assert daemon.asked == [{"do": "context"}]
    assert json.loads(capsys.readouterr().out)["activity_mode"] == "working"


PHRASES = [
    "3 phrases in 0.8 MiB; of those asked for 5 were known and 2 were not",
    "as the agent said it Done.",
    "by the local voice   One moment.",
    "not known            Which address?",
    "-> `hero365-edge phrases warm` has the local voice say what is not known",
]


def test_phrases_are_listed_with_who_says_them(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phrases", "--config", str(daemon.config)]) == 0
    assert capsys.readouterr().out.splitlines() == PHRASES
    assert daemon.asked == [{"do": "phrases"}]


def test_warming_is_asked_for_and_prints_how_it_is_then(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.phrases["usual"] = {"Done.": "agent"}
    assert main(["phrases", "warm", "--config", str(daemon.config)]) == 0
    assert capsys.readouterr().out.splitlines() == PHRASES[:2]
    assert daemon.asked == [{"do": "phrases_warm"}]


def test_phrases_as_json_are_the_daemons_answer(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phrases", "warm", "--json", "--config", str(daemon.config)]) == 0
    assert json.loads(capsys.readouterr().out) == {"said": 1, **daemon.phrases}


def test_without_a_cache_the_trouble_is_told(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.phrases = {"trouble": "no phrase is kept", "usual": {"Done.": None}}
    assert main(["phrases", "--config", str(daemon.config)]) == 0
    told = ["trouble: no phrase is kept", "not known            Done.", PHRASES[-1]]
    assert capsys.readouterr().out.splitlines() == told


def test_phrases_can_be_warmed_and_nothing_else(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["phrases", "cool", "--config", str(daemon.config)])
    assert ended.value.code == 2
    assert "warm" in capsys.readouterr().err
