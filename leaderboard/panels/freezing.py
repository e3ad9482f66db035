"""Making new panels: the same arguments always freeze the same tasks."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from hiper_envs.registration import ALFWORLD_MAX_TURNS, WEBSHOP_MAX_TURNS
from hiper_envs.task_types import task_type
from leaderboard.panels.fingerprint import PanelError, PanelTask, fingerprint_world, make_world
from leaderboard.panels.panel import Panel, seal_panel

ALFWORLD = "hiper/ALFWorld-v0"
WEBSHOP = "hiper/WebShop-v0"
RECIPES: dict[str, dict[str, Any]] = {
    "alfworld-demo-v2": {
        "env_id": ALFWORLD,
        "env_options": {"split": "valid_unseen", "games": "generated"},
        "num_tasks": 18,
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": "Three tasks of each of the six types in unseen scenes, for a first look.",
    },
    "alfworld-seen-v2": {
        "env_id": ALFWORLD,
        "env_options": {"split": "valid_seen", "games": "generated"},
        "num_tasks": 140,
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": "140 tasks in scenes that also occur in training.",
    },
    "alfworld-unseen-v2": {
        "env_id": ALFWORLD,
        "env_options": {"split": "valid_unseen", "games": "generated"},
        "num_tasks": 134,
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": "134 tasks in scenes that never occur in training.",
    },
    "webshop-demo-v1": {
        "env_id": WEBSHOP,
        "env_options": {"split": "test_disjoint"},
        "num_tasks": 20,
        "max_turns": WEBSHOP_MAX_TURNS,
        "description": "20 goals over the generated catalogue, products not seen in training, for a first look.",
    },
    "webshop-test-v1": {
        "env_id": WEBSHOP,
        "env_options": {"split": "test_disjoint"},
        "num_tasks": 200,
        "max_turns": WEBSHOP_MAX_TURNS,
        "description": "200 goals over the generated catalogue whose products do not occur in training.",
    },
}
"""How the shipped panels were made; frozen again they come out the same."""
SUPERSEDED = ("alfworld-demo-v1", "alfworld-seen-v1", "alfworld-unseen-v1")
"""Panels of worlds as they were first generated: played, replayed and verified as ever, but no longer frozen."""


def freeze_panel(
    name: str,
    env_id: str,
    *,
    num_tasks: int | None = None,
    max_turns: int,
    env_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    description: str = "",
) -> Panel:
    """Freeze tasks of a world into a panel.

    Args:
        name: The panel's name, with a version ("alfworld-unseen-v1").
        env_id: The Gymnasium id of the world.
        num_tasks: How many tasks to draw, as evenly over the task types as they allow; all by default.
        max_turns: Turns after which an episode is truncated.
        env_options: Options for `gym.make`.
        seed: Decides which tasks are drawn; an episode's own seed is its position in the panel.
        description: One sentence on what the panel measures.

    Raises:
        PanelError: The world cannot be made, or has fewer tasks.
    """
    options = dict(env_options or {})
    env = make_world(env_id, options, max_turns)
    tasks: Sequence[str] = env.get_wrapper_attr("tasks")
    if num_tasks is not None:
        if not 1 <= num_tasks <= len(tasks):
            raise PanelError(f"cannot draw {num_tasks} tasks: {env_id!r} has {len(tasks)} with these options")
        tasks = draw_tasks(tasks, num_tasks, random.Random(seed))
    rows = tuple(PanelTask(task, position) for position, task in enumerate(tasks))
    return seal_panel(Panel(name, description, env_id, options, max_turns, fingerprint_world(env, rows), rows))


def draw_tasks(tasks: Sequence[str], num_tasks: int, rng: random.Random) -> list[str]:
    """Draw tasks, one of each type in turn while there are any left; the result keeps the order of `tasks`."""
    positions_by_type: dict[str, list[int]] = {}
    for position, task in enumerate(tasks):
        positions_by_type.setdefault(task_type(task), []).append(position)
    for positions in positions_by_type.values():
        rng.shuffle(positions)
    drawn: list[int] = []
    while len(drawn) < num_tasks:
        for kind in sorted(positions_by_type):
            if positions_by_type[kind] and len(drawn) < num_tasks:
                drawn.append(positions_by_type[kind].pop())
    return [tasks[position] for position in sorted(drawn)]


def freeze_recipe(name: str) -> Panel:
    """Freeze one of the shipped panels again."""
    return freeze_panel(name, **RECIPES[name])
