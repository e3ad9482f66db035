"""Which of an environment's tasks to play."""

from collections.abc import Iterable, Sequence

import gymnasium as gym
import numpy as np


def num_tasks(env: gym.Env[str, str]) -> int:
    """Return the number of an environment's tasks."""
    return len(env.get_wrapper_attr("tasks"))


def list_others(tasks: Sequence[str], held_out: Iterable[str]) -> list[int]:
    """Return the positions of the tasks that are not held out."""
    left_out = frozenset(held_out)
    return [position for position, task in enumerate(tasks) if task not in left_out]


def draw_tasks(available: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """Return positions of `wanted` tasks, every one once before any comes twice."""
    rounds = [rng.permutation(available) for _ in range(-(-wanted // available))]
    return [int(task) for task in np.concatenate(rounds)[:wanted]]


def spread_tasks(available: int, wanted: int) -> list[int]:
    """Return positions of at most `wanted` tasks, evenly spread."""
    count = min(available, wanted)
    return [position * available // count for position in range(count)]
