"""Stable-Baselines3 on text worlds: fixed-size features and a numbered choice among the admissible actions."""

import itertools
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from hiper_envs.vector import TextVectorEnv
from webshop_server.allowed_types import check_integer
from webshop_server.extras import naming_extra

with naming_extra():
    from stable_baselines3.common.vec_env import VecEnv

Floats = np.ndarray[Any, np.dtype[np.float32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


class ActionView:
    """Shows a text observation as numbers, and numbers its admissible actions.

    The features are the hashed words of instruction and observation, then those of each admissible action in its
    slot. Actions beyond the last slot cannot be chosen; make `max_actions` large enough for the world.

    Args:
        max_actions: Number of slots.
        text_features: Features of instruction and observation each.
        action_features: Features of one slot.

    Raises:
        ValueError: A number below 1.
    """

    def __init__(self, max_actions: int = 96, text_features: int = 128, action_features: int = 16) -> None:
        for name, value in (("max_actions", max_actions), ("text", text_features), ("action", action_features)):
            check_integer(value, name if name == "max_actions" else f"{name}_features")
        if min(max_actions, text_features, action_features) < 1:
            raise ValueError(
                "max_actions, text_features and action_features must be at least 1,"
                f" got {max_actions}, {text_features} and {action_features}"
            )
        self.max_actions, self.text_features, self.action_features = max_actions, text_features, action_features
        size = 2 * text_features + max_actions * action_features
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = spaces.Discrete(max_actions)

    def features(self, observation: str, info: dict[str, Any]) -> Floats:
        """Return the features, shape (2 * text_features + max_actions * action_features,)."""
        texts = [hash_words(str(info["instruction"]), self.text_features), hash_words(observation, self.text_features)]
        actions = info["admissible_actions"][: self.max_actions]
        slots = np.zeros((self.max_actions, self.action_features), np.float32)
        for slot, action in enumerate(actions):
            slots[slot] = hash_words(action, self.action_features)
        return np.concatenate([*texts, slots.ravel()])

    def mask(self, info: dict[str, Any]) -> Flags:
        """Return which slots hold an action, shape (max_actions,); the first alone if there are none."""
        return np.arange(self.max_actions) < max(1, len(info["admissible_actions"]))

    def choose(self, slot: int, info: dict[str, Any]) -> str:
        """Return the action in a slot; "" (an invalid action) for an empty one."""
        actions = info["admissible_actions"]
        return str(actions[slot]) if 0 <= slot < len(actions) else ""


@lru_cache(maxsize=65_536)
def hash_words(text: str, num_features: int) -> Floats:
    """Return signed counts of a text's words and word pairs, hashed into `num_features` and scaled to length 1."""
    words = text.lower().split()
    features = np.zeros(num_features, np.float32)
    for token in [*words, *map(" ".join, itertools.pairwise(words))]:
        code = zlib.crc32(token.encode("utf-8", "surrogatepass"))
        features[code % num_features] += 1.0 if code & 0x80000000 else -1.0
    length = float(np.linalg.norm(features))
    return features / length if length else features


class ActionChoiceEnv(gym.Env[Floats, np.int64]):
    """One text environment as Stable-Baselines3 wants it.

    Args:
        env: The text environment, taking primitive actions.
        view: How it is shown.
    """

    metadata: dict[str, Any] = {}  # noqa: RUF012  Gymnasium declares it so

    def __init__(self, env: gym.Env[str, str], view: ActionView | None = None) -> None:
        self.env = env
        self.view = view or ActionView()
        self.observation_space, self.action_space = self.view.observation_space, self.view.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Start an episode."""
        super().reset(seed=seed)
        observation, self._info = self.env.reset(seed=seed, options=options)
        return self.view.features(observation, self._info), self._info

    def step(self, action: np.int64 | int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Take the admissible action in slot `action`."""
        text = self.view.choose(int(action), self._info)
        observation, reward, terminated, truncated, self._info = self.env.step(text)
        return self.view.features(observation, self._info), float(reward), terminated, truncated, self._info

    def action_masks(self) -> Flags:
        """Return which slots may be chosen now."""
        return self.view.mask(self._info)

    def close(self) -> None:
        """Close the text environment."""
        self.env.close()


class TextVecEnv(VecEnv):
    """Our vector of text environments as a Stable-Baselines3 `VecEnv`.

    Args:
        make_env: Makes one text environment.
        num_envs: How many.
        view: How they are shown.
        max_episode_steps: Turns after which an episode is truncated.
    """

    def __init__(
        self,
        make_env: Callable[[], gym.Env[str, str]],
        num_envs: int = 8,
        view: ActionView | None = None,
        max_episode_steps: int | None = None,
    ) -> None:
        self.view = view or ActionView()
        self.vector = TextVectorEnv(
            make_env, num_envs, max_episode_steps=max_episode_steps, autoreset_mode=AutoresetMode.DISABLED
        )
        self.render_mode = None
        super().__init__(num_envs, self.view.observation_space, self.view.action_space)

    def reset(self) -> Floats:
        """Start an episode in each environment; return features of shape (num_envs, features)."""
        pairs = [
            env.reset(seed=seed, options=options or None)
            for env, seed, options in zip(self.vector.envs, self._seeds, self._options, strict=True)
        ]
        self._reset_seeds()
        self._reset_options()
        self._infos = [info for _, info in pairs]
        self.reset_infos = self._infos
        return self._features([text for text, _ in pairs])

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Keep the chosen slots, shape (num_envs,), for `step_wait`."""
        self._actions = [self.view.choose(int(slot), info) for slot, info in zip(actions, self._infos, strict=True)]

    def step_wait(self) -> Any:
        """Take the kept actions; environments that are over begin anew, their last observation in `info`."""
        texts, infos, rewards, dones = [], [], np.zeros(self.num_envs, np.float32), np.zeros(self.num_envs, np.bool_)
        for index, (env, action) in enumerate(zip(self.vector.envs, self._actions, strict=True)):
            text, reward, terminated, truncated, info = env.step(action)
            rewards[index], dones[index] = float(reward), terminated or truncated
            shown = {**info, "TimeLimit.truncated": truncated and not terminated}
            if dones[index]:
                shown["terminal_observation"] = self.view.features(text, info)
                text, info = env.reset()
                self.reset_infos[index] = info
            self._infos[index] = info
            texts.append(text)
            infos.append(shown)
        return self._features(texts), rewards, dones, infos

    def _features(self, texts: Sequence[str]) -> Floats:
        return np.stack([self.view.features(text, info) for text, info in zip(texts, self._infos, strict=True)])

    def action_masks(self) -> Flags:
        """Return which slots may be chosen now, shape (num_envs, max_actions)."""
        return np.stack([self.view.mask(info) for info in self._infos])

    def close(self) -> None:
        """Close all environments."""
        self.vector.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the environments at `indices`."""
        if attr_name == "render_mode":
            return [None for _ in self._get_indices(indices)]
        if attr_name == "action_masks":
            return [self.action_masks for _ in self._get_indices(indices)]
        return [self.vector.envs[index].get_wrapper_attr(attr_name) for index in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the environments at `indices`.

        Args:
            attr_name: The attribute's name.
            value: What it becomes.
            indices: Positions of the environments, None for all.
        """
        for index in self._get_indices(indices):
            self.vector.envs[index].set_wrapper_attr(attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the environments at `indices`; `action_masks` is the view's."""
        if method_name == "action_masks":
            return [self.view.mask(self._infos[index]) for index in self._get_indices(indices)]
        return [
            self.vector.envs[index].get_wrapper_attr(method_name)(*method_args, **method_kwargs)
            for index in self._get_indices(indices)
        ]

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None) -> list[bool]:
        """Return whether the environments at `indices` are wrapped in a class."""
        return [_is_wrapped(self.vector.envs[index], wrapper_class) for index in self._get_indices(indices)]


def _is_wrapped(env: gym.Env[Any, Any], wrapper_class: type[Any]) -> bool:
    while isinstance(env, gym.Wrapper):
        if isinstance(env, wrapper_class):
            return True
        env = env.env
    return False
