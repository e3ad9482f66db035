"""Run folders: what was played, one episode a line, safe against being stopped at any moment.

A folder holds `run.json` (what plays what), `panel.json` (the panel as it was played), `episodes.jsonl` (one
`Episode` a line, without times, so that the same agent gives the same bytes), `times.jsonl` (one `EpisodeTime` a
line) and `agent.log` (what the agent printed).
"""

import fcntl
import os
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import msgspec

from hiper_envs import Episode
from hiper_envs.episodes.files import EpisodeWriter, RecordError, read_episodes
from leaderboard.panels.panel import Panel, read_panel, write_panel

RUN_VERSION = 1
EPISODES_FILE = "episodes.jsonl"
TIMES_FILE = "times.jsonl"
RECORDED_PACKAGES = ("hiper-suite", "gymnasium", "numpy", "torch")
_NEW_RUN = "use --name or --out for a new run"
TaskKey = tuple[str, int]
"""Task id and seed of an episode: what tells the episodes of a run apart."""


class RunError(ValueError):
    """A run folder that cannot be read or gone on with, in one sentence."""


class RunHeader(msgspec.Struct, frozen=True):
    """What plays what.

    Attributes:
        name: Name of the agent in tables.
        agent: The submission, "module:attribute".
        agent_digest: SHA-256 of the file that defines the agent.
        panel: Name of the panel.
        panel_digest: Digest of the panel.
        seed: Added to the seed of every task.
        turn_seconds: Time limit of a turn, None for none.
        versions: Versions of Python and of the packages that take part, when the run began.
        version: Version of this layout.
    """

    name: str
    agent: str
    agent_digest: str
    panel: str
    panel_digest: str
    seed: int
    turn_seconds: float | None
    versions: dict[str, str]
    version: int = RUN_VERSION


class EpisodeTime(msgspec.Struct, frozen=True):
    """Wall-clock times of an episode, in seconds: all of it, and the agent's for each turn."""

    task: str
    seed: int
    seconds: float
    turns: list[float]


@dataclass(frozen=True)
class Run:
    """A run, finished or not.

    Attributes:
        folder: Where it lies.
        header: What plays what.
        panel: The panel as it was played.
        episodes: The episodes played so far, in the order of the panel.
        times: Their times by task and seed, as far as known.
    """

    folder: Path
    header: RunHeader
    panel: Panel
    episodes: Sequence[Episode]
    times: dict[TaskKey, EpisodeTime]


def installed_versions() -> dict[str, str]:
    """Return the versions that go into a run's header."""
    versions = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


class RunFolder:
    """A run folder that is being written; made by `open_run`."""

    def __init__(self, folder: Path, header: RunHeader, panel: Panel) -> None:
        self.folder = folder
        self._header = header
        self._panel = panel
        self._positions = _positions(header, panel)
        self._episodes_path = folder / EPISODES_FILE
        self.played = [self._position_of(episode) for episode in _read_played(folder)]

    def append(self, episode: Episode) -> None:
        """Append an episode; once this returns, it survives whatever happens to the process."""
        if not self.played:
            write_panel(self._panel, self.folder / "panel.json")
            _replace_file(self.folder / "run.json", msgspec.json.format(msgspec.json.encode(self._header)) + b"\n")
        row, times = split_times(episode)
        if times is not None:
            with open(self.folder / TIMES_FILE, "ab") as file:
                file.write(b"\n" + msgspec.json.encode(times) + b"\n")
        with EpisodeWriter(self._episodes_path) as writer:
            writer.write(row)
        self.played.append(self._position_of(episode))

    def sort(self) -> None:
        """Bring the episodes into the panel's order, if workers have finished them in another."""
        if self.played == sorted(self.played):
            return
        lines = self._episodes_path.read_bytes().splitlines(keepends=True)
        ordered = [line for _, line in sorted(zip(self.played, lines, strict=True))]
        _replace_file(self._episodes_path, b"".join(ordered))
        self.played.sort()

    def _position_of(self, episode: Episode) -> int:
        try:
            return self._positions[episode.task_id, episode.seed]
        except KeyError:
            raise RunError(
                f"{str(self._episodes_path)!r} holds an episode of task {episode.task_id!r} with seed {episode.seed},"
                " which is not in the panel: move the folder away and run again"
            ) from None


def split_times(episode: Episode) -> tuple[Episode, EpisodeTime | None]:
    """Take the times out of a record; the rest depends on nothing but the agent, the panel and the seed."""
    turns = [msgspec.structs.replace(turn, seconds=None) for turn in episode.turns]
    row = msgspec.structs.replace(episode, turns=turns, seconds=None)
    if episode.seconds is None:
        return row, None
    seconds = [turn.seconds or 0.0 for turn in episode.turns]
    return row, EpisodeTime(episode.task_id, episode.seed, episode.seconds, seconds)


