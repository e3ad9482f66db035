"""A run as it was played, read from its folder; whoever made the folder."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from hiper_envs import Episode
from hiper_envs.episodes.files import RecordError, read_episodes
from hiper_envs.episodes.regular_file import open_regular, read_regular
from leaderboard.panels.panel import MAX_PANEL_BYTES, Panel, read_panel
from leaderboard.play.run_header import HEADER_FILE, RunError, RunHeader, read_header

PANEL_FILE = "panel.json"
EPISODES_FILE = "episodes.jsonl"
TIMES_FILE = "times.jsonl"
TaskKey = tuple[str, int]
"""Task id and seed of an episode: what tells the episodes of a run apart."""


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
        episodes: The episodes that count so far, in the order of the panel.
        times: Their times by task and seed, as far as known.
        failed_around: Episodes that failed around the agent: no score, and to be played again.
        is_ordered: Whether the file of episodes has them in the panel's order.
    """

    folder: Path
    header: RunHeader
    panel: Panel
    episodes: Sequence[Episode]
    times: dict[TaskKey, EpisodeTime]
    failed_around: Sequence[Episode] = ()
    is_ordered: bool = True

    @cached_property
    def recorded(self) -> Sequence[Episode]:
        """All episodes of the folder, those that count and those that failed around the agent, in the panel's order."""
        positions = positions_of(self.header, self.panel)
        return sorted([*self.episodes, *self.failed_around], key=lambda episode: positions[key_of(episode)])

    @cached_property
    def missing(self) -> Sequence[str]:
        """The tasks that were asked for and have no episode that counts."""
        played = {key_of(episode) for episode in self.episodes}
        asked = list(positions_of(self.header, self.panel))[: self.header.num_tasks]
        return [task for task, seed in asked if (task, seed) not in played]

    @cached_property
    def unasked(self) -> Sequence[str]:
        """The tasks that have an episode and were not asked for."""
        positions, limit = positions_of(self.header, self.panel), self.header.num_tasks
        return [each.task_id for each in self.recorded if limit is not None and positions[key_of(each)] >= limit]


def key_of(episode: Episode) -> TaskKey:
    """Return what tells an episode of a run from the others."""
    return episode.task_id, episode.seed


def positions_of(header: RunHeader, panel: Panel) -> dict[TaskKey, int]:
    """Return the positions of a run's episodes in its panel."""
    return {(row.task, row.seed + header.seed): position for position, row in enumerate(panel.tasks)}


def load_run(folder: str | Path) -> Run:
    """Load a run, finished or not, even while it is being written.

    Raises:
        RunError: The folder is not a run, or a file in it is damaged or belongs to another one.
    """
    folder = Path(folder)
    header = read_header(folder)
    panel = _read_own_panel(folder, header)
    positions = positions_of(header, panel)
    episodes = read_played(folder)
    for key, count in Counter(map(key_of, episodes)).items():
        if count > 1 or key not in positions:
            fault = "two episodes" if count > 1 else "an episode that is not in its panel:"
            raise RunError(f"the run {str(folder)!r} holds {fault} of task {key[0]!r} with seed {key[1]}")
    found = [positions[key_of(episode)] for episode in episodes]
    episodes.sort(key=lambda episode: positions[key_of(episode)])
    counted = [episode for episode in episodes if not episode.failed_around]
    keys = set(map(key_of, counted))
    times = {(time.task, time.seed): time for time in _read_times(folder) if (time.task, time.seed) in keys}
    failed = [episode for episode in episodes if episode.failed_around]
    return Run(folder, header, panel, counted, times, failed, is_ordered=found == sorted(found))


def _read_own_panel(folder: Path, header: RunHeader) -> Panel:
    path = folder / PANEL_FILE
    try:
        panel = read_panel(read_regular(path, MAX_PANEL_BYTES, follows_links=False), str(path))
    except OSError as error:
        raise RunError(f"the run {str(folder)!r} has no sound {PANEL_FILE}: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"the run {str(folder)!r} has no sound {PANEL_FILE}: {error}") from error
    if (panel.name, panel.digest) != (header.panel, header.panel_digest):
        raise RunError(
            f"the run {str(folder)!r} says that it plays the panel {header.panel!r} with the digest"
            f" {header.panel_digest[:12]!r}, and its {PANEL_FILE} is {panel.name!r} with {panel.digest[:12]!r}"
        )
    return panel


def find_runs(folder: str | Path) -> list[Path]:
    """Return the folders of the runs in a folder, sorted: the folder itself, or whatever lies below it.

    Raises:
        RunError: There is nothing of this name.
    """
    folder = Path(folder)
    if not folder.exists():
        raise RunError(f"{str(folder)!r} is not a run (it does not exist): give a folder that leaderboard run wrote")
    is_run = os.path.lexists(folder / HEADER_FILE)
    return [folder] if is_run else sorted(path.parent for path in folder.rglob(HEADER_FILE))


def read_played(folder: Path) -> list[Episode]:
    """Read the complete episodes; a last line without an end was not finished or is still being written.

    Raises:
        RunError: The file is no file of episodes.
    """
    path = folder / EPISODES_FILE
    if path.is_symlink():
        raise RunError(f"{str(path)!r} is a symbolic link, not a file: a run folder holds files of its own")
    try:
        return list(read_episodes(path, drops_torn_end=True)) if path.exists() else []
    except RecordError as error:
        raise RunError(str(error)) from error


def _read_times(folder: Path) -> Iterator[EpisodeTime]:
    """Read the times; lines that a killed run left unfinished are passed over, for nothing depends on them."""
    path = folder / TIMES_FILE
    try:
        with open_regular(path, follows_links=False) as file:
            content = file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"cannot read the times at {str(path)!r}: {error.strerror}") from error
    for line in content.split(b"\n"):
        with suppress(ValueError, RecursionError):
            yield msgspec.json.decode(line, type=EpisodeTime)
