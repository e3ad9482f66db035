"""The Gymnasium environment over ALFWorld."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import hiper_envs
from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.grammar import DomainRules, write_domain
from hiper_envs.alfworld.games.problem import GameFileError
from hiper_envs.alfworld.official.engine import is_installed, write_official_game
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.official.marks import needs_official

A_BOOK = Goal("pick", "Book", "Drawer")
WAY = ["go to desk 1", "take book 1 from desk 1", "go to drawer 1", "open drawer 1", "move book 1 to drawer 1"]


@pytest.fixture(autouse=True)
def no_real_games(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


@pytest.fixture
def recorded(shared: Path) -> Path:
    return shared / "gold" / "alfworld" / "games"


def test_passes_the_checker_without_a_warning() -> None:
    check_env(gym.make("hiper/ALFWorld-v0").unwrapped)


@needs_official
def test_official_engine_passes_the_checker(recorded: Path) -> None:
    game = recorded / "edge-E9_two_locations.tw-pddl.gz"
    env = ALFWorldEnv(games=game, engine="textworld")
    check_env(env, skip_render_check=True)
    env.close()


def test_info_at_reset_and_step() -> None:
    env = hiper_envs.SubgoalWrapper(gym.make("hiper/ALFWorld-v0", split="valid_unseen"))
    observation, info = env.reset(seed=7, options={"task": 3})
    assert info["task_id"] == env.unwrapped.tasks[3]
    assert observation.endswith(f"Your task is to: {info['instruction']}.")
    assert info["admissible_actions"] == sorted(info["admissible_actions"])
    assert (info["success"], info["score"]) == (False, 0.0)
    assert "expert_plan" not in info
    assert env.reset(options={"task": info["task_id"]})[0] == observation


def test_episode_ends_with_reward_when_won(tmp_path: Path) -> None:
    env = make_bedroom(tmp_path)
    env.reset()
    rewards = []
    for command in WAY:
        _, reward, terminated, truncated, info = env.step(command)
        rewards.append(reward)
        assert (terminated, info["success"], info["score"]) == (reward == 1.0, reward == 1.0, reward)
        assert not truncated
    assert rewards == [0.0, 0.0, 0.0, 0.0, 1.0]


def make_bedroom(folder: Path, goal: Goal = A_BOOK, **options: Any) -> ALFWorldEnv:
    """Write the bedroom as a game file, in the official wording, and open it."""
    if not is_installed():
        pytest.skip('writing a game file takes alfworld\'s grammar: pip install "hiper-suite[official]"')
    path = folder / "bedroom.tw-pddl"
    path.write_text(json.dumps(write_official_game(bedroom(goal))))
    return ALFWorldEnv(games=path, **options)


def test_tasks_of_a_scene_are_a_group() -> None:
    inner: Any = gym.make("hiper/ALFWorld-v0", split="valid_unseen").unwrapped
    assert inner.group_key == "scene"
    assert {inner.group_of(task) for task in inner.tasks} == {"10", "219", "308", "424"}
    assert all(f"-{inner.group_of(task)}/" in task for task in inner.tasks)
    with pytest.raises(ValueError, match="unknown task 'nowhere'"):
        inner.group_of("nowhere")


def test_a_game_whose_name_tells_no_scene_has_no_group(tmp_path: Path) -> None:
    inner = make_bedroom(tmp_path)
    with pytest.raises(ValueError, match="names no scene; one that does is like pick_and_place_simple-Mug"):
        inner.group_of(inner.tasks[0])


def test_truncation_is_not_termination() -> None:
    env = gym.make("hiper/ALFWorld-v0")
    env.reset(seed=1)
    flags = [env.step("look")[2:4] for _ in range(50)]
    assert flags == [(False, False)] * 49 + [(False, True)]


def test_same_seed_draws_the_same_tasks() -> None:
    def draw(seed: int) -> list[str]:
        env = ALFWorldEnv()
        return [env.reset(seed=seed)[1]["task_id"]] + [env.reset()[1]["task_id"] for _ in range(5)]

    assert draw(4) == draw(4)
    assert draw(4) != draw(5)
    assert len(set(draw(4))) > 3


PLAY = """
import random, hiper_envs, gymnasium as gym
env = gym.make("hiper/ALFWorld-v0", shuffle_names=True)
rng = random.Random(0)
observation, info = env.reset(seed=11)
print(observation)
for _ in range(20):
    observation, *_, info = env.step(rng.choice(info["admissible_actions"]))
    print(observation, info["admissible_actions"])
