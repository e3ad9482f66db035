"""`leaderboard panels`, `freeze` and `refreeze`: the frozen lists of tasks."""

from pathlib import Path
from typing import Any

import msgspec
import tyro

from hiper_envs.registration import ALFWORLD_MAX_TURNS
from leaderboard.board.tables import render_panels
from leaderboard.commands.playing import check_positive
from leaderboard.commands.screen import OK, say, show
from leaderboard.panels.fingerprint import PanelError
from leaderboard.panels.freezing import RECIPES, freeze_panel, freeze_recipe, lacks_data, name_needed_data
from leaderboard.panels.panel import PANEL_FOLDER, Panel, load_panel, panel_names, write_panel


def panels() -> int:
    """List the panels that come with the package."""
    show(render_panels([load_panel(name) for name in panel_names()]))
    return OK


def freeze(
    name: tyro.conf.Positional[str],
    out: Path | None = None,
    env_id: str | None = None,
    options: str = "{}",
    tasks: int | None = None,
    max_per_group: int | None = None,
    max_turns: int = ALFWORLD_MAX_TURNS,
    seed: int = 0,
    description: str = "",
    cluster_key: str = "",
) -> int:
    """Freeze a new panel; the same arguments always give the same file.

    Args:
        name: The panel's name with a version, such as kitchen-only-v1; a shipped panel's name makes that one again.
        out: The file to write; NAME.json by default.
        env_id: Gymnasium id of the world; not needed for a shipped panel.
        options: Options for gym.make, as JSON.
        tasks: How many tasks to draw, as evenly over the types as they allow; all by default.
        max_per_group: Draw at most so many tasks that share a thing, as goals do a product; no limit by default.
        max_turns: Turns after which an episode is truncated.
        seed: Decides which tasks are drawn.
        description: One sentence on what the panel measures.
        cluster_key: Take intervals over clusters of tasks that share this: product in WebShop, scene in ALFWorld.
    """
    check_positive(tasks=tasks, max_per_group=max_per_group, max_turns=max_turns)
    panel = _freeze(
        name,
        env_id,
        options,
        num_tasks=tasks,
        max_per_group=max_per_group,
        max_turns=max_turns,
        seed=seed,
        description=description,
        cluster_key=cluster_key,
    )
    path = out or Path(f"{name}.json")
    write_panel(panel, path)
    say(f"{len(panel.tasks)} tasks frozen in {path}, digest {panel.digest[:12]}")
    return OK


def refreeze() -> int:
    """Freeze all shipped panels again where they lie, for those who change a world and the panels' versions."""
    for name in RECIPES:
        if lacks_data(name):
            say(f"{name} stays as it is: it can be frozen again where ${name_needed_data(name)} is set")
        else:
            write_panel(freeze_recipe(name), PANEL_FOLDER / f"{name}.json")
    return panels()


def _freeze(name: str, env_id: str | None, options: str, **arguments: Any) -> Panel:
    if env_id is None:
        if name not in RECIPES:
            raise PanelError(
                f"{name!r} is no shipped panel ({', '.join(RECIPES)}): say with --env-id which world it is of"
            )
        return freeze_recipe(name)
    try:
        env_options = msgspec.json.decode(options, type=dict)
    except (ValueError, RecursionError) as error:
        raise PanelError(f'--options must be a JSON object such as \'{{"split": "train"}}\': {error}') from error
    return freeze_panel(name, env_id, env_options=env_options, **arguments)
