"""The part of the training games by which settings are chosen, beside those that are trained on."""

from pathlib import Path

import gymnasium as gym
import pytest

import hiper_envs  # noqa: F401  registers the ids
from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.alfworld.sources import is_set_aside, open_games

ID = "hiper/ALFWorld-v0"
HELD_OUT = "look_at_obj_in_light-Book-None-DeskLamp-306"
TRAINED_ON = "look_at_obj_in_light-Book-None-DeskLamp-302"


def test_whole_tasks_are_held_out() -> None:
    train, held_out = (list(open_games("generated", split).tasks) for split in ("train", "train_eval"))
    assert held_out == [task for task in train if is_set_aside(task)]
    assert 0.03 * len(train) < len(held_out) < 0.08 * len(train)
    names = {task.split("/")[2] for task in held_out}
    assert len({name.partition("-")[0] for name in names}) == 6
    assert not names & {task.split("/")[2] for task in set(train) - set(held_out)}


def test_held_out_games_are_played() -> None:
    env = ALFWorldEnv(split="train_eval", games="generated")
    _, info = env.reset(options={"task": 0})
    assert info["task_id"] == env.tasks[0]


def test_the_same_rule_holds_for_files(tmp_path: Path) -> None:
    assert is_set_aside(f"train/{HELD_OUT}/0") and is_set_aside(f"{HELD_OUT}/trial_T2019")
    assert not is_set_aside(f"train/{TRAINED_ON}/0") and not is_set_aside(f"{TRAINED_ON}/trial_T2019")
    for name in (HELD_OUT, TRAINED_ON):
        for trial in ("trial_T1", "trial_T2"):
            folder = tmp_path / "train" / name / trial
            folder.mkdir(parents=True)
            (folder / "game.tw-pddl").write_text('{"solvable": true}')
    games = open_games(tmp_path, "train_eval")
    assert games.tasks == (f"{HELD_OUT}/trial_T1", f"{HELD_OUT}/trial_T2")
    assert games.find_file(games.tasks[0]) == tmp_path / "train" / HELD_OUT / "trial_T1" / "game.tw-pddl"


def test_games_without_any_are_refused(tmp_path: Path) -> None:
    game = tmp_path / f"{TRAINED_ON}.tw-pddl"
    game.write_text('{"solvable": true}')
    with pytest.raises(ValueError, match="none of these 1 games is in 'train_eval'; take split='train'"):
        gym.make(ID, split="train_eval", games=game)


def test_names_are_not_dealt_anew_in_it() -> None:
    with pytest.raises(ValueError, match="shuffle_names is for the train split, not for 'train_eval'"):
        gym.make(ID, split="train_eval", games="generated", shuffle_names=True)
    with pytest.raises(ValueError, match="did you mean 'train_eval'"):
        gym.make(ID, split="train_evl")
