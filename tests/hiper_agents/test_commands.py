"""The command line: train, eval, view, and what their mistakes are told."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hiper_agents.__main__ import main
from hiper_agents.evaluation import cluster_tasks, evaluate_agents, find_agent, open_env, play_one, summarise_episodes
from hiper_agents.training.command import hold_folder, run_training
from hiper_agents.training.trainer import Trainer
from hiper_envs import play_episode
from hiper_envs.episodes.files import write_episodes
from tests.hiper_agents.screen import written
from tests.hiper_agents.toy import RoomsExpert, register_toy

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = """
name = "toy"
env_id = "toy/Rooms-v0"
expert = "toy:RoomsExpert"
expert_episodes = 20
imitation_epochs = 30
imitation_minibatch = 16
imitation_lr = 3e-3
temperature = 0.0
"""


@pytest.fixture
def trained(tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    register_toy()
    config = tmp_path / "toy.toml"
    config.write_text(CONFIG)
    run_training(str(config), tmp_path / "run", 1, ["num_envs=4"], tmp_path / "weights", console)
    return tmp_path / "weights"


def test_train_eval_and_play(trained: Path, console: Console) -> None:
    card = json.loads((trained / "toy.json").read_text())
    assert card["settings"]["num_envs"] == 4 and card["settings"]["seed"] == 1
    assert "--seed 1 --setting num_envs=4" in card["made_by"]
    assert card["how"].startswith("imitation of the scripted expert") and set(card["versions"]) == {"torch", "numpy"}
    assert card["reported"]["success"] == card["evaluations"][-1]["success"]
    weights = str(trained / "toy.safetensors")
    assert (trained / "toy.safetensors").stat().st_size < 1_000_000
    env_id = register_toy()
    evaluate_agents([weights, "toy:RoomsExpert"], env_id, "", 20, 0, console)
    play_one(weights, env_id, "", "3", 0, console)
    text = " ".join(written(console).split())
    assert "toy:RoomsExpert │ 1.000 (0.83, 1.00)" in text
    assert "95 % interval: exact (Clopper-Pearson) for success, else bootstrap by task" in text
    assert "segment 1: visit the red room" in text and "ended by" in text
    steps = written(console).count("stage imitation")
    run_training(str(trained.parent / "toy.toml"), trained.parent / "run", 1, ["num_envs=4"], None, console)
    assert "going on after step 30 of 30" in written(console) and written(console).count("stage imitation") == steps


def test_goals_of_a_product_are_not_taken_for_independent(console: Console) -> None:
    world = open_env("webshop", "test_disjoint")
    key, clusters = cluster_tasks(world, "hiper/WebShop-v0", [0, 1, 2])
    assert clusters is not None and all(asin in world.unwrapped.shop.catalogue.products for asin in clusters)  # type: ignore[attr-defined]
    assert key == "product"
    assert cluster_tasks(open_env("alfworld", ""), "hiper/ALFWorld-v0", [0, 1]) == ("", None)
    evaluate_agents(["rule"], "webshop", "test_disjoint", 10, 0, console)
    assert "95 % interval: bootstrap by product" in written(console)


def test_evaluations_are_wider_where_tasks_go_together() -> None:
    env = open_env(register_toy(), "")
    played = [play_episode(env, RoomsExpert(), task=task) for task in range(12)]
    assert summarise_episodes(played)[:2] == ["1.000 (0.74, 1.00)"] * 2
    assert summarise_episodes(played, ["a", "b", "c"] * 4)[0] == "1.000 (0.29, 1.00)"


def test_a_folder_takes_one_training_at_a_time(trained: Path, console: Console) -> None:
    arguments = (str(trained.parent / "toy.toml"), trained.parent / "run", 1, ["num_envs=4"], None, console)
    with hold_folder(trained.parent / "run"), pytest.raises(ValueError, match="another hiper train is at work in"):
        run_training(*arguments)
    run_training(*arguments)


@pytest.mark.parametrize(
    ("steps", "told"), [(0, "begins anew, for no step was finished"), (1, "goes on from the last checkpoint")]
)
def test_a_stopped_training_says_what_is_left(
    steps: int, told: str, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_steps(trainer: Trainer) -> None:
        run_steps(trainer, steps)
        raise KeyboardInterrupt

    run_steps = Trainer.run
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(Trainer, "run", stop_after_steps)
    register_toy()
    (tmp_path / "toy.toml").write_text(CONFIG)
    with pytest.raises(KeyboardInterrupt):
        run_training(str(tmp_path / "toy.toml"), tmp_path / "run", 1, [], None, console)
    text = written(console)
    assert "recording 20 episodes of the expert" in text and f"the same command {told}" in text


def test_agents_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    assert type(find_agent("toy:RoomsExpert")()).__name__ == "RoomsExpert"
    with pytest.raises(ValueError, match=r"unknown agent 'hipr'; .* did you mean 'hiper'"):
        find_agent("hipr")


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_scores_are_whole_on_any_screen(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), width=width, force_terminal=False)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    evaluate_agents(["toy:RoomsExpert"], register_toy(), "", 4, 0, console)
    play_one("toy:RoomsExpert", register_toy(), "", "3", 0, console)
    text = written(console)
    assert "…" not in text
    for whole in ("toy:RoomsExpert", "success", "segments", "3.0", "(0.40,", "ended by"):
        assert whole in text


def record(path: Path) -> Path:
    write_episodes(path, [play_episode(open_env(register_toy(), ""), RoomsExpert(), task=0)])
    return path


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("/dev/full", "hiper: /dev/full: No space left on device"),
        ("here", "here: Is a directory"),
        ("some.jsonl/page.html", "some.jsonl/page.html: File exists"),
    ],
)
def test_a_page_that_cannot_be_written_is_told(
    out: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if out == "/dev/full" and not Path(out).exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "here").mkdir()
    records = record(tmp_path / "some.jsonl")
    monkeypatch.setattr(sys, "argv", ["hiper", "view", str(records), "--out", str(tmp_path / out)])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err
    assert stop.value.code == 2 and sentence in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["here", "some.jsonl"]


SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # writing more fails, as on a full disk
sys.argv = ["hiper", *sys.argv[1:]]
import tests.hiper_agents.toy as toy
toy.register_toy()
from hiper_agents.__main__ import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="only POSIX limits the size of files")
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    records = record(tmp_path / "some.jsonl")
    page = tmp_path / "page.html"
    page.write_text("the old page")
    config = tmp_path / "toy.toml"
    config.write_text(CONFIG.replace("toy:", "tests.hiper_agents.toy:") + "evaluation_episodes = 2\n")
    for arguments, left in (
        (["view", str(records), "--out", str(page)], ["page.html", "some.jsonl", "toy.toml"]),
        (["train", "--config", str(config), "--run", str(tmp_path / "run")], []),
    ):
        command = [sys.executable, "-c", SMALL_DISK, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 2 and done.stderr.startswith("hiper: ") and done.stderr.count("\n") == 1, done
        assert "File too large" in done.stderr and "Traceback" not in done.stderr
        names = [path.name for path in (tmp_path if left else tmp_path / "run").iterdir() if path.is_file()]
        assert sorted(names) == left
    assert page.read_text() == "the old page"


def test_weights_that_could_not_be_written_are_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    arguments = ["train", "--config", "alfworld-hiper", "--run", str(tmp_path / "run"), "--output"]
    monkeypatch.setattr(sys, "argv", ["hiper", *arguments, str(tmp_path / "file" / "weights")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "Not a directory" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


WITHOUT = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
sys.argv = ["hiper", *sys.argv[2:]]
from hiper_agents.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("torch", ["eval", "hiper", "--env", "webshop", "--episodes", "1"]),
        ("torch", ["play", "webshop", "--agent", "flat"]),
        ("torch", ["train", "--config", "webshop-flat"]),
        ("safetensors", ["eval", "weights.safetensors", "--episodes", "1"]),
    ],
)
def test_a_missing_library_names_its_extra(missing: str, arguments: list[str]) -> None:
    command = [sys.executable, "-c", WITHOUT, missing, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"hiper: this needs {missing}, which cannot be imported: run pip install ")
    assert "'hiper-suite[agents]'" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_commands_work_on_a_plain_terminal_and_with_a_closed_pipe(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "accents.py").write_text(
        "class Agent:\n"
        "    def reset(self, seed): pass\n"
        "    def act(self, observation, info):\n"
        "        return '<subgoal>caf\u00e9 \u2026 \u4f60 \U0001f642 \u2502</subgoal><action>look</action>'\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    command = [sys.executable, "-m", "hiper_agents", "play", "alfworld", "--agent", "accents.py:Agent"]
    whole = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment)
    assert (whole.returncode, whole.stderr) == (0, b"")
    text = whole.stdout.decode(encoding)
    assert ("segment 1: café … 你 🙂 │" if encoding == "utf-8" else "segment 1: caf? . ? ? |") in text
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as half:
        assert half.stdout is not None and half.stderr is not None
        half.stdout.close()
        assert half.stderr.read() == b""


@pytest.mark.parametrize("name", ["some.jsonl", "some.jsonl.zst"])
def test_viewing_tells_of_an_unfinished_record(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env = open_env(register_toy(), "")
    write_episodes(tmp_path / name, [play_episode(env, RoomsExpert(), task=task) for task in range(2)])
    monkeypatch.setattr(sys, "argv", ["hiper", "view", str(tmp_path / name), "--out", str(tmp_path / "page.html")])
    for cut, is_told in ((0, False), (20, True)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) - cut])
        main()
        assert ("its last record is unfinished and was left out" in capsys.readouterr().out) is is_told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--config", "alfworld-hipr"], "did you mean 'alfworld-hiper'"),
        (["train", "--config", "alfworld-hiper", "--setting", "updats=3"], "did you mean 'updates'"),
        (["train", "--config", "alfworld-hiper", "--setting", "updates=-2"], "updates is -2; it must not be negative"),
        (["train", "--config", "alfworld-hiper", "--setting", "lr=-0.1"], "lr is -0.1; it must not be negative"),
        (["train", "--config", "alfworld-hiper", "--setting", "lr=nan"], "lr is nan; it must not be negative"),
        (["train", "--config", "alfworld-hiper", "--setting", "ppo_epochs=0"], "ppo_epochs is 0; it must be at least"),
        (["eval", "hipr"], "did you mean 'hiper'"),
        (["eval", "nowhere/model"], "the folder 'nowhere/model' is not there; name one that training or"),
        (["eval", "."], "unknown agent '.'"),
        (["eval", "/"], "the folder '/' holds no config.json: it is no model's"),
        (["eval", "--model", "/nowhere", "--panel", "alfworld-demo-v1"], "hiper: there is no folder '/nowhere'"),
        (["eval"], "no agent to evaluate: name one or more of hiper, flat, rule, random, expert"),
        (["eval", "random", "--episodes", "0"], "--episodes is 0; it must be at least 1"),
        (["play", "--agent", "nowhere/mine.py:Mine"], "there is no file 'nowhere/mine.py'"),
        (["play", "alfworld", "--agent", "expert", "--split", "valid_unsen"], "did you mean 'valid_unseen'"),
        (["play", "alfwrld"], "did you mean 'alfworld'"),
        (["eval", "expert", "--env", "CartPole-v1"], "does not list its tasks"),
        (["games", "nowhere"], "there is no folder"),
        (["games"], "name a folder of games, or set ALFWORLD_DATA"),
        (["play", "webshop", "--agent", "rule", "--task", "-1"], "there is no task -1"),
    ],
)
def test_mistakes_get_a_sentence(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hiper", *arguments])
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_real_games_are_counted(
    shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hiper", "games", str(shared / "gold/alfworld/games")])
    main()
    assert "30 playable games of 30" in " ".join(capsys.readouterr().out.split())
