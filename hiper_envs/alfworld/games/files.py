"""Game files on disk: found once, in sorted order, and listed with their hashes in a manifest that is kept.

The manifest lies in the user's cache folder, never among the games. A second look at a folder only compares sizes and
times with it; a file that has changed is read again.
"""

import codecs
import hashlib
import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from hiper_envs.alfworld.games.problem import GameFileError, decode_fields
from hiper_envs.task_types import TASK_KINDS

GAME_SUFFIXES = (".tw-pddl", ".tw-pddl.gz")
TRAJECTORY = "traj_data.json"
PLAYABLE = "playable"
UNSUPPORTED = "movable receptacle or sliced object"
OTHER_TASK = "another type of task"
UNMARKED = "not marked as solvable"
UNSOLVABLE = "marked as unsolvable"
BROKEN = "not JSON"
UNREADABLE = "not readable"
MANIFEST_VERSION = 2

logger = logging.getLogger(__name__)


class GameFile(msgspec.Struct, frozen=True):
    """One game file as the manifest lists it.

    Attributes:
        path: Relative to the folder, with forward slashes.
        size: Bytes.
        modified: Time of the last change in nanoseconds.
        sha256: Hash of the bytes; empty for a file that was not read.
        status: "playable", or why the game is left out.
    """

    path: str
    size: int
    modified: int
    sha256: str
    status: str


class Manifest(msgspec.Struct, frozen=True, dict=True):
    """All game files of a folder, in sorted order.

    Attributes:
        folder: Absolute path.
        files: The game files, playable or not.
        version: Of this form of manifest.
        num_changed: Files that were new or different since the last look.
    """

    folder: str
    files: tuple[GameFile, ...]
    version: int = MANIFEST_VERSION
    num_changed: int = 0

    @property
    def playable(self) -> list[GameFile]:
        """The games that the official loader would play."""
        return [file for file in self.files if file.status == PLAYABLE]

    @property
    def counts(self) -> dict[str, int]:
        """How many games there are of each status."""
        return dict(Counter(file.status for file in self.files))

    @cached_property
    def digest(self) -> str:
        """Hash of the names and contents of all playable games."""
        lines = "".join(f"{file.path} {file.sha256}\n" for file in self.playable)
        return hashlib.sha256(lines.encode()).hexdigest()

    def describe(self) -> str:
        """Return the counts as a sentence."""
        left_out = [f"{count} {status}" for status, count in sorted(self.counts.items()) if status != PLAYABLE]
        rest = f"; left out: {', '.join(left_out)}" if left_out else ""
        return f"{len(self.playable)} playable games of {len(self.files)} in {self.folder}{rest}"


class _Trajectory(msgspec.Struct):
    task_type: str = ""


def read_manifest(folder: Path, cache: Path | None = None) -> Manifest:
    """List the games of a folder and everything below it.

    Args:
        folder: Where the games lie.
        cache: Where the manifest is kept; None for the user's cache folder.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise FileNotFoundError(explain_missing(folder))
    place = _find_place(folder, cache)
    known = {file.path: file for file in _load(place)}
    files = []
    num_changed = 0
    for path, status, trajectory in sorted(_walk(str(folder))):
        old = known.pop(path, None)
        if old is None or old.status == UNREADABLE or (old.size, old.modified) != status:
            num_changed += 1
            old = _inspect(folder, path, status, trajectory)
        files.append(old)
    manifest = Manifest(str(folder), tuple(files), num_changed=num_changed)
    if num_changed or known:
        _save(place, manifest)
    logger.info("%s (%d new or changed)", manifest.describe(), num_changed)
    return manifest


def explain_missing(folder: Path) -> str:
    """Return the sentence for a folder of games that is not there."""
    return (
        f"there is no folder {folder}: games= takes a game.tw-pddl file, a list of them, or a folder such as the one "
        "that alfworld-download fills (json_2.1.1 with train, valid_seen and valid_unseen); leave games and "
        "$ALFWORLD_DATA out to play generated games"
    )


class _Stamp(NamedTuple):
    size: int
    modified: int


def _walk(folder: str, prefix: str = "") -> Iterator[tuple[str, _Stamp, bool]]:
    """Yield path, stamp and whether a trajectory lies beside it, for each game file below `folder`."""
    games, inner, has_trajectory = [], [], False
    with os.scandir(f"{folder}/{prefix}") as entries:
        for entry in entries:
            if entry.name == TRAJECTORY:
                has_trajectory = True
            elif entry.name.endswith(GAME_SUFFIXES):
                games.append((prefix + entry.name, _read_stamp(entry)))
            elif entry.is_dir():
                inner.append(entry.name)
    for path, stamp in games:
        yield path, stamp, has_trajectory
    for name in inner:
        yield from _walk(folder, f"{prefix}{name}/")


def _read_stamp(entry: os.DirEntry[str]) -> _Stamp:
    """Return a file's size and time; zeros for a link that leads nowhere."""
    try:
        found = entry.stat()
    except OSError:
        return _Stamp(0, 0)
    return _Stamp(found.st_size, found.st_mtime_ns)


def _inspect(folder: Path, path: str, stamp: _Stamp, has_trajectory: bool) -> GameFile:
    """Read a game file as the official loader does, and say whether that would play it."""
    if "movable" in path or "Sliced" in path:
        return GameFile(path, *stamp, "", UNSUPPORTED)
    file = folder / path
    try:
        content = file.read_bytes() if file.is_file() else None
    except OSError:
        content = None
    if content is None:
        return GameFile(path, *stamp, "", UNREADABLE)
    return GameFile(path, *stamp, hashlib.sha256(content).hexdigest(), _judge(file, content, has_trajectory))


def _judge(file: Path, content: bytes, has_trajectory: bool) -> str:
    try:
        if has_trajectory:
            described = file.with_name(TRAJECTORY).read_bytes().removeprefix(codecs.BOM_UTF8)
            trajectory = msgspec.json.decode(described, type=_Trajectory)
            if trajectory.task_type not in TASK_KINDS:
                return OTHER_TASK
        solvable = decode_fields(content, str(file)).get("solvable")
    except (GameFileError, msgspec.DecodeError, OSError, RecursionError, UnicodeDecodeError):
        return BROKEN
    if not isinstance(solvable, bool):
        return UNMARKED
    return PLAYABLE if solvable else UNSOLVABLE


def _find_place(folder: Path, cache: Path | None) -> Path:
    if cache is None:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        cache = Path(home) / "hiper-suite" / "alfworld"
    return cache / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:32]}.json"


def _load(place: Path) -> tuple[GameFile, ...]:
    try:
        manifest = msgspec.json.decode(place.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return ()
    return manifest.files if manifest.version == MANIFEST_VERSION else ()


def _save(place: Path, manifest: Manifest) -> None:
    """Write the manifest whole or not at all; a cache that cannot be written costs time, not the games."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, suffix=".part", delete=False) as file:
            file.write(msgspec.json.encode(manifest))
        os.replace(file.name, place)
    except OSError as error:
        logger.warning("the list of games is not kept in %s: %s", place, error)
