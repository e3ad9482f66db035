"""Which games are meant: what the argument `games` takes, as paths, and the ids of their tasks."""

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import cast

from hiper_envs.alfworld.games.files import GAME_SUFFIXES
from webshop_server.allowed_types import WrongTypeError, shorten

Games = str | Path | Sequence[str | Path] | None

GAME_NAME = "game"
GENERATED = "generated"
REAL = "real"
GAMES_TAKEN = (
    f"games= takes a folder, a file ending in {' or '.join(GAME_SUFFIXES)}, a list of such files,"
    f" {REAL!r} (those under $ALFWORLD_DATA), {GENERATED!r} or None"
)


def list_paths(games: object) -> list[Path]:
    """Return the paths of a sequence.

    Raises:
        WrongTypeError: It is none, or holds something else.
        ValueError: One can be no path.
    """
    # A set has no order, and the tasks have one; an array of numpy may have no length.
    is_list = isinstance(games, Iterable) and not isinstance(games, (bytes, bytearray, Mapping, Set))
    if not is_list or getattr(games, "ndim", 1) != 1:
        raise WrongTypeError(f"{GAMES_TAKEN}, not {shorten(games)} ({type(games).__name__})")
    paths = []
    for path in cast("Iterable[object]", games):
        if not isinstance(path, (str, os.PathLike)):
            raise WrongTypeError(f"{GAMES_TAKEN}, not a list with {shorten(path)} ({type(path).__name__})")
        paths.append(read_path(path))
    return paths


def read_path(given: str | os.PathLike[str]) -> Path:
    """Return a path that means the same from any working directory.

    Raises:
        ValueError: It is empty, or no path can be so.
    """
    if not str(given).strip():
        raise ValueError(f"{GAMES_TAKEN}, not an empty text")
    try:
        path = os.path.abspath(os.path.expanduser(given))
        os.stat(path)
    except OSError:
        pass  # whoever reads the path says that nothing is there
    except ValueError as error:
        raise ValueError(f"{GAMES_TAKEN}, not {shorten(given)}, which is no path: {error}") from error
    return Path(path)


def name_again(games: Games, are_files: bool) -> Games:
    """Return what names the same games from any working directory.

    Args:
        games: As they were given.
        are_files: Whether they are read from files; what None means depends on it.
    """
    if games is None:
        return REAL if are_files else GENERATED
    if isinstance(games, str) and games in (GENERATED, REAL):
        return games
    if isinstance(games, (str, os.PathLike)):
        return str(read_path(games))
    return [str(path) for path in list_paths(games)]


def name_apart(paths: Sequence[Path]) -> Iterable[str]:
    """Return as ids the shortest ends of the paths that tell all of them apart.

    Raises:
        ValueError: One file is named twice.
    """
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
