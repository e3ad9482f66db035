"""Which of an environment's tasks to play."""

from collections.abc import Iterable, Sequence

import gymnasium as gym
import numpy as np


def num_tasks(env: gym.Env[str, str]) -> int:
    """Return the number of an environment's tasks.

    Raises:
        ValueError: The environment does not list any.
    """
    if not env.has_wrapper_attr("tasks"):
        raise ValueError(
            f"{env.unwrapped!r} does not list its tasks (an attribute tasks, as ALFWorld and WebShop have)"
        )
    return len(env.get_wrapper_attr("tasks"))


def list_others(tasks: Sequence[str], held_out: Iterable[str]) -> list[int]:
    """Return the positions of the tasks that are not held out."""
    left_out = frozenset(held_out)
    return [position for position, task in enumerate(tasks) if task not in left_out]


def list_playable(env: gym.Env[str, str], positions: Iterable[int]) -> list[int]:
    """Return those of some positions whose tasks can be played: some houses have too few things for many goals."""
    if not env.has_wrapper_attr("list_playable"):
        return list(positions)
    tasks, playable = env.get_wrapper_attr("tasks"), frozenset(env.get_wrapper_attr("list_playable")())
    return [position for position in positions if tasks[position] in playable]


def group_tasks(env: gym.Env[str, str], positions: Iterable[int]) -> list[list[int]]:
    """Return positions of an environment's tasks by group, in the order in which the groups come up first.

    Raises:
        ValueError: The environment does not say which of its tasks belong together.
    """
    tasks = env.get_wrapper_attr("tasks")
    if not env.has_wrapper_attr("group_of"):
        raise ValueError(f"{env.unwrapped!r} does not say which of its tasks belong together (group_of)")
    group_of = env.get_wrapper_attr("group_of")
    groups: dict[str, list[int]] = {}
    for position in positions:
        groups.setdefault(group_of(tasks[position]), []).append(position)
    return list(groups.values())


class TaskPool:
    """Tasks to draw from: a group first, each as often as another, then one of its tasks.

    Args:
        groups: Positions of the tasks of each group; groups of one where every task is to come as often.
    """

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self.groups = groups

    def draw(self, count: int, rng: np.random.Generator) -> list[int]:
        """Return positions of `count` tasks; any may come again."""
        return self._draw_members(rng.integers(0, len(self.groups), size=count).tolist(), rng)

    def draw_in_rounds(self, count: int, rng: np.random.Generator) -> list[int]:
        """Return positions of `count` tasks, one of every group before any group comes again."""
        return self._draw_members(draw_tasks(len(self.groups), count, rng), rng)

    def spread(self, count: int) -> list[int]:
        """Return positions of at most `count` tasks, of evenly spread groups, the first task of each."""
        return [self.groups[group][0] for group in spread_tasks(len(self.groups), count)]

    def _draw_members(self, chosen: Sequence[int], rng: np.random.Generator) -> list[int]:
        sizes = [len(self.groups[group]) for group in chosen]
        places = rng.integers(0, sizes).tolist() if max(sizes) > 1 else [0] * len(sizes)
        return [self.groups[group][place] for group, place in zip(chosen, places, strict=True)]


def draw_tasks(available: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """Return positions of `wanted` tasks, every one once before any comes twice.

    Args:
        available: How many tasks there are.
        wanted: How many to draw.
        rng: Where chance comes from.
    """
    rounds = [rng.permutation(available) for _ in range(-(-wanted // available))]
    return [int(task) for task in np.concatenate(rounds)[:wanted]]


def spread_tasks(available: int, wanted: int) -> list[int]:
    """Return positions of at most `wanted` tasks, evenly spread."""
    count = min(available, wanted)
    return [position * available // count for position in range(count)]
