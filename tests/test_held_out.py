"""What a panel tests was neither trained on nor used to choose settings, by any shipped configuration."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from hiper_agents.training.config import TrainConfig, list_configs, read_config
from hiper_envs.task_types import task_scene
from leaderboard.panels.freezing import ALFWORLD, WEBSHOP
from leaderboard.panels.panel import Panel, load_panel, panel_names
from tests.hiper_envs.alfworld.real_games import list_training_ids
from tests.products import DATA

UNSEEN_PANELS = [name for name in panel_names() if re.match("alfworld.*(unseen|demo)", name)]
ALFWORLD_CONFIGS = [name for name in list_configs() if read_config(name).env_id == ALFWORLD]
WEBSHOP_WEIGHTS = ("webshop-flat", "webshop-hiper")


def list_tasks(env: Any, tasks: Any) -> frozenset[str]:
    """What tasks are, the same in every catalogue: WebShop's goals by their products, games by their ids."""
    return frozenset(env.group_of(task) if env.spec.id == WEBSHOP else task for task in tasks)


@cache
def read_split(env_id: str, split: str, options: tuple[tuple[str, str], ...] = ()) -> frozenset[str]:
    env: Any = gym.make(env_id, split=split, **dict(options)).unwrapped
    return list_tasks(env, env.tasks)


def read_used(config: TrainConfig) -> frozenset[str]:
    """All that a configuration trains on or chooses by."""
    options = tuple(config.env_options.items())
    splits = (config.train_split, config.eval_split or config.train_split)
    return frozenset().union(*(read_split(config.env_id, split, options) for split in splits))


@pytest.fixture
def panel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """A shipped panel; over real products it needs them, real games tell by their ids alone."""
    frozen = load_panel(request.param)
    if frozen.env_options.get("data") == "real":
        pytest.importorskip("spacy", reason="nouns of real titles need the extra spacy")
        shared: Path = request.getfixturevalue("shared")
        request.getfixturevalue("cache_folder")
        monkeypatch.setenv("WEBSHOP_DATA", str(shared / DATA))
    return frozen


@pytest.fixture
def real_games(shared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Released games of the user's, which no configuration must take for the generated ones."""
    monkeypatch.setenv("ALFWORLD_DATA", str(shared / "data" / "alfworld" / "real_games"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("name", list_configs())
@pytest.mark.parametrize("panel", panel_names(), indirect=True)
def test_no_task_of_a_panel_was_trained_on_or_chosen_by(panel: Panel, name: str) -> None:
    config = read_config(name)
    if config.env_id != panel.env_id:
        return
    tested, used = list_tested(panel), read_used(config)
    assert len(tested) > 10 and len(used) > 500
    assert not tested & used


def list_tested(panel: Panel) -> frozenset[str]:
    """What a panel plays: all of it, superseded panels too, WebShop's as products of whatever catalogue."""
    rows = [row.task for row in panel.tasks]
    if panel.env_id == ALFWORLD:
        return frozenset(rows)
    return list_tasks(gym.make(panel.env_id, **panel.env_options).unwrapped, rows)


@pytest.mark.parametrize("config_name", ALFWORLD_CONFIGS)
@pytest.mark.parametrize("panel_name", UNSEEN_PANELS)
def test_no_scene_of_an_unseen_panel_was_trained_on(panel_name: str, config_name: str) -> None:
    """Of games whose ids come from two sources the scenes tell more: the same rooms were never entered."""
    tested = {task_scene(task) for task in list_tested(load_panel(panel_name))}
    used = {task_scene(task) for task in read_used(read_config(config_name))}
    assert len(tested) > 2 and tested <= {"10", "219", "308", "424"} and len(used) == 108
    assert not tested & used


@pytest.mark.parametrize("panel_name", [name for name in panel_names() if name.startswith("alfworld-real-")])
def test_no_game_of_a_real_panel_is_a_released_training_game(panel_name: str, shared: Path) -> None:
    """For agents that train on the released games."""
    trained_on = {name.replace("_trial_", "/trial_", 1) for name in list_training_ids(shared)}
    assert len(trained_on) == 3553 and not list_tested(load_panel(panel_name)) & trained_on


@pytest.mark.parametrize("name", ALFWORLD_CONFIGS)
@pytest.mark.usefixtures("real_games")
def test_real_games_of_the_user_change_no_configuration(name: str) -> None:
    config = read_config(name)
    for split in (config.train_split, config.eval_split):
        env: Any = gym.make(config.env_id, split=split, **config.env_options).unwrapped
        assert all(task.startswith("v2/train/") for task in env.tasks)


@pytest.mark.parametrize("name", list_configs())
def test_shipped_configurations_choose_by_a_part_that_they_do_not_train_on(name: str) -> None:
    """The evaluation split is some of the training split, and the trainer leaves just those out, in both worlds."""
    pytest.importorskip("torch", reason="needs the extra agents")
    from hiper_agents.training.arena import Arena

    arena = Arena(read_config(name, num_envs=1))
    world: Any = arena.train_envs[0].unwrapped
    other: Any = arena.eval_envs[0].unwrapped
    training, evaluation = list(world.tasks), list(other.tasks)
    trained_on = [training[position] for group in arena.pool("train").groups for position in group]
    assert 100 < len(evaluation) < 0.2 * len(training)
    assert sorted(trained_on) == sorted(set(training) - set(evaluation))
    assert len(trained_on) == len(training) - len(evaluation)
    kinds = [list_kinds(world, tasks) for tasks in (trained_on, evaluation)]
    assert not kinds[0] & kinds[1], "whole products, or all trials of a task, are held out"


def list_kinds(env: Any, tasks: list[str]) -> set[str]:
    """What must not be on both sides: products, or tasks whatever their trial."""
    return {env.group_of(task) if env.spec.id == WEBSHOP else task.rpartition("/")[0] for task in tasks}


@pytest.mark.parametrize("name", WEBSHOP_WEIGHTS)
def test_shipped_weights_were_made_with_these_splits(name: str) -> None:
    shipped = pytest.importorskip("hiper_agents.agents.shipped", reason="needs the extra agents")
    settings, config = shipped.read_card(name)["settings"], read_config(name)
    for setting in ("env_id", "env_options", "train_split", "eval_split"):
        assert settings[setting] == getattr(config, setting), setting


def test_superseded_panels_would_fail_with_the_settings_of_their_time() -> None:
    """The first version of the test panel against the training split that agents then had: the fault this holds off."""
    panel = load_panel("webshop-test-v1")
    env: Any = gym.make(WEBSHOP, **panel.env_options).unwrapped
    trained_on = set(gym.make(WEBSHOP, split="train").unwrapped.tasks)  # type: ignore[attr-defined]
    assert sum(row.task in trained_on for row in panel.tasks) == 143
    assert list_tasks(env, [row.task for row in panel.tasks]) & read_split(WEBSHOP, "train")
