"""The limit of turns: so many for each goal, unless an option says otherwise."""

from typing import Any

import gymnasium as gym
import pytest

from hiper_envs.registration import find_known_id

ID = "hiper/ALFWorldLong-v0"
VECTOR = "vector_entry_point"


def count_turns(env: gym.Env[str, str], most: int) -> int:
    env.reset(seed=0)
    return next((turn for turn in range(1, most + 1) if env.step("look")[3]), most + 1)


@pytest.mark.parametrize("num_goals", [1, 2, 8])
def test_each_goal_gives_fifty_turns(num_goals: int) -> None:
    env = gym.make(ID, num_goals=num_goals)
    assert count_turns(env, 500) == 50 * num_goals == env.get_wrapper_attr("max_turns")
    assert env.spec is not None and env.spec.max_episode_steps == 50 * num_goals
    assert gym.make(ID).get_wrapper_attr("max_turns") == 150


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"max_episode_steps": 1}, 1),
        ({"max_episode_steps": 7}, 7),
        ({"max_episode_steps": 170}, 150),
        ({"max_episode_steps": -1}, 150),
        ({"max_turns": 170}, 170),
        ({"max_turns": 7, "num_goals": 1}, 7),
        ({"max_turns": 170, "max_episode_steps": 160}, 160),
    ],
)
def test_calls_shorten_episodes_and_the_option_lengthens_them(options: dict[str, Any], limit: int) -> None:
    env = gym.make(ID, **options)
    assert count_turns(env, 200) == limit and env.spec is not None
    assert count_turns(gym.make(env.spec), 200) == limit
    assert count_turns(gym.make_vec(ID, 1, "sync", **options).envs[0], 200) == limit  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, 150),
        ({"num_goals": 2}, 100),
        ({"max_episode_steps": 9}, 9),
        ({"max_episode_steps": 170}, 150),
        ({"max_episode_steps": None}, 150),
        ({"max_turns": 170}, 170),
    ],
)
def test_vectors_have_the_same_limit(options: dict[str, Any], limit: int) -> None:
    vector = gym.make_vec(ID, num_envs=2, vectorization_mode=VECTOR, **options)
    vector.reset(seed=0)
    flags = [vector.step(["look", "look"])[3].tolist() for _ in range(limit)]
    assert flags == [[False, False]] * (limit - 1) + [[True, True]]


def test_the_id_is_known_as_the_plain_one_is() -> None:
    assert find_known_id(ID) == ID
    with pytest.raises(ValueError, match="did you mean 'hiper/ALFWorldLong-v0'"):
        find_known_id("hiper/ALFWorldLng-v0")
