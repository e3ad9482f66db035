"""Panels over the released games: played by whoever has the files, and by nobody with others."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hiper_envs.alfworld.games.human_goals import read_human_goals
from hiper_envs.alfworld.official.engine import is_installed, write_official_game
from leaderboard.__main__ import main
from leaderboard.commands import freezing as commands
from leaderboard.panels.fingerprint import PanelError
from leaderboard.panels.freezing import ALFWORLD, RECIPES, freeze_panel, freeze_recipe
from leaderboard.panels.panel import PANEL_FOLDER, Panel, format_panel, load_panel
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import verify_run
from tests.hiper_envs.alfworld.handmade import bedroom

REAL_PANELS = tuple(name for name in RECIPES if name.startswith("alfworld-real-"))
UNSEEN, UNSEEN_HUMAN = "alfworld-real-unseen-v1", "alfworld-real-unseen-human-v1"
GAME, PACKED = "game.tw-pddl", "game.tw-pddl.gz"
WANDERER = f"{Path(__file__).with_name('test_shipped_panels.py')}:Wanderer"
TASKS = [row.task for row in load_panel(UNSEEN).tasks]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists of games are kept in a folder of the test's, and no game of the machine is found by chance."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


@pytest.fixture
def released(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The released games, named as a user names them."""
    folder = shared / "data" / "alfworld" / "real_games"
    monkeypatch.setenv("ALFWORLD_DATA", str(folder))
    return folder


