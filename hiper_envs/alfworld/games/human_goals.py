"""Goals in people's own words, beside the game files: ALFRED's annotations, as alfworld-generate takes them.

They are read from the traj_data.json beside a game (turk_annotations.anns[].task_desc), or from a human_goals.json in
one of the folders above it: {split: {"TYPE-...-23/trial_T2019...": [goal, ...]}}. Marks that ALFWorld's grammar would
take for rules (;|"<>[]#{}) are left out, for the official engine cannot show them; so are spaces around a goal.
"""

import codecs
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from hiper_envs.alfworld.games.files import TRAJECTORY
from hiper_envs.alfworld.games.grammar import NOT_PLAIN

COLLECTION = "human_goals.json"
NUM_FOLDERS_ABOVE = 6

T = TypeVar("T")
Collection = dict[str, dict[str, tuple[str, ...]]]


class HumanGoalsError(ValueError):
    """A game without goals in people's words, or a file of them that cannot be read."""


class _Annotation(msgspec.Struct):
    task_desc: str


class _Annotations(msgspec.Struct):
    anns: tuple[_Annotation, ...] = ()


class _Trajectory(msgspec.Struct):
    turk_annotations: _Annotations = msgspec.field(default_factory=_Annotations)


def read_human_goals(game: Path) -> tuple[str, ...]:
    """Return the goals that people wrote for a game, in the order of the file.

    Args:
        game: The game's file.

    Raises:
        HumanGoalsError: There are none beside it or above it, or their file cannot be read.
    """
    game = game.resolve()
    trajectory = game.with_name(TRAJECTORY)
    if trajectory.is_file():
        content = _decode(trajectory, _Trajectory)
        goals = _clean(annotation.task_desc for annotation in content.turk_annotations.anns)
        if goals:
            return goals
    for folder in list(game.parents)[: NUM_FOLDERS_ABOVE + 1]:
        collection = folder / COLLECTION
        if collection.is_file():
            return _find(collection, game)
    raise HumanGoalsError(
        f"{game}: no goals in people's words: there is no {TRAJECTORY} with turk_annotations beside it, and no"
        f" {COLLECTION} in the folders above; goals='template' plays ALFWorld's own sentences"
    )


def _find(collection: Path, game: Path) -> tuple[str, ...]:
    name = f"{game.parent.parent.name}/{game.parent.name}"
    for games in _read_collection(collection, collection.stat().st_mtime_ns).values():
        goals = _clean(games.get(name, ()))
        if goals:
            return goals
    raise HumanGoalsError(f"{collection}: holds no goals for the game {name}; goals='template' plays ALFWorld's own")


def _clean(goals: Iterable[str]) -> tuple[str, ...]:
    plain = (NOT_PLAIN.sub("", goal).strip() for goal in goals)
    return tuple(goal for goal in plain if goal)


@lru_cache(maxsize=4)
def _read_collection(path: Path, modified: int) -> Collection:
    """Read a file of goals, anew when it has changed."""
    return _decode(path, Collection)


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HumanGoalsError(f"{path}: cannot be read as goals: {error}") from error
