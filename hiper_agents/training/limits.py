"""What values the settings of a training run may have, each by itself."""

import math
from typing import Any

from hiper_envs.reward_wrappers import LARGEST_DELAY, LARGEST_SCALE
from webshop_server.allowed_types import WrongTypeError, shorten

AT_LEAST_ONE = (
    "num_threads",
    "num_envs",
    "episodes_per_update",
    "group_size",
    "ppo_epochs",
    "ppo_minibatch",
    "imitation_minibatch",
    "checkpoint_every",
    "evaluation_every",
    "evaluation_episodes",
    "evaluations_kept",
)
AT_MOST = {
    "num_threads": 1 << 10,
    "num_envs": 1 << 16,
    "seed": (1 << 63) - 1,
    "reward_delay": LARGEST_DELAY,
    "reward_noise": LARGEST_SCALE,
}
LARGEST_COUNT = 1 << 31
"""Of all other whole numbers."""
LARGEST_SIZE = 1e30
"""Of all other numbers, so that single precision holds them."""
MAY_BE_NEGATIVE = ("min_expert_score", "keep_reward")


def check_size(name: str, value: Any, kind: Any) -> None:
    """Refuse a number that is negative or less than 1 where it must not be, not finite, or huge.

    Args:
        name: The setting.
        value: What it is set to.
        kind: Its type.

    Raises:
        ValueError: It is not allowed.
    """
    if kind not in (int, float):
        return
    if name in AT_LEAST_ONE and value < 1:
        raise ValueError(f"{name} is {value}; it must be at least 1")
    if name not in MAY_BE_NEGATIVE and not value >= 0:
        raise ValueError(f"{name} is {value}; it must not be negative")
    if isinstance(value, float) and math.isinf(value):
        raise ValueError(f"{name} is {value}; it must be finite")
    most = AT_MOST.get(name, LARGEST_COUNT if kind is int else LARGEST_SIZE)
    if not abs(value) <= most:
        raise ValueError(f"{name} is {value}; it must be at most {most if kind is int else f'{most:g}'} in size")


def check_type(name: str, value: Any, kind: Any, source: str) -> None:
    """Refuse a value of another type than a setting's.

    Args:
        name: The setting.
        value: What it is set to.
        kind: Its type.
        source: Where it comes from, for the message.

    Raises:
        WrongTypeError: It is of another type.
    """
    allowed: dict[Any, tuple[type, ...]] = {int: (int,), float: (float, int), str: (str,), bool: (bool,)}
    types = allowed.get(kind, (dict,))
    if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
        wanted = getattr(kind, "__name__", "table")
        raise WrongTypeError(f"{name} in {source} is {shorten(value, 200)}; it must be of type {wanted}")
