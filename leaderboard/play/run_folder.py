"""Run folders: what was played, one episode a line, safe against being stopped at any moment.

A folder holds `run.json` (what plays what), `panel.json` (the panel as it was played), `episodes.jsonl` (one
`Episode` a line, without times, so that the same agent gives the same bytes), `times.jsonl` (one `EpisodeTime` a
line), `failed.jsonl` (episodes that failed around the agent and were taken out to be played again) and `agent.log`
(what the agent printed). It may come from anywhere: what is no file of its own in it is refused.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from hiper_envs import Episode
from hiper_envs.episodes.agent_facts import Card
from hiper_envs.episodes.files import EpisodeWriter, encode_episode
from hiper_envs.episodes.regular_file import open_regular
from leaderboard.panels.panel import Panel, format_panel
from leaderboard.play.run import (
    EPISODES_FILE,
    PANEL_FILE,
    TIMES_FILE,
    EpisodeTime,
    Run,
    TaskKey,
    find_runs,
    load_run,
    positions_of,
    read_played,
)
from leaderboard.play.run_header import (
    HEADER_FILE,
    RunError,
    RunHeader,
    check_same_card,
    go_on,
    installed_versions,
    read_header,
)

__all__ = [
    "EpisodeTime",
    "Run",
    "RunError",
    "RunFolder",
    "RunHeader",
    "TaskKey",
    "find_runs",
    "installed_versions",
    "load_run",
    "open_run",
    "split_times",
]

FAILED_FILE = "failed.jsonl"
LOCK_FILE = "lock"
LOG_FILE = "agent.log"


class RunFolder:
    """A run folder that is being written; made by `open_run`.

    Args:
        folder: Where it lies.
        header: What plays what.
        panel: The panel.
        written: The header that stands there already.

    Attributes:
        folder: Where it lies.
        played: Positions in the panel of the episodes so far, in the order of the file.
    """

    def __init__(self, folder: Path, header: RunHeader, panel: Panel, written: RunHeader | None = None) -> None:
        self.folder = folder
        self._header = header
        self._written = written
        self._panel = panel
        self._positions = positions_of(header, panel)
        self._episodes_path = folder / EPISODES_FILE
        self._writer: EpisodeWriter | None = None
        self.played = [self._position_of(episode) for episode in read_played(folder)]

    def take_card(self, card: Card) -> None:
        """Take what an agent that plays for the run says of itself; the first one's goes into the header.

        Raises:
            RunError: An earlier one said something else.
        """
        if self._header.card is not None:
            check_same_card(self._header.card, card, self.folder)
        elif self._written is None:
            self._header = msgspec.structs.replace(self._header, card=card)

    def append(self, episode: Episode) -> None:
        """Append an episode; once this returns, it survives whatever happens to the process.

        Raises:
            RecordError: It holds something that could not be read again.
        """
        row, times = split_times(episode)
        line = encode_episode(row)
        self._write_header()
        if times is not None:
            with open_regular(self.folder / TIMES_FILE, "ab", follows_links=False) as file:
                file.write(b"\n" + msgspec.json.encode(times) + b"\n")
        if self._writer is None:
            self._writer = EpisodeWriter(self._episodes_path)
        self._writer.write_line(line)
        self.played.append(self._position_of(episode))

    def _write_header(self) -> None:
        """Write what plays what, if it does not stand there already."""
        if self._written is None:
            _replace_file(self.folder / PANEL_FILE, format_panel(self._panel).encode())
        if self._written != self._header:
            _replace_file(self.folder / HEADER_FILE, msgspec.json.format(msgspec.json.encode(self._header)) + b"\n")
            self._written = self._header

    def take_out_failed(self) -> int:
        """Move the episodes that failed around the agent into a file beside, so that they are played again.

        Returns:
            How many they are.
        """
        failed = [episode.failed_around for episode in read_played(self.folder)]
        if any(failed):
            rows = list(zip(failed, self._read_lines(), self.played, strict=True))
            self._set_aside([line for is_failed, line, _ in rows if is_failed])
            _replace_file(self._episodes_path, b"".join(line for is_failed, line, _ in rows if not is_failed))
            self.played = [position for is_failed, _, position in rows if not is_failed]
        return sum(failed)

    def _set_aside(self, lines: Sequence[bytes]) -> None:
        """Add lines to the file of failed episodes, but for those that an earlier, killed attempt has put there."""
        path = self.folder / FAILED_FILE
        before = []
        if os.path.lexists(path):
            with open_regular(path, follows_links=False) as file:
                before = [line for line in file if line.endswith(b"\n")]
        _replace_file(path, b"".join([*before, *(line for line in lines if line not in before)]))

    def sort(self) -> None:
        """Bring the episodes into the panel's order, if workers have finished them in another."""
        if self.played == sorted(self.played):
            return
        ordered = [line for _, line in sorted(zip(self.played, self._read_lines(), strict=True))]
        _replace_file(self._episodes_path, b"".join(ordered))
        self.played.sort()

    def _read_lines(self) -> list[bytes]:
        """Return the lines of the file of episodes, all of them whole; it is closed, and can be replaced."""
        self.close()
        EpisodeWriter(self._episodes_path).close()  # which cuts off what a killed writer left unfinished
        return self._episodes_path.read_bytes().splitlines(keepends=True)

    def close(self) -> None:
        """Close the file of episodes; the next one opens it again."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

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

    Args:
        folder: The run's folder, made where it is missing.
        header: What is asked for.
        panel: What is played.

    Raises:
        RunError: The folder belongs to another run, or another process writes to it.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder), _removing_what_is_empty(folder, made):
        before: RunHeader | None = None
        if os.path.lexists(folder / HEADER_FILE):
            before = read_header(folder)
            header = go_on(before, header, folder)
        elif (folder / EPISODES_FILE).exists():
            raise RunError(f"the folder {str(folder)!r} holds episodes but no run.json: choose another folder")
        run_folder = RunFolder(folder, header, panel, before)
        try:
            yield run_folder
        finally:
            run_folder.close()


@contextmanager
def _removing_what_is_empty(folder: Path, made: Sequence[Path]) -> Iterator[None]:
    """Remove the folders that were made for a run, innermost first, if nothing has come into them."""
    try:
        yield
    finally:
        log = folder / LOG_FILE
        is_empty = all(path.name in (LOCK_FILE, LOG_FILE) for path in folder.iterdir())
        if is_empty and not (log.exists() and log.stat().st_size):
            for path in (folder / LOCK_FILE, log):
                path.unlink(missing_ok=True)
            for path in made:
                with suppress(OSError):
                    path.rmdir()


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    import fcntl  # only POSIX has it, and whoever reads runs needs none

    with open_regular(folder / LOCK_FILE, "ab", follows_links=False) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"another process is writing to {str(folder)!r}: wait for it, or choose another folder"
            ) from error
        yield


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with open_regular(temporary, "xb", follows_links=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
