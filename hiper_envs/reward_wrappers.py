"""Two axes of difficulty for any environment: rewards that come late, and rewards that are noisy.

What they do is theirs alone: score and success in `info` stay true, and records name the world but not its wrappers, so
that an episode played here is replayed with the wrapped environment given to `replay`. They see where an episode ends
if they are outside the limit of turns, as around what `gym.make` returns. Inside `SubgoalWrapper` its segments sum the
rewards that are paid here; outside of it they sum the environment's own.

Pickles and deep copies carry everything. Snapshots by the wrapper's own `get_state`, which is what
`env.get_wrapper_attr("get_state")` finds, carry what is owed, or the place in the noise, beside the environment's
snapshot; those of `env.unwrapped` carry the environment's alone, and leave what is owed and the noise as they are.
Neither carries the turns that a limit has counted.
"""

from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_envs.arguments import check_options, check_seed, tell_wrong_state
from webshop_server.allowed_types import check_integer, check_number

LARGEST_DELAY = 10**6
LARGEST_SCALE = 1e6
NOISE_OPTION = "noise_seed"


class DelayedRewardWrapper(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Pays each reward `delay` turns later; what is still owed at the end of the episode is paid with its last reward.

    So returns without discount are the same, but for rounding.

    Args:
        env: An environment.
        delay: Turns, 0 to 1,000,000; from an episode's length on all is paid at its end.

    Raises:
        ValueError: The delay is out of range.
        WrongTypeError: It is no whole number.
    """

    def __init__(self, env: gym.Env[str, str], delay: int) -> None:
        self.delay = check_integer(delay, "delay", 0)
        if self.delay > LARGEST_DELAY:
            raise ValueError(f"delay must be an integer from 0 to {LARGEST_DELAY}, got {self.delay}")
        gym.utils.RecordConstructorArgs.__init__(self, delay=self.delay)
        super().__init__(env)
        self._owed: deque[float] = deque()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode in which nothing is owed."""
        start = self.env.reset(seed=seed, options=options)
        self._owed.clear()
        return start

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take an action; the reward is that of `delay` turns ago, and at the end all that is owed."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._owed.append(float(reward))
        paid = self._owed.popleft() if len(self._owed) > self.delay else 0.0
        if terminated or truncated:
            paid += sum(self._owed)
            self._owed.clear()
        return observation, paid, terminated, truncated, info

    def get_state(self) -> tuple[Any, tuple[float, ...]]:
        """Return a snapshot of the environment and of what is owed; it can be pickled if the environment's can.

        Raises:
            AttributeError: The environment has no snapshots.
        """
        return _find_method(self.env, "get_state")(), tuple(self._owed)

    def set_state(self, state: tuple[Any, tuple[float, ...]]) -> Any:
        """Return to a snapshot; what the environment returns there is returned.

        Raises:
            AttributeError: The environment has no snapshots.
            WrongTypeError: The state is none that `get_state` returned.
        """
        go_back = _find_method(self.env, "set_state")
        match state:
            case (inner, tuple(owed)) if len(owed) <= self.delay and all(isinstance(each, float) for each in owed):
                there = go_back(inner)
                self._owed = deque(owed)
                return there
        raise tell_wrong_state(state)


class NoisyRewardWrapper(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Adds to each turn's reward a number drawn from a normal distribution around 0.

    The numbers come from a generator of the wrapper's own. It begins anew from the wrapper's seed and the seed of
    `reset` where that is given, so that the same seeds give the same bytes, and goes on where it is not, as an
    environment's own generator does. `reset(options={"noise_seed": number})` is a third seed, for episodes that
    begin alike and are not to share their noise; the environment does not see it.

    Args:
        env: An environment.
        scale: Standard deviation, 0 to 1e6.
        seed: The wrapper's seed.

    Raises:
        ValueError: The scale or the seed is out of range, or not finite.
        WrongTypeError: One is no number.
    """

    takes_noise_seed = True
    """Whether `reset` has the option "noise_seed"."""

    def __init__(self, env: gym.Env[str, str], scale: float, seed: int = 0) -> None:
        self.scale = check_number(scale, "scale", 0, LARGEST_SCALE)
        self.seed = check_integer(seed, "seed", 0)
        gym.utils.RecordConstructorArgs.__init__(self, scale=self.scale, seed=self.seed)
        super().__init__(env)
        self._generator = np.random.default_rng([self.seed, 0])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode; with a seed, its noise begins anew.

        Raises:
            ValueError: `options["noise_seed"]` is below 0, or there is no seed beside it.
            WrongTypeError: It is no whole number, or the options are no dictionary.
        """
        left = check_options(options)
        third = check_seed((left or {}).pop(NOISE_OPTION, None))
        if third is not None and seed is None:
            raise ValueError(f"options[{NOISE_OPTION!r}] is a seed beside that of reset: give that too")
        start = self.env.reset(seed=seed, options=left)
        if seed is not None:
            self._generator = np.random.default_rng([self.seed, 1, int(seed), *([] if third is None else [1, third])])
        return start

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take an action; the reward is the environment's with noise."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, float(reward) + self.scale * self._generator.standard_normal(), terminated, truncated, info

    def get_state(self) -> tuple[Any, dict[str, Any]]:
        """Return a snapshot of the environment and of the generator; it can be pickled if the environment's can.

        Raises:
            AttributeError: The environment has no snapshots.
        """
        return _find_method(self.env, "get_state")(), dict(self._generator.bit_generator.state)

    def set_state(self, state: tuple[Any, dict[str, Any]]) -> Any:
        """Return to a snapshot; what the environment returns there is returned.

        Raises:
            AttributeError: The environment has no snapshots.
            WrongTypeError: The state is none that `get_state` returned.
        """
        go_back = _find_method(self.env, "set_state")
        generator = np.random.default_rng(0)
        try:
            inner, generator.bit_generator.state = state
        except (TypeError, ValueError, KeyError, OverflowError):
            raise tell_wrong_state(state) from None
        there = go_back(inner)
        self._generator = generator
        return there


def _find_method(env: gym.Env[str, str], name: str) -> Any:
    if not env.has_wrapper_attr(name):
        raise AttributeError(f"{env.unwrapped} has no snapshots: it needs a method {name}")
    return env.get_wrapper_attr(name)
