"""Several goals on both engines in step."""

import json
import pickle
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.long.env import ALFWorldLongEnv
from hiper_envs.alfworld.official.engine import OfficialEngine, write_official_game
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.official.marks import needs_official
from tests.hiper_envs.alfworld.real_games import list_games

ID = "hiper/ALFWorldLong-v0"
ORDERS, REWARDS = ("any", "sequence"), ("sparse", "per_goal")
Step = tuple[str, float, bool, bool, dict[str, Any]]


@pytest.fixture(autouse=True)
def no_real_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


def make(num_goals: int, **options: Any) -> ALFWorldLongEnv:
    return ALFWorldLongEnv(**{"split": "valid_seen", "games": "generated", "num_goals": num_goals, **options})


def choose(info: dict[str, Any], rng: Random) -> str:
    """Return mostly the plan's next command, and often any other one."""
    plan = info["expert_plan"]
    return plan[0] if plan and rng.random() < 0.6 else rng.choice(info["admissible_actions"])


def walk_both(num_goals: int, order: str, task: str | int, seed: int, **options: Any) -> list[bool]:
    """Play both engines in step through the environment: half way by the plan, and in between at random."""
    options = {"order": order, "reward": "per_goal", "expert_plan": True, **options}
    fast, official = (make(num_goals, engine=engine, **options) for engine in ("fast", "textworld"))
    rng, wins = Random(seed), list[bool]()
    output = fast.reset(options={"task": task})
    assert output == official.reset(options={"task": task})
    info = output[1]
    while not (wins and wins[-1]) and len(wins) < 60 * num_goals:
        action = choose(info, rng) if rng.random() < 0.5 else info["expert_plan"][0]
        step = fast.step(action)
        assert step == official.step(action), action
        wins.append(step[2])
        info = step[4]
        if len(wins) == 5:
            state = official.get_state()
            official.step("look")
            official.set_state(state)
            assert pickle.loads(pickle.dumps(state)) == official.get_state()
    official.close()
    return wins


@needs_official
@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("num_goals", [2, 5])
def test_engines_agree_turn_by_turn(order: str, num_goals: int) -> None:
    look = next(task for task in make(1).tasks if "look_at" in task)
    assert walk_both(num_goals, order, look, num_goals)[-1], "the plan wins on both"


@needs_official
@pytest.mark.slow
def test_engines_agree_on_a_released_game(shared: Path) -> None:
    file = list_games(shared, "valid_unseen")[7]
    assert walk_both(3, "any", 0, 3, games=file, split="valid_unseen")[-1]


@needs_official
def test_the_official_engine_reads_one_goal_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bedroom.tw-pddl"
    fields = write_official_game(bedroom(Goal("pick", "Book", "Drawer")))
    path.write_text(json.dumps({**fields, "pddl_domain": fields["pddl_domain"].replace("cost) 5", "cost) 6")}))
    env = ALFWorldLongEnv(games=path, engine="textworld", num_goals=1)
    assert env.reset()[1]["goals"] == ["put a mug in drawer"]
    env.close()
    with pytest.raises(ValueError, match="not ALFWorld's domain"):
        ALFWorldLongEnv(games=path, engine="textworld", num_goals=2).reset()
    assert isinstance(OfficialEngine(path), OfficialEngine)
