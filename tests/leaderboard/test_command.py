"""The command, as people type it: what it says and how it exits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard.panel import Panel, load_panel, write_panel


def leaderboard(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "120"}
    command = [sys.executable, "-m", "leaderboard", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_whole_evaluation(panel: Panel, tmp_path: Path) -> None:
    frozen = leaderboard(tmp_path, "freeze", "toy-v1", "--env-id", "toy_world:Toy-v0", "--max-turns", "8")
    assert frozen.returncode == 0 and load_panel(tmp_path / "toy-v1.json").digest == panel.digest
    for agent in ("Worker", "Crasher"):
        done = leaderboard(tmp_path, "run", "--agent", f"toy_world:{agent}", "--panel", "toy-v1.json", "--workers", "2")
        assert done.returncode == 0, done.stderr
    assert "12/12" in done.stderr and "runs/toy-v1/Crasher" in done.stdout
    scored = leaderboard(tmp_path, "score", "runs/toy-v1/Worker", "runs/toy-v1/Crasher")
    assert scored.returncode == 0 and "66.7 [42, 92]" in scored.stdout and "Worker - Crasher" in scored.stdout
    assert leaderboard(tmp_path, "verify", "runs/toy-v1/Worker").returncode == 0
    shown = leaderboard(tmp_path, "show", "runs/toy-v1/Worker", "4")
    assert shown.returncode == 0 and "1. part 0" in shown.stdout
    reported = leaderboard(tmp_path, "report", "runs/toy-v1/Worker", "--out", "page.html")
    assert reported.returncode == 0 and (tmp_path / "page.html").stat().st_size > 10_000
    checked = leaderboard(tmp_path, "check", "toy_world:Worker", "--worlds", "toy_world:Toy-v0")
    assert checked.returncode == 0 and "fail" not in checked.stdout
    episodes = tmp_path / "runs/toy-v1/Worker/episodes.jsonl"
    episodes.write_text(episodes.read_text().replace("You work. 1 left.", "You win."))
    verified = leaderboard(tmp_path, "verify", "runs/toy-v1/Worker")
    assert verified.returncode == 1 and "recorded 'You win.', replayed 'You work. 1 left.'" in verified.stdout
    assert leaderboard(tmp_path, "check", "toy_world:Mute", "--worlds", "toy_world:Toy-v0").returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--agent", "toy_world:Wroker", "--panel", "toy.json"], "did you mean 'Worker'?"),
        (["run", "--agent", "toy_world:Worker", "--panel", "tiy.json"], "cannot read the panel file 'tiy.json'"),
        (["run", "--agent", "toy_world:Worker", "--panel", "toy"], "unknown panel 'toy'"),
        (["run", "--agent", "toy_world:Worker", "--panel", "toy.json", "--episodes", "0"], "--episodes must be posi"),
        (["score", "nowhere"], "'nowhere' is not a run"),
        (["score"], "give at least one folder"),
        (["freeze", "mine-v1"], "say with --env-id"),
        (["freeze", "mine-v1", "--env-id", "toy_world:Toy-v0", "--options", "{"], "--options must be a JSON object"),
    ],
)
def test_bad_input_gets_one_sentence(panel: Panel, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    write_panel(panel, tmp_path / "toy.json")
    done = leaderboard(tmp_path, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr and "Traceback" not in done.stderr
