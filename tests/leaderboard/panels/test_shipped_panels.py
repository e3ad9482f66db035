"""The shipped panels are what their recipes say, and the real worlds play and replay them."""

import os
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from hiper_envs import write_reply
from hiper_envs.task_types import task_type
from leaderboard.panels.freezing import ALFWORLD, RECIPES, SUPERSEDED, freeze_recipe
from leaderboard.panels.panel import load_panel, panel_names
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import verify_run


class Wanderer:
    """Takes an admissible action at random."""

    def reset(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        actions = info["admissible_actions"]
        assert isinstance(actions, list)
        return write_reply(self.rng.choice(actions), "wander", self.rng.random() < 0.3)


def test_every_recipe_is_shipped() -> None:
    assert panel_names() == sorted([*RECIPES, *SUPERSEDED])


@pytest.mark.parametrize("name", SUPERSEDED)
def test_superseded_panels_are_played_as_ever(name: str) -> None:
    load_panel(name).make_env().close()


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_panel_freezes_again_to_the_same(name: str) -> None:
    assert freeze_recipe(name) == load_panel(name), "a world has changed: leaderboard refreeze"


def test_demo_has_three_tasks_of_each_type() -> None:
    panel = load_panel("alfworld-demo-v2")
    assert set(Counter(task_type(row.task) for row in panel.tasks).values()) == {3}


def test_real_games_of_the_user_do_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "json_2.1.1" / "valid_unseen").mkdir(parents=True)
    monkeypatch.setitem(os.environ, "ALFWORLD_DATA", str(tmp_path))
    assert load_panel("alfworld-demo-v2").env_id == ALFWORLD
    load_panel("alfworld-demo-v2").make_env().close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alfworld-demo-v2", "webshop-demo-v1"])
def test_real_world_plays_and_replays(name: str, tmp_path: Path) -> None:
    runs = [
        run_panel(f"{__file__}:Wanderer", name, tmp_path / part, num_episodes=4, num_workers=0) for part in ("a", "b")
    ]
    assert runs[0].episodes == runs[1].episodes and len(runs[0].episodes) == 4
    assert verify_run(runs[0]) == []
