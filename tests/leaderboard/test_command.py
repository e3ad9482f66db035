"""The command, as people type it: what it says and how it exits."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from leaderboard.__main__ import main
from leaderboard.panels.panel import Panel, load_panel, write_panel
from leaderboard.play.runner import run_panel


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def leaderboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> Done:
        with monkeypatch.context() as context:
            context.setattr(sys, "argv", ["leaderboard", *arguments])
            context.setattr(sys, "path", [*sys.path])
            with pytest.raises(SystemExit) as left:
                main()
        assert isinstance(left.value.code, int)
        return Done(left.value.code, *capsys.readouterr())

    return run


@pytest.mark.slow
def test_a_whole_evaluation(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    frozen = leaderboard("freeze", "toy-v1", "--env-id", "toy_world:Toy-v0", "--max-turns", "8")
    assert frozen.returncode == 0 and load_panel(tmp_path / "toy-v1.json").digest == panel.digest
    for agent in ("Worker", "Crasher"):
        done = leaderboard("run", "--agent", f"toy_world:{agent}", "--panel", "toy-v1.json", "--workers", "2")
        assert done.returncode == 0, done.stderr
    assert "12/12" in done.stderr and "runs/toy-v1/Crasher" in done.stdout
    scored = leaderboard("score", "runs/toy-v1/Worker", "runs/toy-v1/Crasher")
    assert scored.returncode == 0 and "66.7 [42, 92]" in scored.stdout and "Worker - Crasher" in scored.stdout
    assert leaderboard("verify", "runs/toy-v1/Worker").returncode == 0
    shown = leaderboard("show", "runs/toy-v1/Worker", "4")
    assert shown.returncode == 0 and "1. part 0" in shown.stdout
    reported = leaderboard("report", "runs/toy-v1/Worker", "--out", "page.html")
    assert reported.returncode == 0 and (tmp_path / "page.html").stat().st_size > 10_000
    checked = leaderboard("check", "toy_world:Worker", "--worlds", "toy_world:Toy-v0")
    assert checked.returncode == 0 and "fail" not in checked.stdout
    episodes = tmp_path / "runs/toy-v1/Worker/episodes.jsonl"
    episodes.write_text(episodes.read_text().replace("You work. 1 left.", "You win."))
    verified = leaderboard("verify", "runs/toy-v1/Worker")
    assert verified.returncode == 1 and "recorded 'You win.', replayed 'You work. 1 left.'" in verified.stdout
    assert leaderboard("check", "toy_world:Mute", "--worlds", "toy_world:Toy-v0").returncode == 1


def test_folders_that_hold_runs_are_searched(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    for name in ("first", "second"):
        run_panel("toy_world:Worker", panel, tmp_path / "runs/toy-v1" / name, name=name, num_workers=0)
    for folders in (["runs"], ["runs/toy-v1"], ["runs", "runs/toy-v1/first"]):
        scored = leaderboard("score", *folders)
        assert scored.returncode == 0 and "first - second" in scored.stdout, scored.stderr
    (tmp_path / "runs/notes").mkdir()
    reported = leaderboard("report", "runs/toy-v1", "runs/notes")
    assert reported.returncode == 0 and "passed over, for there is no run in it: runs/notes" in reported.stderr
    page = (tmp_path / "report.html").read_text()
    assert "first" in page and "second" in page
    verified = leaderboard("verify", "runs")
    assert verified.returncode == 0
    assert verified.stdout.count("12 episodes, 68 turns replayed: all as recorded") == 2
    assert "runs/toy-v1/first: 12" in verified.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--agent", "toy_world:Wroker", "--panel", "toy.json"], "did you mean 'Worker'?"),
        (["run", "--agent", "toy_world:Worker", "--panel", "tiy.json"], "cannot read the panel file 'tiy.json'"),
        (["run", "--agent", "toy_world:Worker", "--panel", "toy"], "unknown panel 'toy'"),
        (["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--episodes", "0"], "--episodes must be posi"),
        (
            ["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--workers", "-1"],
            "--workers must be 0 or more, got -1",
        ),
        (["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--out", "toy.json/x"], "Not a directory"),
        (["report", "nowhere"], "'nowhere' is not a run"),
        (["score", "nowhere"], "'nowhere' is not a run"),
        (["score", "."], "there is no run in .:"),
        (["verify", "toy.json"], "there is no run in toy.json:"),
        (["score"], "give at least one folder"),
        (["freeze", "mine-v1"], "say with --env-id"),
        (["freeze", "mine-v1", "--env-id", "toy_world:Toy-v0", "--options", "{"], "--options must be a JSON object"),
    ],
)
def test_bad_input_gets_one_sentence(
    leaderboard: Command, panel: Panel, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    write_panel(panel, tmp_path / "toy.json")
    done = leaderboard(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr.replace("\n", " ") and "Traceback" not in done.stderr


def test_check_outlives_an_agent_that_ends_its_process(tmp_path: Path) -> None:
    (tmp_path / "abrupt.py").write_text(
        "import os\nfrom toy_world import Worker\n\n\nclass Abrupt(Worker):\n"
        "    def act(self, observation, info):\n        print('good', 'bye', flush=True)\n        os._exit(3)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "leaderboard", "check", "abrupt.py:Abrupt", "--worlds", "toy_world:Toy-v0"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "can be made without arguments" in done.stdout
    assert "the agent's process ended with exit code 3" in done.stdout and "good bye" in done.stderr


@pytest.mark.parametrize("agent", ["Chooser", "Halver", "Shouter"])
def test_check_passes_what_a_run_plays(tmp_path: Path, agent: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "leaderboard", "check", f"toy_world:{agent}", "--worlds", "toy_world:Toy-v0"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail" not in done.stdout and "not admissible" not in done.stdout


def test_run_says_what_the_agent_broke_off_with(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    done = leaderboard("run", "--agent", "toy_world:Crasher", "--panel", "toy.json", "--workers", "0")
    assert done.returncode == 0
    assert "the first of 10 episodes that broke off: ValueError: no idea\n" in done.stdout
    assert "leaderboard show runs/toy-v1/Crasher 2\n" in done.stdout


def test_progress_ends_with_the_time_it_took(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    done = leaderboard("run", "--agent", "toy_world:Slow", "--panel", "toy.json", "--workers", "0", "--episodes", "2")
    assert "2/2" in done.stderr and "0:00:01" in done.stderr
    refused = leaderboard("run", "--agent", "toy_world:Wroker", "--panel", "toy.json")
    assert refused.stderr.startswith("leaderboard: ") and "0/" not in refused.stderr


@pytest.mark.slow
def test_interrupted_run_says_how_to_go_on(panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "leaderboard", "run", "--agent", "toy_world:Sleeper", "--panel", "toy.json"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    episodes = tmp_path / "runs/toy-v1/Sleeper/episodes.jsonl"
    try:
        while not (episodes.exists() and episodes.read_bytes().count(b"\n") == 2):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130 and "the same command goes on" in errors and "Traceback" not in errors
