"""How a command ends: with one sentence, whatever went wrong, or without a word."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from webshop_server.endings import run_to_end, tell_mistake
from webshop_server.extras import EXTRAS, MissingExtraError, explain_missing, find_extra, naming_extra

ROOT = Path(__file__).resolve().parent.parent.parent


def end(error: BaseException) -> int | str | None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as stop:
        run_to_end("door", fail, code=lambda mistake: 3)
    return stop.value.code


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ValueError("too\nmany\n  lines"), 3, "door: too many lines\n"),
        (TypeError(""), 3, "door: TypeError\n"),
        (FileNotFoundError("no page at x"), 3, "door: no page at x\n"),
        (PermissionError(13, "Permission denied", "x/y"), 3, "door: x/y: Permission denied\n"),
        (OSError(28, "No space left on device"), 3, "door: No space left on device\n"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 3, None),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (BrokenPipeError(), 1, ""),
        (SystemExit(7), 7, ""),
    ],
)
def test_endings(error: BaseException, code: int, told: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert end(error) == code
    shown = capsys.readouterr()
    assert shown.out == "" and (told is None or shown.err == told)
    if told is None:
        assert "run pip install 'hiper-suite[agents]'" in shown.err


def test_faults_of_the_suite_are_raised() -> None:
    def fail() -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        run_to_end("door", fail)


LEAVING = """
import os
from webshop_server.endings import run_to_end

def command():
    child = os.fork()
    if not child:
        os._exit({status})
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == {status}
    print("so far")
    os._exit({status})

run_to_end("door", command)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("status", "code"), [(0, 1), (5, 5)])
def test_nothing_leaves_without_a_word(status: int, code: int) -> None:
    """Whatever a command runs of others may call os._exit; a forked child ends so by right."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING.format(status=status)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == code
    assert done.stderr == f"door: something that was run here ended the program at once, by os._exit({status})\n"


def test_the_way_out_is_as_it_was() -> None:
    before = os._exit
    run_to_end("door", lambda: None)
    assert os._exit is before


def test_a_program_without_a_console_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    run_to_end("door", lambda: None)


PRINT = """
import sys
from webshop_server.endings import run_to_end
run_to_end("door", lambda: sys.stdout.write("x" * int(sys.argv[1])))
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("length", ["1", "100000"])
def test_output_that_cannot_be_written_is_told_once(length: str) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-c", PRINT, length]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "door: No space left on device\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["serve", "--help"]])
def test_a_closed_pipe_ends_a_command_without_a_word(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "webshop_server", *arguments]
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, cwd=ROOT)
    assert done.stderr == b"" and done.returncode in (0, 1)


def test_odd_file_names_are_told() -> None:
    assert tell_mistake(OSError(2, "No such file", b"caf\xe9")) == os.fsdecode(b"caf\xe9") + ": No such file"
    assert tell_mistake(OSError(2, "No such file", 3)) == "No such file"


def test_extras_are_those_of_the_package() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra, modules in EXTRAS.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{extra} = [")]
        brought = line.replace("-", "_")
        assert all(module in brought for module in modules if module not in ("fast_downward", "en_core_web_sm"))
    assert find_extra("torch.nn.functional") == "agents" and find_extra("torchvision") is None


def test_missing_modules_are_explained() -> None:
    for error in (ImportError("blocked", name="torch.nn"), ImportError("cannot load textworld here")):
        assert "pip install 'hiper-suite[" in explain_missing(error)
    assert explain_missing(ImportError("no numpy")) == "no numpy"
    with pytest.raises(MissingExtraError, match=r"hiper-suite\[browser\]") as caught, naming_extra():
        raise ModuleNotFoundError("No module named 'selenium'", name="selenium")
    assert caught.value.name == "selenium"
    with pytest.raises(ModuleNotFoundError, match="No module named 'mine'"), naming_extra():
        raise ModuleNotFoundError("No module named 'mine'", name="mine")
    with pytest.raises(MissingExtraError, match=r"^as it was$"), naming_extra():
        raise MissingExtraError("as it was")


def test_streams_of_any_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    run_to_end("door", lambda: None)
