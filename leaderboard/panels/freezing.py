"""Making new panels: the same arguments always freeze the same tasks."""

import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import msgspec

from hiper_envs.alfworld.games.released import GAMES_DATA
from hiper_envs.registration import ALFWORLD_MAX_TURNS, WEBSHOP_MAX_TURNS
from hiper_envs.task_types import task_type
from hiper_envs.webshop.catalogues import REAL, REAL_DATA
from leaderboard.panels.fingerprint import PanelError, PanelTask, fingerprint_world, list_digests, make_world
from leaderboard.panels.panel import Panel, check_panel_name, seal_panel
from webshop_server.allowed_names import check_choice

ALFWORLD = "hiper/ALFWorld-v0"
ALFWORLD_LONG = "hiper/ALFWorldLong-v0"
WEBSHOP = "hiper/WebShop-v0"
WEBSHOP_BASKET = "hiper/WebShopBasket-v0"
REAL_1K_DIGEST = "1e14e153610bd36bcab77c4f85e3c36cb305fa768716a95f17d26168cb7e4c7d"
"""The 1,000 real products as built, their titles' nouns found by en_core_web_sm 3.8.0 and spaCy 3.8."""
REAL_DATA_NEEDED = f"needs ${REAL_DATA} and, once, the extra spacy (en_core_web_sm 3.8.0)."
REAL_GAMES_NEEDED = f"needs ${GAMES_DATA} (alfworld-download)."
RECIPES: dict[str, dict[str, Any]] = {
    "alfworld-demo-v2": {
        "env_id": ALFWORLD,
        "env_options": {"split": "valid_unseen", "games": "generated"},
        "num_tasks": 18,
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": "Three generated games of each of the six types in unseen scenes, for a first look.",
    },
    **{
        f"alfworld-long-k{num_goals}-{scenes}-v1": {
            "env_id": ALFWORLD_LONG,
            "env_options": {
                "games": "generated",
                "num_goals": num_goals,
                "order": "any",
                "reward": "sparse",
                "split": f"valid_{scenes}",
            },
            "num_tasks": 100,
            "max_turns": num_goals * ALFWORLD_MAX_TURNS,
            "description": f"100 generated games with {num_goals} goals at once in {scenes} scenes.",
        }
        for num_goals in (2, 3, 4, 6)
        for scenes in ("seen", "unseen")
    },
    "alfworld-real-seen-v1": {
        "env_id": ALFWORLD,
        "env_options": {"games": REAL, "split": "valid_seen"},
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": f"The 140 released games of valid_seen; {REAL_GAMES_NEEDED}",
    },
    "alfworld-real-seen-human-v1": {
        "env_id": ALFWORLD,
        "env_options": {"games": REAL, "goals": "human", "split": "valid_seen"},
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": f"The 140 released games of valid_seen, their tasks in people's words; {REAL_GAMES_NEEDED}",
    },
    "alfworld-real-unseen-v1": {
        "env_id": ALFWORLD,
        "env_options": {"games": REAL, "split": "valid_unseen"},
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": f"The 134 released games of valid_unseen; {REAL_GAMES_NEEDED}",
    },
    "alfworld-real-unseen-human-v1": {
        "env_id": ALFWORLD,
        "env_options": {"games": REAL, "goals": "human", "split": "valid_unseen"},
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": f"The 134 released games of valid_unseen, their tasks in people's words; {REAL_GAMES_NEEDED}",
    },
    "alfworld-seen-v2": {
        "env_id": ALFWORLD,
        "env_options": {"split": "valid_seen", "games": "generated"},
        "num_tasks": 140,
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": "140 generated games in scenes that also occur in training.",
    },
    "alfworld-unseen-v2": {
        "env_id": ALFWORLD,
        "env_options": {"split": "valid_unseen", "games": "generated"},
        "num_tasks": 134,
        "max_turns": ALFWORLD_MAX_TURNS,
        "description": "134 generated games in scenes that never occur in training.",
    },
    **{
        f"webshop-basket-k{count}-v1": {
            "env_id": WEBSHOP_BASKET,
            "env_options": {
                "data": "generated:5000",
                "num_products": count,
                "reward": "sparse",
                "split": "test_disjoint",
            },
            "num_tasks": 100,
            "max_per_group": 1,
            "max_turns": count * WEBSHOP_MAX_TURNS,
            "cluster_key": "product",
            "description": f"100 baskets of {count} goals over 5,000 generated products, none in train_disjoint.",
        }
        for count in (2, 3, 4)
    },
    "webshop-demo-v2": {
        "env_id": WEBSHOP,
        "env_options": {"data": "generated:5000", "split": "test_disjoint"},
        "num_tasks": 30,
        "max_per_group": 1,
        "max_turns": WEBSHOP_MAX_TURNS,
        "cluster_key": "product",
        "description": "Goals of 30 of 5,000 generated products, none in train_disjoint, for a first look.",
    },
    "webshop-real-1k-test-v1": {
        "env_id": WEBSHOP,
        "env_options": {"catalogue_digest": REAL_1K_DIGEST, "data": REAL, "split": "test"},
        "max_turns": WEBSHOP_MAX_TURNS,
        "cluster_key": "product",
        "description": f"The first 500 goals of the original's order over its 1,000 real products; {REAL_DATA_NEEDED}",
    },
    "webshop-real-1k-v1": {
        "env_id": WEBSHOP,
        "env_options": {"catalogue_digest": REAL_1K_DIGEST, "data": REAL, "split": "test"},
        "max_per_group": 2,
        "max_turns": WEBSHOP_MAX_TURNS,
        "cluster_key": "product",
        "description": f"Of webshop-real-1k-test-v1's goals at most two a product; {REAL_DATA_NEEDED}",
    },
    "webshop-test-v2": {
        "env_id": WEBSHOP,
        "env_options": {"data": "generated:5000", "split": "test_disjoint"},
        "num_tasks": 200,
        "max_per_group": 2,
        "max_turns": WEBSHOP_MAX_TURNS,
        "cluster_key": "product",
        "description": "200 goals, at most two a product, over 5,000 generated products, none in train_disjoint.",
    },
}
"""How the shipped panels were made; frozen again they come out the same."""