"""


def test_bytes_are_the_same_in_any_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PLAY], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


def test_state_leads_back_here_and_in_another_environment(recorded: Path) -> None:
    env, other = ALFWorldEnv(games=recorded), ALFWorldEnv(games=recorded)
    env.reset(options={"task": 5})
    other.reset(options={"task": 6})
    env.step("go to fridge 1")
    state = pickle.loads(pickle.dumps(env.get_state()))
    assert state == env.get_state() and hash(state) == hash(env.get_state())
    expected = env.step("look")
    env.reset(options={"task": 7})
    env.set_state(state)
    other.set_state(state)
    assert env.step("look") == other.step("look") == expected


@needs_official
def test_engines_agree_through_the_environment(tmp_path: Path) -> None:
    fast, official = make_bedroom(tmp_path), make_bedroom(tmp_path, engine="textworld")
    assert fast.reset() == official.reset()
    for command in WAY[:3]:
        assert fast.step(command) == official.step(command)
    state = official.get_state()
    official.step("open drawer 1")
    official.set_state(state)
    for command in WAY[3:]:
        assert fast.step(command) == official.step(command)
    with pytest.raises(ValueError, match="other engine"):
        fast.set_state(state)
    official.close()


@needs_official
def test_other_domains_need_the_official_engine(tmp_path: Path) -> None:
    fields = write_official_game(bedroom())
    fields["pddl_domain"] = write_domain(
        fields["pddl_domain"].replace("total-cost) 5", "total-cost) 6"), DomainRules(True, ())
    )
    path = tmp_path / "other.tw-pddl"
    path.write_text(json.dumps(fields))
    with pytest.raises(GameFileError, match=r"other\.tw-pddl.*'pddl_domain'.*engine=\"textworld\""):
        ALFWorldEnv(games=path).reset()
    env = ALFWorldEnv(games=path, engine="textworld")
    assert env.reset()[1]["instruction"] == "put a mug in drawer"
    env.close()


@pytest.mark.parametrize("engine", ["fast", pytest.param("textworld", marks=needs_official)])
def test_expert_plan_leads_to_success(engine: str) -> None:
    env = ALFWorldEnv(split="valid_unseen", engine=engine, expert_plan=True, shuffle_names=False)
    for task in range(0, 20, 1 if engine == "fast" else 10):
        _, info = env.reset(options={"task": task})
        for _ in range(40):
            _, _, terminated, _, info = env.step(info["expert_plan"][0])
            if terminated:
                break
        assert info["success"] and info["expert_plan"] == []
    env.close()


def test_game_that_cannot_be_won_has_no_plan(tmp_path: Path) -> None:
    env = make_bedroom(tmp_path, Goal("pick", "Mug", "Fridge"), expert_plan=True)
    assert env.reset()[1]["expert_plan"] == []


def test_shuffled_names_change_from_episode_to_episode() -> None:
    env = ALFWorldEnv(shuffle_names=True)
    texts = [env.reset(seed=3, options={"task": 0})[0], *(env.reset(options={"task": 0})[0] for _ in range(4))]
    assert len(set(texts)) == 5
    assert env.reset(seed=3, options={"task": 0})[0] == texts[0]
    assert sorted(texts[0]) == sorted(texts[1]), "only the order of the numbers differs"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"split": "tain"}, "unknown split 'tain'.*'train'"),
        ({"engine": "fats"}, "unknown engine 'fats'.*'fast'"),
        ({"split": "valid_seen", "shuffle_names": True}, "train split"),
    ],
)
def test_bad_constructor_arguments(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ALFWorldEnv(**options)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"taks": 3}, "'task'"),
        ({"task": 99999}, "there is no task 99999; the 3553 tasks of this split are 0 to 3552"),
        ({"task": -1}, "there is no task -1"),
        ({"task": True}, "must be a position in env.unwrapped.tasks, or a task's id"),
        ({"task": 1.0}, "must be a position in env.unwrapped.tasks, or a task's id"),
        ({"task": "train/pick_and_place"}, "there is no task"),
    ],
)
def test_bad_options_of_reset(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ALFWorldEnv().reset(options=options)


def test_misspelt_task_gets_the_nearest() -> None:
    env = ALFWorldEnv(split="valid_unseen")
    with pytest.raises(ValueError, match="did you mean '") as caught:
        env.reset(options={"task": env.tasks[4].replace("pick", "pik")})
    assert env.tasks[4] in str(caught.value)


def test_action_must_be_a_string_and_reset_comes_first() -> None:
    env = ALFWorldEnv()
    with pytest.raises(gym.error.ResetNeeded):
        env.step("look")
    env.reset(seed=0)
    with pytest.raises(TypeError, match="an action must be a string"):
        env.step(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="get_state"):
        env.set_state("state")  # type: ignore[arg-type]
