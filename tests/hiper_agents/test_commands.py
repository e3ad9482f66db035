"""The command line: train, eval, play; and a person as an agent."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hiper_agents.__main__ import main
from hiper_agents.agents.human import HumanAgent
from hiper_agents.evaluation import cluster_tasks, evaluate_agents, find_agent, open_env, play_one, summarise_episodes
from hiper_agents.training.command import hold_folder, run_training
from hiper_agents.training.trainer import Trainer
from hiper_envs import parse_reply, play_episode
from hiper_envs.episodes.files import write_episodes
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
def console() -> Console:
    return Console(file=StringIO(), width=200, force_terminal=False)


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


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


def test_an_expert_is_shown_turn_by_turn(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    play_one("toy:RoomsExpert", register_toy(), "", "blue room|red room", 0, console)
    text = written(console)
    assert "segment 2: visit the red room" in text and "success, score 1.000, 3 turns, 2 segments" in text


def test_a_person_plays(console: Console) -> None:
    person = HumanAgent(console)
    person.reset(0)
    reply = parse_reply(person.read_turn("find a mug > 2", ["look", "go to desk 1"]))
    assert (reply.action, reply.subgoal, reply.switches) == ("go to desk 1", "find a mug", True)
    reply = parse_reply(person.read_turn("look", ["look"]))
    assert (reply.action, reply.subgoal, reply.switches) == ("look", "find a mug", False)
    with pytest.raises(KeyboardInterrupt):
        person.read_turn("quit", [])


def test_a_person_in_an_episode(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["visit the red room > 1", "1", "visit the blue room > enter the blue room"])
    monkeypatch.setattr(console, "input", lambda prompt: next(lines))
    episode = play_episode(open_env(register_toy(), ""), HumanAgent(console), task=0)
    assert episode.success and [segment.subgoal for segment in episode.segments] == [
        "visit the red room",
        "visit the blue room",
    ]
    assert "visit the red room and then visit the blue room" in written(console)


def test_a_person_chooses_split_and_task(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["valid_seen", "9999", "-", "pick", "2", "find it > 1", "quit"])
    monkeypatch.setattr(console, "input", lambda *prompt, **options: next(lines))
    with pytest.raises(KeyboardInterrupt):
        play_one("human", "alfworld", "", "", 0, console)
    text = written(console)
    assert "Your task is to" in text and "You arrive at" in text
    assert (
        "there is no task 9999; the 140 tasks" in text and "unknown task '-'" in text and "unknown task 'pick'" in text
    )


def test_a_mistyped_line_costs_no_turn(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["", "go red > 9", "go red > ", "-1", "visit the red room > 1", "1", "visit it > 2"])
    monkeypatch.setattr(console, "input", lambda prompt: next(lines))
    episode = play_episode(open_env(register_toy(), ""), HumanAgent(console), task=0)
    assert episode.success and [turn.segment for turn in episode.turns] == [0, 0, 1]
    text = written(console)
    assert text.count("no action was entered; enter a number from 1 to 5, an action in words, or quit") == 2
    assert "there is no action 9" in text and "there is no action -1" in text


def test_numbers_are_not_highlighted_and_searching_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), width=200, force_terminal=True, color_system="standard", _environ={})
    monkeypatch.setattr(console, "input", lambda prompt: "1")
    person = HumanAgent(console)
    info = {"admissible_actions": ["click[B07 25]"], "instruction": "a lamp of 25 dollars", "has_search_bar": True}
    person.act("You see bed 1 and desk 20.", info)
    person.act("You see bed 1 and desk 20.", info)
    text = written(console)
    assert text.count("You see bed 1 and desk 20.") == 2 and "a lamp of 25 dollars" in text and "click[B07 25]" in text
    assert text.count("search[your words]") == 1


@pytest.mark.parametrize(
    ("answers", "said"), [([], "Split"), (["valid_seen"], "Task"), (["valid_seen", "0"], "Your task")]
)
def test_the_end_of_the_input_stops_a_person(
    answers: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hiper", "play", "alfworld"])
    monkeypatch.setattr(sys, "stdin", StringIO("".join(f"{answer}\n" for answer in answers)))
    with pytest.raises(SystemExit) as stop:
        main()
    shown = capsys.readouterr()
    assert stop.value.code == 130 and shown.err == "stopped\n" and said in shown.out


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


LEAVERS = """
import sys

class Maker:
    def __init__(self):
        sys.exit(0)

class Player:
    def reset(self, seed):
        pass
    def act(self, observation, info):
        sys.exit(0)

class Resetter(Player):
    def reset(self, seed):
        raise SystemExit("enough")

class Generator(Player):
    def act(self, observation, info):
        raise GeneratorExit

