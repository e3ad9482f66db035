"""Where games come from: generated from their ids, or read from files; each a list of task ids and a way to a game."""

import logging
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from hiper_envs.alfworld.games.files import GAME_SUFFIXES, explain_missing, read_manifest
from hiper_envs.alfworld.games.problem import Problem, read_game

SPLITS = ("train", "valid_seen", "valid_unseen")
TRAIN_EVAL = "train_eval"
"""The part of the training games by which settings are chosen: one in fourteen of their tasks, with all trials."""
_ONE_IN_TRAIN_EVAL = 14
DATA_VERSION = "json_2.1.1"
GAME_NAME = "game"
GENERATED = "generated"
GAMES_TAKEN = (
    f"games= takes a folder, a file ending in {' or '.join(GAME_SUFFIXES)}, a list of such files, {GENERATED!r} or None"
)

logger = logging.getLogger(__name__)

# Games in play, so that environments on the same task share one.
_PROBLEMS: "WeakValueDictionary[tuple[str, str], Problem]" = WeakValueDictionary()

Games = str | Path | Sequence[str | Path] | None


class GameSource(Protocol):
    """A list of tasks and their games."""

    @property
    def tasks(self) -> Sequence[str]:
        """The tasks' ids, in a fixed order."""

    def load(self, task: str) -> Problem:
        """Return a task's game."""

    def find_file(self, task: str) -> Path | None:
        """Return the file of a task's game, if it has one."""


class GeneratedGames:
    """Games made on demand from their ids."""

    def __init__(self, split: str) -> None:
        from hiper_envs.alfworld.generated.generate import generate
        from hiper_envs.alfworld.generated.tasks import task_ids

        self.tasks: Sequence[str] = task_ids(split)
        self._generate = generate

    def load(self, task: str) -> Problem:
        """Return a task's game."""
        return _share("generated", task, self._generate)

    def find_file(self, task: str) -> Path | None:
        """Generated games have no file."""
        return None


class FileGames:
    """Games read from files on demand.

    Args:
        paths: Task id -> file.
    """

    def __init__(self, paths: dict[str, Path]) -> None:
        self.tasks: Sequence[str] = tuple(paths)
        self._paths = paths

    def load(self, task: str) -> Problem:
        """Return a task's game.

        Raises:
            GameFileError: The file cannot be played.
        """
        path = self._paths[task]
        changed = path.stat().st_mtime_ns if path.exists() else 0
        return _share(str(path), str(changed), lambda _: read_game(path))

    def find_file(self, task: str) -> Path | None:
        """Return the file of a task's game."""
        return self._paths[task]


class TrainEvalGames:
    """Those training games whose task, as alfworld names its folders, is in the split "train_eval".

    Raises:
        ValueError: There is none among them.
    """

    def __init__(self, games: GameSource) -> None:
        self.tasks: Sequence[str] = tuple(task for task in games.tasks if is_in_train_eval(task))
        if not self.tasks:
            raise ValueError(f"none of these {len(games.tasks)} games is in {TRAIN_EVAL!r}; take split='train'")
        self.load, self.find_file = games.load, games.find_file


def is_in_train_eval(task: str) -> bool:
    """Return whether a training game is in "train_eval", by type, object, receptacle and floor plan, not by trial."""
    name = next((part for part in task.split("/") if part.count("-") == 4), task)
    return zlib.crc32(name.encode("utf-8", "surrogateescape")) % _ONE_IN_TRAIN_EVAL == 0


def _share(source: str, task: str, load: "LoadGame") -> Problem:
    problem = _PROBLEMS.get((source, task))
    if problem is None:
        problem = _PROBLEMS[source, task] = load(task)
    return problem


class LoadGame(Protocol):
    """Makes or reads one game."""

    def __call__(self, task: str, /) -> Problem:
        """Return a task's game."""


