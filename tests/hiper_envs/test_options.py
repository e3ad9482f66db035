"""Both worlds keep Gymnasium's rules, and answer a wrong name with the nearest right one."""

import warnings
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import hiper_envs
from webshop_server.allowed_names import check_choice

WORLDS = ("hiper/ALFWorld-v0", "hiper/ALFWorldLong-v0", "hiper/WebShop-v0", "hiper/WebShopBasket-v0")


@pytest.mark.parametrize("env_id", WORLDS)
def test_gymnasiums_checker_has_nothing_to_say(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(env_id).unwrapped)
    assert env_id in {spec.id for spec in hiper_envs.registration.ENV_SPECS}


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize(("option", "nearest"), [("splt", "split"), ("expert_plans", "expert_plan")])
@pytest.mark.parametrize("is_vector", [False, True])
def test_unknown_option_gets_the_nearest_name(env_id: str, option: str, nearest: str, is_vector: bool) -> None:
    with pytest.raises(ValueError, match=rf"unknown option '{option}'; allowed: split.* did you mean '{nearest}'\?"):
        if is_vector:
            gym.make_vec(env_id, num_envs=2, vectorization_mode="vector_entry_point", **{option: 1})
        else:
            gym.make(env_id, **{option: 1})


@pytest.mark.parametrize("env_id", WORLDS)
@pytest.mark.parametrize("action", [3, None, b"look", ["look"]])
def test_action_that_is_no_string_gets_a_sentence(env_id: str, action: Any) -> None:
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    with pytest.raises(TypeError, match="an action must be a string such as"):
        env.step(action)


@pytest.mark.parametrize("env_id", WORLDS)
def test_vector_plays_what_single_environments_play(env_id: str) -> None:
    vector = gym.make_vec(env_id, num_envs=3, vectorization_mode="vector_entry_point")
    texts, _ = vector.reset(seed=4)
    singles = [gym.make(env_id) for _ in range(3)]
    starts = [env.reset(seed=4 + index) for index, env in enumerate(singles)]
    assert list(texts) == [text for text, _ in starts]
    for turn in range(6):
        offered = [info["admissible_actions"] for _, info in starts]
        actions = [each[-1 - turn % min(2, len(each))] for each in offered]
        texts, rewards, *_ = vector.step(actions)
        steps = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        assert list(texts) == [step[0] for step in steps] and rewards.tolist() == [step[1] for step in steps]
        if any(step[2] for step in steps):
            break
        starts = [(step[0], step[4]) for step in steps]


def test_long_lists_are_cut() -> None:
    with pytest.raises(ValueError, match=r"allowed: 0, 1, .* \.\.\. \(40 in all\)"):
        check_choice("x", map(str, range(40)), "number")


@pytest.mark.parametrize("env_id", ["hiper/ALFWorld-v0", "hiper/WebShop-v0"])
def test_a_refused_reset_leaves_the_environment_as_it_was(env_id: str) -> None:
    env = gym.make(env_id)
    with pytest.raises(ValueError, match="seed"):
        env.reset(seed=True)
    _, info = env.reset(seed=1)
    env.step(info["admissible_actions"][0])
