"""Where games come from: generated from their ids, or read from files; each a list of task ids and a way to a game."""

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self, TypeVar, cast
from weakref import WeakValueDictionary

from hiper_envs.alfworld.games.files import GAME_SUFFIXES, PLAYABLE, read_manifest
from hiper_envs.alfworld.games.human_goals import HumanGoalsError, read_human_goals
from hiper_envs.alfworld.games.paths import (
    GENERATED,
    REAL,
    Games,
    list_paths,
    name_apart,
    name_task,
    read_path,
)
from hiper_envs.alfworld.games.problem import Problem, read_game
from hiper_envs.alfworld.games.released import GAMES_DATA, enter_split, find_real_games
from hiper_envs.task_types import TASK_KINDS

EVAL_SPLIT = "train_eval"
"""The part of the training games that is set aside for choosing settings: one in eighteen of their tasks."""
SPLITS = ("train", EVAL_SPLIT, "valid_seen", "valid_unseen")
ONE_IN_EVAL = 18
# Games in play, so that environments on the same task share one.
_PROBLEMS: "WeakValueDictionary[tuple[str, ...], Problem]" = WeakValueDictionary()
P = TypeVar("P", bound=Problem)


class GameSource(Protocol):
    """A list of tasks and their games.

    Attributes:
        place: Where the games lie, for messages; "" for generated ones.
        left_out: The games there that are not among the tasks, task id -> its file and why.
    """

    place: str
    left_out: Mapping[str, str]

    @property
    def tasks(self) -> Sequence[str]:
        """The tasks' ids, in a fixed order."""

    def load(self, task: str) -> Problem:
        """Return a task's game."""

    def name_game(self, task: str) -> tuple[str, ...]:
        """Return what tells a task's game from all others in play, also from the same file before it changed."""

    def find_file(self, task: str) -> Path | None:
        """Return the file of a task's game, if it has one."""

    def list_human_goals(self, task: str) -> tuple[str, ...]:
        """Return the goals that people wrote for a task."""


class GeneratedGames:
    """Games made on demand from their ids; `tasks` lists those of the present edition and knows those of the first."""

    place = ""
    left_out: Mapping[str, str] = MappingProxyType({})

    def __init__(self, split: str) -> None:
        from hiper_envs.alfworld.generated.generate import generate
        from hiper_envs.alfworld.generated.tasks import task_ids

        self.tasks: Sequence[str] = GeneratedTasks(split, task_ids(split))
        self._generate = generate

    def load(self, task: str) -> Problem:
        """Return a task's game."""
        return share(self.name_game(task), lambda: self._generate(task))

    def name_game(self, task: str) -> tuple[str, ...]:
        """Return what tells a task's game from all others in play."""
        return "generated", task

    def find_file(self, task: str) -> Path | None:
        """Generated games have no file."""
        return None

    def list_human_goals(self, task: str) -> tuple[str, ...]:
        """Nobody wrote goals for generated games.

        Raises:
            HumanGoalsError: In any case.
        """
        raise HumanGoalsError(
            f"goals='human' is for the released games, for which people wrote goals; {task!r} is generated: set"
            " $ALFWORLD_DATA or give games=, or leave goals='template'"
        )


class GeneratedTasks(tuple[str, ...]):
    """The ids of a split of generated games; those of the first edition's split belong to it, but are not listed."""

    split: str

    def __new__(cls, split: str, ids: Sequence[str]) -> Self:
        """Make the list."""
        tasks = super().__new__(cls, ids)
        tasks.split = split
        return tasks

    def __contains__(self, task: object) -> bool:
        """Return whether the split has the task, in any edition."""
        return task in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        from hiper_envs.alfworld.generated.first_tasks import first_task_ids

        return frozenset(self) | frozenset(first_task_ids(self.split))

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process lists the same ids."""
        return GeneratedTasks, (self.split, tuple(self))


class FileGames:
    """Games read from files on demand.

    Args:
        paths: Task id -> file.
        place: Where they lie, for messages.
        left_out: Files there that are no games to play, task id -> file and why.
    """

    def __init__(self, paths: dict[str, Path], place: str, left_out: Mapping[str, str]) -> None:
        self.tasks: Sequence[str] = tuple(paths)
        self.place, self.left_out = place, left_out
        self._paths = paths

    def load(self, task: str) -> Problem:
        """Return a task's game.

        Raises:
            GameFileError: The file cannot be played.
        """
        return share(self.name_game(task), lambda: read_game(self._paths[task]))

    def name_game(self, task: str) -> tuple[str, ...]:
        """Return the file and when it was last changed."""
        path = self._paths[task]
        return str(path), str(path.stat().st_mtime_ns if path.exists() else 0)

    def find_file(self, task: str) -> Path | None:
        """Return the file of a task's game."""
        return self._paths[task]

    def list_human_goals(self, task: str) -> tuple[str, ...]:
        """Return the goals that people wrote for a task.

        Raises:
            HumanGoalsError: There are none.
        """
        return read_human_goals(self._paths[task])