def open_games(games: Games, split: str) -> GameSource:
    """Return the games that the argument `games` names.

    Args:
        games: None for the user's real games under $ALFWORLD_DATA, or generated ones without such; "generated" for
            these whatever there is; a folder; a file ending in .tw-pddl or .tw-pddl.gz; or a sequence of such files.
        split: "train", "valid_seen" or "valid_unseen": which generated games, or which folder inside `games`;
            "train_eval": a fixed part of those of "train".

    Raises:
        FileNotFoundError: A file or folder is missing.
        ValueError: A folder without playable games, a file of another kind, an empty sequence, or none of these.
    """
    if split == TRAIN_EVAL:
        return TrainEvalGames(open_games(games, "train"))
    if games == GENERATED:
        return GeneratedGames(split)
    if games is None:
        folder = find_real_games(split)
        return GeneratedGames(split) if folder is None else open_folder(folder)
    if isinstance(games, (str, os.PathLike)):
        path = Path(games).expanduser()
        if path.name.endswith(GAME_SUFFIXES) or path.is_file():
            return open_files([path])
        return open_folder(_enter_split(path, split))
    return open_files(_list_paths(games))


def _list_paths(games: object) -> list[Path]:
    """Return the paths of a sequence; anything else is refused."""
    if not isinstance(games, Iterable) or isinstance(games, (bytes, bytearray, Mapping)):
        raise ValueError(f"{GAMES_TAKEN}, not {games!r} ({type(games).__name__})")
    paths = []
    for path in games:
        if not isinstance(path, (str, os.PathLike)):
            raise ValueError(f"{GAMES_TAKEN}, not a list with {path!r} ({type(path).__name__})")
        paths.append(Path(path).expanduser())
    return paths


def find_real_games(split: str) -> Path | None:
    """Return the split's folder under $ALFWORLD_DATA, if there is one."""
    root = os.environ.get("ALFWORLD_DATA")
    if not root:
        return None
    folder = Path(root).expanduser() / DATA_VERSION / split
    if folder.is_dir():
        return folder
    logger.warning("ALFWORLD_DATA is set, but there is no folder %s; the games are generated", folder)
    return None


def _enter_split(folder: Path, split: str) -> Path:
    """Return the split's folder inside ALFWorld's data, or the folder itself if it is laid out otherwise."""
    for candidate in (folder / DATA_VERSION / split, folder / split):
        if candidate.is_dir():
            return candidate
    if any((folder / name).is_dir() for name in SPLITS):
        raise FileNotFoundError(explain_missing(folder / split))
    return folder


def open_folder(folder: Path) -> FileGames:
    """Return the playable games of a folder and those below it."""
    manifest = read_manifest(folder)
    files = manifest.playable
    if not files:
        raise ValueError(f"no game to play: {manifest.describe()}; alfworld-download fetches the real ones")
    return FileGames({name_task(file.path): folder / file.path for file in files})


def open_files(paths: Sequence[Path]) -> FileGames:
    """Return the games of these files, in this order."""
    if not paths:
        raise ValueError("games= is an empty list; give game.tw-pddl files, a folder, or None")
    for path in paths:
        if not path.name.endswith(GAME_SUFFIXES):
            raise ValueError(f"{path} is no game file: its name must end in {' or '.join(GAME_SUFFIXES)}")
        if not path.is_file():
            raise FileNotFoundError(f"there is no game file {path}")
    return FileGames(dict(zip(_name_apart(paths), paths, strict=True)))


def _name_apart(paths: Sequence[Path]) -> Iterable[str]:
    """Return the shortest ends of the paths that tell all of them apart."""
    absolute = [path.resolve() for path in paths]
    if len(set(absolute)) < len(absolute):
        raise ValueError("games= names the same file twice")
    longest = max(len(path.parts) for path in absolute)
    for length in range(1, longest + 1):
        names = [name_task("/".join(path.parts[-length:])) for path in absolute]
        if "" not in names and len(set(names)) == len(names):
            return names
    return [str(path) for path in absolute]


def name_task(path: str) -> str:
    """Return the task id for a game's relative path: 'pick.../trial_.../game.tw-pddl' is 'pick.../trial_...'."""
    for suffix in reversed(GAME_SUFFIXES):
        path = path.removesuffix(suffix)
    folder, _, name = path.rpartition("/")
    return folder if name == GAME_NAME else path
