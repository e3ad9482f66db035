"""What the three commands share: names near enough, the version, and any text on any terminal."""

import io
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import tyro

from webshop_server import command_line
from webshop_server.command_line import PLAIN_CHARACTERS, prepare_streams, read_command_line

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {"hiper": "hiper_agents", "leaderboard": "leaderboard", "webshop-server": "webshop_server"}


def greet(whom: tyro.conf.Positional[str], loudly: bool = False, num_times: int = 1) -> None:
    """Say hello."""


COMMANDS = {"greet": greet, "leave": lambda: None}


def fault(*arguments: str) -> str | None:
    errors = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", errors)
        try:
            read_command_line("door", COMMANDS, arguments)
        except SystemExit as left:
            assert left.code == 2
            assert errors.getvalue().startswith("door: ") and errors.getvalue().count("\n") == 1
            return errors.getvalue().strip()
    return None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say what to do: greet, leave; door --help tells more"),
        (["great"], "unknown command 'great'; allowed: greet, leave; did you mean 'greet'?"),
        (["--verson"], "unknown option of door by itself '--verson'; allowed: --help, --version; did you mean"),
        (["greet", "me", "--loudy"], "did you mean '--loudly'?"),
        (
            ["greet", "me", "--num-tims=3"],
            "unknown option of door greet '--num-tims'; allowed: --help, --loudly, --no-l",
        ),
        (["greet", "--whom", "me"], "unknown option of door greet '--whom'"),
        (["leave", "--now"], "unknown option of door leave '--now'; allowed: --help"),
    ],
)
def test_mistyped_names_get_the_nearest(arguments: list[str], sentence: str) -> None:
    assert sentence in str(fault(*arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["greet", "--help"],
        ["greet", "me", "--no-loudly", "--num-times", "-3"],
        ["greet", "me", "--num_times=3"],
        ["greet", "--", "--anything"],
        ["--tyro-print-completion", "bash"],
    ],
)
def test_what_there_is_passes(arguments: list[str]) -> None:
    assert fault(*arguments) is None


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as left:
        read_command_line("door", COMMANDS, ["--version"])
    assert left.value.code == 0 and capsys.readouterr().out == f"door {metadata.version('hiper-suite')}\n"
    monkeypatch.setattr(command_line, "DISTRIBUTION", "surely-not-installed")
    with pytest.raises(SystemExit):
        read_command_line("door", COMMANDS, ["--version"])
    assert capsys.readouterr().out == "door of unknown version: surely-not-installed is not installed\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_text_can_be_written(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    prepare_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.write("▌ “café” … 你 \ud800")
        stream.flush()
        written = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
        assert len(written) == len("▌ “café” … 你 \ud800")
        assert (
            written
            == {
                "ascii": '| "caf?" . ? ?',
                "latin-1": '| "café" . ? ?',
                "utf-8": "▌ “café” … 你 ?",
            }[encoding]
        )


def test_plain_characters_are_plain_and_as_wide() -> None:
    assert all(plain.isascii() and len(plain) == len(fancy) == 1 for fancy, plain in PLAIN_CHARACTERS.items())


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_answers(program: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", PROGRAMS[program], *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    version = run("--version")
    assert (version.returncode, version.stdout) == (0, f"{program} {metadata.version('hiper-suite')}\n")
    mistyped = run("hepl")
    assert mistyped.returncode == 2 and mistyped.stdout == ""
    assert mistyped.stderr.startswith(f"{program}: unknown command 'hepl'; allowed: ")
    assert run("--help").returncode == 0