@pytest.fixture
def copied(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of the unseen games, with the goals that people wrote above it."""
    shutil.copytree(released / "valid_unseen", tmp_path / "games" / "valid_unseen")
    shutil.copy(released.parent / "human_goals.json", tmp_path)
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "games"))
    return tmp_path / "games" / "valid_unseen"


def read_fields(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    fields: dict[str, Any] = json.loads(gzip.decompress(content) if file.name == PACKED else content)
    return fields


def write_fields(file: Path, fields: dict[str, Any]) -> None:
    file.write_bytes(gzip.compress(json.dumps(fields).encode(), 1))


def unpack_as_downloaded(released: Path, split: str, folder: Path) -> None:
    """Write a split's games in the layout of alfworld-download, what people wrote in the trajectory beside each."""
    for packed in (released / split).rglob(PACKED):
        trial = folder / "json_2.1.1" / split / packed.parent.relative_to(released / split)
        trial.mkdir(parents=True)
        (trial / GAME).write_bytes(gzip.decompress(packed.read_bytes()))
        annotations = [{"task_desc": f"{goal} \n"} for goal in read_human_goals(packed)]
        trajectory = {"task_type": trial.parent.name.split("-")[0], "turk_annotations": {"anns": annotations}}
        (trial / "traj_data.json").write_text(json.dumps(trajectory))


@pytest.mark.parametrize("name", REAL_PANELS)
@pytest.mark.usefixtures("released")
def test_panel_of_released_games_freezes_again_to_the_same(name: str) -> None:
    frozen = (PANEL_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert format_panel(freeze_recipe(name)) == frozen, "set ALFWORLD_DATA and leaderboard refreeze"


def test_panels_hold_ids_and_digests_only() -> None:
    for name in REAL_PANELS:
        panel = load_panel(name)
        assert set(panel.env_options) == {"games", "split", *(["goals"] if "human" in name else [])}
        assert len(panel.tasks) == len(set(panel.task_digests)) == (140 if "-seen" in name else 134)
        for row in panel.tasks:
            assert row.task.count("/") == 1 and set(row.task).isdisjoint(" ()\n") and len(row.task) < 100
    templates, people = (load_panel(name) for name in (UNSEEN, UNSEEN_HUMAN))
    assert templates.tasks == people.tasks
    assert not set(templates.task_digests) & set(people.task_digests)


@pytest.mark.slow
@pytest.mark.parametrize("name", [UNSEEN, UNSEEN_HUMAN])
def test_a_download_has_the_same_games(
    name: str, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not packed, in json_2.1.1, beside trajectories, and with more games than the panel knows."""
    unpack_as_downloaded(released, "valid_unseen", tmp_path)
    extra = tmp_path / "json_2.1.1" / "valid_unseen" / "a_task_of_ones_own" / "trial_T1"
    extra.mkdir(parents=True)
    shutil.copy(next(released.joinpath("valid_train").rglob(PACKED)), extra / PACKED)
    (extra / "broken.tw-pddl").write_text("{")
    (extra / "nowhere.tw-pddl").symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    panel = load_panel(name)
    env: Any = panel.make_env()
    assert set(env.unwrapped.tasks) - {row.task for row in panel.tasks} == {"a_task_of_ones_own/trial_T1"}


@pytest.mark.parametrize("name", REAL_PANELS)
def test_without_the_games_it_is_told_what_to_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"{}: alfworld-download fetches them; set ALFWORLD_DATA to the folder that holds json_2\.1\.1"
    with pytest.raises(PanelError, match=said.format(r"\$ALFWORLD_DATA is not set")):
        load_panel(name).make_env()
    for folder in ("", "nowhere", "file"):
        (tmp_path / "file").touch()
        monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / folder))
        with pytest.raises(PanelError, match=said.format(r"\$ALFWORLD_DATA is '.*', where they are not")):
            load_panel(name).make_env()
    for split in ("valid_seen", "valid_unseen"):
        (tmp_path / split).mkdir()
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    with pytest.raises(PanelError, match=r"no game to play: 0 playable games of 0 .* alfworld-download fetches"):
        load_panel(name).make_env()


def test_missing_games_are_counted(copied: Path) -> None:
    for task in TASKS[3:15]:
        shutil.rmtree(copied / task)
    with pytest.raises(PanelError) as caught:
        load_panel(UNSEEN).make_env()
    said = f"12 of the panel's 134 games are not in $ALFWORLD_DATA, first {TASKS[3]!r}; put the files back"
    assert str(caught.value).startswith(said)


def move_a_fact(fields: dict[str, Any]) -> None:
    problem = fields["pddl_problem"]
    fact = next(line for line in problem.splitlines() if line.strip().lower().startswith("(pickupable"))
    fields["pddl_problem"] = problem.replace(fact, "", 1)


def move_between_texts(fields: dict[str, Any]) -> None:
    fields["grammar"] += fields["pddl_problem"][0]
    fields["pddl_problem"] = fields["pddl_problem"][1:]


def add_to_the_wording(fields: dict[str, Any]) -> None:
    fields["grammar"] += "\n"


def add_to_the_rules(fields: dict[str, Any]) -> None:
    fields["pddl_domain"] += " "


@pytest.mark.parametrize("change", [move_a_fact, move_between_texts, add_to_the_wording, add_to_the_rules])
@pytest.mark.parametrize("position", [1, 133])
def test_a_changed_game_is_named(copied: Path, position: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Also one that the fingerprint does not probe, at the same size and time."""
    file = copied / TASKS[position] / PACKED
    load_panel(UNSEEN).make_env().close()
    fields, times = read_fields(file), file.stat()
    before = json.dumps(fields)
    change(fields)
    assert json.dumps(fields) != before
    write_fields(file, fields)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(PanelError) as caught:
        load_panel(UNSEEN).make_env()
    said = f"1 of the panel's 134 games has changed since it was frozen, first {TASKS[position]!r}: the digest"
    assert str(caught.value).startswith(said)
    write_fields(file, json.loads(before) | {"walkthrough": [], "a field": "of one's own"})
    load_panel(UNSEEN).make_env().close()


@pytest.mark.parametrize("change", ["reworded", "reordered", "added"])
def test_changed_human_goals_are_named(copied: Path, change: str) -> None:
    collection = copied.parents[1] / "human_goals.json"
    content = json.loads(collection.read_text(encoding="utf-8"))
    goals = content["valid_unseen"][TASKS[1]]
    content["valid_unseen"][TASKS[1]] = {
        "reworded": ["put it away", *goals[1:]],
        "reordered": [goals[-1], *goals[:-1]],
        "added": [*goals, "put it away"],
    }[change]
    load_panel(UNSEEN_HUMAN).make_env().close()
    collection.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(PanelError, match=f"1 of the panel's 134 games has changed .*first '{TASKS[1]}'.*human goals"):
        load_panel(UNSEEN_HUMAN).make_env()
    load_panel(UNSEEN).make_env().close()
    del content["valid_unseen"][TASKS[1]]
    collection.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(PanelError, match=f"the panel's game '{TASKS[1]}' cannot be played: .*holds no goals for"):
        load_panel(UNSEEN_HUMAN).make_env()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is left out: not JSON"),
        (b"", "is left out: not JSON"),
        (b"[" * 100_000, "is left out: not JSON"),
        (gzip.compress(b'{"solvable": true}', mtime=0)[:-10], "is left out: not JSON"),
        (gzip.compress(b"", mtime=0)[:10] + b"\xff\xff\xff", "is left out: not JSON"),
        (b'{"pddl_problem": ""}', "is left out: not marked as solvable"),
        (b'{"solvable": true}', "field 'pddl_domain' is missing"),
        (None, "is left out: not readable"),
    ],
)
def test_an_unreadable_game_is_named(copied: Path, content: bytes | None, reason: str) -> None:
    file = copied / TASKS[5] / PACKED
    file.unlink()
    if content is None:
        file.symlink_to(copied / "nowhere")
    else:
        file.write_bytes(content)
    with pytest.raises(PanelError) as caught:
        load_panel(UNSEEN).make_env()
    said = str(caught.value)
    assert said.startswith(f"the panel's game {TASKS[5]!r} cannot be played: {file}") and reason in said


@pytest.mark.slow
@pytest.mark.usefixtures("released")
def test_one_command_plays_released_games_and_one_verifies(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def leaderboard(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "leaderboard", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = leaderboard("run", "--agent", WANDERER, "--panel", UNSEEN, "--episodes", "2", "--out", "run")
    assert done.returncode == 0 and UNSEEN in done.stdout, done.stderr
    assert leaderboard("verify", "run").returncode == 0
    del environment["ALFWORLD_DATA"]
    lost = leaderboard("verify", "run")
    assert lost.returncode == 2 and lost.stderr.count("\n") == 1 and "$ALFWORLD_DATA is not set" in lost.stderr


@pytest.mark.usefixtures("released")
def test_human_goals_are_played_and_replayed(tmp_path: Path) -> None:
    run = run_panel(WANDERER, UNSEEN_HUMAN, tmp_path, num_episodes=2, num_workers=0)
    assert len(run.episodes) == 2 and verify_run(run) == []


@pytest.fixture
def own_games(tmp_path: Path) -> Path:
    """A folder with two games of one's own."""
    if not is_installed():
        pytest.skip("needs the extra 'official'")
    for number in (1, 2):
        trial = tmp_path / "mine" / f"pick_and_place_simple-Mug-None-Drawer-30{number}" / "trial_T1"
        trial.mkdir(parents=True)
        write_fields(trial / PACKED, write_official_game(bedroom()))
    return tmp_path / "mine"


def freeze_by_command(name: str, games: object, monkeypatch: pytest.MonkeyPatch) -> Panel:
    options = json.dumps({"games": games})
    arguments = ["leaderboard", "freeze", name, "--env-id", ALFWORLD, "--options", options, "--out", f"{name}.json"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    return load_panel(f"{name}.json")


def test_games_of_ones_own_are_frozen_with_digests(
    own_games: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    panel = freeze_by_command("mine-v1", str(own_games), monkeypatch)
    assert len(panel.task_digests) == 2 and len(set(panel.task_digests)) == 1
    files = sorted(map(str, own_games.rglob(PACKED)))
    assert freeze_by_command("files-v1", files, monkeypatch).task_digests == panel.task_digests
    fields = read_fields(Path(files[1]))
    add_to_the_wording(fields)
    write_fields(Path(files[1]), fields)
    for name in ("mine-v1", "files-v1"):
        with pytest.raises(PanelError, match=r"1 of the panel's 2 games has changed since it was frozen, first '.*302"):
            load_panel(f"{name}.json").make_env()
    Path(files[1]).unlink()
    with pytest.raises(PanelError, match=f"1 of the panel's 2 games is not in {own_games}, first '.*302"):
        load_panel("mine-v1.json").make_env()


def test_panels_of_before_without_digests_play_as_they_did(own_games: Path) -> None:
    """They know nothing of the files but what the fingerprint says."""
    panel = freeze_panel("mine-v1", ALFWORLD, max_turns=5, env_options={"games": str(own_games)})
    before = msgspec.structs.replace(panel, task_digests=())
    before.make_env().close()
    file = next(own_games.rglob(PACKED))
    write_fields(file, read_fields(file) | {"pddl_problem": "("})
    with pytest.raises(PanelError, match=r"the panel's task '.*' cannot be played: .*field 'pddl_problem' is broken"):
        before.make_env()


def test_refreezing_without_the_games_leaves_their_panels(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, "RECIPES", {name: RECIPES[name] for name in REAL_PANELS})
    monkeypatch.setattr(commands, "PANEL_FOLDER", tmp_path)
    assert commands.refreeze() == 0
    said = capsys.readouterr().out
    for name in REAL_PANELS:
        assert f"{name} stays as it is: it can be frozen again where $ALFWORLD_DATA is set" in said
    assert not list(tmp_path.iterdir())
