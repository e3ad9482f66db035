"""Many games in one process: the vector environment behind all ids."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import TimeLimit

from hiper_envs.arguments import check_options, check_seed
from hiper_envs.registration import ENV_SPECS
from hiper_envs.segments import SubgoalWrapper
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import WrongTypeError, check_flag, check_integer, shorten

Infos = dict[str, Any]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Rewards = np.ndarray[Any, np.dtype[np.float64]]
Texts = tuple[str, ...]
IDLE_ACTION = "wait"
"""What the list of admissible actions holds for a row whose episode is over and whose world offers nothing any more."""


class TextVectorEnv(VectorEnv[Texts, Sequence[str], np.ndarray[Any, Any]]):
    """Steps `num_envs` text environments one after the other; observations are tuples of strings.

    Every row of `info["admissible_actions"]` that a step fills holds at least one action, so that a policy can choose
    for all rows alike: where an episode is over and its world offers nothing any more, it is `IDLE_ACTION`, which is
    never carried out. In the mode "NextStep" the next step begins a new episode there whatever the action; in the mode
    "Disabled" such a row has to be reset first. It can be pickled and deep-copied if its environments can.

    Args:
        make_env: Makes one sub-environment.
        num_envs: How many.
        max_episode_steps: Turns after which an episode is truncated; None for no limit.
        autoreset_mode: Gymnasium's three: "NextStep", "SameStep" or "Disabled", or an `AutoresetMode`.
        group_size: Sub-environments in consecutive groups of this size are seeded alike, so that a group plays one
            task after a seeded reset; it divides `num_envs`.
        subgoals: Whether each sub-environment is wrapped in `SubgoalWrapper`, and so takes whole replies.
        ignores_case: Whether that wrapper plays actions without regard to case.

    Raises:
        ValueError: A number or a mode that is not allowed.
        WrongTypeError: An argument of the wrong type.
    """

    def __init__(
        self,
        make_env: Callable[[], gym.Env[str, str]],
        num_envs: int = 1,
        *,
        max_episode_steps: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        group_size: int = 1,
        subgoals: bool = False,
        ignores_case: bool = False,
    ) -> None:
        num_envs, group_size = check_integer(num_envs, "num_envs"), check_integer(group_size, "group_size")
        if max_episode_steps is not None:
            max_episode_steps = check_integer(max_episode_steps, "max_episode_steps", 1)
        subgoals, ignores_case = check_flag(subgoals, "subgoals"), check_flag(ignores_case, "ignores_case")
        if num_envs < 1 or group_size < 1 or num_envs % group_size:
            raise ValueError(f"num_envs must be a positive multiple of group_size, got {num_envs} and {group_size}")
        self.num_envs = num_envs
        self.group_size = group_size
        self.autoreset_mode = _read_autoreset_mode(autoreset_mode)
        if ignores_case and not subgoals:
            raise ValueError("ignores_case=True is for whole replies: it needs subgoals=True")
        self.envs = [_wrap_env(make_env(), max_episode_steps, subgoals, ignores_case) for _ in range(num_envs)]
        self.metadata = {**self.envs[0].metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = self.envs[0].render_mode
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = self.envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._observations = [""] * num_envs
        self._is_over = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Texts, Infos]:
        """Reset all sub-environments, or those in `options["reset_mask"]`.

        Args:
            seed: None, one seed per sub-environment, or a number: then group g gets seed + g.
            options: "task": one task for all or a sequence with one per sub-environment (None draws one);
                "reset_mask": array of booleans, shape (num_envs,).

        Raises:
            ValueError: Lengths that do not match, or options that a sub-environment refuses.
            WrongTypeError: A seed, a task or options of the wrong type.
        """
        options = check_options(options) or {}
        mask = _read_mask(options.pop("reset_mask", None), self.num_envs)
        seeds = self._spread_seeds(seed)
        tasks = self._spread_tasks(options.pop("task", None))
        infos: list[Infos | None] = [None] * self.num_envs
        for index in np.flatnonzero(mask).tolist():
            env_options = options if tasks[index] is None else {**options, "task": tasks[index]}
            self._observations[index], infos[index] = self.envs[index].reset(seed=seeds[index], options=env_options)
        self._is_over[mask] = False
        return tuple(self._observations), batch_infos(infos)

    def step(self, actions: Sequence[str]) -> tuple[Texts, Rewards, Flags, Flags, Infos]:
        """Take one action in each sub-environment, resetting those that are over as `autoreset_mode` says.

        Raises:
            ValueError: Not one action a sub-environment; or, with autoreset disabled, an episode that is over.
        """
        if not _is_list(actions) or len(actions) != self.num_envs:
            raise WrongTypeError(f"step needs {self.num_envs} actions, one a sub-environment, got {shorten(actions)}")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._is_over.any():
            over = np.flatnonzero(self._is_over).tolist()
            raise ValueError(f"episodes of sub-environments {over[:8]} are over: reset them with options['reset_mask']")
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        infos: list[Infos | None] = [None] * self.num_envs
        for index, (env, action) in enumerate(zip(self.envs, actions, strict=True)):
            if self._is_over[index]:
                self._observations[index], infos[index] = env.reset()
                continue
            observation, rewards[index], terminated[index], truncated[index], info = env.step(action)
            if self.autoreset_mode is AutoresetMode.SAME_STEP and (terminated[index] or truncated[index]):
                final = {"final_obs": observation, "final_info": info}
                observation, info = env.reset()
                info = {**info, **final}
            elif (terminated[index] or truncated[index]) and not info.get("admissible_actions", True):
                info = {**info, "admissible_actions": [IDLE_ACTION]}
            self._observations[index], infos[index] = observation, info
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            self._is_over = terminated | truncated
        return tuple(self._observations), rewards, terminated, truncated, batch_infos(infos)

    def render(self) -> tuple[Any, ...]:
        """Return what each sub-environment renders."""
        return tuple(env.render() for env in self.envs)

    def close_extras(self, **kwargs: Any) -> None:
        """Close all sub-environments."""
        for env in self.envs:
            env.close()

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return an attribute of each sub-environment, or what its method returns for these arguments."""
        attributes = [env.get_wrapper_attr(name) for env in self.envs]
        return tuple(value(*args, **kwargs) if callable(value) else value for value in attributes)

    def _spread_seeds(self, seed: Any) -> Sequence[int | None]:
        if _is_list(seed):
            if len(seed) != self.num_envs:
                raise ValueError(f"need one seed for each of the {self.num_envs} sub-environments, got {len(seed)}")
            return [check_seed(one) for one in seed]
        first = check_seed(seed)
        return [None if first is None else first + index // self.group_size for index in range(self.num_envs)]

    def _spread_tasks(self, task: Any) -> Sequence[Any]:
        if not _is_list(task):
            return [task] * self.num_envs
        if len(task) != self.num_envs:
            raise ValueError(f"need one task for each of the {self.num_envs} sub-environments, got {len(task)}")
        return list(task)


def _is_list(value: Any) -> bool:
    """Return whether a value holds one thing for each sub-environment."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def batch_infos(infos: Sequence[Infos | None]) -> Infos:
    """Turn one info a sub-environment into arrays, as Gymnasium's vector environments do.

    Args:
        infos: An info dictionary, or None, for each of n sub-environments.

    Returns:
        For each key an array of n values (bool, int and float ones typed; dictionaries batched in turn; else
        objects), and under "_" + key the array of n booleans that says who has it.
    """
    keys = dict.fromkeys(key for info in infos if info for key in info)
    batched: Infos = {}
    for key in keys:
        owners = [info is not None and key in info for info in infos]
        values = [info[key] if info is not None and key in info else None for info in infos]
        batched[key] = _batch_values(key, values)
        batched[f"_{key}"] = np.array(owners, dtype=np.bool_)
    return batched


def _batch_values(key: str, values: list[Any]) -> Any:
    present = [value for value in values if value is not None]
    if key != "final_obs" and present and all(isinstance(value, dict) for value in present):
        return batch_infos(values)
    kinds = {type(value) for value in present}
    for kind in (bool, int, float):
        if kinds == {kind}:
            return np.array([kind() if value is None else value for value in values], dtype=kind)
    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):  # whole-array assignment would unpack lists of equal length
        array[index] = value
    return array


def _wrap_env(
    env: gym.Env[str, str], max_episode_steps: int | None, subgoals: bool, ignores_case: bool
) -> gym.Env[str, str]:
    if max_episode_steps is not None:
        env = TimeLimit(env, max_episode_steps)
    return SubgoalWrapper(env, ignores_case) if subgoals else env


def _read_autoreset_mode(mode: str | AutoresetMode) -> AutoresetMode:
    if isinstance(mode, AutoresetMode):
        return mode
    return AutoresetMode(check_choice(mode, [known.value for known in AutoresetMode], "autoreset_mode"))


def _read_mask(mask: Any, num_envs: int) -> Flags:
    if mask is None:
        return np.ones(num_envs, dtype=np.bool_)
    array = np.asarray(mask)
    if array.shape != (num_envs,) or array.dtype != np.bool_ or not array.any():
        raise ValueError(f"options['reset_mask'] must be {num_envs} booleans with at least one true, got {mask!r:.80}")
    return array


def _make_vector(env_id: str, num_envs: int, vector_options: Infos, env_options: Infos) -> TextVectorEnv:
    (spec,) = (spec for spec in ENV_SPECS if spec.id == env_id)
    vector_options = {"max_episode_steps": spec.max_episode_steps, **vector_options}
    make_env: Callable[..., Any] = gym.envs.registration.load_env_creator(spec.entry_point)
    return TextVectorEnv(lambda: make_env(**env_options), num_envs, **vector_options)


VECTOR_OPTIONS = ("max_episode_steps", "autoreset_mode", "group_size", "subgoals", "ignores_case")


def _split_options(options: Infos) -> tuple[Infos, Infos]:
    vector_options = {name: options.pop(name) for name in VECTOR_OPTIONS if name in options}
    return vector_options, options


def make_alfworld_vector(num_envs: int = 1, **options: Any) -> TextVectorEnv:
    """Make a vector of ALFWorld games; options are `TextVectorEnv`'s and `ALFWorldEnv`'s."""
    return _make_vector("hiper/ALFWorld-v0", num_envs, *_split_options(options))


def make_alfworld_long_vector(num_envs: int = 1, **options: Any) -> TextVectorEnv:
    """Make a vector of ALFWorld games with several goals; options are `TextVectorEnv`'s and `ALFWorldLongEnv`'s."""
    return _make_vector("hiper/ALFWorldLong-v0", num_envs, *_split_options(options))


def make_webshop_vector(num_envs: int = 1, **options: Any) -> TextVectorEnv:
    """Make a vector of WebShop sessions over one catalogue; options are `TextVectorEnv`'s and `WebShopEnv`'s."""
    return _make_vector("hiper/WebShop-v0", num_envs, *_split_options(options))


def make_webshop_basket_vector(num_envs: int = 1, **options: Any) -> TextVectorEnv:
    """Make a vector of WebShop baskets over one catalogue; options are `TextVectorEnv`'s and `WebShopBasketEnv`'s."""
    return _make_vector("hiper/WebShopBasket-v0", num_envs, *_split_options(options))
