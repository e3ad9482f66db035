"""Run folders: what is written once, what is kept of the agent, and what is refused of strangers' folders."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hiper_envs.episodes import files
from hiper_envs.episodes.agents import AgentError
from hiper_envs.episodes.files import EpisodeWriter
from leaderboard.panels.panel import Panel, load_panel, write_panel
from leaderboard.play.player import WorldError
from leaderboard.play.run import find_runs, load_run
from leaderboard.play.run_header import RunError, read_header
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import verify_run

Spoil = Callable[[Path], object]


def test_a_run_opens_and_scans_its_file_once(panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[Path] = []
    opened: list[Path] = []
    cut, begin = files._cut_torn_end, EpisodeWriter.__init__
    monkeypatch.setattr(files, "_cut_torn_end", lambda path: (scanned.append(path), cut(path)))
    monkeypatch.setattr(EpisodeWriter, "__init__", lambda self, path: (opened.append(path), begin(self, path))[1])
    assert len(run_panel("toy_world:Worker", panel, tmp_path, num_workers=0).episodes) == 12
    assert len(opened) == len(scanned) == 1


def read_card(folder: Path) -> object:
    return msgspec.json.decode((folder / "run.json").read_bytes())["card"]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_card_goes_into_the_header(panel: Panel, tmp_path: Path, num_workers: int) -> None:
    run = run_panel("toy_world:Described", panel, tmp_path, num_workers=num_workers, num_episodes=3)
    assert run.header.card == {"model": "m", "endpoint": "https://host/v1", "tuned": True} == read_card(tmp_path)
    assert {turn.cost for episode in run.episodes for turn in episode.turns} == {0.25}
    assert run_panel("toy_world:Worker", panel, tmp_path / "plain", num_workers=0, num_episodes=1).header.card == {}


@pytest.mark.parametrize("num_workers", [0, 1])
def test_run_does_not_go_on_with_another_model(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_workers: int
) -> None:
    run_panel("toy_world:Described", panel, tmp_path, num_workers=num_workers, num_episodes=1)
    monkeypatch.setenv("TOY_MODEL", "n")
    with pytest.raises(RunError, match=r"the agent's card says model 'n', and of the run in '.*' it said 'm'"):
        run_panel("toy_world:Described", panel, tmp_path, num_workers=num_workers)
    monkeypatch.setenv("TOY_MODEL", "m")
    assert len(run_panel("toy_world:Described", panel, tmp_path, num_workers=num_workers).episodes) == 12


@pytest.mark.parametrize("num_workers", [0, 1])
def test_what_a_card_cannot_hold_is_left_out(panel: Panel, tmp_path: Path, num_workers: int) -> None:
    (tmp_path / "agents.py").write_text(
        "from toy_world import Worker\n\n\nclass Odd(Worker):\n"
        "    card = {'model': object, 'temperature': float('nan'), 'seed': 7, 'note': 'half \\ud83d'}\n"
    )
    run = run_panel(f"{tmp_path}/agents.py:Odd", panel, tmp_path / "run", num_workers=num_workers, num_episodes=1)
    assert run.header.card == {"seed": 7, "note": "half \ufffd"} and run.episodes[0].success


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("agent", ["Spender", "Surrogate"])
def test_nothing_that_an_agent_says_in_odd_words_fails_the_episode(
    panel: Panel, tmp_path: Path, agent: str, num_workers: int
) -> None:
    run = run_panel(f"toy_world:{agent}", panel, tmp_path, num_workers=num_workers)
    assert [episode.error for episode in run.episodes] == [None] * 12 and verify_run(run) == []
    turns = [turn for episode in run.episodes for turn in episode.turns]
    assert {(turn.prompt_tokens, turn.reply_tokens) for turn in turns} == {(None, None)}
    if agent == "Surrogate":
        assert {(turn.reply, turn.action) for turn in turns} == {("work \ufffd", "work \ufffd")}


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("reward", ["nan", "inf"])
def test_reward_that_is_no_number_is_the_worlds_failure(
    panel: Panel, tmp_path: Path, reward: str, num_workers: int
) -> None:
    (tmp_path / "agents.py").write_text(
        "from toy_world import Worker\n\n\nclass Asking(Worker):\n    def act(self, observation, info):\n"
        f"        return {reward!r} if 'work 3 times' in info['instruction'] else super().act(observation, info)\n"
    )
    with pytest.raises(WorldError, match=f"the environment Toy-v0 gave {reward} as the reward of turn 0"):
        run_panel(f"{tmp_path}/agents.py:Asking", panel, tmp_path / "run", num_workers=num_workers)
    assert len(load_run(tmp_path / "run").episodes) == 2


@pytest.mark.parametrize("name", ["../../x", "..", ".", "a/b", "/tmp/x", ".hidden", "a b", "a\nb", "x" * 200, "a\0"])
def test_name_stays_in_its_folder(panel: Panel, tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match=r"the agent's name cannot be .*: use up to 100 letters"):
        run_panel("toy_world:Worker", panel, tmp_path / "run", name=name, num_workers=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["Worker", "my-agent_2.1", "-1", "Künstler"])
def test_plain_names_are_taken(panel: Panel, tmp_path: Path, name: str) -> None:
    run = run_panel("toy_world:Worker", panel, tmp_path, name=name, num_workers=0, num_episodes=1)
    assert run.header.name == run.episodes[0].agent == name


@pytest.mark.parametrize("seed", [-1, 2**63, 10**40])
def test_seed_that_no_world_takes_is_refused(panel: Panel, tmp_path: Path, seed: int) -> None:
    with pytest.raises(RunError, match="the seed must be from 0 to"):
        run_panel("toy_world:Worker", panel, tmp_path / "run", seed=seed, num_workers=0)


def test_agent_whose_name_is_no_text_is_refused(panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"the agent 'a\\udcff.py:Worker' cannot be written down"):
        run_panel("a\udcff.py:Worker", panel, tmp_path, num_workers=0)


def test_header_says_how_many_tasks_were_asked_for(panel: Panel, tmp_path: Path) -> None:
    for num_episodes, asked in ((3, 3), (2, 3), (5, 5), (None, None), (4, None)):
        run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=num_episodes)
        assert read_header(tmp_path).num_tasks == asked
    run_panel("toy_world:Worker", panel, tmp_path / "all", num_workers=0, num_episodes=12)
    assert read_header(tmp_path / "all").num_tasks is None


def test_header_of_an_older_run_still_goes_on(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Described", panel, tmp_path, num_workers=0, num_episodes=2)
    header = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    del header["card"], header["num_tasks"]
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(header))
    assert load_run(tmp_path).header.card is None
    assert len(run_panel("toy_world:Described", panel, tmp_path, num_workers=0).episodes) == 12


def replace(name: str, content: bytes) -> Spoil:
    return lambda folder: (folder / name).write_bytes(content)


def edit(name: str, old: bytes, new: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new))

    return spoil


def make_pipe(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def make_link(name: str, target: str | None = None) -> Spoil:
    def spoil(folder: Path) -> None:
        moved = folder / f"moved-{name}"
        (folder / name).rename(moved)
        (folder / name).symlink_to(target or moved)

    return spoil


def make_folder(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return spoil


NESTED = b'{"a":' * 100_000
HUGE = b"9" * 5_000
HOSTILE: dict[str, tuple[Spoil, str]] = {
    **{f"pipe {name}": (make_pipe(name), "a named pipe, not a file") for name in ("run.json", "panel.json")},
    "pipe episodes": (make_pipe("episodes.jsonl"), "a named pipe, not a file"),
    "pipe times": (make_pipe("times.jsonl"), "a named pipe, not a file"),
    "link header": (make_link("run.json"), "a symbolic link, not a file"),
    "link panel": (make_link("panel.json"), "a symbolic link, not a file"),
    "link episodes": (make_link("episodes.jsonl"), "a symbolic link, not a file"),
    "link times": (make_link("times.jsonl"), "a symbolic link, not a file"),
    "link device": (make_link("panel.json", "/dev/zero"), "a symbolic link, not a file"),
    "link nowhere": (make_link("run.json", "/nowhere/at/all"), "a symbolic link, not a file"),
    "folder episodes": (make_folder("episodes.jsonl"), "Is a directory"),
    "folder header": (make_folder("run.json"), "Is a directory"),
    "text header": (replace("run.json", b'{"name": "\xff\xfe"}'), "is not a run's header"),
    "text panel": (replace("panel.json", b'{"name": "\xff\xfe"}'), "is not a panel"),
    "text episodes": (replace("episodes.jsonl", b'{"env_id": "\xff"}\n'), "line 1, is no episode record"),
    "nested header": (replace("run.json", NESTED), "is not a run's header"),
    "nested panel": (edit("panel.json", b'"env_options": {}', b'"env_options": ' + NESTED), "is not a panel"),
    "nested episodes": (replace("episodes.jsonl", b'{"env_options":' + NESTED + b"\n"), "line 1, is no episode"),
    "large header": (replace("run.json", b" " * (1 << 21)), "it has more than 1,048,576 bytes"),
    "huge seed": (edit("run.json", b'"seed": 0', b'"seed": ' + HUGE), "is not a run's header"),
    "huge limit": (edit("run.json", b'"turn_seconds": null', b'"turn_seconds": 1e999'), "is not a run's header"),
    "huge turns": (edit("panel.json", b'"max_turns": 8', b'"max_turns": ' + HUGE), "is not a panel"),
    "huge reward": (edit("episodes.jsonl", b'"reward":0.0', b'"reward":1e999'), "is no episode record"),
    "nothing asked": (edit("run.json", b'"num_tasks": null', b'"num_tasks": 0'), "0 tasks were asked for"),
    "later layout": (edit("run.json", b'"version": 1', b'"version": 9'), "has the layout 9"),
    "other panel": (edit("run.json", b'"panel": "toy-v1"', b'"panel": "webshop-test-v1"'), "says that it plays"),
    "other seed": (edit("run.json", b'"seed": 0', b'"seed": 7'), "not in its panel"),
    "no panel": (lambda folder: (folder / "panel.json").unlink(), "has no sound panel.json: No such file"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_folder_gets_a_sentence(panel: Panel, tmp_path: Path, case: str) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    spoil, sentence = HOSTILE[case]
    spoil(tmp_path)
    with pytest.raises(RunError) as caught:
        load_run(find_runs(tmp_path)[0])
    assert sentence in str(caught.value) and len(str(caught.value)) < 1_000


def test_digest_of_the_header_is_the_panels(panel: Panel, tmp_path: Path) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0)
    edit("run.json", panel.digest.encode(), b"0" * 64)(tmp_path)
    with pytest.raises(RunError, match=r"says that it plays the panel 'toy-v1' with the digest '000000000000'"):
        load_run(tmp_path)


@pytest.mark.parametrize("name", ["lock", "times.jsonl", "run.tmp", "episodes.jsonl", "panel.json", "failed.jsonl"])
def test_running_into_a_strangers_folder_writes_nothing_outside(
    panel: Panel, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is linked to, run or refused, stays as it is."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    monkeypatch.setenv("TOY_DOWN", str(tmp_path / "down"))
    folder = tmp_path / "run"
    if name == "failed.jsonl":
        (tmp_path / "down").write_text("5")
        run_panel("toy_world:Endpoint", panel, folder, num_workers=0)
        (tmp_path / "down").unlink()
    else:
        folder.mkdir()
    (folder / name).symlink_to(precious)
    try:
        run_panel("toy_world:Endpoint", panel, folder, num_workers=0, retry_failed=True)
    except (RunError, OSError) as error:
        assert "symbolic link" in str(error) or "holds episodes but no run.json" in str(error)
    assert precious.read_text() == "mine"


def test_panel_that_is_a_pipe_is_refused(panel: Panel, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "toy.json")
    with pytest.raises(ValueError, match=r"cannot read the panel file '.*toy.json': it is a named pipe, not a file"):
        load_panel(tmp_path / "toy.json")
    write_panel(panel, tmp_path / "other.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "other.json")
    assert load_panel(tmp_path / "link.json") == panel


@pytest.mark.parametrize("torn", [b"", b'{"torn', b"whole"])
def test_unsorted_file_with_a_torn_end_is_sorted(panel: Panel, tmp_path: Path, torn: bytes) -> None:
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=4)
    path = tmp_path / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    shuffled = b"".join([lines[2], lines[0], lines[3], lines[1]])
    path.write_bytes(shuffled.removesuffix(b"\n") if torn == b"whole" else shuffled + torn)
    run_panel("toy_world:Worker", panel, tmp_path, num_workers=0, num_episodes=1)
    assert path.read_bytes() == b"".join(lines)