class Interrupter(Player):
    def act(self, observation, info):
        raise KeyboardInterrupt

class Crasher:
    def __init__(self):
        raise RuntimeError("no luck")

class Nobody:
    reset = 3
"""


@pytest.mark.parametrize(
    ("agent", "code", "sentence"),
    [
        ("leave.py:Any", 2, "importing 'leave.py' failed: SystemExit: it calls sys.exit(0)"),
        ("leave:Any", 2, "importing 'leave' failed: SystemExit: it calls sys.exit(0)"),
        ("leavers.py:Maker", 2, "making the agent 'leavers.py:Maker' failed: SystemExit: it calls sys.exit(0)"),
        ("leavers.py:Crasher", 2, "making the agent 'leavers.py:Crasher' failed: RuntimeError: no luck"),
        ("leavers.py:Nobody", 2, "is of type Nobody, which has no method reset and no act: an agent has reset(seed)"),
        ("leavers.py:Player", 1, "leavers.py:Player broke off 2 of 2 episodes, first with SystemExit: 0"),
        ("leavers.py:Resetter", 1, "broke off 2 of 2 episodes, first with SystemExit: enough"),
        ("leavers.py:Generator", 1, "broke off 2 of 2 episodes, first with GeneratorExit"),
        ("leavers.py:Interrupter", 130, "stopped"),
    ],
)
def test_an_agent_that_leaves_the_program_is_told(
    agent: str,
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "leavers.py").write_text(LEAVERS)
    (tmp_path / "leave.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "leave", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("hiper_agents.__main__.console", Console(soft_wrap=True))
    for arguments in (["eval", agent, "--env", register_toy(), "--episodes", "2"],):
        monkeypatch.setattr(sys, "argv", ["hiper", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        assert stop.value.code == code and sentence in shown.out + shown.err


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


BREAKER = """
class Breaker:
    def reset(self, seed):
        if seed == 1:
            raise KeyError("the first")

    def act(self, observation, info):
        return "look"
"""


@pytest.mark.parametrize("name", ["my_breaker.py:Breaker", "my_breaker:Breaker"])
def test_an_agent_of_the_working_folder_that_breaks_off_is_told(
    name: str, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_breaker.py").write_text(BREAKER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_breaker", raising=False)
    register_toy()
    evaluate_agents([name], "toy/Rooms-v0", "", 4, 0, console)
    assert f"{name} broke off 1 of 4 episodes, first with KeyError: 'the first'" in written(console)
    for seed, code in ((0, 0), (1, 1)):
        monkeypatch.setattr(sys, "argv", ["hiper", "play", "toy/Rooms-v0", "--agent", name, "--seed", str(seed)])
        with pytest.raises(SystemExit) as stop:
            main()
            sys.exit(0)
        assert stop.value.code == code
    assert f"{name} broke off the episode with KeyError: 'the first'" in " ".join(capsys.readouterr().out.split())


def test_agents_that_cannot_be_imported_get_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong_agent.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "other_agent.py").write_text("agent = 3\n1 / agent.real\n")
    (tmp_path / "worse_agent.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, sentence in (
        ("wrong_agent:Agent", "'wrong_agent' imports 'nothing_of_this_name', which is not installed"),
        ("other_agent:agent", "is of type int; it must be a class"),
        ("worse_agent.py:Agent", r"importing 'worse_agent.py' failed: ZeroDivisionError"),
    ):
        with pytest.raises(ValueError, match=sentence):
            find_agent(name)
    assert sys.path[-1] == str(tmp_path)


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


DOWN = """
class Down:
    def __init__(self, seeds=(1, 2)):
        self.seeds = seeds

    def reset(self, seed):
        if seed in self.seeds:
            raise ConnectionRefusedError("the endpoint is down")
        if seed == 3:
            raise KeyError("its own fault")

    def act(self, observation, info):
        return "look"


def never():
    return Down(range(9))
"""


def test_failures_around_an_agent_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_down.py").write_text(DOWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["hiper", "eval", "my_down.py:Down", "my_down.py:never", "--env", register_toy(), "--episodes", "4"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stop:
        main()
    shown = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 1
    assert "my_down.py:Down broke off 1 of 4 episodes, first with KeyError: 'its own fault'" in shown
    assert (
        "2 of 4 episodes failed around my_down.py:Down (its endpoint, the network) and do not count, first with"
        " ConnectionRefusedError: the endpoint is down" in shown
    )
    assert "4 of 4 episodes failed around my_down.py:never" in shown and "none \u2502 none \u2502 none" in shown
    monkeypatch.setattr(sys, "argv", ["hiper", "eval", "random", "--env", register_toy(), "--episodes", "2"])
    main()
