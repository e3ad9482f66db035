"""The limit of turns: so many for each goal, unless the call says otherwise."""

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
    assert count_turns(env, 500) == 50 * num_goals == env.unwrapped.max_turns  # type: ignore[attr-defined]
    assert env.spec is not None and env.spec.max_episode_steps == 50 * num_goals
    assert gym.make(ID).unwrapped.max_turns == 150  # type: ignore[attr-defined]


@pytest.mark.parametrize("limit", [1, 7, 170])
def test_a_limit_of_the_call_counts_alone(limit: int) -> None:
    assert count_turns(gym.make(ID, max_episode_steps=limit), 200) == limit
    assert count_turns(gym.make(gym.make(ID, max_episode_steps=limit).spec), 200) == limit  # type: ignore[arg-type]
    assert count_turns(gym.make_vec(ID, 1, "sync", max_episode_steps=limit).envs[0], 200) == limit  # type: ignore[attr-defined]


def test_no_limit_at_all() -> None:
    assert count_turns(gym.make(ID, max_episode_steps=-1), 170) == 171
    assert count_turns(gym.make(gym.make(ID, num_goals=2).spec), 200) == 100  # type: ignore[arg-type]


@pytest.mark.parametrize(("options", "limit"), [({}, 150), ({"num_goals": 2}, 100), ({"max_episode_steps": 170}, 170)])
def test_vectors_have_the_same_limit(options: dict[str, Any], limit: int) -> None:
    vector = gym.make_vec(ID, num_envs=2, vectorization_mode=VECTOR, **options)
    vector.reset(seed=0)
    flags = [vector.step(["look", "look"])[3].tolist() for _ in range(limit)]
    assert flags == [[False, False]] * (limit - 1) + [[True, True]]


def test_a_vector_without_a_limit() -> None:
    vector = gym.make_vec(ID, num_envs=1, vectorization_mode=VECTOR, max_episode_steps=None)
    vector.reset(seed=0)
    assert not any(vector.step(["look"])[3].item() for _ in range(160))


def test_the_id_is_known_as_the_plain_one_is() -> None:
    assert find_known_id(ID) == ID
    with pytest.raises(ValueError, match="did you mean 'hiper/ALFWorldLong-v0'"):
        find_known_id("hiper/ALFWorldLng-v0")