def freeze_panel(
    name: str,
    env_id: str,
    *,
    num_tasks: int | None = None,
    max_per_group: int | None = None,
    max_turns: int,
    env_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    description: str = "",
    cluster_key: str = "",
) -> Panel:
    """Freeze tasks of a world into a panel, with digests of their files if they are files (`list_digests`).

    Args:
        name: The panel's name, with a version ("alfworld-unseen-v1").
        env_id: The Gymnasium id of the world.
        num_tasks: How many tasks to draw, as evenly over the task types as they allow; all by default.
        max_per_group: Of tasks that belong together, WebShop's goals of one product, no more than so many; the world
            says what does, by its method `group_of(task)`. No limit by default.
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
    tasks = list_playable(env)
    if num_tasks is not None and not 1 <= num_tasks <= len(tasks):
        raise PanelError(f"cannot draw {num_tasks} tasks: {env_id!r} has {len(tasks)} with these options")
    if num_tasks is not None or max_per_group is not None:
        group_of = (lambda task: task) if max_per_group is None else _find_grouping(env, env_id)
        drawn = draw_tasks(tasks, num_tasks, random.Random(seed), group_of, max_per_group or 1)
        if num_tasks is not None and len(drawn) < num_tasks:
            raise PanelError(
                f"cannot draw {num_tasks} tasks with at most {max_per_group} a group: {env_id!r} has {len(drawn)} so"
            )
        tasks = drawn
    rows = tuple(PanelTask(task, position) for position, task in enumerate(tasks))
    digests = list_digests(env, rows)
    panel = Panel(
        name, description, env_id, options, max_turns, fingerprint_world(env, rows), rows, task_digests=digests
    )
    if cluster_key:
        clusters = list_clusters(env, env_id, tasks, cluster_key)
        panel = msgspec.structs.replace(panel, cluster_key=cluster_key, clusters=clusters)
    return seal_panel(panel)


def list_playable(env: gym.Env[str, str]) -> Sequence[str]:
    """Return a world's tasks, without those that it knows it cannot play with these options (`list_playable`)."""
    world: Any = env.unwrapped
    tasks: Sequence[str] = world.list_playable() if hasattr(world, "list_playable") else env.get_wrapper_attr("tasks")
    return tasks


def list_clusters(env: gym.Env[str, str], env_id: str, tasks: Sequence[str], key: str) -> tuple[str, ...]:
    """Return what each task shares with others, by the world's `group_key` and `group_of`.

    Args:
        env: The world.
        env_id: Its Gymnasium id, for messages.
        tasks: The tasks' ids.
        key: What tasks of a cluster share ("product").

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


def draw_tasks(
    tasks: Sequence[str],
    num_tasks: int | None,
    rng: random.Random,
    group_of: Callable[[str], str] = str,
    max_per_group: int = 1,
) -> list[str]:
    """Draw tasks, one of each type in turn while there are any left; the result keeps the order of `tasks`.

    Args:
        tasks: All there are.
        num_tasks: How many to draw, fewer where the groups allow no more; None for as many as they allow.
        rng: Where chance comes from.
        group_of: Gives the group of a task; by default each is its own.
        max_per_group: So many of a group are drawn at most.
    """
    positions_by_type: dict[str, list[int]] = {}
    for position, task in enumerate(tasks):
        positions_by_type.setdefault(task_type(task), []).append(position)
    for positions in positions_by_type.values():
        rng.shuffle(positions)
    num_of_group: Counter[str] = Counter()
    drawn: list[int] = []
    while any(positions_by_type.values()):
        for kind in sorted(positions_by_type):
            if len(drawn) == num_tasks:
                return [tasks[position] for position in sorted(drawn)]
            free = _pop_free(positions_by_type[kind], lambda at: num_of_group[group_of(tasks[at])] < max_per_group)
            if free is not None:
                num_of_group[group_of(tasks[free])] += 1
                drawn.append(free)
    return [tasks[position] for position in sorted(drawn)]


def _pop_free(positions: list[int], is_free: Callable[[int], bool]) -> int | None:
    """Take positions from the end up to the first that is free; None if none is."""
    while positions:
        if is_free(position := positions.pop()):
            return position
    return None


def _find_grouping(env: gym.Env[str, str], env_id: str) -> Callable[[str], str]:
    """Return what says which tasks of a world belong together."""
    try:
        group_of: Callable[[str], str] = env.get_wrapper_attr("group_of")
    except AttributeError as error:
        raise PanelError(f"{env_id!r} does not say which of its tasks belong together (group_of)") from error
    return group_of


def name_needed_data(name: str) -> str:
    """Return the variable that must name the data of a shipped panel, "" if it needs none: "ALFWORLD_DATA"."""
    recipe = RECIPES[name]
    option, variable = {WEBSHOP: ("data", REAL_DATA)}.get(recipe["env_id"], ("games", GAMES_DATA))
    return variable if recipe["env_options"].get(option) == REAL else ""


def lacks_data(name: str) -> bool:
    """Return whether a shipped panel is over real games or products that this machine does not name."""
    needed = name_needed_data(name)
    return bool(needed) and not os.environ.get(needed)


def freeze_recipe(name: str) -> Panel:
    """Freeze one of the shipped panels again."""
    return freeze_panel(name, **RECIPES[name])
