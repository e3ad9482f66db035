"""The command, as people type it: what it says and how it exits."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from leaderboard.__main__ import main
from leaderboard.panels.panel import Panel, load_panel, seal_panel, write_panel
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
    monkeypatch.delenv("WEBSHOP_DATA", raising=False)
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)

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
    assert scored.returncode == 0 and "66.7 [35, 90]" in scored.stdout and "Worker - Crasher" in scored.stdout
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


def test_clusters_are_frozen_played_and_scored(leaderboard: Command, tmp_path: Path) -> None:
    frozen = leaderboard(
        *("freeze", "toy-v1", "--env-id", "toy_world:Toy-v0", "--max-turns", "8", "--cluster-key", "rest")
    )
    assert frozen.returncode == 0, frozen.stderr
    for agent in ("Worker", "Crasher"):
        leaderboard("run", "--agent", f"toy_world:{agent}", "--panel", "toy-v1.json", "--workers", "0")
    scored = leaderboard("score", "runs")
    assert scored.stdout.count("95 % interval: bootstrap by rest") == 2, scored.stdout
    leaderboard("report", "runs")
    page = (tmp_path / "report.html").read_text()
    assert page.count("95 % interval: bootstrap by rest.") == 2


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
        (["freeze", "../mine-v1", "--env-id", "toy_world:Toy-v0"], "use letters, digits, '.', '_' and '-'"),
        (
            ["rum"],
            "unknown command 'rum'; allowed: run, score, report, show, verify, check, panels, freeze, refreeze; did",
        ),
        (["run", "--pannel", "toy.json"], "unknown option of leaderboard run '--pannel'; allowed: "),
        (["run", "--pannel", "toy.json"], "did you mean '--panel'?"),
        ([], "say what to do: run, score"),
        (
            ["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--name", "../../x"],
            "name cannot be '../../x'",
        ),
        (
            ["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--seed", "-1"],
            "the seed must be from 0 to 922",
        ),
        (["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--turn-seconds", "nan"], "must be positive"),
        (
            ["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--max-start-failures", "0"],
            "must be positive",
        ),
        (["verify", ".", "--imports", "surely_not_there"], "importing 'surely_not_there' failed: ModuleNotFoundError"),
        (["freeze", "m-v1", "--env-id", "toy_world:Toy-v0", "--cluster-key", "rset"], "did you mean 'rest'?"),
        (["freeze", "webshop-real-1k-v1"], "$WEBSHOP_DATA is not set"),
        (["freeze", "alfworld-real-seen-human-v1"], "$ALFWORLD_DATA is not set"),
        (["run", "--agent", "toy_world:Worker", "--panel", "alfworld-real-unseen-v1"], "$ALFWORLD_DATA is not set"),
        (["run", "--agent", "toy_world:Worker", "--panel", "webshop-real-1k-v1"], "$WEBSHOP_DATA is not set"),
        (["freeze", "mine-v1", "--env-id", "toy_world:Toy-v0", "--max-per-group", "0"], "--max-per-group must be po"),
        (["freeze", "mine-v1", "--env-id", "toy_world:Bare-v0", "--max-per-group", "1"], "(group_of)"),
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


def run_toy(panel: Panel, folder: Path, agent: str = "Worker", **options: object) -> None:
    run_panel(f"toy_world:{agent}", panel, folder, num_workers=0, **options)  # type: ignore[arg-type]


def test_endpoint_that_is_down_fails_the_command_until_it_is_retried(
    leaderboard: Command, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_panel(panel, tmp_path / "toy.json")
    monkeypatch.setenv("TOY_DOWN", str(tmp_path / "down"))
    (tmp_path / "down").write_text("0")
    command = ["run", "--agent", "toy_world:Endpoint", "--panel", "toy.json", "--workers", "0"]
    stopped = leaderboard(*command)
    assert stopped.returncode == 1
    assert (
        "leaderboard: stopped, for 3 episodes in a row failed around the agent at their start: Conn" in stopped.stderr
    )
    assert "9 of 12 tasks were not played" in stopped.stderr
    assert "leaderboard: 3 episodes failed around the agent and will not count" in stopped.stderr
    assert "0 of 12" in stopped.stdout and "-" in stopped.stdout
    (tmp_path / "down").write_text("4")
    unfinished = leaderboard(*command)
    assert unfinished.returncode == 1 and "1 of 12" in unfinished.stdout
    assert "11 episodes failed around the agent and will not count" in unfinished.stderr
    shown = leaderboard("show", "runs/toy-v1/Endpoint", "11")
    assert "failed around the agent: ConnectionRefusedError" in shown.stdout
    scored = leaderboard("score", "runs")
    assert scored.returncode == 0 and "Endpoint: 11 of 12 episodes failed around the agent" in scored.stdout
    assert leaderboard("verify", "runs").returncode == 1
    (tmp_path / "down").unlink()
    assert leaderboard(*command).returncode == 1
    assert leaderboard(*command, "--retry-failed").returncode == 0
    assert leaderboard("verify", "runs").returncode == 0


def test_episodes_are_shown_by_position_and_by_task(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    run_toy(panel, tmp_path / "run")
    by_position, by_task = leaderboard("show", "run", "4"), leaderboard("show", "run", panel.tasks[4].task)
    assert by_position == by_task and by_task.returncode == 0 and panel.tasks[4].task in by_task.stdout
    mistyped = leaderboard("show", "run", "pick_two_obj_and_plase-3")
    assert mistyped.returncode == 2 and "did you mean 'pick_two_obj_and_place-3'?" in mistyped.stderr
    for position in ("12", "-1", "99999999999999999999999"):
        assert "there is no episode" in leaderboard("show", "run", "--", position).stderr


def test_run_of_the_first_tasks_says_so(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    run_toy(panel, tmp_path / "run", num_episodes=4)
    verified = leaderboard("verify", "run")
    assert verified.returncode == 0 and "this is no whole run: 4 of 12 tasks were asked for" in verified.stdout


def test_run_whose_failures_were_removed_does_not_verify(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    run_toy(panel, tmp_path / "run")
    lines = (tmp_path / "run/episodes.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "run/episodes.jsonl").write_bytes(b"".join(lines[:8]))
    verified = leaderboard("verify", "run")
    assert verified.returncode == 1 and "4 of 12 tasks have no episode that counts" in verified.stdout


def test_forged_panel_is_refused_by_every_command(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    forged = seal_panel(msgspec.structs.replace(panel, name="alfworld-demo-v1"))
    run_toy(panel, tmp_path / "run")
    header = (tmp_path / "run/run.json").read_text()
    (tmp_path / "run/run.json").write_text(
        header.replace("toy-v1", "alfworld-demo-v1").replace(panel.digest, forged.digest)
    )
    write_panel(forged, tmp_path / "run/panel.json")
    write_panel(forged, tmp_path / "forged.json")
    with pytest.raises(ValueError, match="the panel has the name of the shipped 'alfworld-demo-v1'"):
        run_toy(forged, tmp_path / "other")
    for arguments in (
        ["score", "run"],
        ["report", "run"],
        ["verify", "run"],
        ["show", "run"],
        ["run", "--agent", "toy_world:Worker", "--panel", "forged.json"],
    ):
        done = leaderboard(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert "has the name of the shipped 'alfworld-demo-v1' and is another one" in done.stderr


@pytest.mark.parametrize("command", ["score", "report", "verify", "show"])
@pytest.mark.parametrize("name", ["run.json", "panel.json", "episodes.jsonl", "times.jsonl"])
def test_hostile_files_get_one_sentence_from_every_command(
    leaderboard: Command, panel: Panel, tmp_path: Path, command: str, name: str
) -> None:
    run_toy(panel, tmp_path / "run", num_episodes=2)
    (tmp_path / "run" / name).unlink()
    os.mkfifo(tmp_path / "run" / name)
    piped = leaderboard(command, "run")
    (tmp_path / "run" / name).unlink()
    (tmp_path / "run" / name).symlink_to("/dev/zero")
    linked = leaderboard(command, "run")
    for done, what in ((piped, "named pipe"), (linked, "symbolic link")):
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and what in done.stderr


def test_records_cannot_act_on_the_terminal(leaderboard: Command, panel: Panel, tmp_path: Path) -> None:
    run_toy(panel, tmp_path / "run")
    wicked = r"\u001b[2J\u001b]0;owned\u0007\u009b31m\u202edlo"
    for path, old in (("run.json", "Worker"), ("episodes.jsonl", "Worker"), ("episodes.jsonl", "You work.")):
        content = (tmp_path / "run" / path).read_text()
        (tmp_path / "run" / path).write_text(content.replace(f'"{old}', f'"{old}{wicked}'))
    for arguments in (["score", "run"], ["show", "run", "1"], ["verify", "run"]):
        done = leaderboard(*arguments)
        assert not set("\x1b\x07\x9b\u202e") & set(done.stdout + done.stderr) and "[2J" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["40", "120"])
def test_every_command_speaks_on_a_plain_terminal(panel: Panel, tmp_path: Path, columns: str) -> None:
    write_panel(panel, tmp_path / "toy.json")
    plain = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": columns}
    environment = {**os.environ, **plain, "PYTHONPATH": os.pathsep.join(sys.path)}
    for arguments in (
        ["run", "--agent", "toy_world:Dawdler", "--panel", "toy.json", "--name", "Künstler"],
        ["score", "runs"],
        ["report", "runs"],
        ["show", "runs/toy-v1/Künstler", "3"],
        ["verify", "runs", "--imports", "toy_world"],
        ["check", "toy_world:Dawdler", "--worlds", "toy_world:Toy-v0"],
        ["panels"],
        ["freeze", "toy-v2", "--env-id", "toy_world:Toy-v0", "--description", "Künstler"],
    ):
        command = [sys.executable, "-m", "leaderboard", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.isascii() and done.stderr.isascii() and b"Traceback" not in done.stderr


@pytest.mark.slow
def test_texts_that_a_locale_cannot_read_get_a_sentence(panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    for arguments in (
        ["run", "--agent", "toy_world:Dawdler", "--panel", "toy.json", "--name", "Künstler"],
        ["run", "--agent", "Künstler.py:Dawdler", "--panel", "toy.json"],
        ["freeze", "toy-v2", "--env-id", "toy_world:Toy-v0", "--description", "Künstler"],
        ["score", "Künstler"],
    ):
        command = [sys.executable, "-m", "leaderboard", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **bare}, capture_output=True)
        assert done.returncode == 2 and done.stderr.startswith(b"leaderboard: ") and done.stderr.count(b"\n") == 1
    command = [sys.executable, "-m", "leaderboard", "run", "--agent", "toy_world:Dawdler", "--panel", "toy.json"]
    assert subprocess.run(command, cwd=tmp_path, env={**os.environ, **bare}, capture_output=True).returncode == 0


@pytest.mark.slow
def test_verify_imports_what_it_is_told_to_and_nothing_else(panel: Panel, tmp_path: Path) -> None:
    run_toy(panel, tmp_path / "run", num_episodes=2)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "leaderboard", "verify", "run"]
    refused = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert refused.returncode == 2 and "would import the module 'toy_world'" in refused.stderr
    assert "(leaderboard verify --imports toy_world)" in refused.stderr
    done = subprocess.run([*command, "--imports", "toy_world"], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0


def test_runs_after_one_that_cannot_be_replayed_are_verified(panel: Panel, tmp_path: Path) -> None:
    run_toy(panel, tmp_path / "runs" / "toy", num_episodes=2)
    run_panel("hiper_agents:random", "alfworld-demo-v2", tmp_path / "runs" / "a", num_episodes=1, num_workers=0)
    shutil.copytree(tmp_path / "runs" / "a", tmp_path / "runs" / "z")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "leaderboard", "verify", "runs"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("leaderboard: runs/toy cannot be replayed: cannot make the")
    verified = [line.split(":")[0] for line in done.stdout.splitlines() if "replayed: all as recorded" in line]
    assert verified == ["runs/a", "runs/z"]