class EvalGames:
    """Those training games that are set aside, with all trials of a task.

    Raises:
        ValueError: There is none among them.
    """

    def __init__(self, games: GameSource) -> None:
        self.tasks: Sequence[str] = tuple(task for task in games.tasks if is_set_aside(task))
        if not self.tasks:
            raise ValueError(f"none of these {len(games.tasks)} games is in {EVAL_SPLIT!r}; take split='train'")
        self.place, self.left_out = games.place, games.left_out
        self.load, self.name_game = games.load, games.name_game
        self.find_file, self.list_human_goals = games.find_file, games.list_human_goals


def is_set_aside(task: str) -> bool:
    """Return whether a training game, generated or released, is in the evaluation split: by its task, not its trial."""
    name = next((part for part in task.split("/") if part.partition("-")[0] in TASK_KINDS), task)
    return zlib.crc32(name.encode("utf-8", "surrogateescape")) % ONE_IN_EVAL == 0


def share(name: tuple[str, ...], load: Callable[[], P]) -> P:
    """Return a game that somebody plays, or a new one.

    Args:
        name: What tells it from all others, see `GameSource.name_game`; games of one kind have names of one kind.
        load: Makes or reads it.
    """
    problem = _PROBLEMS.get(name)
    if problem is None:
        problem = _PROBLEMS[name] = load()
    return cast(P, problem)


def open_games(games: Games, split: str) -> GameSource:
    """Return the games that the argument `games` names.

    Args:
        games: None for the user's real games under $ALFWORLD_DATA, or generated ones without such; "generated" for
            these whatever there is, "real" for those; a folder; a file ending in .tw-pddl or .tw-pddl.gz; or a
            sequence of such files.
        split: "train", "valid_seen" or "valid_unseen": which generated games, or which folder inside `games`;
            "train_eval": those of "train" that are set aside.

    Raises:
        FileNotFoundError: A file or folder is missing.
        ValueError: A folder without playable games, a file of another kind, an empty sequence, or none of these.
    """
    if split == EVAL_SPLIT:
        return EvalGames(open_games(games, "train"))
    is_named = isinstance(games, str) and games in (GENERATED, REAL)
    if is_named and games == GENERATED:
        return GeneratedGames(split)
    if games is None or is_named:
        folder = find_real_games(split, is_needed=is_named)
        return GeneratedGames(split) if folder is None else open_folder(folder, f"${GAMES_DATA}")
    if isinstance(games, (str, os.PathLike)):
        path = read_path(games)
        if path.name.endswith(GAME_SUFFIXES) or path.is_file():
            return open_files([path])
        return open_folder(enter_split(path, split))
    return open_files(list_paths(games))


def open_folder(folder: Path, place: str = "") -> FileGames:
    """Return the playable games of a folder and those below it.

    Args:
        folder: The folder.
        place: What messages call it; its path by default.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: There is no game to play in it.
    """
    manifest = read_manifest(folder)
    if not manifest.playable:
        raise ValueError(f"no game to play: {manifest.describe()}; alfworld-download fetches the real ones")
    left_out = {
        name_task(file.path): f"{folder / file.path} is left out: {file.status}"
        for file in manifest.files
        if file.status != PLAYABLE
    }
    paths = {name_task(file.path): folder / file.path for file in manifest.playable}
    return FileGames(paths, place or str(folder), left_out)


def open_files(paths: Sequence[Path]) -> FileGames:
    """Return the games of these files, in this order."""
    if not paths:
        raise ValueError("games= is an empty list; give game.tw-pddl files, a folder, or None")
    for path in paths:
        if not path.name.endswith(GAME_SUFFIXES):
            raise ValueError(f"{path} is no game file: its name must end in {' or '.join(GAME_SUFFIXES)}")
        if not path.is_file():
            raise FileNotFoundError(f"there is no game file {path}")
    return FileGames(dict(zip(name_apart(paths), paths, strict=True)), "the files of games=", {})


def check_human_goals(games: GameSource) -> None:
    """Make sure that people wrote goals for one of the games at least.

    Raises:
        HumanGoalsError: They did not, as the first one says.
    """
    failure = None
    for task in games.tasks:
        try:
            games.list_human_goals(task)
        except HumanGoalsError as error:
            failure = failure or error
        else:
            return
    if failure:
        raise failure