@contextmanager
def open_run(folder: Path, header: RunHeader, panel: Panel) -> Iterator[RunFolder]:
    """Start a run in an empty folder, or go on with the same run in its folder; nobody else may write meanwhile.

    A run that ends before its first episode leaves no folder behind, unless the agent printed something.

    Raises:
        RunError: The folder belongs to another run, or another process writes to it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder), _removing_what_is_empty(folder, made):
        header_path = folder / "run.json"
        if header_path.exists():
            _check_same_run(_read_header(header_path), header, folder)
        elif (folder / EPISODES_FILE).exists():
            raise RunError(f"the folder {str(folder)!r} holds episodes but no run.json: choose another folder")
        yield RunFolder(folder, header, panel)


@contextmanager
def _removing_what_is_empty(folder: Path, made: Sequence[Path]) -> Iterator[None]:
    """Remove the folders that were made for a run, innermost first, if nothing has come into them."""
    try:
        yield
    finally:
        log = folder / "agent.log"
        is_empty = all(path.name in ("lock", log.name) for path in folder.iterdir())
        if is_empty and not (log.exists() and log.stat().st_size):
            for path in (folder / "lock", log):
                path.unlink(missing_ok=True)
            for path in made:
                with suppress(OSError):
                    path.rmdir()


def load_run(folder: str | Path) -> Run:
    """Load a run, finished or not, even while it is being written.

    Raises:
        RunError: The folder is not a run, or a file in it is damaged.
    """
    folder = Path(folder)
    header = _read_header(folder / "run.json")
    try:
        panel = read_panel((folder / "panel.json").read_bytes(), str(folder / "panel.json"))
    except (OSError, ValueError) as error:
        raise RunError(f"the run {str(folder)!r} has no sound panel.json: {error}") from error
    positions = _positions(header, panel)
    episodes = _read_played(folder)
    for key, count in Counter((episode.task_id, episode.seed) for episode in episodes).items():
        if count > 1 or key not in positions:
            fault = "two episodes" if count > 1 else "an episode that is not in its panel:"
            raise RunError(f"the run {str(folder)!r} holds {fault} of task {key[0]!r} with seed {key[1]}")
    episodes.sort(key=lambda episode: positions[episode.task_id, episode.seed])
    return Run(folder, header, panel, episodes, {(time.task, time.seed): time for time in _read_times(folder)})


def find_runs(folder: str | Path) -> list[Path]:
    """Return the folders of the runs in a folder, sorted: the folder itself, or whatever lies below it.

    Raises:
        RunError: There is nothing of this name.
    """
    folder = Path(folder)
    if not folder.exists():
        raise RunError(f"{str(folder)!r} is not a run (it does not exist): give a folder that leaderboard run wrote")
    is_run = (folder / "run.json").is_file()
    return [folder] if is_run else sorted(path.parent for path in folder.rglob("run.json"))


def _positions(header: RunHeader, panel: Panel) -> dict[TaskKey, int]:
    return {(row.task, row.seed + header.seed): position for position, row in enumerate(panel.tasks)}


def _read_header(path: Path) -> RunHeader:
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunHeader)
    except OSError as error:
        raise RunError(
            f"{str(path.parent)!r} is not a run ({error.strerror}: run.json): give a folder that leaderboard run wrote"
        ) from error
    except msgspec.DecodeError as error:
        raise RunError(f"{str(path)!r} is not a run's header: {error}") from error


def _check_same_run(before: RunHeader, now: RunHeader, folder: Path) -> None:
    for field in ("agent", "name", "panel", "seed", "turn_seconds", "agent_digest", "panel_digest"):
        old, new = getattr(before, field), getattr(now, field)
        if old == new:
            continue
        if field.endswith("_digest"):
            changed = f"the panel {now.panel}" if field == "panel_digest" else Path(now.agent.rpartition(":")[0]).name
            raise RunError(f"{changed} has changed since the run in {str(folder)!r} began: {_NEW_RUN}")
        raise RunError(
            f"the folder {str(folder)!r} holds a run with {field} {old!r}, not {new!r}: {_NEW_RUN}, or repeat the"
            " command that began it"
        )


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    with open(folder / "lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"another process is writing to {str(folder)!r}: wait for it, or choose another folder"
            ) from error
        yield


def _read_played(folder: Path) -> list[Episode]:
    """Read the complete episodes; a last line without an end was not finished or is still being written."""
    path = folder / EPISODES_FILE
    try:
        return list(read_episodes(path, drops_torn_end=True)) if path.exists() else []
    except RecordError as error:
        raise RunError(str(error)) from error


def _read_times(folder: Path) -> Iterator[EpisodeTime]:
    """Read the times; lines that a killed run left unfinished are passed over, for nothing depends on them."""
    path = folder / TIMES_FILE
    for line in path.read_bytes().split(b"\n") if path.exists() else []:
        with suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line, type=EpisodeTime)


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
