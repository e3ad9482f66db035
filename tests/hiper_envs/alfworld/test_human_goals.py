"""Goals in people's words: where they are found, how they are drawn, and that both engines show them alike."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.alfworld.games.human_goals import HumanGoalsError, read_human_goals
from hiper_envs.alfworld.official.engine import is_installed, write_official_game
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.real_games import list_games

WRITTEN = ["Put a mug away. \n", "put the 'red' mug\ninto a \\drawer", 'Store a "cup" \u2013 #now# {x} [y] <z>; | $&*']
GOALS = ["Put a mug away.", WRITTEN[1], "Store a cup \u2013 now x y z  $&*"]
NAME = "pick_and_place_simple-Mug-None-Drawer-301/trial_T1"


def write_trajectory(game: Path, annotations: Any) -> None:
    content = {"task_type": "pick_and_place_simple", "turk_annotations": {"anns": annotations}}
    (game.parent / "traj_data.json").write_text(json.dumps(content), encoding="utf-8")


def describe(goals: list[str]) -> list[dict[str, object]]:
    return [{"task_desc": goal, "high_descs": ["go"], "votes": [1]} for goal in goals]


@pytest.fixture
def game(tmp_path: Path) -> Path:
    """A game file in the folders that ALFWorld has for it."""
    if not is_installed():
        pytest.skip("needs the extra 'official'")
    file = tmp_path / "json_2.1.1" / "train" / NAME / "game.tw-pddl"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(write_official_game(bedroom())), encoding="utf-8")
    return file


def make(game: Path, **options: Any) -> ALFWorldEnv:
    return ALFWorldEnv(split="train", games=game.parents[3], goals="human", **options)


def test_goals_beside_the_game(game: Path) -> None:
    write_trajectory(game, describe([*WRITTEN, " "]))
    assert read_human_goals(game) == tuple(GOALS)


def test_goals_of_a_collection(game: Path, tmp_path: Path) -> None:
    (tmp_path / "human_goals.json").write_text(json.dumps({"valid_seen": {}, "train": {NAME: WRITTEN}}))
    write_trajectory(game, [])
    assert read_human_goals(game) == tuple(GOALS)
    (tmp_path / "human_goals.json").write_text("\ufeff" + json.dumps({"train": {NAME: GOALS[:1]}}), encoding="utf-8")
    os.utime(tmp_path / "human_goals.json", ns=(1, 1))
    assert read_human_goals(game) == tuple(GOALS[:1])


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("", "", "no goals in people's words.*goals='template'"),
        ("traj_data.json", '{"task_type": "pick_and_place_simple"}', "no goals in people's words"),
        ("traj_data.json", '{"turk_annotations": {"anns": 5}}', "cannot be read as goals: Expected `array`"),
        ("traj_data.json", "{", "cannot be read as goals"),
        ("traj_data.json", '{"turk_annotations": {"anns": [{"task_desc": 5}]}}', "cannot be read as goals"),
        (
            "human_goals.json",
            '{"train": {"other/trial": ["x"]}}',
            "holds no goals for the game pick_and_place_simple-Mug",
        ),
        ("human_goals.json", '["x"]', "cannot be read as goals"),
        ("human_goals.json", b"\xff\xfe", "cannot be read as goals"),
        ("human_goals.json", "[" * 200_000, "cannot be read as goals"),
    ],
)
def test_a_game_without_goals_gets_a_sentence(game: Path, file: str, content: str | bytes, message: str) -> None:
    if file:
        (game.parent / file).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(HumanGoalsError, match=message):
        read_human_goals(game)
    with pytest.raises(ValueError, match="goals"):
        make(game)


def test_generated_games_have_none() -> None:
    with pytest.raises(ValueError, match=r"goals='human' is for the released games.*is generated"):
        ALFWorldEnv(games="generated", goals="human")
    with pytest.raises(ValueError, match=r"unknown goals 'humans'.*did you mean 'human'"):
        ALFWorldEnv(games="generated", goals="humans")


def test_each_reset_draws_a_goal_by_its_seed(game: Path) -> None:
    write_trajectory(game, describe(GOALS))
    env, again = make(game), make(game)
    drawn = [env.reset(seed=seed)[1]["instruction"] for seed in range(20)]
    assert set(drawn) == set(GOALS)
    assert drawn == [again.reset(seed=seed)[1]["instruction"] for seed in range(20)]
    observation, info = env.reset(seed=0)
    assert observation.endswith(f"\n\nYour task is to: {info['instruction']}.")
    assert {env.reset()[1]["instruction"] for _ in range(30)} == set(GOALS)


def test_the_goal_is_part_of_the_state(game: Path) -> None:
    write_trajectory(game, describe(GOALS))
    env = make(game)
    first = env.reset(seed=0)[1]["instruction"]
    state = env.get_state()
    while env.reset()[1]["instruction"] == first:
        pass
    env.set_state(copy.deepcopy(state))
    assert env.get_state() == state
    assert env.step("look")[4]["instruction"] == first


@pytest.mark.parametrize("position", range(3))
def test_official_engine_shows_the_same_goal(game: Path, position: int) -> None:
    write_trajectory(game, describe(WRITTEN[position : position + 1]))
    fast, official = make(game), make(game, engine="textworld", expert_plan=True)
    observation, info = official.reset(seed=1)
    expected, fast_info = fast.reset(seed=1)
    assert observation == expected and info["instruction"] == fast_info["instruction"] == GOALS[position]
    for command in list(info["expert_plan"]):
        assert fast.step(command)[:3] == official.step(command)[:3]
    official.close()


@pytest.mark.parametrize("goal", ["Your task is to: look", "two\nlines", "{o} %s \\n \\ud800", "...", "x" * 5000])
def test_both_engines_show_odd_goals_alike(game: Path, goal: str) -> None:
    write_trajectory(game, describe([goal]))
    official = make(game, engine="textworld")
    assert official.reset(seed=1) == make(game).reset(seed=1)
    official.close()


def test_released_games_have_the_published_goals(shared: Path) -> None:
    published = json.loads((shared / "data/alfworld/human_goals.json").read_text(encoding="utf-8"))["valid_train"]
    for file in list_games(shared, "train")[::20]:
        goals = published[f"{file.parent.parent.name}/{file.parent.name}"]
        env = ALFWorldEnv(games=file, goals="human")
        assert {env.reset(seed=seed)[1]["instruction"] for seed in range(25)} == set(goals)
        with pytest.raises(TypeError, match="string"):
            env.step(5)  # type: ignore[arg-type]
