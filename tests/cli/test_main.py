"""The frame of the command line: choosing a command, exit codes, and what is printed when it goes wrong."""

import subprocess
import sys
from types import ModuleType

import pytest

import hero365_edge
from hero365_edge import cli
from hero365_edge.cli import COMMANDS, main
from hero365_edge.errors import ConfigError, DeviceError, EdgeError, LinkError, LinkRefused, WireError
from hero365_edge.fleet.secrets import keep_secret


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own interpreter, our own text
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A command `fail` that raises what its module's `error` is."""
    module = ModuleType("a_failing_command")

    def run(_: object) -> int:
        raise module.error

    module.configure = lambda parser: None  # type: ignore[attr-defined]  # a module made by hand
    module.run = run  # type: ignore[attr-defined]  # a module made by hand
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "fail", (module.__name__, "fail"))
    return module


def test_help_lists_every_command_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {summary}" in printed for name, (_, summary) in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: hero365-edge {name} [-h]")


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"hero365-edge {hero365_edge.__version__}\n"


@pytest.mark.parametrize("argv", [[], ["fly"], ["--fly"], ["status", "--fly"], ["say"], ["press", "--hold", "long"]])
def test_wrong_usage_exits_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: hero365-edge" in capsys.readouterr().err


def test_only_the_chosen_command_is_imported() -> None:
    ended = python(
        "import sys; from hero365_edge.cli import main\n"
        "try: main(['say', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('hero365_edge.cli.')])\n"
        "print([name for name in ('numpy', 'asyncio.streams', 'pyaudio', 'websockets') if name in sys.modules])\n"
    )
    loaded = ended.stdout.splitlines()
    assert "hero365_edge.cli.say" in loaded[-2]
    assert "hero365_edge.cli.devices" not in loaded[-2]
    assert "pyaudio" not in loaded[-1]
    assert "websockets" not in loaded[-1]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("the setting is wrong"), 78),
        (LinkError("no answer"), 69),
        (LinkRefused("token refused"), 69),
        (DeviceError("no card"), 1),
        (WireError("not understood"), 1),
        (EdgeError("not running"), 1),
        (ExceptionGroup("unhandled errors in a TaskGroup", [ConfigError("the setting is wrong")]), 78),
    ],
)
def test_an_error_is_one_plain_line_and_its_exit_code(
    error: Exception, code: int, failing: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.error = error  # type: ignore[attr-defined]  # a module made by hand
    assert main(["fail"]) == code
    text = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    assert capsys.readouterr().err == f"hero365-edge: {text}\n"


def test_ctrl_c_exits_130_and_says_nothing(failing: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    failing.error = KeyboardInterrupt()  # type: ignore[attr-defined]  # a module made by hand
    assert main(["fail"]) == 130
    assert capsys.readouterr().err == ""


def test_the_unexpected_is_a_traceback_without_secrets_and_exits_1(
    failing: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_secret("canary-in-a-traceback")
    failing.error = RuntimeError("wss://host/?token=abc and canary-in-a-traceback")  # type: ignore[attr-defined]  # made by hand
    assert main(["fail"]) == 1
    printed = capsys.readouterr().err
    assert "unexpected failure; please report it" in printed
    assert "RuntimeError: wss://host/?token=*** and ***" in printed
    assert "canary" not in printed


def test_an_error_that_quotes_a_secret_is_scrubbed_too(failing: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    failing.error = LinkError("cannot reach wss://host/?token=abc")  # type: ignore[attr-defined]  # a module made by hand
    assert main(["fail"]) == 69
    assert capsys.readouterr().err == "hero365-edge: cannot reach wss://host/?token=***\n"


def test_a_reader_that_has_enough_is_no_error() -> None:
    """As in `hero365-edge config schema | head -1`, with the pipe already closed."""
    ended = python(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'hero365_edge', 'config', 'schema'],"
        " stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "child.stdout.close(); errors = child.stderr.read(); print(child.wait(), errors)\n"
    )
    assert ended.stdout == "1 b''\n"


def test_the_module_runs_as_the_command_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hero365_edge", "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == f"hero365-edge {hero365_edge.__version__}\n"


def test_exit_codes_are_the_products() -> None:
    assert (cli.OK, cli.FAILED, cli.UNREACHABLE, cli.MISCONFIGURED) == (0, 1, 69, 78)
