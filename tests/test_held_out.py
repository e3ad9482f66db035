"""What a panel tests was neither trained on nor used to choose settings, by any shipped configuration."""

from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from hiper_agents.training.config import TrainConfig, list_configs, read_config
from leaderboard.panels.freezing import WEBSHOP
from leaderboard.panels.panel import Panel, load_panel, panel_names
from tests.products import DATA

GENERATED = {"hiper/ALFWorld-v0": {"games": "generated"}}
"""Options beside a configuration's own, so that real games of this machine do not matter."""
WEBSHOP_WEIGHTS = ("webshop-flat", "webshop-hiper")


def list_tasks(env: Any, tasks: Any) -> frozenset[str]:
    """What tasks are, the same in every catalogue: WebShop's goals by their products, games by their ids."""
    return frozenset(env.group_of(task) if env.spec.id == WEBSHOP else task for task in tasks)


def complete_options(env_id: str, options: dict[str, Any]) -> dict[str, Any]:
    return GENERATED.get(env_id, {}) | options


@cache
def read_split(env_id: str, split: str, options: tuple[tuple[str, str], ...] = ()) -> frozenset[str]:
    env: Any = gym.make(env_id, split=split, **dict(options)).unwrapped
    return list_tasks(env, env.tasks)


def read_used(config: TrainConfig) -> frozenset[str]:
    """All that a configuration trains on or chooses by."""
    options = tuple(complete_options(config.env_id, config.env_options).items())
    splits = (config.train_split, config.eval_split or config.train_split)
    return frozenset().union(*(read_split(config.env_id, split, options) for split in splits))


@pytest.fixture
def panel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """A shipped panel; over real products it needs them."""
    frozen = load_panel(request.param)
    if frozen.env_options.get("data") == "real":
        pytest.importorskip("spacy", reason="nouns of real titles need the extra spacy")
        shared: Path = request.getfixturevalue("shared")
        request.getfixturevalue("cache_folder")
        monkeypatch.setenv("WEBSHOP_DATA", str(shared / DATA))
    return frozen


@pytest.mark.parametrize("name", list_configs())
@pytest.mark.parametrize("panel", panel_names(), indirect=True)
def test_no_task_of_a_panel_was_trained_on_or_chosen_by(panel: Panel, name: str) -> None:
    config = read_config(name)
    if config.env_id != panel.env_id:
        return
    rows = [row.task for row in panel.tasks]
    env = gym.make(panel.env_id, **panel.env_options).unwrapped
    tested, used = list_tasks(env, rows), read_used(config)
    assert len(tested) > 10 and len(used) > 500
    assert not tested & used


@pytest.mark.parametrize("name", list_configs())
def test_shipped_configurations_choose_by_a_part_that_they_do_not_train_on(name: str) -> None:
    """The evaluation split is some of the training split, and the trainer leaves just those out, in both worlds."""
    trainer = pytest.importorskip("hiper_agents.training.trainer", reason="needs the extra agents")
    shipped = read_config(name)
    config = read_config(name, num_envs=1, env_options=complete_options(shipped.env_id, shipped.env_options))
    run = trainer.Trainer(config, Path("never-made"))
    envs = {split: run._environments(split)[0].unwrapped for split in (config.train_split, config.eval_split)}
    training, evaluation = (list(envs[split].tasks) for split in (config.train_split, config.eval_split))
    trained_on = [training[position] for position in run._training_tasks()]
    assert 100 < len(evaluation) < 0.2 * len(training)
    assert sorted(trained_on) == sorted(set(training) - set(evaluation))
    assert len(trained_on) == len(training) - len(evaluation)
    kinds = [list_kinds(envs[config.train_split], tasks) for tasks in (trained_on, evaluation)]
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
