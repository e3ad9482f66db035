"""The environments and training work where POSIX's own tools are missing, as on Windows."""

import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard.play.runner import run_panel

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_POSIX = """
import asyncio, concurrent.futures, fcntl, multiprocessing.util, os, signal, socket, subprocess, sys, tempfile, types
from pathlib import Path

def lock(descriptor, mode, length):
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

if sys.argv[1] == "msvcrt":
    sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lock)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
for name in ("pread", "posix_fallocate", "fork", "getuid", "geteuid", "O_NONBLOCK", "O_NOFOLLOW"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "setitimer", "SIGKILL", "SIGPIPE"):
    delattr(signal, name)

import gymnasium as gym
import hiper_agents, hiper_envs
from webshop_server import Catalogue

catalogue = Catalogue.generated(100, seed=9)
assert len(list(catalogue.products.values())) == 100
for env_id, options in (("hiper/ALFWorld-v0", {}), ("hiper/WebShop-v0", {"data": catalogue, "split": "all"})):
    env = hiper_envs.SubgoalWrapper(gym.make(env_id, **options))
    assert hiper_envs.play_episode(env, hiper_agents.expert(), task=0).error is None
"""
TRAIN = """
import tests.hiper_agents.toy as toy
from hiper_agents.training.run_lock import LOCK_NAME, hold_folder
from hiper_agents.training.command import run_training
from rich.console import Console

toy.register_toy()
folder = Path(sys.argv[2])
settings = ["expert=tests.hiper_agents.toy:RoomsExpert", "expert_episodes=4", "imitation_epochs=1", "updates=1"]
settings += ["episodes_per_update=2", "num_envs=1", "evaluation_episodes=1"]
(folder / "toy.toml").write_text('name = "toy"\\nenv_id = "toy/Rooms-v0"\\n')
run_training(str(folder / "toy.toml"), folder / "run", None, settings, folder / "out", Console())
assert (folder / "out" / "toy.safetensors").is_file() and (folder / "run" / LOCK_NAME).is_file()
with hold_folder(folder / "run"):
    try:
        with hold_folder(folder / "run"):
            print("locked twice")
    except ValueError as error:
        print(error)
"""

READ_RUNS = """
from leaderboard.__main__ import main

run, panel = sys.argv[2:]
for arguments in (["score", run], ["verify", run], ["run", "--agent", "hiper_agents:random", "--panel", panel]):
    sys.argv = ["leaderboard", *arguments]
    try:
        main()
    except SystemExit as ended:
        print("exit code", ended.code)
"""


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="takes POSIX's tools away to see what is left")
def test_environments_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSHOP_CACHE", str(tmp_path))
    run(WITHOUT_POSIX, "nothing")


@pytest.mark.skipif(sys.platform == "win32", reason="takes POSIX's tools away to see what is left")
@pytest.mark.parametrize("lock", ["msvcrt", "nothing"])
def test_training_runs_and_locks_its_folder(lock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSHOP_CACHE", str(tmp_path / "cache"))
    told = run(WITHOUT_POSIX + TRAIN, lock, str(tmp_path))
    assert ("another hiper train is at work in" in told) == (lock == "msvcrt")


@pytest.mark.skipif(sys.platform == "win32", reason="takes POSIX's tools away to see what is left")
def test_runs_are_read_and_playing_says_what_it_needs(tmp_path: Path) -> None:
    panel = "alfworld-demo-v2"
    run_panel("hiper_agents:random", panel, tmp_path / "run", num_episodes=1, num_workers=0)
    command = [sys.executable, "-c", WITHOUT_POSIX + READ_RUNS, "nothing", str(tmp_path / "run"), panel]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    ends = [line.removeprefix("exit code ") for line in done.stdout.splitlines() if line.startswith("exit code ")]
    assert ends == ["0", "0", "2"]
    assert done.stderr.startswith("leaderboard: playing panels needs a POSIX system, such as Linux, macOS or Windows'")
    assert done.stderr.count("\n") == 1
