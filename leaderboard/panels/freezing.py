"""Making new panels: the same arguments always freeze the same tasks."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import msgspec

from hiper_envs.registration import ALFWORLD_MAX_TURNS, WEBSHOP_MAX_TURNS
from hiper_envs.task_types import task_type
from leaderboard.panels.fingerprint import PanelError, PanelTask, fingerprint_world, make_world
from leaderboard.panels.panel import Panel, check_panel_name, seal_panel
from webshop_server.allowed_names import check_choice

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
    cluster_key: str = "",
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
        cluster_key: What tasks share that makes them go alike, so that intervals are over such clusters: "product" in
            WebShop, "scene" in ALFWorld; "" to take tasks as independent.

    Raises:
        PanelError: The name will not do, the world cannot be made, has fewer tasks, or does not tell what tasks share.
    """
    check_panel_name(name, "the panel to freeze")
    options = dict(env_options or {})
    env = make_world(env_id, options, max_turns, may_import=True)
    tasks: Sequence[str] = env.get_wrapper_attr("tasks")
    if num_tasks is not None:
        if not 1 <= num_tasks <= len(tasks):
            raise PanelError(f"cannot draw {num_tasks} tasks: {env_id!r} has {len(tasks)} with these options")
        tasks = draw_tasks(tasks, num_tasks, random.Random(seed))
    rows = tuple(PanelTask(task, position) for position, task in enumerate(tasks))
    panel = Panel(name, description, env_id, options, max_turns, fingerprint_world(env, rows), rows)
    if cluster_key:
        clusters = list_clusters(env, env_id, tasks, cluster_key)
        panel = msgspec.structs.replace(panel, cluster_key=cluster_key, clusters=clusters)
    return seal_panel(panel)


def list_clusters(env: gym.Env[str, str], env_id: str, tasks: Sequence[str], key: str) -> tuple[str, ...]:
    """Return what each task shares with others, by the world's `group_key` and `group_of`.

    Raises:
        PanelError: The world has another key or none, or cannot tell for a task.
    """
    world: Any = env.unwrapped
    if not (hasattr(world, "group_of") and hasattr(world, "group_key")):
        raise PanelError(f"{env_id!r} does not tell what tasks share, so they cannot be clustered by {key!r}")
    try:
        check_choice(key, [world.group_key], f"cluster key of {env_id!r}")
        return tuple(str(world.group_of(task)) for task in tasks)
    except ValueError as error:
        raise PanelError(str(error)) from error


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
