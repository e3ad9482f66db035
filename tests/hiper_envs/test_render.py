"""`render`: the text of the present page or turn, or a picture of the browser."""

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.webshop.env import WebShopEnv

WORLDS = ("hiper/ALFWorld-v0", "hiper/ALFWorldLong-v0", "hiper/WebShop-v0", "hiper/WebShopBasket-v0")


@pytest.mark.parametrize("env_id", WORLDS)
def test_ansi_is_the_text_of_the_turn(env_id: str) -> None:
    env = gym.make(env_id, render_mode="ansi")
    text, info = env.reset(seed=1)
    assert env.render() == text and env.render_mode == "ansi" and env.metadata["render_modes"] == ["ansi"]
    for _ in range(4):
        text, *_, info = env.step(info["admissible_actions"][0])
        assert env.render() == text
    frames = gym.make(env_id, render_mode="ansi_list")
    first, info = frames.reset(seed=1)
    second, *_ = frames.step(info["admissible_actions"][-1])
    assert frames.render() == [first, second]


@pytest.mark.parametrize("observation", ["text", "text_rich", "html"])
def test_ansi_is_plain_text_whatever_the_observation(observation: str) -> None:
    env = WebShopEnv(observation=observation, render_mode="ansi")
    env.reset(seed=1)
    assert env.render() == WebShopEnv().reset(seed=1)[0]


def test_after_going_back_the_house_is_looked_at() -> None:
    env = ALFWorldEnv(render_mode="ansi")
    env.reset(seed=1)
    state = env.get_state()
    env.step("help")
    env.set_state(state)
    assert env.render() == env.step("look")[0]


@pytest.mark.parametrize("env_id", WORLDS)
def test_without_a_mode_there_is_nothing_to_see(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        env.render()
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render has nothing to return"):
        assert env.render() is None


@pytest.mark.parametrize("make", [ALFWorldEnv, WebShopEnv])
@pytest.mark.parametrize("mode", ["human", "ansii", "", "None", 3, True, b"ansi"])
def test_other_modes_are_refused(make: Any, mode: Any) -> None:
    with pytest.raises(ValueError, match=r"^unknown render_mode .*; allowed: ansi"):
        make(render_mode=mode)


def test_pictures_need_a_browser() -> None:
    with pytest.raises(ValueError, match=r"needs browser='selenium'; with 'inprocess' there is ansi"):
        WebShopEnv(render_mode="rgb_array")
    with pytest.raises(ValueError, match=r"^unknown render_mode 'rgb_array'; allowed: ansi"):
        ALFWorldEnv(render_mode="rgb_array")


@pytest.mark.slow
def test_pictures_of_the_browser(browser: Any) -> None:
    env: Any = gym.make("hiper/WebShop-v0", browser="selenium", render_mode="rgb_array")
    env.reset(seed=1)
    first = env.render()
    assert first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3 and first.min() < 100 < first.max()
    env.step("search[red shoes]")
    assert (env.render() != first).any()
    assert env.metadata["render_modes"] == ["ansi", "rgb_array"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_close_check=True)
    env.close()
